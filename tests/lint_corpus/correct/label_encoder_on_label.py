import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder

df = pd.read_csv("iris.csv")
le = LabelEncoder()
y = le.fit_transform(df["species"])
X = df.drop("species", axis=1)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
