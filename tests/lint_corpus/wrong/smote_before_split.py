import pandas as pd
from imblearn.over_sampling import SMOTE
from sklearn.model_selection import train_test_split

df = pd.read_csv("churn.csv")
X, y = df.drop("churn", axis=1), df["churn"]
X_res, y_res = SMOTE(random_state=42).fit_resample(X, y)  # expect SW106
X_train, X_test, y_train, y_test = train_test_split(X_res, y_res, random_state=42)
