import pandas as pd
from sklearn.model_selection import train_test_split

df = pd.read_csv("rows.csv")
train, test = train_test_split(df, random_state=2)
train = train.fillna(train.mean())
test = test.fillna(test.mean())  # expect SW102
