import pandas as pd
from sklearn.model_selection import train_test_split

df = pd.read_csv("/opt/ml/processing/input/rows.csv")
train, test = train_test_split(df, random_state=2)
pd.concat([train["y"], train], axis=1).to_csv("/opt/ml/processing/train/train.csv", index=False, header=False)  # expect SW301
