"""Measure bias: every facet, its groups, before and after training, with a note about every row that is left out."""

from __future__ import annotations

from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from jobkit.clarify import bias, facets, flip
from jobkit.clarify.config import FILE, Config
from jobkit.clarify.dataset import Coded, Dataset, Roles
from jobkit.clarify.predictions import KEY, Predicted, column
from jobkit.failure import JobError

Say = Callable[[str], None]
MATRIX_LABELS = 20


class Entry(NamedTuple):
    """Hold the metrics of one group of a facet, and the counts of the others (`a`) and of the group (`d`)."""

    facet: str
    value: str
    metrics: Tuple[bias.Metric, ...]
    a: bias.Side
    d: bias.Side


class Study(NamedTuple):
    """Hold everything measured. `matrix` is {observed: {predicted: rows}}; `performance` and `matrix` are of all rows, empty without predictions."""

    label: str
    positive: str
    pre: Tuple[Entry, ...] = ()
    post: Tuple[Entry, ...] = ()
    performance: Mapping[str, float] = {}
    matrix: Mapping[str, Mapping[str, int]] = {}
    notes: Tuple[str, ...] = ()
    rows: int = 0


def study(config: Config, rows: Dataset, roles: Roles, predicted: Optional[Predicted], say: Say) -> Study:
    """Return the metrics that the configuration asks for.

    Raises:
        JobError: the label is not there, or none of the positive values occurs although the label has several values.
    """
    if roles.label is None:
        raise JobError("{}: label: got nothing, expected the column of the observed labels".format(FILE))
    labels = facets.coded(column(rows, roles.label))
    observed = _observed(labels, config, roles.label)
    notes = _label_notes(labels, observed, config, roles.label)
    found: Dict[str, List[Entry]] = {"pre": [], "post": []}
    grouped = None if roles.group is None else facets.levels(column(rows, roles.group))
    for place, facet in enumerate(config.facets):
        name = roles.facets[place]
        values = facets.coded(column(rows, name))
        made = facets.groups(values, facet.values, "facet[{}] ({})".format(place, name))
        gone = int((~made[0].present).sum()) if made else rows.rows
        notes += [_gone(gone, "value in the facet {}".format(name))] if gone else []
        if facets.surprises(values, facet.values):
            notes.append(_quantity("the facet " + name, made[0].name))
        notes += ["facet {}: no row is in the group {}".format(name, group.name) for group in made if not group.found]
        for group in made:
            _facet(_Task(config, rows, roles, name, group, observed, predicted, grouped, say), found)
    shown = _overall(labels, observed, predicted)
    notes += _predicted_notes(predicted, labels, observed)
    return Study(roles.label, observed.name, tuple(found["pre"]), tuple(found["post"]), *shown, tuple(notes), rows.rows)


def _quantity(what: str, name: str) -> str:
    """Say that the service's rule makes a quantity of a few whole numbers."""
    return "{} is taken for a quantity, since 5 % or more of its values are distinct: the rows in {} are meant".format(what, name)


def _gone(count: int, what: str) -> str:
    return "{:,} row{} without a {} {} left out".format(count, "" if count == 1 else "s", what, "is" if count == 1 else "are")


def _observed(labels: facets.Values, config: Config, name: str) -> facets.Group:
    if facets.missing(labels).all():
        raise JobError("the label {!r} has no value in any row; expected the observed labels".format(name))
    observed = facets.group(labels, config.label_values, KEY)
    if not observed.found and not facets.is_continuous(labels, config.label_values) and len(facets.distinct(labels)) > 1:
        told = "{}: {}: no row of the label {!r} has {}; got the values {}"
        raise JobError(told.format(FILE, KEY, name, observed.name, facets.listed(labels)))
    return observed


def _predicted_notes(predicted: Optional[Predicted], labels: facets.Values, observed: facets.Group) -> List[str]:
    if predicted is None:
        return []
    gone = int((~predicted.present).sum())
    notes = [_gone(gone, "predicted label")] if gone else []
    if predicted.labels is not None and not predicted.positive.any():
        told = "no predicted label is {}; they are {}, and the label holds {}"
        notes.append(told.format(observed.name, facets.listed(predicted.labels), facets.listed(labels)))
    return notes


def _label_notes(labels: facets.Values, observed: facets.Group, config: Config, name: str) -> List[str]:
    notes = [_quantity("the label " + name, observed.name)] if facets.surprises(labels, config.label_values) else []
    gone = int((~observed.present).sum())
    if gone:
        notes.append(_gone(gone, "label"))
    inside = int(observed.inside.sum())
    if inside in (0, int(observed.present.sum())):
        told = "all labels are the same: {} rows of {} are positive, so differences between groups say nothing"
        notes.append(told.format("all" if inside else "no", name))
    return notes


class _Task(NamedTuple):
    """Hold what the metrics of one group need."""

    config: Config
    rows: Dataset
    roles: Roles
    facet: str
    group: facets.Group
    observed: facets.Group
    predicted: Optional[Predicted]
    grouped: Optional[Coded]
    say: Say


def _facet(task: _Task, found: Dict[str, List[Entry]]) -> None:
    usable = task.observed.present & task.group.present
    if task.config.pre_training:
        found["pre"].append(_entry(task, usable, None, task.config.pre_training))
    if task.config.post_training and task.predicted is not None:
        found["post"].append(_entry(task, usable & task.predicted.present, task.predicted.positive, task.config.post_training))


def _entry(task: _Task, usable: np.ndarray, said: Optional[np.ndarray], names: Sequence[str]) -> Entry:
    every = bool(usable.all())

    def take(values: np.ndarray) -> np.ndarray:
        return values if every else values[usable]

    inside, observed = take(task.group.inside), take(task.observed.inside)
    said = None if said is None else take(said)
    a, d = bias.count(inside, observed, said)
    grouped = None
    if task.grouped is not None and {"CDDL", "CDDPL"} & set(names):
        grouped = bias.count_groups(take(task.grouped.places), len(task.grouped.levels), inside, observed, said)

    def flips() -> bias.Flips:
        features = [name for name in task.roles.features if name != task.facet]
        return flip.flip_test({name: take(task.rows.columns[name]) for name in features}, features, inside, observed if said is None else said, task.say)

    case = bias.Case(a, d, grouped, flips)
    return Entry(task.facet, task.group.name, tuple(bias.measure(case, names)), a, d)


def _overall(labels: facets.Values, observed: facets.Group, predicted: Optional[Predicted]) -> Tuple[Mapping[str, float], Mapping[str, Mapping[str, int]]]:
    """Return the model's performance on all rows and its confusion matrix."""
    if predicted is None:
        return {}, {}
    usable = observed.present & predicted.present
    nobody, everyone = bias.count(np.zeros(int(usable.sum()), dtype=bool), observed.inside[usable], predicted.positive[usable])
    performance = bias.performance(nobody, everyone)
    if predicted.labels is not None and not facets.is_continuous(labels):
        matrix = _matrix(facets.levels(labels), facets.levels(predicted.labels))
        if len(matrix) <= MATRIX_LABELS:
            return performance, matrix
    a = bias.Side(*(int(left + right) for left, right in zip(nobody, everyone)))
    other = "other"
    return performance, {other: {other: int(a.tn), observed.name: int(a.fp)}, observed.name: {other: int(a.fn), observed.name: int(a.tp)}}


def _matrix(observed: Coded, predicted: Coded) -> Mapping[str, Mapping[str, int]]:
    """Return {observed: {predicted: rows}} of the labels that occur; rows where either is missing are left out."""
    wide = len(predicted.levels) + 1
    cells = np.bincount((observed.places + 1) * wide + predicted.places + 1, minlength=(len(observed.levels) + 1) * wide).reshape(-1, wide)[1:, 1:]
    seen = {name for name, row in zip(observed.levels, cells) if row.any()} | {name for name, row in zip(predicted.levels, cells.T) if row.any()}
    down, across = ({name: place for place, name in enumerate(side.levels)} for side in (observed, predicted))
    names = sorted(seen)

    def cell(name: str, other: str) -> int:
        return int(cells[down[name], across[other]]) if name in down and other in across else 0

    return {name: {other: cell(name, other) for other in names} for name in names}
