import zlib

import pandas as pd

df = pd.read_csv("users.csv")
bucket = df["user_id"].map(lambda user: zlib.crc32(user.encode()) % 10)
train = df[bucket < 8]
test = df[bucket >= 8]
