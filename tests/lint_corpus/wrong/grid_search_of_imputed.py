import pandas as pd
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import KNNImputer
from sklearn.model_selection import GridSearchCV

df = pd.read_csv("rows.csv")
target = "y"
X, y = df[[c for c in df.columns if c != target]], df[target]
X = KNNImputer().fit_transform(X)  # expect SW101
search = GridSearchCV(GradientBoostingClassifier(random_state=0), {"max_depth": [2, 3]}, cv=5)
search.fit(X, y)
