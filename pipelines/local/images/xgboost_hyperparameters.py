"""The hyperparameters of built-in XGBoost: types, ranges, aliases and the container's wording (AWS developer guide, "XGBoost hyperparameters")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.local.images.hyperparameters import FRACTION, REAL, WHOLE, Choice, CustomerError, Number, text

OBJECTIVES = (
    ("binary:hinge", "binary:logistic", "binary:logitraw", "count:poisson", "multi:softmax", "multi:softprob", "rank:map", "rank:ndcg", "rank:pairwise")
    + ("reg:absoluteerror", "reg:gamma", "reg:linear", "reg:logistic", "reg:pseudohubererror", "reg:quantileerror", "reg:squarederror")
    + ("reg:squaredlogerror", "reg:tweedie", "survival:aft", "survival:cox")
)
HYPERPARAMETERS: Mapping[str, Callable[[str, str], Any]] = {
    "num_round": Number(WHOLE, 1),
    "booster": Choice(("gbtree", "gblinear", "dart")),
    "objective": Choice(OBJECTIVES),
    "eval_metric": text,
    "num_class": Number(WHOLE, 2),
    "eta": Number(REAL, 0, 1),
    "gamma": Number(REAL, 0),
    "max_depth": Number(WHOLE, 0),
    "min_child_weight": Number(REAL, 0),
    "max_delta_step": Number(REAL, 0),
    "subsample": FRACTION,
    "sampling_method": Choice(("uniform", "gradient_based")),
    "colsample_bytree": FRACTION,
    "colsample_bylevel": FRACTION,
    "colsample_bynode": FRACTION,
    "lambda": Number(REAL, 0),
    "alpha": Number(REAL, 0),
    "lambda_bias": Number(REAL, 0, 1),
    "tree_method": Choice(("auto", "exact", "approx", "hist", "gpu_hist")),
    "sketch_eps": FRACTION,
    "scale_pos_weight": Number(REAL, 0),
    "updater": text,
    "refresh_leaf": Choice(("0", "1")),
    "process_type": Choice(("default", "update")),
    "grow_policy": Choice(("depthwise", "lossguide")),
    "max_leaves": Number(WHOLE, 0),
    "max_bin": Number(WHOLE, 2),
    "predictor": text,
    "num_parallel_tree": Number(WHOLE, 1),
    "monotone_constraints": text,
    "interaction_constraints": text,
    "sample_type": Choice(("uniform", "weighted")),
    "normalize_type": Choice(("tree", "forest")),
    "rate_drop": Number(REAL, 0, 1),
    "one_drop": Choice(("0", "1")),
    "skip_drop": Number(REAL, 0, 1),
    "base_score": Number(REAL),
    "seed": Number(WHOLE),
    "nthread": Number(WHOLE, 1),
    "verbosity": Number(WHOLE, 0, 3),
    "tweedie_variance_power": Number(REAL, 1, 2, open_low=True),
    "huber_slope": Number(REAL, 0),
    "aft_loss_distribution": Choice(("normal", "logistic", "extreme")),
    "aft_loss_distribution_scale": Number(REAL, 0, open_low=True),
    "early_stopping_rounds": Number(WHOLE, 1),
    "csv_weights": Choice(("0", "1")),
    "save_model_on_termination": Choice(("true", "false")),
    "deterministic_histogram": Choice(("true", "false")),
    "single_precision_histogram": Choice(("true", "false")),
    "use_dask_gpu_training": Choice(("true", "false")),
    "dsplit": Choice(("row", "col")),
    "_tuning_objective_metric": text,
    "_kfold": Number(WHOLE, 2),
    "_num_cv_round": Number(WHOLE, 1),
}
ALIASES: Mapping[str, str] = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha"}
# What steers the container and is not passed on to XGBoost.
OF_THE_CONTAINER = frozenset(
    {"num_round", "early_stopping_rounds", "csv_weights", "eval_metric", "save_model_on_termination", "_tuning_objective_metric"}
    | {"_kfold", "_num_cv_round", "use_dask_gpu_training", "dsplit", "deterministic_histogram", "single_precision_histogram", "predictor", "sketch_eps"}
)
NOT_HERE = ("_kfold", "use_dask_gpu_training")


def validate(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the hyperparameters under their own names, in their own types.

    Raises:
        CustomerError: one is unknown, of the wrong type or out of range, or one that is needed is missing.
    """
    renamed = {ALIASES.get(name, name): str(text).strip().strip('"') for name, text in given.items()}
    for name in renamed:
        if name not in HYPERPARAMETERS:
            raise CustomerError(f"Extraneous hyperparameter found: {name}")
    if "num_round" not in renamed:
        raise CustomerError("Missing required hyperparameter: num_round")
    values = {name: HYPERPARAMETERS[name](name, text) for name, text in renamed.items()}
    for name in NOT_HERE:
        if values.get(name) not in (None, "false"):
            raise CustomerError(f"Hyperparameter {name} does not run locally yet")
    if str(values.get("objective", "")).startswith("multi:") and "num_class" not in values:
        raise CustomerError("Require input for parameter 'num_class' for multi-classification")
    return values
