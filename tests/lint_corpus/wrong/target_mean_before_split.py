import pandas as pd
from sklearn.model_selection import train_test_split

df = pd.read_csv("ads.csv")
df["site_ctr"] = df.groupby("site")["click"].transform("mean")  # expect SW108
X = df.drop(columns=["click"])
y = df["click"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
