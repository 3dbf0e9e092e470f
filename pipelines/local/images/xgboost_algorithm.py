"""The program of the built-in XGBoost container, `train`: read the channels, train, print the metrics, save the model."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

from pipelines.algorithms.kinds import CustomerError
from pipelines.algorithms.xgboost import OF_THE_CONTAINER, validate
from pipelines.local.images import paths, xgboost_folds, xgboost_hosts, xgboost_metrics, xgboost_rounds
from pipelines.local.images.xgboost_data import Channels, threads
from pipelines.local.images.xgboost_folds import Folds
from pipelines.local.images.xgboost_rounds import MODEL_FILE, Fit, Rounds

# What XGBoost says of data and values that a user can put right; the container calls these user errors (its list, observed).
OF_THE_USER = (
    ("label must be in [0,1] for logistic regression", "label must be in [0, num_class)", "feature_names mismatch", "preds.size() == info.labels_.size()")
    + ("the dataset only contains pos or neg samples", "base_score must be in (0,1) for", "label must be nonnegative")
    + ("Parameter reg_lambda should be greater equal to 0",)
)


def main() -> int:
    """Train as `/opt/ml/input/config` says; a failure goes to `/opt/ml/output/failure`."""
    try:
        train(paths.base())
    except CustomerError as error:
        return _fail("UserError", str(error))
    except Exception as error:  # noqa: BLE001  the job boundary: whatever XGBoost raises becomes the job's FailureReason
        traceback.print_exc()
        said = str(error).partition("\nStack trace:")[0]
        if any(words in said for words in OF_THE_USER):
            return _fail("UserError", said)
        return _fail("AlgorithmError", f"XGB train call failed with exception:\n {said}")
    return 0


def _fail(kind: str, said: str) -> int:
    """Write the container's failure text; of its traceback only the last line, so that the message fits into the 1,024 characters of a FailureReason."""
    print(said, file=sys.stderr)
    raised = f"sagemaker_algorithm_toolkit.exceptions.{kind}"
    paths.write_failure(f"framework error: \nTraceback (most recent call last):\n  ...\n{raised}: {said}\n\n{said}")
    return 1


def train(base: Path) -> None:
    """Train one model and save it as `<base>/model/xgboost-model`, or one per fold.

    Raises:
        CustomerError: a hyperparameter or a channel is wrong.
    """
    values = validate(paths.config("hyperparameters.json"))
    nthread = int(values.get("nthread") or threads())
    channels = Channels(base, paths.config("inputdataconfig.json"), weighted=values.get("csv_weights") == 1, nthread=nthread)
    data = channels.load()
    for name, matrix in data.items():
        print(f"{name.capitalize()} matrix has {matrix.num_row()} rows and {matrix.num_col()} columns")
    names = xgboost_metrics.union(values.get("eval_metric", []), values.get("_tuning_objective_metric", []))
    fit = _fit(values, names, nthread)
    with xgboost_hosts.together(paths.config("resourceconfig.json")) as master:
        rounds = _rounds(base, values, master=master)
        if rounds.saves_model and master:
            xgboost_rounds.end_well_on_termination(rounds.model)
        if "_kfold" in values:
            folds = Folds(values["_kfold"], values.get("_num_cv_round", 1), _has_classes(values), values.get("seed", 0))
            xgboost_folds.train(folds, channels.together(data), fit, rounds, base / "output" / "data" / "predictions.csv")
        else:
            booster, _ = fit.run(data, rounds)
            if master:
                xgboost_rounds.save(booster, rounds.model)


def _fit(values: dict[str, Any], names: list[str], nthread: int) -> Fit:
    own, containers = xgboost_metrics.split(names)
    parameters = {name: value for name, value in values.items() if name not in OF_THE_CONTAINER}
    if own:
        parameters["eval_metric"] = own
    custom = xgboost_metrics.options(containers, values.get("objective", ""), xgboost_rounds.version())
    return Fit({**parameters, "nthread": nthread}, values["num_round"], custom)


def _rounds(base: Path, values: dict[str, Any], *, master: bool) -> Rounds:
    checkpoints = paths.config("checkpointconfig.json").get("LocalPath")
    patience, metrics = values.get("early_stopping_rounds"), values.get("_tuning_objective_metric") or values.get("eval_metric")
    return Rounds(
        model=base / "model" / MODEL_FILE,
        checkpoints=paths.located(checkpoints) if checkpoints else None,
        stopping=(patience, metrics[-1] if metrics else None) if patience else None,
        saves_model=values.get("save_model_on_termination") == "true",
        master=master,
    )


def _has_classes(values: dict[str, Any]) -> bool:
    return "num_class" in values or str(values.get("objective", "")).startswith("binary:")


if __name__ == "__main__":
    sys.exit(main())
