import pandas as pd
from sklearn.model_selection import train_test_split


def clean(frame):
    return frame.assign(a=frame["a"].fillna(frame["a"].mean()))  # expect SW105


df = pd.read_csv("rows.csv").pipe(clean)
df[["b", "c"]] = df[["b", "c"]].apply(lambda c: (c - c.mean()) / c.std())  # expect SW105 SW105
df["share"] = df.apply(lambda row: row["a"] / df["a"].max(), axis=1)  # expect SW105
df["place"] = df["a"].rank(pct=True)  # expect SW105
train, test = train_test_split(df, random_state=0)
