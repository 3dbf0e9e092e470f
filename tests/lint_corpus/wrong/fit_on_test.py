import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

df = pd.read_csv("data.csv")
train, test = train_test_split(df, random_state=1)
sc = StandardScaler()
train_s = sc.fit_transform(train[["a", "b"]])
test_s = sc.fit_transform(test[["a", "b"]])  # expect SW102
