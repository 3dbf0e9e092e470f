"""Trials of the recipe: does it learn from a label that means nothing, and do rows change each other?"""

from __future__ import annotations

import math
from typing import Any, Dict, Iterator, Mapping

import numpy as np

from jobkit import label as labels
from jobkit import recipe as recipes
from jobkit.columns import Table
from jobkit.failure import JobError
from jobkit.leakage.evidence import HIGH, Case, Finding, fields_of, some_rows
from jobkit.profile.leakage import auc, binned
from jobkit.profile.target import REGRESSION
from jobkit.steps.base import Context

TRIED_ROWS, FEWEST = 3000, 200
SPREADS, LEAST = 5.0, 0.08
LOOKED_AT = 16


def shuffled_label(case: Case) -> Iterator[Finding]:
    """Yield that a model learns from shuffled labels: the recipe is fitted anew on half of a sample whose labels are shuffled and judged on the other half."""
    origins = np.concatenate(list(case.origins.values()))
    rows = case.raw.take(np.sort(origins[some_rows(len(origins), TRIED_ROWS, case.seed)]))
    if len(rows) < FEWEST:
        return
    generator = np.random.RandomState(case.seed)
    name = case.job["label"]["column"]
    rows = rows.replaced({name: rows[name].take(generator.permutation(len(rows)))})
    try:
        score, spread = _trial(rows, case, generator)
    except JobError:  # half of a sample may lack what the recipe needs, which says nothing of the recipe
        return
    if score - 0.5 > max(LEAST, SPREADS * spread):
        text = "With shuffled labels a quick model still reaches {:.3f} on rows it never saw, where 0.5 is chance (± {:.3f}): a step tells it the label."
        advice = "Look at the python steps, and at encodings made with the label before the split."
        yield Finding("shuffled-label", HIGH, [], score, text.format(score, spread), advice)


def _trial(rows: Table, case: Case, generator: Any) -> Any:
    """Return the rank score of a quick model (0.5 is chance) and its standard deviation under chance."""
    _, early, late = recipes.divide(case.job["recipe"])
    context = Context(label=case.job["label"]["column"], training=True, seed=case.seed)
    start = Table(rows.columns, np.arange(len(rows)))
    before, rows = recipes.run(start, early, context)
    target = _ranks(labels.READ[case.job["problem"]](rows[context.label], case.job["label"])[0], case.job["problem"])
    whole = np.full(len(start), np.nan)
    whole[rows.origin] = target
    mixed = generator.permutation(len(rows))
    half = len(rows) // 2
    train, test = rows.take(np.sort(mixed[:half])), rows.take(np.sort(mixed[half:]))
    after, train = recipes.run(train, late, context._replace(target=whole))
    fitted = recipes.finish(recipes.schema_of(start, context.label), before, after, train, context)
    told, asked = (recipes.features(part, fitted) for part in (train, recipes.transform(test, fitted)))
    return _judged(_answers(told, whole[train.origin], asked), whole[test.origin])


def _answers(told: Mapping[str, np.ndarray], target: np.ndarray, asked: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return log odds for the rows in `asked` (float64): naive Bayes on the features in bins, learnt from the rows in `told`."""
    known = len(target)
    both = {name: np.concatenate([values, asked[name]]) for name, values in told.items()}
    odds = np.zeros(len(next(iter(asked.values()))))
    for field in fields_of(both, np.arange(known + len(odds))):
        cells, count = binned(field)
        positive, negative = (np.bincount(cells[:known][target == side], minlength=count) + 1.0 for side in (1, 0))
        odds += np.log(positive / positive.sum() / (negative / negative.sum()))[cells[known:]]
    return odds


def _judged(answers: np.ndarray, actual: np.ndarray) -> Any:
    few, many = int((actual > 0.5).sum()), int((actual <= 0.5).sum())
    _, places = np.unique(answers, return_inverse=True)
    counts = [np.bincount(places.reshape(-1)[side], minlength=int(places.max()) + 1) for side in (actual > 0.5, actual <= 0.5)]
    score = auc(np.arange(len(counts[0]), dtype=np.float64), counts[0], counts[1])
    return 0.5 if score is None else score, math.sqrt((few + many + 1) / (12.0 * max(1, few) * max(1, many)))


def _ranks(target: np.ndarray, problem: str) -> np.ndarray:
    """Return a label of two values: amounts above the median, the second of two classes, or the most frequent class against the rest."""
    if problem == REGRESSION:
        return (target > np.median(target)).astype(np.float64)
    values, counts = np.unique(target, return_counts=True)
    return (target == values[-1 if len(values) == 2 else int(counts.argmax())]).astype(np.float64)


def dependent_rows(case: Case) -> Iterator[Finding]:
    """Yield that a row's features change with the rows beside it, which only a python step can do: then a prediction depends on its neighbours."""
    if not any(step["step"] == "python" for step in case.job["recipe"]):
        return
    from jobkit.apply import apply

    rows = case.raw.take(case.origins["test"][:TRIED_ROWS])
    names = [name for name in rows.columns if name != case.job["label"]["column"]]
    rows = rows.having({name: rows[name] for name in names})
    together = apply(rows, dict(case.recipe))
    apart: Dict[str, int] = {}
    for place in some_rows(len(rows), LOOKED_AT, case.seed):
        single = apply(rows.take(np.array([place])), dict(case.recipe))
        for name in single:
            left, right = together[name].iloc[place], single[name].iloc[0]
            apart[name] = apart.get(name, 0) + int(not (left == right or (left != left and right != right)))
    wrong = [name for name, count in apart.items() if count]
    if wrong:
        text = "The features {} change with the rows beside them: a python step looks at other rows than its own."
        advice = "Learn what needs other rows in the step's `fit` function, which sees training rows only."
        yield Finding("dependent-rows", HIGH, wrong, max(apart.values()) / LOOKED_AT, text.format(", ".join(map(repr, wrong[:4]))), advice)
