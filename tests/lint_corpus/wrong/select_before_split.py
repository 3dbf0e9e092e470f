import pandas as pd
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

df = pd.read_csv("genes.csv")
y = df["ill"]
X = df.drop("ill", axis=1)
best = SelectKBest(f_classif, k=20).fit_transform(X, y)  # expect SW107
print(cross_val_score(LogisticRegression(), best, y, cv=5).mean())
