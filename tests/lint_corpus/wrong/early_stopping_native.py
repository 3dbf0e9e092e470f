import pandas as pd
import xgboost as xgb
from sklearn.model_selection import train_test_split

df = pd.read_csv("rows.csv")
train, test = train_test_split(df, random_state=0)
dtrain = xgb.DMatrix(train.drop(columns=["y"]), label=train["y"])
dtest = xgb.DMatrix(test.drop(columns=["y"]), label=test["y"])
bst = xgb.train({"eta": 0.1}, dtrain, 500, evals=[(dtrain, "train"), (dtest, "test")], early_stopping_rounds=20)  # expect SW401
