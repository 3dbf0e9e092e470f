"""Evaluate an expression of a script to what is known of its value."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pipelines.lint import knowledge as known
from pipelines.lint.calls import call
from pipelines.lint.columns import LAST, UNKNOWN, Columns, only
from pipelines.lint.names import constant, dotted, spelled
from pipelines.lint.values import NOTHING, Part, Value, first_data, listed, mixed, stacked

if TYPE_CHECKING:
    from pipelines.lint.interpreter import Interpreter

NO_ROWS = ("shape", "dtypes", "size", "empty", "ndim")


def evaluate(walk: Interpreter, node: ast.expr) -> Value:
    """Return what is known of an expression's value."""
    handler = HANDLERS.get(type(node))
    if handler is not None:
        return handler(walk, node)
    return mixed([evaluate(walk, child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)])


def _constant(walk: Interpreter, node: ast.Constant) -> Value:
    return Value(texts=(node.value,)) if isinstance(node.value, str) else NOTHING


def _name(walk: Interpreter, node: ast.Name) -> Value:
    return walk.lookup(node.id) or NOTHING


def _list(walk: Interpreter, node: ast.List | ast.Tuple | ast.Set) -> Value:
    items = tuple(evaluate(walk, each) for each in node.elts)
    texts = [text for each in items for text in each.texts or ()]
    are_texts = bool(items) and all(each.texts is not None for each in items)
    return listed(items, tuple(texts) if are_texts else None)


def _dict(walk: Interpreter, node: ast.Dict) -> Value:
    values = [evaluate(walk, each) for each in node.values]
    fields = {str(constant(key)): value for key, value in zip(node.keys, values, strict=True) if isinstance(constant(key), str)}
    return Value(fields=fields).taught(*values)


def _starred(walk: Interpreter, node: ast.Starred) -> Value:
    return evaluate(walk, node.value)


def _conditional(walk: Interpreter, node: ast.IfExp) -> Value:
    evaluate(walk, node.test)
    first, second = evaluate(walk, node.body), evaluate(walk, node.orelse)
    return (first if first.is_data or first.thing else second).taught(first, second)


def _named(walk: Interpreter, node: ast.NamedExpr) -> Value:
    value = evaluate(walk, node.value)
    walk.bind(node.target, value)
    return value


def _lambda(walk: Interpreter, node: ast.Lambda) -> Value:
    """Walk over the body once, with nothing known of the arguments."""
    walk.lambda_(node, {})
    return Value(function=node)


def _binary(walk: Interpreter, node: ast.BinOp) -> Value:
    left, right = evaluate(walk, node.left), evaluate(walk, node.right)
    if isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Call) and dotted(node.left.func) == "hash" and walk.lookup("hash") is None:
        walk.facts.report("SW203", node.left)
    if isinstance(node.op, ast.Add) and left.texts is not None and right.texts is not None and left.items is not None and right.items is not None:
        return listed(left.items + right.items, left.texts + right.texts)
    if left.names or right.names:
        return (left if left.names else right).having(columns=_column_sum(left, right))
    return _together(left, right)


def _column_sum(left: Value, right: Value) -> Columns:
    """Return the columns of `frame.columns + [...]`."""
    other = right if left.names else left
    base = left if left.names else right
    return base.columns.joined(only(other.texts)) if other.texts is not None else UNKNOWN


def _together(*values: Value) -> Value:
    """Return what arithmetic makes of values: the rows of the first; the columns of all."""
    data = [value for value in values if value.is_data]
    if not data:
        return mixed(values)
    columns = data[0].columns
    for value in data[1:]:
        columns = columns.joined(value.columns)
    return data[0].taught(*values).having(columns=columns, items=None, chosen=False, distinct=False)


def _compare(walk: Interpreter, node: ast.Compare) -> Value:
    values = [evaluate(walk, each) for each in (node.left, *node.comparators)]
    names = next((value for value in values if value.names), None)
    if names is not None:
        texts = next((value.texts for value in values if value.texts is not None), None)
        return names.having(columns=names.columns.without(texts) if texts and isinstance(node.ops[0], (ast.NotEq, ast.NotIn)) else UNKNOWN)
    return _together(*values)


def _unary(walk: Interpreter, node: ast.UnaryOp) -> Value:
    value = evaluate(walk, node.operand)
    if value.names and isinstance(node.op, ast.Invert):
        return value.having(columns=UNKNOWN)
    return value.having(items=None, texts=None)


def _comprehension(walk: Interpreter, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
    """Return a list: `[c for c in frame.columns if c != "label"]` is a choice of columns."""
    source = NOTHING
    for generator in node.generators:
        source = evaluate(walk, generator.iter)
        walk.bind(generator.target, _looped(source))
        for each in generator.ifs:
            evaluate(walk, each)
    if source.is_data and isinstance(node.generators[0].iter, ast.Name):  # looping over a table gives its columns' names
        source = source.having(names=True)
    if source.names:
        return source.having(columns=_filtered(walk, source.columns, node))
    made = evaluate(walk, node.elt)
    return mixed([made]).having(items=(made,)) if made.is_data else made.having(texts=None)


def _looped(source: Value) -> Value:
    return source.items[0] if source.items else NOTHING


def _filtered(walk: Interpreter, columns: Columns, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Columns:
    """Return the columns that the conditions of a comprehension leave."""
    target = node.generators[0].target
    same = isinstance(node.elt, ast.Name) and isinstance(target, ast.Name) and node.elt.id == target.id
    for test in node.generators[0].ifs:
        texts = evaluate(walk, test.comparators[0]).texts if isinstance(test, ast.Compare) else None
        if not (same and isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.NotEq, ast.NotIn)) and texts is not None):
            return UNKNOWN
        columns = columns.without(texts)
    return columns if same else UNKNOWN


def _dict_comprehension(walk: Interpreter, node: ast.DictComp) -> Value:
    for generator in node.generators:
        walk.bind(generator.target, _looped(evaluate(walk, generator.iter)))
    return mixed([evaluate(walk, node.key), evaluate(walk, node.value)]).having(part=Part.none)


def _attribute(walk: Interpreter, node: ast.Attribute) -> Value:
    stored = walk.lookup(dotted(node) or "")
    if stored is not None:
        return stored
    base = evaluate(walk, node.value)
    if not base.is_data:
        return base if base.thing is not None or base.names or base.index else base.fields.get(node.attr, NOTHING)
    if node.attr == "columns":
        return base.having(names=True, items=None)
    if node.attr == "index":
        return base.having(index=True)
    if node.attr in NO_ROWS:
        return Value(roots=base.roots)
    return base if node.attr in known.ATTRIBUTES or node.attr.endswith("_") else base.having(columns=only([node.attr]))


def _subscript(walk: Interpreter, node: ast.Subscript) -> Value:
    if spelled(node.value, walk.aliases) in ("numpy.c_", "numpy.r_"):
        return stacked([evaluate(walk, node.slice)], beside=True)
    base = evaluate(walk, node.value)
    key = constant(node.slice)
    if base.items is not None and isinstance(key, int) and -len(base.items) <= key < len(base.items):
        return base.items[key]
    if isinstance(key, str) and not base.is_data:
        return base.fields.get(key, base.having(columns=only([key])) if base.thing is not None else NOTHING)
    if base.names:
        return base.having(columns=_positions(base.columns, node.slice))
    if not base.is_data:
        return base
    if isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2:
        return _columns_of(walk, _rows_of(walk, base, node.slice.elts[0]), node.slice.elts[1])
    at_rows = isinstance(node.value, ast.Attribute) and node.value.attr in ("loc", "iloc")
    return _rows_of(walk, base, node.slice) if at_rows else _either(walk, base, node.slice)


def _either(walk: Interpreter, base: Value, node: ast.expr) -> Value:
    """Return `frame[...]`: columns by name, or rows by a mask or a slice."""
    if isinstance(node, ast.Slice):
        return _rows_of(walk, base, node)
    chosen = evaluate(walk, node)
    if chosen.names:
        return base.having(columns=chosen.columns)
    if chosen.texts is not None:
        return base.having(columns=only(chosen.texts))
    return _masked(base, chosen)


def _rows_of(walk: Interpreter, base: Value, node: ast.expr) -> Value:
    """Return a choice of rows."""
    if isinstance(node, ast.Slice):
        if node.lower is None and node.upper is None:
            return base
        return base.having(chosen=True)
    return _masked(base, evaluate(walk, node))


def _masked(base: Value, chosen: Value) -> Value:
    if chosen.index and chosen.part is not Part.none:
        return base.having(part=chosen.part, chosen=False)
    if chosen.is_data:
        return base.having(chosen=True, mask=base.mask | chosen.learned | chosen.mask)
    return base.having(chosen=True, columns=UNKNOWN)


def _columns_of(walk: Interpreter, base: Value, node: ast.expr) -> Value:
    """Return a choice of columns, by name or by place."""
    if isinstance(node, ast.Slice) or isinstance(constant(node), int):
        return base.having(columns=_positions(base.columns, node))
    chosen = evaluate(walk, node)
    if chosen.names:
        return base.having(columns=chosen.columns)
    return base.having(columns=only(chosen.texts) if chosen.texts is not None else UNKNOWN)


def _positions(columns: Columns, node: ast.expr) -> Columns:
    """Return columns by their places: only all, all but the last, and the last are known."""
    if isinstance(node, ast.Slice) and node.lower is None and node.step is None:
        if node.upper is None:
            return columns
        return columns.without([LAST]) if constant(node.upper) == -1 else UNKNOWN
    return only([LAST]) if constant(node) == -1 else UNKNOWN


def _call(walk: Interpreter, node: ast.Call) -> Value:
    value = call(walk, node, evaluate)
    found = first_data([value])
    if found is not None:
        walk.facts.see(found)
    return value


HANDLERS: Mapping[type, Callable[..., Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.List: _list,
    ast.Tuple: _list,
    ast.Set: _list,
    ast.Dict: _dict,
    ast.Starred: _starred,
    ast.IfExp: _conditional,
    ast.NamedExpr: _named,
    ast.Lambda: _lambda,
    ast.BinOp: _binary,
    ast.Compare: _compare,
    ast.UnaryOp: _unary,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _dict_comprehension,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Call: _call,
}
