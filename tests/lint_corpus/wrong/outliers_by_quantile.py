import pandas as pd
from sklearn.model_selection import train_test_split

df = pd.read_csv("rows.csv")
low, high = df["price"].quantile(0.01), df["price"].quantile(0.99)  # expect SW105 SW105
df = df[(df["price"] > low) & (df["price"] < high)]
train, test = train_test_split(df, test_size=0.3, random_state=5)
