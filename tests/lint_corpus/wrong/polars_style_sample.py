import pandas as pd
from sklearn.preprocessing import PowerTransformer

frame = pd.read_csv("rows.csv")
frame["x"] = PowerTransformer().fit_transform(frame[["x"]])  # expect SW101
train = frame.sample(frac=0.8, random_state=200)
test = frame.drop(train.index)
