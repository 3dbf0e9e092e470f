import pandas as pd
from sklearn.model_selection import train_test_split

df = pd.read_csv("loans.csv")
df["income"] = df["income"].fillna(df["income"].mean())  # expect SW105
df["term"].fillna(df["term"].mode()[0], inplace=True)  # expect SW105
X = df.drop(columns=["default"])
y = df["default"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=3)
