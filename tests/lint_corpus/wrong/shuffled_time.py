import pandas as pd
from sklearn.model_selection import train_test_split

sales = pd.read_csv("sales.csv", parse_dates=["order_date"])
sales = sales.sort_values("order_date")
sales["last_week"] = sales["units"].shift(7)
train, test = train_test_split(sales, test_size=0.2, random_state=0)  # expect SW501
