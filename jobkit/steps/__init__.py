"""The steps of a recipe, one module a family; `STEPS` in `jobkit.steps.table` lists them."""
