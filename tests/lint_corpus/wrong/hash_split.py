import pandas as pd

df = pd.read_csv("events.csv")
bucket = df["user_id"].map(lambda user: hash(user) % 10)  # expect SW203
