import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

df = pd.read_csv("phones.csv")
df = df.dropna()
y = df["churn"]
X = df.drop("customer_id", axis=1)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)  # expect SW301
model = RandomForestClassifier(random_state=0).fit(X_train, y_train)
print(model.score(X_test, y_test))
