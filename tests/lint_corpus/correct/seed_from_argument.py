import argparse

import pandas as pd
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
data = pd.read_csv("/opt/ml/processing/input/data.csv")
train, rest = train_test_split(data, test_size=0.3, random_state=args.seed)
validation, test = train_test_split(rest, test_size=0.5, random_state=args.seed)
for name, part in (("train", train), ("validation", validation), ("test", test)):
    part.to_csv(f"/opt/ml/processing/{name}/{name}.csv", index=False)
