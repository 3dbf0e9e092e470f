import joblib
import pandas as pd


def model_fn(model_dir):
    return joblib.load(f"{model_dir}/scaler.joblib"), joblib.load(f"{model_dir}/model.joblib")


def input_fn(body, content_type):
    return pd.read_csv(body)


def predict_fn(frame, model):
    scaler, classifier = model
    return classifier.predict_proba(scaler.transform(frame))
