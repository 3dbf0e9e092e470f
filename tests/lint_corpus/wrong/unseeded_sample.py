import pandas as pd

df = pd.read_csv("rows.csv")
df = df.sample(frac=1)  # expect SW202
train = df[:8000]
test = df[8000:]
