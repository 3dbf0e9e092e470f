"""Take a recipe out of Sagewright: as a Python file, as a notebook, as data."""
