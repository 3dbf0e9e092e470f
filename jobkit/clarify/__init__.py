"""Bias metrics, explanations and drift, read and written as SageMaker Clarify's processing job reads and writes them."""
