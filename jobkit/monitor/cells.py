"""Tell what a column holds by Deequ's rules (`StatefulDataType`, `DataType`): each cell is whole, fractional or text, and the column what its cells allow.

Numbers are what these expressions match, nothing else: `NaN`, `inf`, `.5`, `1,000` and ` 5` are text. `true` and `false` are Deequ's Boolean, which Model
Monitor does not list among its types; they count as text here.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

import numpy as np

from jobkit.arrow import values_of

INTEGRAL, FRACTIONAL, STRING, UNKNOWN = "Integral", "Fractional", "String", "Unknown"
WHOLE = r"^(-|\+)? ?[0-9]+$"
PART = r"^(-|\+)? ?[0-9]+((\.[0-9]+)|((?:\.[0-9]+)?[Ee][-+]?[0-9]+))$"


class Cells(NamedTuple):
    """Hold one column: how many cells are of which kind, the numbers (float64, shape (present,)) or an Arrow array of the present texts."""

    kind: str
    present: int
    missing: int
    whole: int
    fractional: int
    numbers: Optional[np.ndarray] = None
    texts: Any = None

    @property
    def text(self) -> int:
        """Return how many cells are neither whole nor fractional."""
        return self.present - self.whole - self.fractional


def cells(array: Any) -> Cells:
    """Return what an Arrow array of text, numbers or booleans holds; NaN counts as missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array), None, array)
    missing = array.null_count
    array = array.drop_null()
    present = len(array)
    if pa.types.is_integer(array.type):
        return _numeric(array, missing, present, 0)
    if pa.types.is_floating(array.type):
        return _numeric(array, missing, 0, present)
    if pa.types.is_boolean(array.type):
        return Cells(STRING if present else UNKNOWN, present, missing, 0, 0, None, array.cast(pa.string()))
    return _of_text(array, missing)


def _of_text(array: Any, missing: int) -> Cells:
    import pyarrow.compute as pc

    whole = _matching(array, WHOLE)
    fractional = 0 if whole == len(array) else _matching(array, PART)
    if whole + fractional < len(array):
        return Cells(STRING, len(array), missing, whole, fractional, None, array)
    if pc.any(pc.match_substring(array, " ")).as_py():
        array = pc.replace_substring(array, " ", "")
    return _numeric(array, missing, whole, fractional)


def _matching(array: Any, pattern: str) -> int:
    import pyarrow.compute as pc

    return int(pc.sum(pc.match_substring_regex(array, pattern)).as_py() or 0)


def _numeric(array: Any, missing: int, whole: int, fractional: int) -> Cells:
    import pyarrow as pa

    kind = FRACTIONAL if fractional else INTEGRAL if whole else UNKNOWN
    numbers = values_of(array.cast(pa.float64(), safe=False)) if whole + fractional else None
    return Cells(kind, whole + fractional, missing, whole, fractional, numbers)
