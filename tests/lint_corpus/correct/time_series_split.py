import pandas as pd
from lightgbm import LGBMRegressor
from sklearn.model_selection import TimeSeriesSplit, train_test_split

df = pd.read_csv("load.csv").sort_values("timestamp")
df["rolling"] = df["load"].shift(1).rolling(24).mean()
y = df["load"]
X = df[["hour", "rolling"]]
for tr, te in TimeSeriesSplit(5).split(X):
    model = LGBMRegressor().fit(X.iloc[tr], y.iloc[tr])
    print(model.score(X.iloc[te], y.iloc[te]))
first, last = train_test_split(df, shuffle=False)
