"""Cross-validation of built-in XGBoost: the hyperparameters `_kfold` and `_num_cv_round`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.local.images import xgboost_rounds
from pipelines.local.images.xgboost_rounds import Fit, Rounds

Results = Mapping[str, Mapping[str, list[float]]]


@dataclass(frozen=True)
class Folds:
    """Choose a cross-validation: so many folds, repeated; stratified by label when the labels are `classes`; `seed` makes the folds.

    The container draws its folds without a seed; ours come from the hyperparameter `seed`, so that a job can be repeated.
    """

    splits: int
    repeats: int
    classes: bool
    seed: int

    def rows(self, labels: Any) -> Iterator[tuple[Any, Any]]:
        """Yield the numbers of the rows to train on and of those held out, int arrays, fold by fold."""
        from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

        kind = RepeatedStratifiedKFold if self.classes else RepeatedKFold
        folds = kind(n_splits=self.splits, n_repeats=self.repeats, random_state=self.seed)
        yield from folds.split(range(len(labels)), labels if self.classes else None)


def train(folds: Folds, whole: Any, fit: Fit, rounds: Rounds, predictions: Path) -> None:
    """Train and save a model per fold, `xgboost-model-0` and on, print the mean of their last metrics, and write what they predict for rows held out.

    `whole` is the DMatrix of all rows. `predictions` becomes CSV without header: label, mean probability and most frequent class of the repeats, or label and
    mean prediction.
    """
    print(f"Run {folds.repeats}-round of {folds.splits}-fold cross validation with {whole.num_row()} rows")
    labels = whole.get_label()
    held_out: list[tuple[Any, Any]] = []
    results: list[Results] = []
    for number, (inside, outside) in enumerate(folds.rows(labels)):
        print(f"Train cross validation fold {number % folds.splits + 1}")
        matrices = {"train": whole.slice(inside), "validation": whole.slice(outside)}
        own = _of_fold(rounds, number)
        booster, result = fit.run(matrices, own)
        if rounds.master:
            xgboost_rounds.save(booster, own.model)
        held_out.append((outside, booster.predict(matrices["validation"])))
        results.append(result)
        if rounds.master and len(results) % folds.splits == 0:
            print(f"The metrics of round {len(results) // folds.splits} cross validation")
            print(mean_line(fit.num_round, results[-folds.splits :]))
    if not rounds.master:
        return
    if folds.repeats > 1:
        print(f"The overall metrics of {folds.repeats}-round cross validation")
        print(mean_line(fit.num_round, results))
    _write(predictions, labels, held_out, folds)


def _of_fold(rounds: Rounds, number: int) -> Rounds:
    checkpoints = rounds.checkpoints / f"model-{number}" if rounds.checkpoints else None
    return replace(rounds, model=rounds.model.with_name(f"{rounds.model.name}-{number}"), checkpoints=checkpoints)


def mean_line(num_round: int, results: Sequence[Results]) -> str:
    """Return the line with the mean of each metric's last value over folds; folds that a checkpoint had finished have none."""
    import numpy

    known = [result for result in results if result]
    names = [(data, metric) for metric in (known[0]["train"] if known else ()) for data in ("train", "validation")]
    means = [f"{data}-{metric}:{numpy.mean([result[data][metric][-1] for result in known]):.5f}" for data, metric in names]
    return "\t".join([f"[{num_round}]", *means])


def _write(file: Path, labels: Any, held_out: Sequence[tuple[Any, Any]], folds: Folds) -> None:
    """Write the predictions; every row was held out once in each repeat."""
    import numpy

    values, chosen = (numpy.zeros((len(labels), folds.repeats)) for _ in range(2))
    for number, (rows, predicted) in enumerate(held_out):
        repeat = number // folds.splits
        best = predicted.argmax(axis=1) if predicted.ndim == 2 else (predicted > 0.5)
        values[rows, repeat] = predicted.max(axis=1) if predicted.ndim == 2 else predicted
        chosen[rows, repeat] = best
    columns = [labels, values.mean(axis=1)]
    if folds.classes:
        columns.append(numpy.array([numpy.bincount(row).argmax() for row in chosen.astype(int)]))
    file.parent.mkdir(parents=True, exist_ok=True)
    numpy.savetxt(file, numpy.column_stack(columns), delimiter=",", fmt="%f")
