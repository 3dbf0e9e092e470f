import pandas as pd
from sklearn.model_selection import train_test_split

df = pd.read_csv("rows.csv")
train, test = train_test_split(df, test_size=0.2)  # expect SW201
train.to_csv("train.csv")
test.to_csv("test.csv")
