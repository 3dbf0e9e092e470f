"""What the built-in algorithms of SageMaker are, beside XGBoost: hyperparameters, channels, metrics. Pure, so that configurations and containers share it."""
