"""Checks of bias, explainability, data quality and model quality against a baseline: the steps ClarifyCheck and QualityCheck."""
