import joblib
import pandas as pd
from sklearn.preprocessing import StandardScaler


def model_fn(model_dir):
    return joblib.load(f"{model_dir}/model.joblib")


def input_fn(body, content_type):
    frame = pd.read_csv(body)
    frame = pd.get_dummies(frame)  # expect SW601
    return StandardScaler().fit_transform(frame)  # expect SW601
