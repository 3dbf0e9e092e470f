import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

df = pd.read_csv("rows.csv")
X, y = df.drop(columns=["y"]), df["y"]
numbers = make_pipeline(SimpleImputer(), StandardScaler())
prepare = ColumnTransformer([("n", numbers, make_column_selector(dtype_include="number")), ("c", OneHotEncoder(), ["city"])])
model = Pipeline([("prepare", prepare), ("model", LogisticRegression())])
print(cross_val_score(model, X, y, cv=5).mean())
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
search = GridSearchCV(model, {"model__C": [0.1, 1]}).fit(X_train, y_train)
print(search.score(X_test, y_test))
