import pandas as pd
import xgboost as xgb
from sklearn.model_selection import train_test_split

df = pd.read_csv("rows.csv")
X_temp, X_test, y_temp, y_test = train_test_split(df.drop(columns=["y"]), df["y"], random_state=0)
X_train, X_val, y_train, y_val = train_test_split(X_temp, y_temp, random_state=0)
clf = xgb.XGBClassifier(early_stopping_rounds=10)
clf.fit(X_train, y_train, eval_set=[(X_train, y_train), (X_val, y_val)])
print(clf.score(X_test, y_test))
