"""Linear learner (AWS developer guide, "Linear learner hyperparameters", "Tune a linear learner model").

The regular expressions are those that DescribeHyperParameterTuningJob shows for a job of the service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.algorithms.kinds import Auto, Choice, Either, Kind, Number, Truth, finite, whole
from pipelines.algorithms.model import PROGRESS, Algorithm, quality

COUNT, POSITIVE, NOT_NEGATIVE = Number(whole, 1), Number(finite, 0, open_low=True), Number(finite, 0)
SHARE, AUTO_TRUTH = Number(finite, 0, 1), Auto(Truth())
LOSSES: Mapping[str, tuple[str, ...]] = {
    "binary_classifier": ("logistic", "hinge_loss"),
    "multiclass_classifier": ("softmax_loss",),
    "regressor": ("squared_loss", "absolute_loss", "eps_insensitive_squared_loss", "eps_insensitive_absolute_loss", "quantile_loss", "huber_loss"),
}
CRITERIA = ("accuracy", "f1", "f_beta", "precision_at_target_recall", "recall_at_target_precision", "cross_entropy_loss", "loss_function")
HYPERPARAMETERS: Mapping[str, Kind] = {
    "feature_dim": Auto(COUNT),
    "predictor_type": Choice(tuple(LOSSES)),
    "num_classes": Number(whole, 3, 1_000_000),
    "accuracy_top_k": COUNT,
    "balance_multiclass_weights": Truth(),
    "beta_1": Auto(SHARE),
    "beta_2": Auto(SHARE),
    "bias_lr_mult": Auto(POSITIVE),
    "bias_wd_mult": Auto(NOT_NEGATIVE),
    "binary_classifier_model_selection_criteria": Choice(CRITERIA),
    "early_stopping_patience": COUNT,
    "early_stopping_tolerance": POSITIVE,
    "epochs": COUNT,
    "f_beta": POSITIVE,
    "huber_delta": POSITIVE,
    "init_bias": Number(finite),
    "init_method": Choice(("uniform", "normal")),
    "init_scale": POSITIVE,
    "init_sigma": POSITIVE,
    "l1": Auto(NOT_NEGATIVE),
    "learning_rate": Auto(POSITIVE),
    "loss": Auto(Choice(tuple(loss for losses in LOSSES.values() for loss in losses))),
    "loss_insensitivity": POSITIVE,
    "lr_scheduler_factor": Auto(SHARE),
    "lr_scheduler_minimum_lr": Auto(POSITIVE),
    "lr_scheduler_step": Auto(COUNT),
    "margin": POSITIVE,
    "mini_batch_size": COUNT,
    "momentum": Auto(SHARE),
    "normalize_data": AUTO_TRUTH,
    "normalize_label": AUTO_TRUTH,
    "num_calibration_samples": Auto(COUNT),
    "num_models": Auto(COUNT),
    "num_point_for_scaler": COUNT,
    "optimizer": Auto(Choice(("sgd", "adam", "rmsprop"))),
    "positive_example_weight_mult": Auto(Either(("balanced",), POSITIVE)),
    "quantile": Number(finite, 0, 1, open_low=True),
    "target_precision": SHARE,
    "target_recall": SHARE,
    "unbias_data": AUTO_TRUTH,
    "unbias_label": AUTO_TRUTH,
    "use_bias": Truth(),
    "use_lr_scheduler": Truth(),
    "wd": Auto(NOT_NEGATIVE),
}
DEFAULTS: Mapping[str, Any] = {
    "accuracy_top_k": 3,
    "balance_multiclass_weights": False,
    "binary_classifier_model_selection_criteria": "accuracy",
    "early_stopping_patience": 3,
    "early_stopping_tolerance": 0.001,
    "epochs": 15,
    "f_beta": 1.0,
    "huber_delta": 1.0,
    "loss_insensitivity": 0.01,
    "margin": 1.0,
    "mini_batch_size": 1000,
    "normalize_data": True,
    "positive_example_weight_mult": 1.0,
    "quantile": 0.5,
    "target_precision": 0.8,
    "target_recall": 0.8,
    "use_bias": True,
    "use_lr_scheduler": True,
}
# Metrics of the finished model on a channel, by the kind of predictor; `_\S+` stands for the number in the log's name, as in binary_f_1.000.
SCORES = ("binary_classification_accuracy", "precision", "recall", "roc_auc_score", "multiclass_accuracy", "macro_precision", "macro_recall", "dcg")
LOSS_METRICS = ("mse", "absolute_loss")
NUMBERED = {"binary_f_beta": r"binary_f_\S+", "macro_f_beta": r"macro_f_\S+", "multiclass_top_k_accuracy": r"multiclass_top_k_accuracy_\S+"}


def _of_channel(channel: str) -> dict[str, str]:
    return {
        **{f"{channel}:{name}": quality(channel, name, "score") for name in SCORES},
        **{f"{channel}:{name}": quality(channel, pattern, "score") for name, pattern in NUMBERED.items()},
        **{f"{channel}:{name}": quality(channel, name, "loss") for name in LOSS_METRICS},
    }


def _objective_losses() -> dict[str, str]:
    """Return the losses: every epoch's for train and validation, and the finished model's."""
    by_epoch = {
        f"{channel}:objective_loss": rf"#quality_metric: host=\S+, epoch=\S+, {channel} \S+_objective <loss>=(\S+)" for channel in ("train", "validation")
    }
    final = {f"{channel}:objective_loss:final": quality(channel, r"\S+_objective", "loss") for channel in ("train", "validation")}
    return {**by_epoch, **final, "test:objective_loss": quality("test", r"\S+_objective", "loss")}


def _classes(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if values.get("predictor_type") == "multiclass_classifier" and "num_classes" not in values:
        yield "num_classes", f"missing; predictor_type multiclass_classifier needs it: {HYPERPARAMETERS['num_classes'].told}."


def _loss(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    allowed = LOSSES.get(str(values.get("predictor_type")), ())
    if values.get("loss") is not None and allowed and values["loss"] not in allowed:
        yield "loss", f"got {values['loss']!r}, expected auto, {', '.join(allowed)} with predictor_type {values['predictor_type']}."


def _of_validation(*names: str) -> tuple[str, ...]:
    return tuple(f"validation:{name}" for name in names)


OBJECTIVES: Mapping[str, tuple[str, ...]] = {
    "binary_classification": _of_validation("objective_loss", "binary_classification_accuracy", "binary_f_beta", "precision", "recall", "roc_auc_score"),
    "multiclass_classification": _of_validation(
        "objective_loss", "multiclass_accuracy", "multiclass_top_k_accuracy", "macro_f_beta", "macro_precision", "macro_recall", "dcg"
    ),
    "regression": _of_validation("objective_loss", "mse", "absolute_loss"),
}
LINEAR_LEARNER = Algorithm(
    name="linear-learner",
    title="linear learner",
    hyperparameters=HYPERPARAMETERS,
    required=("predictor_type",),
    defaults=DEFAULTS,
    channels=("validation", "test"),
    splits={"train": "train", "validation": "validation"},
    labelled=True,
    tunable=frozenset({"wd", "l1", "learning_rate", "mini_batch_size", "use_bias", "positive_example_weight_mult"}),
    metrics={**{name: regex for channel in ("train", "validation", "test") for name, regex in _of_channel(channel).items()}, **_objective_losses(), **PROGRESS},
    rules=(_classes, _loss),
    predictor_types={"binary_classification": "binary_classifier", "multiclass_classification": "multiclass_classifier", "regression": "regressor"},
    objectives=OBJECTIVES,
)
