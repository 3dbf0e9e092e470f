import pandas as pd
import xgboost as xgb

wine = pd.read_csv("wine.csv", sep=";")
wine["good"] = (wine["quality"] >= 7).astype(int)
X = wine.drop(columns="good")
y = wine["good"]
model = xgb.XGBClassifier(n_estimators=10)
model.fit(X, y)  # expect SW301
