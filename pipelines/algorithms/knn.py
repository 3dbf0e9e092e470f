"""k nearest neighbors (AWS developer guide, "k-NN Hyperparameters", "Tune a k-NN Model")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.algorithms.kinds import Auto, Choice, Kind, Number, whole
from pipelines.algorithms.model import PROGRESS, Algorithm, quality

COUNT = Number(whole, 1)
PARTS = ("1", "2", "3", "4", "8", "12", "16", "20", "24", "28", "32", "40", "48", "56", "64", "96")
HYPERPARAMETERS: Mapping[str, Kind] = {
    "feature_dim": COUNT,
    "k": COUNT,
    "predictor_type": Choice(("classifier", "regressor")),
    "sample_size": COUNT,
    "mini_batch_size": COUNT,
    "dimension_reduction_type": Choice(("sign", "fjlt")),
    "dimension_reduction_target": COUNT,
    "index_type": Choice(("faiss.Flat", "faiss.IVFFlat", "faiss.IVFPQ")),
    "index_metric": Choice(("L2", "INNER_PRODUCT", "COSINE")),
    "faiss_index_ivf_nlists": Auto(COUNT),
    "faiss_index_pq_m": Choice(PARTS),
}


def _reduction(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind, target, width = (values.get(name) for name in ("dimension_reduction_type", "dimension_reduction_target", "feature_dim"))
    if kind is not None and target is None:
        yield "dimension_reduction_target", f"missing; dimension_reduction_type {kind} needs a whole number from 1, below feature_dim."
    if kind is not None and target is not None and width is not None and target >= width:
        yield "dimension_reduction_target", f"got {target}, expected less than feature_dim, {width}."


def _index(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if values["index_type"] == "faiss.IVFPQ":
        if values["index_metric"] != "L2":
            yield "index_metric", f"got {values['index_metric']!r}, expected L2 with index_type faiss.IVFPQ."
        if "faiss_index_pq_m" not in values:
            yield "faiss_index_pq_m", f"missing; index_type faiss.IVFPQ needs one of {', '.join(PARTS)}."


def _neighbors(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    wanted, sample = values.get("k"), values.get("sample_size")
    if wanted is not None and sample is not None and wanted > sample:
        yield "k", f"got {wanted}, expected at most sample_size, {sample}."


KNN = Algorithm(
    name="knn",
    title="k-nearest neighbors",
    hyperparameters=HYPERPARAMETERS,
    required=("feature_dim", "k", "predictor_type", "sample_size"),
    defaults={"index_type": "faiss.Flat", "index_metric": "L2"},
    channels=("test",),
    splits={"train": "train", "test": "validation"},
    labelled=True,
    tunable=frozenset({"k", "sample_size"}),
    metrics={"test:accuracy": quality("test", "accuracy", "score"), "test:mse": quality("test", "mse", "loss"), **PROGRESS},
    rules=(_reduction, _index, _neighbors),
    predictor_types={"binary_classification": "classifier", "multiclass_classification": "classifier", "regression": "regressor"},
    objectives={"binary_classification": ("test:accuracy",), "multiclass_classification": ("test:accuracy",), "regression": ("test:mse",)},
)
