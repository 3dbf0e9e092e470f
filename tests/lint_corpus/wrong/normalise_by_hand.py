import numpy as np
import pandas as pd

df = pd.read_csv("rows.csv")
X = df.iloc[:, :-1]
X = (X - X.mean()) / X.std()  # expect SW105 SW105
rng = np.random.default_rng(0)
mask = rng.random(len(df)) < 0.8
X_train = X[mask]
X_test = X[~mask]
