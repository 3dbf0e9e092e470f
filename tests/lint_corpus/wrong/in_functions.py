import pandas as pd
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split


def load(path):
    return pd.read_csv(path)


def reduce(frame, n):
    pca = PCA(n_components=n)
    return pca.fit_transform(frame)  # expect SW101


def main():
    frame = load("rows.csv")
    label = frame["y"]
    small = reduce(frame.drop(columns=["y"]), n=5)
    return train_test_split(small, label, test_size=0.25, random_state=9)


if __name__ == "__main__":
    main()
