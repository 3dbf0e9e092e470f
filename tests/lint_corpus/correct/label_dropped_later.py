import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

df = pd.read_csv("rows.csv")
train, test, y_train, y_test = train_test_split(df, df["y"], stratify=df["y"], random_state=0)
train = train.drop(columns=["y"])
test = test.drop(columns=["y"])
RandomForestClassifier(random_state=0).fit(train, y_train)
