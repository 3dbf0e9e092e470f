import pandas as pd

df = pd.read_csv("sales.csv").sort_values(["shop", "date"])
df["last_week"] = df.groupby("shop")["sales"].transform(lambda s: s.shift(1).rolling(7).mean())
df["row_mean"] = df[["a", "b"]].apply(lambda row: row.mean(), axis=1)
df["name"] = df["name"].apply(lambda text: text.strip().lower())
train = df[df["date"] < "2020-01-01"]
test = df[df["date"] >= "2020-01-01"]
