import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


class Preparation:
    def __init__(self, path):
        self.data = pd.read_csv(path)
        self.scaler = StandardScaler()

    def scale(self):
        self.data[["a", "b"]] = self.scaler.fit_transform(self.data[["a", "b"]])  # expect SW101

    def divide(self):
        return train_test_split(self.data, test_size=0.2)  # expect SW201
