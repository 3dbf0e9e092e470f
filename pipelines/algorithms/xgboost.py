"""The hyperparameters of built-in XGBoost: types, ranges, aliases, rules between them and the container's wording.

Source: AWS developer guide, "XGBoost hyperparameters", and what the sagemaker-xgboost container was observed to accept and say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.algorithms.kinds import FRACTION, REAL, WHOLE, Choice, CustomerError, Listed, Literal, Number

MAXIMIZED = frozenset(
    {"accuracy", "auc", "aucpr", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "map", "ndcg", "precision", "r2", "recall"}
    | {"precision_macro", "precision_micro", "recall_macro", "recall_micro"}
)
MINIMIZED = frozenset(
    {"aft-nloglik", "cox-nloglik", "error", "gamma-deviance", "gamma-nloglik", "interval-regression-accuracy", "logloss", "mae", "mape", "merror"}
    | {"mlogloss", "mphe", "mse", "poisson-nloglik", "rmse", "rmsle", "tweedie-nloglik"}
)
# A search takes more of these for better (AWS developer guide, "Tune an XGBoost Model"); the container's early stopping takes less of the last one.
TUNED_UPWARDS = MAXIMIZED | {"interval-regression-accuracy"}
# AWS developer guide, "Tune an XGBoost Model": the hyperparameters that can be tuned, and those that the algorithm takes beside them.
TUNABLE = frozenset(
    ("alpha", "colsample_bylevel", "colsample_bynode", "colsample_bytree", "eta", "gamma", "lambda", "max_delta_step", "max_depth", "min_child_weight")
    + ("num_round", "subsample", "booster", "grow_policy", "max_leaves", "max_bin", "tree_method", "scale_pos_weight", "num_parallel_tree", "rate_drop")
    + ("skip_drop", "sketch_eps", "normalize_type", "sample_type", "one_drop", "lambda_bias", "early_stopping_rounds", "base_score", "tweedie_variance_power")
)
OBJECTIVES = (
    ("binary:logistic", "binary:logitraw", "binary:hinge", "count:poisson", "multi:softmax", "multi:softprob", "rank:pairwise", "rank:ndcg", "rank:map")
    + ("reg:linear", "reg:squarederror", "reg:logistic", "reg:gamma", "reg:pseudohubererror", "reg:squaredlogerror", "reg:tweedie")
    + ("survival:aft", "survival:cox")
)
GROWING = ("grow_colmaker", "distcol", "grow_histmaker", "grow_local_histmaker", "grow_quantile_histmaker")
OF_TREES = (*GROWING, "grow_skmaker", "sync", "refresh", "prune")
OF_UPDATES = ("refresh", "prune")
OF_LINES = ("shotgun", "coord_descent")
WITH_THRESHOLD = ("error", "ndcg", "map")
METRICS = (*sorted(MAXIMIZED), *sorted(MINIMIZED))
BIT = Number(WHOLE, 0, 1)
YES_NO = Choice(("true", "false"))
FROM_0 = Number(REAL, 0)
UNIT = Number(REAL, 0, 1)
COUNT = Number(WHOLE, 1)


def _threshold(metric: str) -> bool:
    """Tell whether a metric is one with a threshold, such as error@0.7.

    Raises:
        CustomerError: it has a threshold that it cannot have, or that is no number.
    """
    name, mark, threshold = (part.strip() for part in metric.partition("@"))
    if not mark:
        return False
    if name not in WITH_THRESHOLD:
        raise CustomerError(
            f"Metric '{metric}' is not supported. Parameter 'eval_metric' with customized threshold should be one of these options: 'error', 'ndcg', 'map'."
        )
    try:
        float(threshold)
    except ValueError:
        raise CustomerError(f"Threshold value 't' in '{name}@t' expects float input.") from None
    return True


def _objective_metric(name: str, value: str) -> list[str]:
    """Return the metrics that a tuning objective such as `validation:auc` names."""
    channel, mark, metric = value.partition(":")
    if channel not in ("train", "validation") or not mark:
        raise CustomerError(f"Hyperparameter {name}: {value} is not in {[f'validation:{each}' for each in METRICS]}")
    return Listed(METRICS)(name, metric.partition(":")[0])


HYPERPARAMETERS: Mapping[str, Callable[[str, str], Any]] = {
    "num_round": COUNT,
    "csv_weights": BIT,
    "early_stopping_rounds": COUNT,
    "booster": Choice(("gbtree", "gblinear", "dart")),
    "verbosity": Number(WHOLE, 0, 3),
    "nthread": COUNT,
    "eta": UNIT,
    "gamma": FROM_0,
    "max_depth": Number(WHOLE, 0),
    "min_child_weight": FROM_0,
    "max_delta_step": FROM_0,
    "subsample": FRACTION,
    "colsample_bytree": FRACTION,
    "colsample_bylevel": FRACTION,
    "colsample_bynode": FRACTION,
    "lambda": FROM_0,
    "alpha": FROM_0,
    "tree_method": Choice(("auto", "exact", "approx", "hist", "gpu_hist")),
    "sketch_eps": Number(REAL, 0, 1, open_low=True, open_high=True),
    "scale_pos_weight": Number(REAL, 0, open_low=True),
    "updater": Listed((*OF_TREES, *OF_LINES)),
    "dsplit": Choice(("row", "col")),
    "refresh_leaf": BIT,
    "process_type": Choice(("default", "update")),
    "grow_policy": Choice(("depthwise", "lossguide")),
    "max_leaves": Number(WHOLE, 0),
    "max_bin": Number(WHOLE, 0),
    "predictor": Choice(("auto", "cpu_predictor", "gpu_predictor")),
    "monotone_constraints": Literal(1, lambda number: number in (-1, 0, 1), "[-1, 0, 1]"),
    "interaction_constraints": Literal(2, lambda number: number >= 1, "[1, +inf)"),
    "sample_type": Choice(("uniform", "weighted")),
    "normalize_type": Choice(("tree", "forest")),
    "rate_drop": UNIT,
    "one_drop": BIT,
    "skip_drop": UNIT,
    "lambda_bias": UNIT,
    "tweedie_variance_power": Number(REAL, 1, 2, open_low=True, open_high=True),
    "huber_slope": FROM_0,
    "objective": Choice(OBJECTIVES),
    "num_class": Number(WHOLE, 2),
    "base_score": FROM_0,
    "_kfold": Number(WHOLE, 2),
    "_num_cv_round": COUNT,
    "_tuning_objective_metric": _objective_metric,
    "eval_metric": Listed(METRICS, _threshold),
    "seed": Number(WHOLE, -(2**31), 2**31 - 1, open_low=True, open_high=True),
    "num_parallel_tree": COUNT,
    "save_model_on_termination": YES_NO,
    "aft_loss_distribution": Choice(("normal", "logistic", "extreme")),
    "aft_loss_distribution_scale": FROM_0,
    "single_precision_histogram": YES_NO,
    "deterministic_histogram": YES_NO,
    "sampling_method": Choice(("uniform", "gradient_based")),
    "prob_buffer_row": Number(REAL, 1, open_low=True),
    "use_dask_gpu_training": YES_NO,
}
ALIASES: Mapping[str, str] = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha"}
# What steers the container and is not passed on to XGBoost.
OF_THE_CONTAINER = frozenset(
    {"num_round", "early_stopping_rounds", "csv_weights", "eval_metric", "save_model_on_termination", "_tuning_objective_metric"}
    | {"_kfold", "_num_cv_round", "use_dask_gpu_training", "dsplit", "deterministic_histogram", "single_precision_histogram", "predictor", "sketch_eps"}
    | {"prob_buffer_row"}
)
Values = Mapping[str, Any]


def _classes_need_their_number(values: Values) -> str | None:
    objective, classes = str(values.get("objective", "")), values.get("num_class")
    if objective.startswith("multi:") and classes is None:
        return "Require input for parameter 'num_class' for multi-classification"
    if classes is not None and not objective.startswith("multi:"):
        return "Do not need to setup parameter 'num_class' for learning task other than multi-classification."
    return None


def _metrics_fit_the_objective(values: Values) -> str | None:
    metrics, objective = values.get("eval_metric", ()), str(values.get("objective", ""))
    if "auc" in metrics and not objective.startswith(("binary:", "rank:")):
        return "Metric 'auc' can only be applied for classification and ranking problems."
    if "aft-nloglik" in metrics and objective != "survival:aft":
        return "Metric 'aft-nloglik' can only be applied for 'survival:aft' objective."
    return None


def _updaters_fit_the_booster(values: Values) -> str | None:
    updaters = values.get("updater")
    if updaters is None:
        return None
    if values.get("booster") == "gblinear":
        fits = len(updaters) == 1 and updaters[0] in OF_LINES
        return None if fits else "Linear updater should be one of these options: 'shotgun', 'coord_descent'."
    if values.get("process_type") == "update":
        return None if set(updaters) <= set(OF_UPDATES) else "process_type 'update' can only be used with updater 'refresh' and 'prune'"
    if not set(updaters) <= set(OF_TREES):
        return f"Tree updater should be selected from these options: {', '.join(map(repr, OF_TREES))}."
    if sum(updater in GROWING for updater in updaters) > 1:
        return f"Only one tree grow plugin can be selected. Choose one from the following: {', '.join(map(repr, GROWING))}"
    return None


def _constraints_fit_the_tree_method(values: Values) -> str | None:
    method = values.get("tree_method")
    if "monotone_constraints" in values and method not in ("exact", "hist"):
        return "monotone_constraints can be used only when the tree_method parameter is set to either 'exact' or 'hist'."
    if "interaction_constraints" in values and method not in ("exact", "hist", "approx"):
        return "interaction_constraints can be used only when the tree_method parameter is set to either 'exact', 'hist' or 'approx'."
    return None


def _no_gpu(values: Values) -> str | None:
    if values.get("use_dask_gpu_training") == "true":
        return "Some configurations unsuitable for Dask GPU training were found: the instance has no GPU; jobs that run here have none"
    return None


RULES = (_classes_need_their_number, _metrics_fit_the_objective, _updaters_fit_the_booster, _constraints_fit_the_tree_method, _no_gpu)


def _renamed(given: Mapping[str, str]) -> dict[str, str]:
    """Return the texts without the quotes of JSON, under the names that XGBoost has.

    Raises:
        CustomerError: one is given under two names.
    """
    renamed: dict[str, str] = {}
    for name, value in given.items():
        own = ALIASES.get(name, name)
        if own in renamed:
            alias = next(alias for alias, meant in ALIASES.items() if meant == own)
            raise CustomerError(f"Hyperparameter {alias} is another name of {own}, and both are given; give one of them")
        renamed[own] = str(value).strip().strip('"')
    return renamed


def kind_of(name: str) -> Callable[[str, str], Any] | None:
    """Return what reads a hyperparameter's text, None for one that the container does not know."""
    return HYPERPARAMETERS.get(ALIASES.get(name, name))


def validate(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the hyperparameters under their own names, in their own types.

    Raises:
        CustomerError: one is unknown, of the wrong type or out of range, one that is needed is missing, or two do not go together.
    """
    renamed = _renamed(given)
    if "num_round" not in renamed:
        raise CustomerError("Missing required hyperparameter: num_round")
    for name in renamed:
        if name not in HYPERPARAMETERS:
            raise CustomerError(f"Extraneous hyperparameter found: {name}")
    values = {name: HYPERPARAMETERS[name](name, value) for name, value in renamed.items()}
    for problem in (rule(values) for rule in RULES):
        if problem:
            raise CustomerError(problem)
    if "updater" in values:
        values["updater"] = ",".join(values["updater"])
    return values
