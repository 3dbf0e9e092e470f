"""Write an expression of the recipe as NumPy code on the functions of plain.py."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, NamedTuple

from pipelines.jobs import job_module

NUMBER, TEXT = "number", "text"
INFIX: Mapping[type, tuple[str, str]] = {
    ast.Add: ("+", "add"),
    ast.Sub: ("-", "subtract"),
    ast.Mult: ("*", "multiply"),
    ast.Div: ("/", "divide"),
    ast.FloorDiv: ("//", "floor_divide"),
    ast.Mod: ("%", "mod"),
    ast.Pow: ("**", "power"),
}
UNARY: Mapping[type, str] = {ast.USub: "np.negative", ast.UAdd: "np.positive", ast.Not: "negated"}
COMPARE: Mapping[type, tuple[str, str]] = {
    ast.Eq: ("np.equal", "operator.eq"),
    ast.NotEq: ("np.not_equal", "operator.ne"),
    ast.Lt: ("np.less", "operator.lt"),
    ast.LtE: ("np.less_equal", "operator.le"),
    ast.Gt: ("np.greater", "operator.gt"),
    ast.GtE: ("np.greater_equal", "operator.ge"),
}
NUMERIC: Mapping[str, str] = {name: f"np.{name}" for name in ("abs", "ceil", "exp", "floor", "log", "log10", "log1p", "sign", "sqrt")}
FOLDED: Mapping[str, str] = {"max": "np.maximum", "min": "np.minimum", "coalesce": "first_present"}
OF_TEXT: Mapping[str, tuple[str, str, str]] = {
    "length": (NUMBER, "of_texts", "len"),
    "lower": (TEXT, "new_texts", "str.lower"),
    "upper": (TEXT, "new_texts", "str.upper"),
    "strip": (TEXT, "new_texts", "str.strip"),
}


class Code(NamedTuple):
    """Hold a part's code, the kind of its value, and whether it is one value for all rows."""

    text: str
    kind: str
    single: bool = False


def written(source: str, kinds: Mapping[str, str]) -> str:
    """Return the code of an expression on `rows`; `kinds` are those of the columns that it reads."""
    tree, quoted = job_module("jobkit.expression").parse(source)
    return _Writer(kinds, quoted).write(tree).text


def _fold(function: str) -> Callable[[str, str], str]:
    return lambda left, right: f"{function}({left}, {right})"


class _Writer:
    """Turn a syntax tree that the job has accepted into code."""

    def __init__(self, kinds: Mapping[str, str], quoted: Mapping[str, str]) -> None:
        self.kinds, self.quoted = kinds, quoted
        self.table: Mapping[type, Callable[[Any], Code]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.BinOp: self._binary,
            ast.UnaryOp: self._unary,
            ast.BoolOp: self._logic,
            ast.Compare: self._compare,
            ast.IfExp: self._if,
            ast.Call: self._call,
        }

    def write(self, tree: ast.AST) -> Code:
        return self.table[type(tree)](tree)

    def _constant(self, tree: Any) -> Code:
        text = isinstance(tree.value, str)
        return Code(repr(tree.value if text else float(tree.value)), TEXT if text else NUMBER, True)

    def _name(self, tree: Any) -> Code:
        column = self.quoted.get(tree.id, tree.id)
        kind = TEXT if self.kinds[column] == TEXT else NUMBER
        return Code(f"{'words' if kind == TEXT else 'numbers'}(rows, {column!r})", kind)

    def _binary(self, tree: Any) -> Code:
        left, right = self.write(tree.left), self.write(tree.right)
        mark, name = INFIX[type(tree.op)]
        if left.single and right.single:
            return Code(f"np.{name}({left.text}, {right.text})", NUMBER, True)
        return Code(f"({left.text} {mark} {right.text})", NUMBER)

    def _unary(self, tree: Any) -> Code:
        value = self.write(tree.operand)
        return Code(f"{UNARY[type(tree.op)]}({value.text})", NUMBER, value.single)

    def _logic(self, tree: Any) -> Code:
        parts = [self.write(value) for value in tree.values]
        return Code(reduce(_fold("both" if isinstance(tree.op, ast.And) else "either"), [part.text for part in parts]), NUMBER, all(p.single for p in parts))

    def _compare(self, tree: Any) -> Code:
        sides = [tree.left, *tree.comparators]
        parts = [self._pair(op, left, right) for op, left, right in zip(tree.ops, sides, sides[1:], strict=False)]
        return Code(reduce(_fold("both"), [part.text for part in parts]), NUMBER, all(part.single for part in parts))

    def _pair(self, op: ast.AST, left: ast.AST, right: Any) -> Code:
        one = self.write(left)
        if isinstance(op, (ast.In, ast.NotIn)):
            wanted = sorted({item.value if one.kind == TEXT else float(item.value) for item in right.elts})
            function = "among_texts" if one.kind == TEXT else "among"
            return Code(f"{function}({one.text}, {wanted!r}, {not isinstance(op, ast.NotIn)})", NUMBER, one.single)
        two = self.write(right)
        names = COMPARE[type(op)]
        function, operation = ("compared_texts", names[1]) if one.kind == TEXT else ("compared", names[0])
        return Code(f"{function}({operation}, {one.text}, {two.text})", NUMBER, one.single and two.single)

    def _if(self, tree: Any) -> Code:
        parts = [self.write(part) for part in (tree.test, tree.body, tree.orelse)]
        return Code(f"chosen({', '.join(part.text for part in parts)})", NUMBER, all(part.single for part in parts))

    def _call(self, tree: Any) -> Code:
        name, parts = tree.func.id, [self.write(argument) for argument in tree.args]
        single = all(part.single for part in parts)
        if name in FOLDED:
            return Code(reduce(_fold(FOLDED[name]), [part.text for part in parts]), NUMBER, single)
        if name in OF_TEXT:
            kind, function, operation = OF_TEXT[name]
            return Code(f"{function}({parts[0].text}, {operation})", kind, single)
        if name == "contains":
            return Code(f"of_texts({parts[0].text}, lambda level: float({parts[1].text} in level))", NUMBER, single)
        function = {"round": "rounded", "is_missing": "absent"}.get(name) or NUMERIC[name]
        return Code(f"{function}({', '.join(part.text for part in parts)})", NUMBER, single)
