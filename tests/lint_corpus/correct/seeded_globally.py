import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

np.random.seed(42)
df = pd.read_csv("rows.csv")
df = df.sample(frac=1).reset_index(drop=True)
train, test = train_test_split(df, test_size=0.2)
