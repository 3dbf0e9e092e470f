import pandas as pd
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split

LABEL = "price"
NUMBERS = ["rooms", "area"]
TEXTS = ["city"]
df = pd.read_csv("houses.csv")
df["area_per_room"] = df["area"] / df["rooms"]
features = NUMBERS + ["area_per_room"]
X_train, X_test, y_train, y_test = train_test_split(df[features], df[LABEL], random_state=0)
LinearRegression().fit(X_train, y_train)
rest = [c for c in df.columns if c not in [LABEL]]
other = train_test_split(df[rest], df[LABEL], random_state=0)
