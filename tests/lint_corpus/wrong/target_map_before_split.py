import pandas as pd
from sklearn.model_selection import train_test_split

df = pd.read_csv("ads.csv")
rates = df.groupby("city")["bought"].mean()  # expect SW108
df["city_rate"] = df["city"].map(rates)
y = df["bought"]
X = df.drop("bought", axis="columns")
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
