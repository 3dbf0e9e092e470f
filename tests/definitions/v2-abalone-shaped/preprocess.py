"""Prepare measurements of shells in the way AWS's public example does: literal /opt/ml paths, scikit-learn, CSV splits with the label first."""

import argparse
import os
import pathlib

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

NAMES = ["sex", "length", "diameter", "height", "whole_weight", "shucked_weight", "viscera_weight", "shell_weight", "rings"]

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--input-data", type=str, required=True)
    args = parser.parse_args()

    base_dir = "/opt/ml/processing"
    pathlib.Path(f"{base_dir}/data").mkdir(parents=True, exist_ok=True)
    file = os.path.join(base_dir, "input", os.path.basename(args.input_data))
    df = pd.read_csv(file, header=None, names=NAMES)
    y = df.pop("rings").to_numpy().reshape(-1, 1)

    numeric = [name for name in df.columns if name != "sex"]
    scaled = Pipeline([("imputer", SimpleImputer(strategy="median")), ("scaler", StandardScaler())])
    encoded = Pipeline([("imputer", SimpleImputer(strategy="constant", fill_value="missing")), ("onehot", OneHotEncoder(handle_unknown="ignore"))])
    features = ColumnTransformer([("num", scaled, numeric), ("cat", encoded, ["sex"])], sparse_threshold=0).fit_transform(df)

    rows = np.concatenate([y, features], axis=1)
    np.random.seed(1)
    np.random.shuffle(rows)
    train, validation, test = np.split(rows, [int(0.7 * len(rows)), int(0.85 * len(rows))])
    for name, part in (("train", train), ("validation", validation), ("test", test)):
        pd.DataFrame(part).to_csv(f"{base_dir}/{name}/{name}.csv", header=False, index=False)
