"""A small, safe language of expressions on the columns of a row: Python's grammar for arithmetic, comparison and logic, and a table of functions; no `eval`.

A missing value makes a result missing, as in SQL; `and` and `or` follow Kleene's logic; a division by zero is missing.
"""

from __future__ import annotations

import ast
import math
import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple

import numpy as np

from jobkit.columns import DATE, NUMBER, TEXT, Column, text
from jobkit.failure import JobError
from jobkit.functions import ARITHMETIC, COMPARE, FUNCTIONS, SPECIAL, TEXT_COMPARE, both, choose, either, fold, is_in, is_missing, lifted, negated, text_pair

QUOTED = re.compile(r"`([^`]*)`")
LONGEST, DEEPEST = 4000, 50
PARTS = (ast.Constant, ast.Name, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call)


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
    tree, quoted = parse(source)
    foreign = next((what for node in ast.walk(tree) for what in [_foreign(node)] if what), "")
    if foreign:
        raise JobError("expression {!r}: {}".format(source, foreign))
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
    return tuple(dict.fromkeys(quoted.get(name, name) for name in found))


def parse(source: str) -> Tuple[ast.expr, Dict[str, str]]:
    """Return the syntax tree, and the columns that stand in backticks by the names that stand in for them.

    Raises:
        JobError: it is not an expression of this language.
    """
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


def _foreign(node: ast.AST) -> str:
    """Return what of a part is not of this language, whatever the columns hold; an empty text if nothing is."""
    if isinstance(node, ast.expr) and not isinstance(node, (*PARTS, ast.List, ast.Tuple)):
        return "{} is not part of the language".format(type(node).__name__)
    name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else None
    if name is None or (name in FUNCTIONS or name in SPECIAL) and not node.keywords:
        return ""
    return "there is no function {!r}; got one of {}".format(name or "?", ", ".join(sorted([*FUNCTIONS, *SPECIAL])))


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
    tree, quoted = parse(source)
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
        table: Dict[type, Callable[[Any], Any]] = {ast.USub: np.negative, ast.UAdd: np.positive, ast.Not: negated}
        if type(tree.op) not in table:
            raise self._error("the operator {} is not part of the language".format(type(tree.op).__name__))
        function, value = table[type(tree.op)], self._number(tree.operand)
        return Node(NUMBER, lambda row: function(value(row)))

    def _logic(self, tree: Any) -> Node:
        function = both if isinstance(tree.op, ast.And) else either
        return self._chain(function, [self._number(value) for value in tree.values])

    def _chain(self, function: Callable[[Any, Any], Any], parts: Sequence[Callable[[Mapping[str, Any]], Any]]) -> Node:
        return Node(NUMBER, lambda row: fold(function)(*[part(row) for part in parts]))

    def _compare(self, tree: Any) -> Node:
        sides = [tree.left, *tree.comparators]
        return self._chain(both, [self._compared(op, left, right) for op, left, right in zip(tree.ops, sides, sides[1:])])

    def _compared(self, op: ast.AST, left: ast.AST, right: ast.AST) -> Callable[[Mapping[str, Any]], Any]:
        if isinstance(op, (ast.In, ast.NotIn)):
            return self._member(op, left, right)
        if type(op) not in COMPARE:
            raise self._error("the comparison {} is not part of the language".format(type(op).__name__))
        one, two = self.build(left), self.build(right)
        if one.kind != two.kind:
            raise self._error("{} is compared with {}".format(one.kind, two.kind))
        function = COMPARE[type(op)] if one.kind == NUMBER else text_pair(TEXT_COMPARE[type(op)])
        return lambda row: function(one.run(row), two.run(row))

    def _member(self, op: ast.AST, left: ast.AST, right: ast.AST) -> Callable[[Mapping[str, Any]], Any]:
        value = self.build(left)
        items = [self.build(item) for item in getattr(right, "elts", ())]
        if not items or any(item.kind != value.kind for item in items) or not all(isinstance(item, ast.Constant) for item in right.elts):
            raise self._error("after `in` comes a list of constants of the same kind, e.g. country in ['PRT', 'ESP']")
        wanted = {item.run({}) for item in items}
        inside = not isinstance(op, ast.NotIn)
        if value.kind == TEXT:
            function = lifted(lambda level: float((level in wanted) == inside), NUMBER)
            return lambda row: function(value.run(row))
        listed = sorted(wanted)
        return lambda row: is_in(value.run(row), listed, inside)

    def _if(self, tree: Any) -> Node:
        condition, left, right = self._number(tree.test), self._number(tree.body), self._number(tree.orelse)
        return Node(NUMBER, lambda row: choose(condition(row), left(row), right(row)))

    def _call(self, tree: Any) -> Node:
        name = getattr(tree.func, "id", "")
        if _foreign(tree):
            raise self._error(_foreign(tree))
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
        function = lifted(lambda level: float(part in level), NUMBER)
        return Node(NUMBER, lambda row: function(parts[0].run(row)))

    def _is_missing(self, arguments: List[ast.AST]) -> Node:
        if len(arguments) != 1:
            raise self._error("is_missing takes one column")
        value = self.build(arguments[0])
        return Node(NUMBER, lambda row: is_missing(value.run(row)))
