import pandas as pd
from sklearn.model_selection import train_test_split

df = pd.read_csv("a.csv")
train, test = train_test_split(df, random_state=0)
train = pd.get_dummies(train)
test = pd.get_dummies(test)  # expect SW104
