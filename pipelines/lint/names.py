"""The names of a script: imports and what they stand for, dotted names, and text that is written in it."""

from __future__ import annotations

import ast
from collections.abc import Mapping

MODULES = {"np": "numpy", "pd": "pandas", "xgb": "xgboost", "lgb": "lightgbm"}


def dotted(node: ast.expr) -> str | None:
    """Return `a.b.c` of a chain of names, None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return None if base is None else f"{base}.{node.attr}"
    return None


def imported(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """Return the names that an import binds and what each stands for."""
    if isinstance(node, ast.Import):
        return {alias.asname or alias.name.split(".")[0]: alias.name if alias.asname else alias.name.split(".")[0] for alias in node.names}
    return {alias.asname or alias.name: f"{node.module or ''}.{alias.name}".strip(".") for alias in node.names}


def spelled(node: ast.expr, aliases: Mapping[str, str]) -> str:
    """Return the full dotted name of what is called, as imports spell it; empty for what is no name."""
    name = dotted(node)
    if name is None:
        return ""
    head, _, rest = name.partition(".")
    full = aliases.get(head, MODULES.get(head, head) if rest else head)
    return f"{full}.{rest}" if rest else full


def constant(node: ast.AST | None) -> object:
    """Return the value of a literal, None for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, int):
        return -node.operand.value
    return node.value if isinstance(node, ast.Constant) else None


def keyword(node: ast.Call, name: str) -> ast.expr | None:
    """Return the expression given for a keyword, None without one."""
    return next((each.value for each in node.keywords if each.arg == name), None)


def is_given(node: ast.Call, name: str) -> bool:
    """Tell whether a keyword is given something other than None; `**` may hold it."""
    if any(each.arg is None for each in node.keywords):
        return True
    given = keyword(node, name)
    return given is not None and not (isinstance(given, ast.Constant) and given.value is None)


def along_columns(node: ast.Call, place: int) -> bool:
    """Tell whether `axis` is 1 or "columns", as a keyword or at a place of the arguments."""
    axis = keyword(node, "axis")
    if axis is None and len(node.args) > place:
        axis = node.args[place]
    return constant(axis) in (1, -1, "columns")
