import pandas as pd
from sklearn.preprocessing import OrdinalEncoder

train = pd.read_csv("train.csv")
test = pd.read_csv("test.csv")
both = pd.concat([train, test])
enc = OrdinalEncoder()
both[["color"]] = enc.fit_transform(both[["color"]])  # expect SW101
train = both[: len(train)]
test = both[len(train) :]
