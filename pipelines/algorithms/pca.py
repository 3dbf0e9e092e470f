"""Principal component analysis (AWS developer guide, "PCA Hyperparameters"). It computes no metric, so that nothing can be tuned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.algorithms.kinds import Choice, Kind, Number, Truth, whole
from pipelines.algorithms.model import PROGRESS, Algorithm

HYPERPARAMETERS: Mapping[str, Kind] = {
    "feature_dim": Number(whole, 1),
    "mini_batch_size": Number(whole, 1),
    "num_components": Number(whole, 1),
    "algorithm_mode": Choice(("regular", "randomized")),
    "extra_components": Number(whole, -1),
    "subtract_mean": Truth(),
}


def _components(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    wanted, width = values.get("num_components"), values.get("feature_dim")
    if wanted is not None and width is not None and wanted > width:
        yield "num_components", f"got {wanted}, expected at most feature_dim, {width}."


PCA = Algorithm(
    name="pca",
    title="PCA",
    hyperparameters=HYPERPARAMETERS,
    required=("feature_dim", "mini_batch_size", "num_components"),
    defaults={"algorithm_mode": "regular", "extra_components": -1, "subtract_mean": True},
    channels=("test",),
    splits={"train": "train"},
    labelled=False,
    tunable=frozenset(),
    metrics=PROGRESS,
    rules=(_components,),
    filled={"mini_batch_size": "500"},
)
