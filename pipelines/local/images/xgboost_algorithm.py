"""The program of the built-in XGBoost container, `train`: read the channels, train, print the metrics, save the model."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

from pipelines.local.images import paths
from pipelines.local.images.hyperparameters import CustomerError
from pipelines.local.images.xgboost_data import load_channels, threads
from pipelines.local.images.xgboost_hyperparameters import OF_THE_CONTAINER, validate

MODEL_FILE = "xgboost-model"
TERMINATED = 143


def main() -> int:
    """Train as `/opt/ml/input/config` says; a failure goes to `/opt/ml/output/failure`."""
    try:
        train(paths.base())
    except CustomerError as error:
        return _fail(f"UserError: {error}")
    except Exception as error:  # noqa: BLE001  the job boundary: whatever XGBoost raises becomes the job's FailureReason
        traceback.print_exc()
        return _fail(f"framework error: \n{traceback.format_exc(limit=3)}\n{error}")
    return 0


def _fail(text: str) -> int:
    print(text, file=sys.stderr)
    paths.write_failure(text)
    return 1


def train(base: Path) -> None:
    """Train one model and save it as `<base>/model/xgboost-model`.

    Raises:
        CustomerError: a hyperparameter or a channel is wrong.
    """
    values = validate(paths.config("hyperparameters.json"))
    nthread = int(values.get("nthread") or threads())
    data = load_channels(base, paths.config("inputdataconfig.json"), weighted=values.get("csv_weights") == "1", nthread=nthread)
    import xgboost

    for name, matrix in data.items():
        print(f"[{name}] {matrix.num_row()} rows, {matrix.num_col()} columns")
    booster = xgboost.train(
        {**{name: value for name, value in values.items() if name not in OF_THE_CONTAINER}, **_metrics(values), "nthread": nthread},
        data["train"],
        num_boost_round=values["num_round"],
        evals=[(matrix, name) for name, matrix in data.items()],
        verbose_eval=False,
        callbacks=_callbacks(values, data),
    )
    (base / "model").mkdir(parents=True, exist_ok=True)
    _save(booster, base / "model" / MODEL_FILE, int(xgboost.__version__.partition(".")[0]))


def _save(booster: Any, file: Path, version: int) -> None:
    """Write the model as the image of this version of XGBoost does: its own binary format before 2, UBJSON from 2 on."""
    if version < 2:
        booster.save_model(str(file))
    else:
        file.write_bytes(booster.save_raw("ubj"))


def _metrics(values: dict[str, Any]) -> dict[str, Any]:
    """Return the evaluation metrics, the tuning objective among them."""
    named = [name.strip() for name in str(values.get("eval_metric", "")).split(",") if name.strip()]
    objective = str(values.get("_tuning_objective_metric", "")).rpartition(":")[2]
    wanted = [*named, *([objective] if objective and objective not in named else [])]
    return {"eval_metric": wanted} if wanted else {}


def _callbacks(values: dict[str, Any], data: dict[str, Any]) -> list[Any]:
    import xgboost

    class Log(xgboost.callback.TrainingCallback):  # type: ignore[misc]
        """Print a line a round, as the container does: names and values with five digits, separated by TABs."""

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            """Print the newest value of every metric; never stop the training."""
            pairs = [(f"{name}-{metric}", history[-1]) for name, metrics in evals_log.items() for metric, history in metrics.items()]
            print("\t".join([f"[{epoch}]", *(f"{name}:{value:.5f}" for name, value in pairs)]))
            return False

    rounds = values.get("early_stopping_rounds")
    stopping = [xgboost.callback.EarlyStopping(rounds, data_name="validation", save_best=True)] if rounds and "validation" in data else []
    return [Log(), *stopping]


if __name__ == "__main__":
    sys.exit(main())
