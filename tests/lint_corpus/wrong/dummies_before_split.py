import pandas as pd
from sklearn.model_selection import train_test_split

df = pd.read_csv("hotel_bookings.csv")
df = df.drop_duplicates()
df = pd.get_dummies(df, columns=["hotel", "meal"])  # expect SW103
y = df.pop("is_canceled")
X_train, X_test, y_train, y_test = train_test_split(df, y, stratify=y, random_state=7)
