import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class Clip(BaseEstimator, TransformerMixin):
    def fit(self, X, y=None):
        self.low_, self.high_ = np.quantile(X, 0.01, axis=0), np.quantile(X, 0.99, axis=0)
        return self

    def transform(self, X):
        return np.clip(X, self.low_, self.high_)
