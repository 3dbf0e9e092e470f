"""The flip test: is a disadvantaged row predicted as its nearest neighbours on the other side are?"""

from __future__ import annotations

from typing import Callable, Mapping, Sequence

import numpy as np

from jobkit.clarify.bias import Flips, Undefined
from jobkit.clarify.facets import missing

NEIGHBOURS, FEW_ROWS = 5, 10
CHUNK_ROWS = 20_000
NOT_NUMERIC = "FlipTest does not support non-numeric columns"
GAPS = "FlipTest does not support missing values"
ENDLESS = "FlipTest does not support infinite values"
NO_FEATURES = "FlipTest needs a feature besides facet and label"


def flip_test(
    columns: Mapping[str, np.ndarray], features: Sequence[str], disadvantaged: np.ndarray, predicted: np.ndarray, say: Callable[[str], None]
) -> Flips:
    """Count the flips by five nearest neighbours (one, with fewer than ten rows to look among), Euclidean, features as they are.

    `columns` are float64 of shape (rows,), `disadvantaged` and `predicted` bool of the same shape. All rows are compared, as the service defines it; `say`
    tells how far it got where there are many.

    Raises:
        Undefined: a feature is not numeric, or has missing or infinite values, or there is none.
    """
    if not features:
        raise Undefined(NO_FEATURES)
    if any(columns[name].dtype.kind != "f" for name in features):
        raise Undefined(NOT_NUMERIC)
    if any(missing(columns[name]).any() for name in features):
        raise Undefined(GAPS)
    if any(np.isinf(columns[name]).any() for name in features):
        raise Undefined(ENDLESS)
    rows = np.column_stack([columns[name] for name in features])
    neighbours = _neighbours(rows[~disadvantaged], predicted[~disadvantaged], rows[disadvantaged], say)
    own = predicted[disadvantaged]
    return Flips(int((own & ~neighbours).sum()), int((~own & neighbours).sum()))


def _neighbours(known: np.ndarray, answers: np.ndarray, asked: np.ndarray, say: Callable[[str], None]) -> np.ndarray:
    """Return the majority among the neighbours of each row that is asked about (bool, shape (asked,))."""
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(n_neighbors=NEIGHBOURS if len(known) >= FEW_ROWS else 1, metric="minkowski", p=2).fit(known, answers)
    found = []
    for start in range(0, len(asked), CHUNK_ROWS):
        if len(asked) > CHUNK_ROWS:
            say("flip test: {:,} of {:,} rows compared with {:,}".format(start, len(asked), len(known)))
        found.append(model.predict(asked[start : start + CHUNK_ROWS]))
    return np.concatenate(found).astype(bool)
