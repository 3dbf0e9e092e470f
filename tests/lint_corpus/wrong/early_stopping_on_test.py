import pandas as pd
import xgboost as xgb
from sklearn.model_selection import train_test_split

df = pd.read_csv("rows.csv")
X_train, X_test, y_train, y_test = train_test_split(df.drop(columns=["y"]), df["y"], random_state=0)
clf = xgb.XGBClassifier(early_stopping_rounds=10)
clf.fit(X_train, y_train, eval_set=[(X_test, y_test)])  # expect SW401
