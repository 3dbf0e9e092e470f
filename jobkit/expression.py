"""A small, safe language of expressions on the columns of a row: Python's grammar for arithmetic, comparison and logic, and a table of functions; no `eval`.

A missing value makes a result missing, as in SQL; `and` and `or` follow Kleene's logic; a division by zero is missing.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple

import numpy as np

from jobkit.columns import DATE, NUMBER, TEXT, Column, text
from jobkit.failure import JobError

QUOTED = re.compile(r"`([^`]*)`")
LONGEST, DEEPEST = 4000, 50


class Compiled(NamedTuple):
    """Hold an expression ready to run: `kind` of its result, the columns it reads, and what computes it from a mapping of values."""

    kind: str
    columns: Tuple[str, ...]
    run: Callable[[Mapping[str, Any]], Any]


class Node(NamedTuple):
    """Hold a part of an expression: the kind of its value and what computes it."""

    kind: str
    run: Callable[[Mapping[str, Any]], Any]


def names(source: str) -> Tuple[str, ...]:
    """Return the columns that an expression reads, in the order of their first use.

    Raises:
        JobError: it is not an expression of this language.
    """
    tree, quoted = _parse(source)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
    return tuple(dict.fromkeys(quoted.get(name, name) for name in found))


def _parse(source: str) -> Tuple[ast.expr, Dict[str, str]]:
    """Return the syntax tree and the columns that stand in backticks, by the names that stand in for them."""
    quoted: Dict[str, str] = {}

    def placeholder(match: Any) -> str:
        name = "_column_{}_".format(len(quoted))
        quoted[name] = match.group(1)
        return name

    if len(source) > LONGEST:
        raise JobError("the expression has {} characters; expected at most {}".format(len(source), LONGEST))
    try:
        tree = ast.parse(QUOTED.sub(placeholder, source).strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise JobError("expression {!r}: {}; expected e.g. adr * (adults + children)".format(source, getattr(error, "msg", error))) from None
    if _depth(tree) > DEEPEST:
        raise JobError("expression {!r}: nested deeper than {} levels".format(source[:80], DEEPEST))
    return tree, quoted


def _depth(tree: ast.AST) -> int:
    level, depth = [tree], 0
    while level and depth <= DEEPEST:
        level, depth = [child for node in level for child in ast.iter_child_nodes(node)], depth + 1
    return depth


def compile_expression(source: str, kinds: Mapping[str, str]) -> Compiled:
    """Return the expression ready to run on columns of these kinds (number, date or text).

    `run` takes a mapping of column to value: for many rows float64 arrays and text `Column`s, for one row floats (NaN for missing) and texts (None); it
    returns the like.

    Raises:
        JobError: it is not an expression of this language, names an unknown column, or mixes numbers and text.
    """
    tree, quoted = _parse(source)
    builder = _Builder(source, kinds, quoted)
    node = builder.build(tree)
    return Compiled(node.kind, names(source), _guarded(node.run))


def _guarded(run: Callable[[Mapping[str, Any]], Any]) -> Callable[[Mapping[str, Any]], Any]:
    def guarded(row: Mapping[str, Any]) -> Any:
        with np.errstate(all="ignore"):
            return run(row)

    return guarded


def evaluate(compiled: Compiled, rows: Mapping[str, Column], count: int) -> Column:
    """Return the value for many rows as a column of `count` rows."""
    values = {name: rows[name] if rows[name].kind == TEXT else rows[name].numbers() for name in compiled.columns}
    result = compiled.run(values)
    if compiled.kind == TEXT:
        return result if isinstance(result, Column) else text([result]).take(np.zeros(count, dtype=np.int64))
    result = np.broadcast_to(np.asarray(result, dtype=np.float64), (count,))
    return Column(compiled.kind, np.where(np.isfinite(result), result, np.nan))


def evaluate_row(compiled: Compiled, row: Mapping[str, Any]) -> Any:
    """Return the value for one row: a float (NaN for missing) or a text (None)."""
    result = compiled.run(row)
    if compiled.kind == TEXT:
        return result
    result = float(result)
    return result if math.isfinite(result) else math.nan


# Numbers: the same functions take arrays and single numbers.


def _and(left: Any, right: Any) -> Any:
    return np.where((left == 0) | (right == 0), 0.0, np.where(np.isnan(left) | np.isnan(right), np.nan, 1.0))


def _or(left: Any, right: Any) -> Any:
    true = (~np.isnan(left) & np.not_equal(left, 0)) | (~np.isnan(right) & np.not_equal(right, 0))
    return np.where(true, 1.0, np.where(np.isnan(left) | np.isnan(right), np.nan, 0.0))


def _not(value: Any) -> Any:
    return np.where(np.isnan(value), np.nan, np.equal(value, 0).astype(np.float64))


def _comparison(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda left, right: np.where(np.isnan(left) | np.isnan(right), np.nan, function(left, right).astype(np.float64))


def _choose(condition: Any, left: Any, right: Any) -> Any:
    return np.where(np.isnan(condition), np.nan, np.where(condition != 0, left, right))


def _round(value: Any, digits: Any = 0.0) -> Any:
    scale = np.power(10.0, digits)
    return np.rint(value * scale) / scale


ARITHMETIC: Dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}
COMPARE: Dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: _comparison(np.equal),
    ast.NotEq: _comparison(np.not_equal),
    ast.Lt: _comparison(np.less),
    ast.LtE: _comparison(np.less_equal),
    ast.Gt: _comparison(np.greater),
    ast.GtE: _comparison(np.greater_equal),
}
TEXT_COMPARE: Dict[type, Callable[[str, str], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class Function(NamedTuple):
    """Hold a function of the language: kinds of its arguments (the last may repeat with `many`), kind of its result."""

    arguments: Tuple[str, ...]
    result: str
    run: Callable[..., Any]
    needed: int
    many: bool = False


def _numeric(run: Callable[..., Any], count: int = 1, needed: int = 0, many: bool = False) -> Function:
    return Function((NUMBER,) * count, NUMBER, run, needed or count, many)


def _of_text(run: Callable[[str], Any], result: str) -> Function:
    return Function((TEXT,), result, _lifted(run, result), 1)


def _lifted(run: Callable[[str], Any], result: str) -> Callable[[Any], Any]:
    """Return a function of one text as a function of a text column, too; missing stays missing."""

    def lifted(value: Any) -> Any:
        if isinstance(value, Column):
            return value.relabel(run) if result == TEXT else value.each(run)
        if value is None:
            return None if result == TEXT else math.nan
        return run(value)

    return lifted


def _fold(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def folded(first: Any, *rest: Any) -> Any:
        for value in rest:
            first = function(first, value)
        return first

    return folded


FUNCTIONS: Dict[str, Function] = {
    "abs": _numeric(np.abs),
    "ceil": _numeric(np.ceil),
    "exp": _numeric(np.exp),
    "floor": _numeric(np.floor),
    "log": _numeric(np.log),
    "log10": _numeric(np.log10),
    "log1p": _numeric(np.log1p),
    "max": _numeric(_fold(np.maximum), 2, many=True),
    "min": _numeric(_fold(np.minimum), 2, many=True),
    "round": _numeric(_round, 2, needed=1),
    "sign": _numeric(np.sign),
    "sqrt": _numeric(np.sqrt),
    "length": _of_text(lambda value: float(len(value)), NUMBER),
    "lower": _of_text(str.lower, TEXT),
    "strip": _of_text(str.strip, TEXT),
    "upper": _of_text(str.upper, TEXT),
}
SPECIAL = ("coalesce", "contains", "is_missing")


class _Builder:
    """Turn a syntax tree into nodes, checking names and kinds on the way."""

    def __init__(self, source: str, kinds: Mapping[str, str], quoted: Mapping[str, str]) -> None:
        self.source, self.kinds, self.quoted = source, kinds, quoted
        self.table: Dict[type, Callable[[Any], Node]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.BinOp: self._arithmetic,
            ast.UnaryOp: self._unary,
            ast.BoolOp: self._logic,
            ast.Compare: self._compare,
            ast.IfExp: self._if,
            ast.Call: self._call,
        }

    def build(self, tree: ast.AST) -> Node:
        if type(tree) not in self.table:
            raise self._error("{} is not part of the language".format(type(tree).__name__))
        return self.table[type(tree)](tree)

    def _error(self, what: str) -> JobError:
        return JobError("expression {!r}: {}".format(self.source, what))

    def _constant(self, tree: Any) -> Node:
        value = tree.value
        if isinstance(value, str):
            return Node(TEXT, lambda row: value)
        if isinstance(value, (bool, int, float)):
            try:
                amount = float(value)
            except OverflowError:
                raise self._error("a number is too large") from None
            return Node(NUMBER, lambda row: amount)
        raise self._error("{!r} is neither a number nor a text".format(value))

    def _name(self, tree: Any) -> Node:
        column = self.quoted.get(tree.id, tree.id)
        if column not in self.kinds:
            raise self._error("there is no column {!r}; got {}".format(column, ", ".join(self.kinds)[:300]))
        kind = self.kinds[column]
        return Node(NUMBER if kind == DATE else kind, lambda row: row[column])

    def _number(self, tree: ast.AST) -> Callable[[Mapping[str, Any]], Any]:
        node = self.build(tree)
        if node.kind != NUMBER:
            raise self._error("{} holds text; expected a number".format(self._words(tree)))
        return node.run

    def _words(self, tree: ast.AST) -> str:
        name = getattr(tree, "id", None)
        return "column {!r}".format(self.quoted.get(name, name)) if name else "a part of it"

    def _arithmetic(self, tree: Any) -> Node:
        if type(tree.op) not in ARITHMETIC:
            raise self._error("the operator {} is not part of the language".format(type(tree.op).__name__))
        function, left, right = ARITHMETIC[type(tree.op)], self._number(tree.left), self._number(tree.right)
        return Node(NUMBER, lambda row: function(left(row), right(row)))

    def _unary(self, tree: Any) -> Node:
        table: Dict[type, Callable[[Any], Any]] = {ast.USub: np.negative, ast.UAdd: np.positive, ast.Not: _not}
        if type(tree.op) not in table:
            raise self._error("the operator {} is not part of the language".format(type(tree.op).__name__))
        function, value = table[type(tree.op)], self._number(tree.operand)
        return Node(NUMBER, lambda row: function(value(row)))

    def _logic(self, tree: Any) -> Node:
        function = _and if isinstance(tree.op, ast.And) else _or
        return self._chain(function, [self._number(value) for value in tree.values])

    def _chain(self, function: Callable[[Any, Any], Any], parts: Sequence[Callable[[Mapping[str, Any]], Any]]) -> Node:
        return Node(NUMBER, lambda row: _fold(function)(*[part(row) for part in parts]))

    def _compare(self, tree: Any) -> Node:
        sides = [tree.left, *tree.comparators]
        return self._chain(_and, [self._compared(op, left, right) for op, left, right in zip(tree.ops, sides, sides[1:])])

    def _compared(self, op: ast.AST, left: ast.AST, right: ast.AST) -> Callable[[Mapping[str, Any]], Any]:
        if isinstance(op, (ast.In, ast.NotIn)):
            return self._member(op, left, right)
        if type(op) not in COMPARE:
            raise self._error("the comparison {} is not part of the language".format(type(op).__name__))
        one, two = self.build(left), self.build(right)
        if one.kind != two.kind:
            raise self._error("{} is compared with {}".format(one.kind, two.kind))
        function = COMPARE[type(op)] if one.kind == NUMBER else _text_pair(TEXT_COMPARE[type(op)])
        return lambda row: function(one.run(row), two.run(row))

    def _member(self, op: ast.AST, left: ast.AST, right: ast.AST) -> Callable[[Mapping[str, Any]], Any]:
        value = self.build(left)
        items = [self.build(item) for item in getattr(right, "elts", ())]
        if not items or any(item.kind != value.kind for item in items) or not all(isinstance(item, ast.Constant) for item in right.elts):
            raise self._error("after `in` comes a list of constants of the same kind, e.g. country in ['PRT', 'ESP']")
        wanted = {item.run({}) for item in items}
        inside = not isinstance(op, ast.NotIn)
        if value.kind == TEXT:
            function = _lifted(lambda level: float((level in wanted) == inside), NUMBER)
            return lambda row: function(value.run(row))
        listed = sorted(wanted)
        return lambda row: _isin(value.run(row), listed, inside)

    def _if(self, tree: Any) -> Node:
        condition, left, right = self._number(tree.test), self._number(tree.body), self._number(tree.orelse)
        return Node(NUMBER, lambda row: _choose(condition(row), left(row), right(row)))

    def _call(self, tree: Any) -> Node:
        name = getattr(tree.func, "id", "")
        if tree.keywords or (name not in FUNCTIONS and name not in SPECIAL):
            known = ", ".join(sorted([*FUNCTIONS, *SPECIAL]))
            raise self._error("there is no function {!r}; got one of {}".format(name or "?", known))
        if name in SPECIAL:
            return {"coalesce": self._coalesce, "contains": self._contains, "is_missing": self._is_missing}[name](tree.args)
        function = FUNCTIONS[name]
        if len(tree.args) < function.needed or (len(tree.args) > len(function.arguments) and not function.many):
            raise self._error("{} takes {} arguments; got {}".format(name, len(function.arguments), len(tree.args)))
        parts = [self.build(argument) for argument in tree.args]
        if any(part.kind != function.arguments[0] for part in parts):
            raise self._error("{} takes {}".format(name, "numbers" if function.arguments[0] == NUMBER else "text"))
        return Node(function.result, lambda row: function.run(*[part.run(row) for part in parts]))

    def _coalesce(self, arguments: List[ast.AST]) -> Node:
        parts = [self._number(argument) for argument in arguments]
        if len(parts) < 2:
            raise self._error("coalesce takes at least two numbers")
        return self._chain(lambda left, right: np.where(np.isnan(left), right, left), parts)

    def _contains(self, arguments: List[ast.AST]) -> Node:
        parts = [self.build(argument) for argument in arguments]
        if len(parts) != 2 or parts[0].kind != TEXT or not isinstance(getattr(arguments[1], "value", None), str):
            raise self._error("contains takes a text column and a text in quotes")
        part = parts[1].run({})
        function = _lifted(lambda level: float(part in level), NUMBER)
        return Node(NUMBER, lambda row: function(parts[0].run(row)))

    def _is_missing(self, arguments: List[ast.AST]) -> Node:
        if len(arguments) != 1:
            raise self._error("is_missing takes one column")
        value = self.build(arguments[0])
        return Node(NUMBER, lambda row: _missing(value.run(row)))


def _missing(value: Any) -> Any:
    if isinstance(value, Column):
        return (value.values < 0).astype(np.float64)
    return 1.0 if value is None else 0.0 if isinstance(value, str) else np.isnan(value).astype(np.float64)


def _isin(value: Any, wanted: Sequence[float], inside: bool) -> Any:
    return np.where(np.isnan(value), np.nan, (np.isin(value, wanted) == inside).astype(np.float64))


def _text_pair(function: Callable[[str, str], bool]) -> Callable[[Any, Any], Any]:
    """Return a comparison of texts that also takes text columns on either side."""

    def compare(left: Any, right: Any) -> Any:
        if not isinstance(left, Column) and not isinstance(right, Column):
            return math.nan if left is None or right is None else float(function(left, right))
        if not isinstance(right, Column):
            return left.each(lambda level: float(function(level, right)))
        if not isinstance(left, Column):
            return right.each(lambda level: float(function(left, level)))
        return _columns_pair(function, left, right)

    return compare


def _columns_pair(function: Callable[[str, str], bool], left: Column, right: Column) -> np.ndarray:
    """Compare two columns once for each pair of levels that occurs."""
    width = len(right.levels) + 1
    pairs, places = np.unique((left.values.astype(np.int64) + 1) * width + right.values + 1, return_inverse=True)
    results = [_of_pair(function, left, right, *divmod(int(pair), width)) for pair in pairs]
    return np.array(results, dtype=np.float64)[places]


def _of_pair(function: Callable[[str, str], bool], left: Column, right: Column, one: int, two: int) -> float:
    return math.nan if not one or not two else float(function(left.levels[one - 1], right.levels[two - 1]))
