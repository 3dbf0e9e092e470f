import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler

data = pd.read_parquet("s3://bucket/data.parquet")
features = ["age", "income"]
scaler = MinMaxScaler().fit(data[features])  # expect SW101
train, test = train_test_split(data, test_size=0.2, random_state=0)
train_x = scaler.transform(train[features])
test_x = scaler.transform(test[features])
