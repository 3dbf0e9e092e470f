"""Local equivalents of built-in algorithms: the formats, hyperparameters and metrics of the service's containers, the learning by scikit-learn and NumPy."""
