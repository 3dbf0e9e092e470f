"""What SageMaker Model Monitor's analyzer does, in its file formats: statistics, constraints, violations of data and of model quality, captured data."""
