import joblib
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

if __name__ == "__main__":
    df = pd.read_csv("/opt/ml/processing/input/rows.csv").drop_duplicates()
    y = df.pop("label")
    X_train, X_test, y_train, y_test = train_test_split(df, y, test_size=0.2, random_state=1)
    prepare = make_column_transformer((StandardScaler(), ["a", "b"]), (OneHotEncoder(handle_unknown="ignore"), ["c"]))
    train_features = prepare.fit_transform(X_train)
    test_features = prepare.transform(X_test)
    pd.DataFrame(train_features).to_csv("/opt/ml/processing/train/train.csv", header=False, index=False)
    joblib.dump(prepare, "/opt/ml/processing/transform/transform.joblib")
