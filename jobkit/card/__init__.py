"""A model card in the service's schema: what a model is for, how it was made, how good and how fair it is; and the same as a page."""
