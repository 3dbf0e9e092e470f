import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

data = pd.read_csv("rows.csv")
tree = DecisionTreeClassifier().fit(data[["a"]], data["y"])
print(roc_auc_score(data["y"], tree.predict_proba(data[["a"]])[:, 1]))  # expect SW402
