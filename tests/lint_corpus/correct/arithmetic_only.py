import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

df = pd.read_csv("rows.csv")
df["log_income"] = np.log1p(df["income"])
df["family"] = df["adults"] + df["children"].fillna(0)
df["total"] = df[["a", "b"]].sum(axis=1)
df["mean"] = df[["a", "b"]].mean(axis=1)
df["month"] = pd.to_datetime(df["date"]).dt.month
df = df.rename(columns={"old": "new"}).dropna(subset=["y"])
train, test = train_test_split(df, random_state=0, stratify=df["y"])
