"""k-means by scikit-learn's MiniBatchKMeans and KMeans.

As in the service (AWS developer guide, "How K-Means Clustering Works") more centers than are asked for are found in mini-batches first, then Lloyd's
algorithm reduces them to k. half_life_time_size has no effect, and `auto` means 10 for both factors, which is our choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy

from pipelines.algorithms.kinds import CustomerError
from pipelines.local.images.algorithms import journal
from pipelines.local.images.algorithms.data import Rows

AUTO, SEED = 10, 0
INIT = {"kmeans++": "k-means++", "random": "random"}


def train(values: Mapping[str, Any], data: Mapping[str, Rows]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return settings and arrays of a model, and print its metrics.

    Raises:
        CustomerError: there are fewer rows than clusters.
    """
    rows = data["train"].features.astype(numpy.float64)
    if values["k"] > len(rows):
        raise CustomerError(f"Hyperparameter k: got {values['k']}, expected at most the number of rows in train, {len(rows)}.")
    with journal.throughput(len(rows)):
        points, weights = _many_centers(values, rows)
        centers = _lloyd(values, points, weights)
    journal.progress(1, 1)
    arrays = {"centers": centers.astype(numpy.float32)}
    objective = str(values.get("_tuning_objective_metric", "")).rpartition(":")[2]
    for channel in data:
        squared = predict({}, arrays, data[channel].features)["distance_to_cluster"].astype(numpy.float64) ** 2
        found = {"msd": squared.mean(), "ssd": squared.sum()}
        for metric in found:
            if metric in values["eval_metrics"] or metric == objective:
                journal.loss(channel, metric, found[metric])
    return {}, arrays


def _many_centers(values: Mapping[str, Any], rows: Any) -> tuple[Any, Any]:
    """Return centers and how many rows each has; with few rows the rows themselves."""
    from sklearn.cluster import MiniBatchKMeans

    many = values["k"] * (values["extra_center_factor"] or AUTO)
    if many >= len(rows):
        return rows, numpy.ones(len(rows))
    size = min(values["mini_batch_size"], len(rows))
    first = MiniBatchKMeans(many, init=INIT[values["init_method"]], batch_size=size, max_iter=values["epochs"], n_init=1, random_state=SEED).fit(rows)
    counts = numpy.bincount(first.labels_, minlength=many)
    return (first.cluster_centers_[counts > 0], counts[counts > 0]) if (counts > 0).sum() >= values["k"] else (rows, numpy.ones(len(rows)))


def _lloyd(values: Mapping[str, Any], points: Any, weights: Any) -> Any:
    from sklearn.cluster import KMeans

    fitted = KMeans(
        n_clusters=values["k"],
        init=INIT[values["local_lloyd_init_method"]],
        n_init=values["local_lloyd_num_trials"] or AUTO,
        max_iter=values["local_lloyd_max_iter"],
        tol=values["local_lloyd_tol"],
        random_state=SEED,
    ).fit(points, sample_weight=weights)
    return fitted.cluster_centers_


def predict(settings: Mapping[str, Any], arrays: Mapping[str, Any], features: Any) -> dict[str, Any]:
    """Return `closest_cluster` and `distance_to_cluster` (Euclidean), (rows,) float32 each."""
    from sklearn.metrics import pairwise_distances_argmin_min

    closest, distance = pairwise_distances_argmin_min(features.astype(numpy.float64), arrays["centers"].astype(numpy.float64))
    return {"closest_cluster": closest.astype(numpy.float32), "distance_to_cluster": distance.astype(numpy.float32)}
