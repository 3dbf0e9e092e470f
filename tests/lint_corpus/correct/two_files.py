import pandas as pd
from sklearn.preprocessing import OneHotEncoder

train = pd.read_csv("train.csv")
test = pd.read_csv("test.csv")
encoder = OneHotEncoder(handle_unknown="ignore").fit(train[["city"]])
a = encoder.transform(train[["city"]])
b = encoder.transform(test[["city"]])
