"""Find labels and answers in the columns of a data set, as the attributes of a model quality job name them."""

from __future__ import annotations

import re
from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from jobkit.failure import JobError
from jobkit.monitor.cells import PART, WHOLE
from jobkit.monitor.quality import Predictions

TRUTH, OUTPUT = "groundTruthData_", "endpointOutput_"
NEGATIVE, POSITIVE = frozenset({"0", "false", "no", "n"}), frozenset({"1", "true", "yes", "y"})


class Attributes(NamedTuple):
    """Hold the names of the columns: of the answer, of the positive class's probability, of the truth; and the probability from which a row is positive."""

    inference: Optional[str] = None
    probability: Optional[str] = None
    truth: Optional[str] = None
    threshold: float = 0.5


def predictions(problem: str, table: Any, attributes: Attributes) -> Tuple[Predictions, int]:
    """Return the rows that have a label and an answer, and how many have not.

    `table` is an Arrow table. Of two classes an answer is the inference column's, else the probability's at the threshold.

    Raises:
        JobError: the problem is unknown, a column is not there, is not named or does not hold what the problem needs, or no row is left.
    """
    if problem not in READERS:
        raise JobError("problem_type: got {!r}; expected one of {}".format(problem, ", ".join(READERS)))
    truth = _column(table, "ground_truth_attribute", attributes.truth or TRUTH + "0", TRUTH)
    answer = _column(table, "inference_attribute", attributes.inference, OUTPUT) if attributes.inference else None
    chance = _column(table, "probability_attribute", attributes.probability, OUTPUT) if attributes.probability else None
    if answer is None and (chance is None or problem != "BinaryClassification"):
        raise JobError("{}: got no inference_attribute; expected the name of the column with the model's answer".format(problem))
    columns = [column for column in (truth, answer, chance) if column is not None]
    whole = [all(column[place] is not None for column in columns) for place in range(len(truth))]
    if not any(whole):
        raise JobError("{}: no row has both a label and an answer, of {}. Give the rows' ground truth".format(problem, len(whole)))
    kept = [None if column is None else [value for value, good in zip(column, whole) if good] for column in (truth, answer, chance)]
    return READERS[problem](kept[0] or [], kept[1], kept[2], attributes), whole.count(False)


def _column(table: Any, key: str, name: Optional[str], prefix: str) -> List[Optional[str]]:
    """Return a column as text; of captured records also by its place or name within the output or the truth, as `0` for the first of a CSV output."""
    from jobkit.monitor.rows import as_text

    for full in (str(name), prefix + str(name)):
        if full in table.column_names:
            values = table.column(table.column_names.index(full)).to_pylist()
            return [None if value is None or value != value or value == "" else as_text(value) for value in values]
    raise JobError("{}: there is no column {!r}; got {}".format(key, name, ", ".join(table.column_names)[:300]))


def _numbers(values: Sequence[str], what: str) -> np.ndarray:
    wrong = next((value for value in values if not (re.match(WHOLE, value) or re.match(PART, value))), None)
    if wrong is not None:
        raise JobError("{}: got {!r}; expected numbers".format(what, wrong[:50]))
    return np.array([float(value.replace(" ", "")) for value in values])


def _regression(truth: List[str], answer: Optional[List[str]], chance: Optional[List[str]], attributes: Attributes) -> Predictions:
    return Predictions(_numbers(truth, "the label"), _numbers(answer or [], "the answer"))


def _binary(truth: List[str], answer: Optional[List[str]], chance: Optional[List[str]], attributes: Attributes) -> Predictions:
    probability = None if chance is None else _numbers(chance, "the probability")
    is_positive = positive_of([*truth, *(answer or [])])
    target = np.array([is_positive(value) for value in truth], dtype=np.int64)
    if answer is None and probability is not None:
        predicted = (probability >= attributes.threshold).astype(np.int64)
    else:
        predicted = np.array([is_positive(value) for value in answer or []], dtype=np.int64)
    return Predictions(target, predicted, ("0", "1"), probability)


def positive_of(values: Sequence[str]) -> Callable[[str], bool]:
    """Return what tells whether a label is the positive one: 1, true, yes, y; of two other texts the last by name.

    Raises:
        JobError: there are more than two labels.
    """
    names = sorted({_plain(value) for value in values})
    if all(name.lower() in NEGATIVE | POSITIVE for name in names):
        return lambda value: _plain(value).lower() in POSITIVE
    if len(names) > 2:
        raise JobError("BinaryClassification: got the labels {}; expected two".format(", ".join(names)[:200]))
    return lambda value: _plain(value) == names[-1]


def _plain(value: str) -> str:
    """Return a label without the `.0` that a column of whole numbers gets on its way."""
    return value[:-2] if re.match(r"^-?[0-9]+\.0$", value) else value


def _multiclass(truth: List[str], answer: Optional[List[str]], chance: Optional[List[str]], attributes: Attributes) -> Predictions:
    given = [[_plain(value) for value in values] for values in (truth, answer or [])]
    classes = tuple(sorted({value for values in given for value in values}, key=_class_order))
    places = {name: place for place, name in enumerate(classes)}
    target, predicted = (np.array([places[value] for value in values], dtype=np.int64) for values in given)
    return Predictions(target, predicted, classes)


def _class_order(name: str) -> Tuple[int, float, str]:
    """Order classes that are numbers by their value, before those that are not."""
    return (0, float(name), name) if re.match(r"^-?[0-9]+$", name) else (1, 0.0, name)


READERS: Mapping[str, Callable[[List[str], Optional[List[str]], Optional[List[str]], Attributes], Predictions]] = {
    "Regression": _regression,
    "BinaryClassification": _binary,
    "MulticlassClassification": _multiclass,
}
