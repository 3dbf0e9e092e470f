import pandas as pd
from sklearn.linear_model import LogisticRegression

df = pd.read_csv("orders.csv")
df["refund_share"] = df["refunded"] * df["amount"]  # expect SW302
X = df[["amount", "refund_share", "age"]]
y = df["refunded"]
LogisticRegression().fit(X, y)
