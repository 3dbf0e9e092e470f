"""What is known of a value of a script: its rows, its columns, and what was learned from rows on its way here."""

from __future__ import annotations

import ast
import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pipelines.lint.columns import ALL, UNKNOWN, Columns


class Part(str, enum.Enum):
    """Say which rows a value holds."""

    none = "no"
    whole = "all"
    train = "training"
    validation = "validation"
    test = "test"


HELD_OUT = (Part.validation, Part.test)
PARTS = {
    Part.train: re.compile(r"(^|_)[xXyYd]?(train|training|trn|tr)(_|\d|$|[A-Z])|[a-z](Train|Training)([A-Z_\d]|$)"),
    Part.validation: re.compile(r"(^|_)[xXyYd]?(val|valid|validation|dev|eval)(_|\d|$|[A-Z])|[a-z](Val|Valid|Validation)([A-Z_\d]|$)"),
    Part.test: re.compile(r"(^|_)[xXyYd]?(test|testing|tst|te|holdout|hold_out)(_|\d|$|[A-Z])|[a-z](Test|Testing)([A-Z_\d]|$)"),
}
ENTIRE = re.compile(r"^(df|data|dataset|frame|table|raw|rows|x|X|features|all_data|full|input_data|dataframe|df_.*|.*_df|.*data)$")


def part_of_name(name: str) -> Part:
    """Return which rows a variable of this name holds by custom."""
    return next((part for part, pattern in PARTS.items() if pattern.search(name)), Part.none)


@dataclass(frozen=True, eq=False)
class Learned:
    """Hold one thing that was learned from rows: the rule it breaks where it reaches a split of these rows."""

    rule: str
    node: ast.expr
    what: str
    part: Part
    roots: frozenset[int]
    columns: Columns


@dataclass(eq=False)
class Thing:
    """Hold an object with a fit: its kind (transformer, selector, model, search, resampler, folds, generator …), its class, and the rows of its last fit."""

    kind: str
    name: str
    keywords: frozenset[str] = frozenset()
    inner: tuple[Value, ...] = ()
    fitted: Value | None = None
    fitted_at: ast.AST | None = None
    learned: frozenset[Learned] = frozenset()


@dataclass(frozen=True, eq=False)
class Value:
    """Hold what is known of a value.

    `roots` are the tables it stems from; `mask` is what was learned for a choice of rows; `chosen` tells that it is such a choice. `names` tells that it is
    column names and not rows, `index` that it is positions of rows of its part. `ordered` tells that its rows stand in time, `distinct` that copies of rows
    were removed, `nulls` that it says where values are missing, `read` that it was read from a file of its own.
    """

    part: Part = Part.none
    roots: frozenset[int] = frozenset()
    columns: Columns = ALL
    learned: frozenset[Learned] = frozenset()
    mask: frozenset[Learned] = frozenset()
    items: tuple[Value, ...] | None = None
    thing: Thing | None = None
    texts: tuple[str, ...] | None = None
    chosen: bool = False
    names: bool = False
    index: bool = False
    ordered: bool = False
    distinct: bool = False
    nulls: bool = False
    read: bool = False
    predicted: Thing | None = None
    function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None = None
    fields: dict[str, Value] = field(default_factory=dict)
    size: int = 1

    @property
    def is_data(self) -> bool:
        """Tell whether it holds rows."""
        return self.part is not Part.none and not self.index and not self.names

    def having(self, **changes: object) -> Value:
        """Return it with some facts changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def taught(self, *others: Value) -> Value:
        """Return it with what flowed into it from others."""
        learned = self.learned.union(*(other.learned | other.mask for other in others))
        return self.having(learned=learned, ordered=self.ordered or any(other.ordered for other in others))


NOTHING = Value()
# A list of lists of more values than this is taken as one value.
MOST_ITEMS = 1_000


def listed(items: tuple[Value, ...], texts: tuple[str, ...] | None = None) -> Value:
    """Return a list of values."""
    size = sum(item.size for item in items) or 1
    return Value(items=items, texts=texts, size=size) if size <= MOST_ITEMS else mixed(items[:1])


def first_data(values: Iterable[Value]) -> Value | None:
    """Return the first value that holds rows, looking into lists."""
    for value in values:
        found = value if value.is_data else first_data(value.items or ())
        if found is not None:
            return found
    return None


def flat(values: Iterable[Value]) -> list[Value]:
    """Return values and, for lists, their items."""
    return [each for value in values for each in (flat(value.items) if value.items is not None else [value])]


def mixed(values: Iterable[Value]) -> Value:
    """Return what an unknown function makes of values: the rows of the first that has any; nothing is known of its columns."""
    every = flat(values)
    data = first_data(every)
    base = data.having(columns=UNKNOWN, items=None, texts=None, thing=None, chosen=False, predicted=None) if data is not None else NOTHING
    roots = frozenset().union(*(value.roots for value in every)) if every else frozenset()
    return base.taught(*every).having(roots=base.roots or roots)


def stacked(values: Iterable[Value], *, beside: bool) -> Value:
    """Return tables put below one another, or beside one another: training with held-out rows is all rows."""
    data = [value for value in flat(values) if value.is_data]
    if not data:
        return mixed(values)
    parts = {value.part for value in data}
    columns = data[0].columns
    for value in data[1:]:
        columns = columns.joined(value.columns)
    made = data[0].having(
        part=data[0].part if beside or len(parts) == 1 else Part.whole,
        roots=frozenset().union(*(value.roots for value in data)),
        columns=columns,
        items=None,
        distinct=all(value.distinct for value in data),
        chosen=False,
    )
    return made.taught(*data)
