"""Hold what an endpoint captured against the baseline of training: quality of data and model, bias, and what the model looks at."""
