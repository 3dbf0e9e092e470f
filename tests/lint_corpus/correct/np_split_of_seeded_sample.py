import numpy as np
import pandas as pd

model_data = pd.read_csv("bank.csv")
model_data = model_data.drop(["duration", "emp.var.rate"], axis=1)
train_data, validation_data, test_data = np.split(
    model_data.sample(frac=1, random_state=1729), [int(0.7 * len(model_data)), int(0.9 * len(model_data))]
)
pd.concat([train_data["y_yes"], train_data.drop(["y_no", "y_yes"], axis=1)], axis=1).to_csv("train.csv", index=False, header=False)
