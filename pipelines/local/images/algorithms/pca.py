"""PCA by scikit-learn's PCA, or TruncatedSVD when the mean is not subtracted; rows are not taken in mini-batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy

from pipelines.algorithms.kinds import CustomerError
from pipelines.local.images.algorithms import journal
from pipelines.local.images.algorithms.data import Rows

LEAST_EXTRA, SEED = 10, 0


def train(values: Mapping[str, Any], data: Mapping[str, Rows]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return settings and arrays of a model; `components` are (feature_dim, num_components), the strongest first.

    Raises:
        CustomerError: more components than rows or columns are asked for.
    """
    rows = data["train"].features.astype(numpy.float64)
    most = min(rows.shape)
    if values["num_components"] > most:
        raise CustomerError(f"Hyperparameter num_components: got {values['num_components']}, expected at most {most}, what train has of rows and features.")
    with journal.throughput(len(rows)):
        fitted = _fit(values, rows)
    journal.progress(1, 1)
    share = float(fitted.explained_variance_ratio_.sum())
    print(f"{values['num_components']} components hold {share:.4g} of the variance of train")
    mean = rows.mean(axis=0) if values["subtract_mean"] else numpy.zeros(rows.shape[1])
    return {}, {"components": fitted.components_.T.copy(), "singular_values": fitted.singular_values_, "mean": mean}


def _fit(values: Mapping[str, Any], rows: Any) -> Any:
    from sklearn.decomposition import PCA, TruncatedSVD

    wanted, extra = values["num_components"], values["extra_components"]
    extra = max(LEAST_EXTRA, wanted) if extra == -1 else extra
    if not values["subtract_mean"]:
        return TruncatedSVD(wanted, algorithm="randomized", n_oversamples=max(extra, LEAST_EXTRA), random_state=SEED).fit(rows)
    solver = "full" if values["algorithm_mode"] == "regular" else "randomized"
    return PCA(wanted, svd_solver=solver, n_oversamples=max(extra, 1), random_state=SEED).fit(rows)


def predict(settings: Mapping[str, Any], arrays: Mapping[str, Any], features: Any) -> dict[str, Any]:
    """Return `projection`, (rows, num_components) float32."""
    return {"projection": ((features - arrays["mean"]) @ arrays["components"]).astype(numpy.float32)}
