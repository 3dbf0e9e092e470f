"""Read JSON Lines and JSON into columns: `features`, `label` and `predicted_label` are paths into a record; without `features` a record is a flat object."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NoReturn, Optional, Sequence, Tuple

import numpy as np

from jobkit.clarify import json_path
from jobkit.clarify.config import FILE, JSON, JSON_LINES, Config
from jobkit.delimited import opened
from jobkit.failure import JobError

Read = Tuple[List[str], Dict[str, np.ndarray], int]
# What stands after the features, in the order that the service's `headers` have.
AFTER = ("label", "predicted_label")


def is_number(text: str) -> bool:
    """Tell whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def place_of(config: Config, part: str, width: int) -> int:
    """Return the column of the label or the predicted label: they follow the features in this order (Clarify's convention for `headers` of JSON)."""
    given = [name for name in AFTER if getattr(config, name) is not None]
    return width - len(given) + given.index(part)


def _lines(config: Config, path: Path) -> Read:
    values = []
    with opened(path) as stream:
        for number, line in enumerate(stream.read().decode("utf-8-sig", "replace").split("\n"), 1):
            if line.strip():
                values.append(_loaded(line, "{}, line {}".format(path.name, number)))
    if config.features is None:
        return _flat(config, values, path)
    features, after = config.features, [str(getattr(config, name)) for name in AFTER if getattr(config, name) is not None]
    rows = [_row(json_path.search(features, value)) for value in values]
    return _table(config, rows, [[json_path.search(name, value) for value in values] for name in after], path)


def _whole(config: Config, path: Path) -> Read:
    with opened(path) as stream:
        value = _loaded(stream.read().decode("utf-8-sig", "replace"), path.name)
    if config.features is None:
        return _flat(config, value if isinstance(value, list) else [value], path)
    found = json_path.search(config.features, value)
    if not isinstance(found, list):
        _nothing(config, "features", found, path)
    after = []
    for name in AFTER:
        if getattr(config, name) is not None:
            column = json_path.search(str(getattr(config, name)), value)
            if not isinstance(column, list) or len(column) != len(found):
                _nothing(config, name, column, path)
            after.append(column)
    return _table(config, [_row(item) for item in found], after, path)


def _nothing(config: Config, key: str, found: Any, path: Path) -> NoReturn:
    told = "{}: {}: {!r} finds {} in {}; expected a list with one entry a row"
    what = "nothing" if found is None else "{} entries".format(len(found)) if isinstance(found, list) else "a single value"
    raise JobError(told.format(FILE, key, getattr(config, key), what, path.name))


READERS: Mapping[str, Callable[[Config, Path], Read]] = {JSON_LINES: _lines, JSON: _whole}


def _loaded(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise JobError("{}: this is not JSON: {}".format(where, error)) from None


def _row(found: Any) -> List[Any]:
    return found if isinstance(found, list) else [found]


def _flat(config: Config, values: Sequence[Any], path: Path) -> Read:
    wrong = next((place for place, value in enumerate(values, 1) if not isinstance(value, dict)), None)
    if wrong is not None:
        raise JobError("{}: record {} is no object; name its list of values as {}: features".format(path.name, wrong, FILE))
    names = list(config.headers) or list(dict.fromkeys(name for value in values for name in value))
    return names, {name: as_column([value.get(name) for value in values]) for name in names}, len(values)


def _table(config: Config, rows: Sequence[List[Any]], after: Sequence[List[Any]], path: Path) -> Read:
    width = len(rows[0]) if rows else 0
    uneven = next((place for place, row in enumerate(rows, 1) if len(row) != width), None)
    if uneven is not None:
        raise JobError("{}: record {} has {} features, expected {} as the first has".format(path.name, uneven, len(rows[uneven - 1]), width))
    columns = [*([row[place] for row in rows] for place in range(width)), *after]
    names = list(config.headers) or [*("column_{}".format(place) for place in range(width)), *_after_names(config)]
    if len(names) != len(columns):
        told = "{}: headers: got {} names, expected {}: the features, then label and predicted_label where they are named"
        raise JobError(told.format(FILE, len(names), len(columns)))
    return names, {name: as_column(values) for name, values in zip(names, columns)}, len(rows)


def _after_names(config: Config) -> List[str]:
    return [str(getattr(config, name)) for name in AFTER if getattr(config, name) is not None]


def as_column(values: Sequence[Any]) -> np.ndarray:
    """Return Python values as float64 where all are numbers, booleans or None (NaN), else as objects (str, None)."""
    if all(value is None or isinstance(value, (bool, int, float)) for value in values):
        return np.array([math.nan if value is None else float(value) for value in values], dtype=np.float64)
    made = np.empty(len(values), dtype=object)
    made[:] = [_text(value) for value in values]
    return made


def _text(value: Any) -> Optional[str]:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
