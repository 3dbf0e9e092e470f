"""Compile an expression of a recipe to source text for numpy: a small function that reads its columns and returns a value for every row."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.errors import UsageError
from pipelines.export.layout import WIDTH, comment, text
from pipelines.export.source import pieces
from pipelines.jobs import job_module

SIGNS: Mapping[type, str] = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
DIRECT = ("abs", "ceil", "exp", "floor", "log", "log10", "log1p", "sign", "sqrt")
OURS: Mapping[str, str] = {name: name for name in ("length", "lower", "strip", "upper", "coalesce", "contains", "is_missing")} | {"round": "rounded"}
FOLDED: Mapping[str, str] = {"max": "maximum", "min": "minimum"}
RESERVED = frozenset({"rows", "np", "pd", "column", "choose", "both", "either", "negated", "compare", "is_in", *OURS.values(), *keyword.kwlist})


@dataclass(frozen=True)
class Names:
    """Hold the local variable of each column, and the columns that stand in backticks by the names that stand in for them."""

    locals_: Mapping[str, str]
    quoted: Mapping[str, str]


def function(name: str, source: str) -> str:
    """Return the source text of a function `name(rows)` that computes an expression.

    Raises:
        UsageError: it is not an expression of the language.
    """
    expression = job_module("jobkit.expression")
    try:
        tree, quoted = expression.parse(source)
        columns = expression.names(source)
    except job_module("jobkit.failure").JobError as error:
        raise UsageError(str(error), where=f"expression {source!r}") from None
    names = Names(_variables(columns), quoted)
    result = ast.unparse(ast.fix_missing_locations(_Builder(source, names).build(tree)))
    reads = [f"    {variable} = column(rows, {text(column)})" for column, variable in names.locals_.items()]
    shown = comment(" ".join(source.split()), 4)
    return "\n".join([f"def {name}(rows):", shown, *reads, _returned(result), ""]).rstrip()


def _returned(result: str) -> str:
    """Return the last line; one that is too long is broken at spaces inside brackets."""
    line = f"    return {result}"
    if len(line) <= WIDTH:
        return line
    import textwrap

    if "'" in result or '"' in result:
        return f"    return (\n        {result}\n    )  # noqa: E501" if len(result) + 8 > WIDTH else f"    return (\n        {result}\n    )"
    inner = textwrap.wrap(result, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8, break_long_words=False, break_on_hyphens=False)
    return "\n".join(["    return (", *inner, "    )"])


def _variables(columns: Sequence[str]) -> dict[str, str]:
    """Return a local variable for each column: its own name where Python takes it."""
    found: dict[str, str] = {}
    for column in columns:
        plain = re.sub(r"\W+", "_", column).strip("_") or "value"
        plain = f"_{plain}" if plain[0].isdigit() else plain
        while plain in RESERVED or plain in pieces() or plain in found.values():
            plain += "_"
        found[column] = plain
    return found


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.parse(name, mode="eval").body, list(arguments), [])


def _is_plain(tree: ast.expr) -> bool:
    """Tell whether a tree is a Python number, which divides by zero with an exception."""
    return isinstance(tree, ast.Constant) or (isinstance(tree, ast.UnaryOp) and _is_plain(tree.operand))


class _Builder:
    """Turn the syntax tree of the language into one of Python with numpy."""

    def __init__(self, source: str, names: Names) -> None:
        self.source, self.names = source, names
        self.table: dict[type, Callable[[Any], ast.expr]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.BinOp: self._arithmetic,
            ast.UnaryOp: self._unary,
            ast.BoolOp: self._logic,
            ast.Compare: self._compare,
            ast.IfExp: self._if,
            ast.Call: self._function,
        }

    def build(self, tree: ast.expr) -> ast.expr:
        """Return the tree of the Python expression."""
        if type(tree) not in self.table:
            raise self._refused(f"{type(tree).__name__} is not part of the language")
        return self.table[type(tree)](tree)

    def _refused(self, what: str) -> UsageError:
        return UsageError(what, where=f"expression {self.source!r}")

    def _constant(self, tree: ast.Constant) -> ast.expr:
        if isinstance(tree.value, str):
            return ast.Constant(tree.value)
        if not isinstance(tree.value, (bool, int, float)):
            raise self._refused(f"{tree.value!r} is neither a number nor a text")
        return ast.Constant(float(tree.value))

    def _name(self, tree: ast.Name) -> ast.expr:
        return ast.Name(self.names.locals_[self.names.quoted.get(tree.id, tree.id)])

    def _arithmetic(self, tree: ast.BinOp) -> ast.expr:
        left, right = self.build(tree.left), self.build(tree.right)
        if isinstance(tree.op, ast.Pow):
            return _call("np.power", left, right)
        if not isinstance(tree.op, (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)):
            raise self._refused(f"the operator {type(tree.op).__name__} is not part of the language")
        if _is_plain(left) and _is_plain(right):
            left = _call("np.float64", left)
        return ast.BinOp(left, tree.op, right)

    def _unary(self, tree: ast.UnaryOp) -> ast.expr:
        if isinstance(tree.op, ast.Not):
            return _call("negated", self.build(tree.operand))
        return ast.UnaryOp(tree.op, self.build(tree.operand))

    def _logic(self, tree: ast.BoolOp) -> ast.expr:
        return _call("both" if isinstance(tree.op, ast.And) else "either", *map(self.build, tree.values))

    def _compare(self, tree: ast.Compare) -> ast.expr:
        sides = [tree.left, *tree.comparators]
        parts = [self._pair(op, left, right) for op, left, right in zip(tree.ops, sides, sides[1:], strict=False)]
        return parts[0] if len(parts) == 1 else _call("both", *parts)

    def _pair(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> ast.expr:
        if isinstance(op, (ast.In, ast.NotIn)):
            wanted = ast.List([self._constant(item) for item in getattr(right, "elts", ())])
            inside = [ast.Constant(False)] if isinstance(op, ast.NotIn) else []
            return _call("is_in", self.build(left), wanted, *inside)
        if type(op) not in SIGNS:
            raise self._refused(f"the comparison {type(op).__name__} is not part of the language")
        return _call("compare", self.build(left), ast.Constant(SIGNS[type(op)]), self.build(right))

    def _if(self, tree: ast.IfExp) -> ast.expr:
        return _call("choose", self.build(tree.test), self.build(tree.body), self.build(tree.orelse))

    def _function(self, tree: ast.Call) -> ast.expr:
        name, parts = getattr(tree.func, "id", "?"), [self.build(argument) for argument in tree.args]
        if name in FOLDED:
            folded = parts[0]
            for part in parts[1:]:
                folded = _call(f"np.{FOLDED[name]}", folded, part)
            return folded
        if name not in DIRECT and name not in OURS:
            raise self._refused(f"there is no function {name!r}")
        return _call(f"np.{name}" if name in DIRECT else OURS[name], *parts)
