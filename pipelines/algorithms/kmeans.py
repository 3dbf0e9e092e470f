"""k-means (AWS developer guide, "K-Means Hyperparameters", "Tune a K-Means Model")."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.algorithms.kinds import Auto, Choice, Kind, Number, Words, finite, whole
from pipelines.algorithms.model import PROGRESS, Algorithm, quality

COUNT = Number(whole, 1)
INIT = Choice(("random", "kmeans++"))
HYPERPARAMETERS: Mapping[str, Kind] = {
    "feature_dim": COUNT,
    "k": COUNT,
    "mini_batch_size": COUNT,
    "epochs": COUNT,
    "init_method": INIT,
    "extra_center_factor": Auto(COUNT),
    "half_life_time_size": Number(whole, 0),
    "local_lloyd_init_method": INIT,
    "local_lloyd_max_iter": COUNT,
    "local_lloyd_num_trials": Auto(COUNT),
    "local_lloyd_tol": Number(finite, 0, 1),
    "eval_metrics": Words(("msd", "ssd")),
}
KMEANS = Algorithm(
    name="kmeans",
    title="k-means",
    hyperparameters=HYPERPARAMETERS,
    required=("feature_dim", "k"),
    defaults={
        "mini_batch_size": 5000,
        "epochs": 1,
        "init_method": "random",
        "extra_center_factor": None,
        "local_lloyd_init_method": "kmeans++",
        "local_lloyd_max_iter": 300,
        "local_lloyd_num_trials": None,
        "local_lloyd_tol": 1e-4,
        "eval_metrics": ("msd",),
    },
    channels=("test",),
    splits={"train": "train", "test": "validation"},
    labelled=False,
    tunable=frozenset({"epochs", "extra_center_factor", "init_method", "mini_batch_size"}),
    metrics={
        **{f"{channel}:{metric}": quality(channel, metric, "loss") for channel in ("train", "test") for metric in ("msd", "ssd")},
        **PROGRESS,
    },
    objectives=dict.fromkeys(("binary_classification", "multiclass_classification", "regression"), ("test:msd", "test:ssd")),
)
