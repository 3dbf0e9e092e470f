"""Sagewright: SageMaker Pipelines for tabular machine learning, run locally from the very definition that is upserted."""
