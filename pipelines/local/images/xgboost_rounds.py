"""Train one model of built-in XGBoost, and what happens after each round: the log line, checkpoints, the model so far, early stopping."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

from pipelines.algorithms.kinds import CustomerError
from pipelines.local.images import xgboost_auc, xgboost_metrics

MODEL_FILE = "xgboost-model"
CHECKPOINT = re.compile(r"xgboost-checkpoint\.(\d+)")
KEPT_CHECKPOINTS = 5
UNFINISHED = ".sagemaker-ignore"
Measure = Callable[[Any], Mapping[str, float]]


@dataclass(frozen=True)
class Rounds:
    """Choose what happens in each round.

    `first` is the number of the first round, above 0 after a checkpoint; `stopping` is None or, for early stopping, the rounds and the metric (None: the last
    that is printed). Of several instances all go on from the same checkpoint, and the `master` prints and saves.
    """

    model: Path
    checkpoints: Path | None = None
    first: int = 0
    stopping: tuple[int, str | None] | None = None
    saves_model: bool = False
    master: bool = True


@dataclass(frozen=True)
class Fit:
    """Hold what all models of a job have in common: XGBoost's parameters, the number of rounds, and the arguments for the container's own metrics."""

    parameters: Mapping[str, Any]
    num_round: int
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def run(self, matrices: Mapping[str, Any], rounds: Rounds) -> tuple[Any, Mapping[str, Mapping[str, list[float]]]]:
        """Train on the DMatrix `train`, from the newest checkpoint on when there is one; return the Booster and every round's metrics by matrix."""
        import xgboost

        before, first = latest_checkpoint(rounds.checkpoints)
        results: dict[str, dict[str, list[float]]] = {}
        measure = None if self.metrics else xgboost_auc.measure(self.parameters, matrices, version())
        booster = xgboost.train(
            dict(self.parameters),
            matrices["train"],
            num_boost_round=max(0, self.num_round - first),
            evals=() if measure else [(matrix, name) for name, matrix in matrices.items()],
            evals_result=results,
            verbose_eval=False,
            callbacks=[*measured(measure), *callbacks(replace(rounds, first=first), validated="validation" in matrices)],
            xgb_model=before,
            **self.metrics,
        )
        return booster, results


def version() -> tuple[int, int]:
    """Return major and minor version of the XGBoost that runs."""
    import xgboost

    major, minor = xgboost.__version__.split(".")[:2]
    return int(major), int(minor)


def save(booster: Any, file: Path) -> None:
    """Write a model whole or not at all, as this version's image does: XGBoost's old binary format before 2, UBJSON from 2 on.

    The bytes are XGBoost's, the file is ours: where there is no real /opt/ml, what C++ opens by name would not be found.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(file.name + UNFINISHED)
    formats = () if version() < (1, 6) else ("deprecated",) if version() < (2, 0) else ("ubj",)
    unfinished.write_bytes(booster.save_raw(*formats))
    os.replace(unfinished, file)


def latest_checkpoint(folder: Path | None) -> tuple[Any, int]:
    """Return the newest checkpoint's Booster and the number of rounds it has; None and 0 without one.

    Raises:
        CustomerError: it is damaged.
    """
    import xgboost

    found = {int(match.group(1)): path for path in (folder.iterdir() if folder and folder.is_dir() else ()) if (match := CHECKPOINT.fullmatch(path.name))}
    if not found:
        return None, 0
    last = max(found)
    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(found[last].read_bytes()))
    except (ValueError, xgboost.core.XGBoostError) as error:
        raise CustomerError(f"Checkpoint {found[last].name} cannot be loaded: {str(error).splitlines()[0]}. Remove it to go on from the one before.") from None
    print(f"Checkpoint loaded from {found[last]}")
    print(f"Resuming from iteration {last + 1}")
    return booster, last + 1


def measured(measure: Measure | None) -> list[Any]:
    """Return XGBoost's callbacks that add what `measure` finds to the metrics of each round, where the callbacks after them read it; none without it."""
    import xgboost

    if measure is None:
        return []
    score = measure

    class AfterRound(xgboost.callback.TrainingCallback):  # type: ignore[misc]
        """Add a round's values as XGBoost adds its own."""

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            """Append to the history of each DMatrix; never stop the training."""
            for name, value in score(model).items():
                evals_log.setdefault(name, {}).setdefault(xgboost_auc.METRIC, []).append(value)
            return False

    return [AfterRound()]


def callbacks(rounds: Rounds, *, validated: bool) -> list[Any]:
    """Return XGBoost's callbacks, in the container's order: log, checkpoint, model so far, early stopping on the validation rows."""
    import xgboost

    class AfterRound(xgboost.callback.TrainingCallback):  # type: ignore[misc]
        """Print the round's line, then write what is to be written; never stop the training."""

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            """Print the newest value of every metric; keep the newest checkpoints."""
            number = rounds.first + epoch
            if not rounds.master:
                return False
            print(line(number, evals_log))
            if rounds.checkpoints is not None:
                save(model, rounds.checkpoints / f"xgboost-checkpoint.{number}")
                (rounds.checkpoints / f"xgboost-checkpoint.{number - KEPT_CHECKPOINTS}").unlink(missing_ok=True)
            if rounds.saves_model:
                save(model, rounds.model)
            return False

    if not (rounds.stopping and validated):
        return [AfterRound()]
    patience, metric = rounds.stopping
    chosen = {"metric_name": metric, "maximize": xgboost_metrics.is_maximized(metric)} if metric else {}
    return [AfterRound(), xgboost.callback.EarlyStopping(rounds=patience, data_name="validation", save_best=True, **chosen)]


def line(number: int, evals_log: Mapping[str, Mapping[str, list[float]]]) -> str:
    """Return a round's line as the container prints it: names and values with five digits, separated by TABs."""
    pairs = [(f"{name}-{metric}", history[-1]) for name, metrics in evals_log.items() for metric, history in metrics.items()]
    return "\t".join([f"[{number}]", *(f"{name}:{value:.5f}" for name, value in pairs)])


def end_well_on_termination(model: Path) -> None:
    """Let SIGTERM end the job with exit code 0 and the model of the newest round, as `save_model_on_termination` does."""

    def end(number: int, frame: FrameType | None) -> None:
        for torn in model.parent.glob(f"*{UNFINISHED}"):
            torn.unlink(missing_ok=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
