import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.utils import resample

df = pd.read_csv("fraud.csv")
minority = df[df["fraud"] == 1]
majority = df[df["fraud"] == 0]
more = resample(minority, replace=True, n_samples=len(majority), random_state=1)  # expect SW106
balanced = pd.concat([majority, more])
train, test = train_test_split(balanced, random_state=1)
