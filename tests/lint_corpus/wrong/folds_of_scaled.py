import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.preprocessing import RobustScaler

df = pd.read_csv("houses.csv")
y = df["price"].values
X = RobustScaler().fit_transform(df.drop(columns=["price"]))  # expect SW101
for train_index, test_index in KFold(5, shuffle=True).split(X):  # expect SW201
    model = Ridge().fit(X[train_index], y[train_index])
    print(model.score(X[test_index], y[test_index]))
