"""What each kind of problem has: metrics with their ranges, objectives of XGBoost, the group of its metrics in evaluation.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Literal

Problem = Literal["binary_classification", "multiclass_classification", "regression"]
SHARE = (0.0, 1.0)


@dataclass(frozen=True)
class Kind:
    """Describe a problem: `metrics` by name with the range of values, `objectives` with the default first, `eval_metric` the default of training.

    The group and the names of the metrics are those of SageMaker Model Monitor's model quality report (`evaluation.json` in the Model Registry).
    """

    group: str
    metrics: Mapping[str, tuple[float, float]]
    objectives: tuple[str, ...]
    eval_metric: str
    told: str
    cells: bool = False


BINARY = Kind(
    group="binary_classification_metrics",
    metrics=dict.fromkeys(
        ("accuracy", "precision", "recall", "f1", "f0_5", "f2", "auc")
        + ("true_positive_rate", "true_negative_rate", "false_positive_rate", "false_negative_rate"),
        SHARE,
    ),
    objectives=("binary:logistic", "reg:logistic"),
    eval_metric="auc",
    told="confusion matrix, accuracy, precision, recall, F scores, AUC, ROC and PR curves",
    cells=True,
)
MULTICLASS = Kind(
    group="multiclass_classification_metrics",
    metrics=dict.fromkeys(
        ("accuracy", "weighted_precision", "weighted_recall", "weighted_f0_5", "weighted_f1", "weighted_f2")
        + ("macro_precision", "macro_recall", "macro_f0_5", "macro_f1", "macro_f2"),
        SHARE,
    ),
    objectives=("multi:softprob", "multi:softmax"),
    eval_metric="mlogloss",
    told="confusion matrix, accuracy, weighted precision, recall and F scores",
)
REGRESSION = Kind(
    group="regression_metrics",
    metrics={"mae": (0.0, inf), "mse": (0.0, inf), "rmse": (0.0, inf), "r2": (-inf, 1.0)},
    objectives=("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:squaredlogerror", "reg:gamma", "reg:tweedie", "reg:linear")
    + ("count:poisson",),
    eval_metric="rmse",
    told="MAE, MSE, RMSE and R²",
)
KINDS: Mapping[str, Kind] = {"binary_classification": BINARY, "multiclass_classification": MULTICLASS, "regression": REGRESSION}
METRICS: Mapping[str, tuple[str, ...]] = {problem: tuple(kind.metrics) for problem, kind in KINDS.items()}
ALL_METRICS = tuple(dict.fromkeys(metric for names in METRICS.values() for metric in names))
