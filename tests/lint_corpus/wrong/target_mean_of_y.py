import pandas as pd
from sklearn.model_selection import train_test_split

df = pd.read_csv("rows.csv")
df["city_mean"] = df.groupby("city")["y"].transform("mean")  # expect SW108
train, test = train_test_split(df, random_state=0)
