import matplotlib.pyplot as plt
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

df = pd.read_csv("rows.csv")
print(df.describe(), df["age"].mean(), df.isnull().mean())
pca = PCA(2).fit_transform(df[["a", "b", "c"]])
plt.scatter(pca[:, 0], pca[:, 1])
print(df.groupby("city")["y"].mean())
train, test = train_test_split(df, random_state=0)
