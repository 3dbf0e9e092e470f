"""What methods of tables make of them: statistics, choices of rows and columns, joins, functions of the script's own."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pipelines.lint import knowledge as known
from pipelines.lint.columns import UNKNOWN, only
from pipelines.lint.facts import Made
from pipelines.lint.method_call import Call
from pipelines.lint.names import along_columns, is_given
from pipelines.lint.values import HELD_OUT, NOTHING, Learned, Part, Thing, Value, first_data, flat

if TYPE_CHECKING:
    from pipelines.lint.interpreter import Interpreter


def of_table(made: Call) -> Value:
    """Return what a method of a table makes of it."""
    handler = TABLES.get(made.name)
    if handler is not None:
        return handler(made)
    base = made.base
    given = next((each.function for each in made.args if each.function is not None), None)
    if given is not None:
        return _with_function(made, given)
    if made.name in known.NULLNESS:
        return base.having(nulls=True)
    if made.name in known.IN_TIME:
        return base.having(ordered=True)
    if made.name in known.STATISTICS:
        return _statistic(made)
    if made.name in known.SHUFFLERS and base.thing is not None:
        return base
    keeps = made.name in known.KEEPING
    return base.taught(*flat(made.values)).having(columns=base.columns if keeps else UNKNOWN, items=None, names=False)


def _with_function(made: Call, given: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Value:
    """Give a table to a function: by `pipe` all of it, by `apply` its columns, or with axis=1 its rows, of which nothing can be learned."""
    by_rows = along_columns(made.node, 1) or made.base.columns.single is not None
    first = NOTHING if made.name != "pipe" and by_rows else made.base
    names = [each.arg for each in (*given.args.posonlyargs, *given.args.args)]
    bound = dict(zip(names, [first, *(each for each in made.args if each.function is None)], strict=False))
    if isinstance(given, ast.Lambda):
        result = made.walk.lambda_(given, bound)
    else:
        result = made.walk.call(given, {**bound, **{name: value for name, value in made.keywords.items() if name in names}})
    if made.name == "pipe":
        return result
    return made.base.taught(result).having(columns=UNKNOWN if not made.base.columns.single else made.base.columns, items=None)


def _statistic(made: Call) -> Value:
    base = made.base
    if base.nulls or along_columns(made.node, 0) or base.predicted is not None:
        return Value(roots=base.roots) if base.nulls else base.having(columns=UNKNOWN)
    learned = Learned("SW105", made.node, f"{made.name}()", base.part, base.roots, base.columns)
    return Value(learned=base.learned | {learned}, roots=base.roots)


def _drop(made: Call) -> Value:
    """Drop columns, or rows by their index."""
    named = made.keywords.get("columns")
    by_columns = named is not None or along_columns(made.node, 1)
    what = named if named is not None else made.argument(0, "labels")
    if not by_columns:
        return made.base.having(chosen=True)
    if what.texts is None and not (what.names and what.columns.known and not what.columns.inverted):
        return made.base.having(columns=UNKNOWN)
    names = what.texts if what.texts is not None else tuple(what.columns.names)
    if made.base.part is not Part.whole:
        made.walk.facts.dropped_later |= set(names)
    return made.base.having(columns=made.base.columns.without(names))


def _pop(made: Call) -> Value:
    names = made.args[0].texts if made.args else None
    if names is None:
        return made.base.having(columns=UNKNOWN)
    made.walk.replace(made.target, made.base.having(columns=made.base.columns.without(names)))
    return made.base.having(columns=only(names))


def _filter(made: Call) -> Value:
    texts = made.argument(0, "items").texts
    return made.base.having(columns=only(texts) if texts is not None else UNKNOWN)


def _rename(made: Call) -> Value:
    return made.base.having(columns=UNKNOWN if made.values else made.base.columns)


def _sample(made: Call) -> Value:
    if not is_given(made.node, "random_state") and "numpy" not in made.walk.seeded:
        made.walk.facts.report("SW202", made.node, what="sample()")
    return made.base.having(chosen=True, ordered=False)


def _distinct(made: Call) -> Value:
    if made.base.part in (Part.train, *HELD_OUT) and not made.base.distinct and not made.base.columns.single:
        made.walk.facts.report("SW109", made.node, part=made.base.part.value)
    return made.base.having(distinct=True)


def _sorted(made: Call) -> Value:
    texts = made.argument(0, "by").texts or ()
    in_time = any(word in text.lower().replace("-", "_").split("_") or text.lower().endswith(word) for text in texts for word in known.TIME_WORDS)
    return made.base.having(ordered=made.base.ordered or in_time)


def _grouped(made: Call) -> Value:
    return Value(thing=Thing("groups", "groupby"), columns=made.base.columns, roots=made.base.roots, fields={"of": made.base})


def _merged(made: Call) -> Value:
    other = first_data(made.values)
    columns = made.base.columns if other is None else made.base.columns.joined(other.columns)
    return made.base.taught(*made.values).having(columns=columns, roots=made.base.roots | (other.roots if other else frozenset()))


def _aligned(made: Call) -> Value:
    made.walk.facts.aligned = True
    if made.name == "align":
        return Value(items=(made.base, first_data(made.values) or NOTHING))
    return made.base


def _codes(made: Call) -> Value:
    return encoded(made.walk, made.node, made.name, made.base)


def encoded(walk: Interpreter, node: ast.Call, name: str, data: Value) -> Value:
    """Return rows encoded by their own levels, and note that they were."""
    serving = next((each for each in walk.stack if each in known.SERVING), None)
    if serving is not None:
        walk.facts.report("SW601", node, what=f"{name}()", function=serving)
    elif data.part in (Part.validation, Part.test) and not data.columns.single:
        walk.facts.report("SW104", node, what=f"{name}()", part=data.part.value)
    learned = Learned("SW103", node, f"{name}()", data.part, data.roots, data.columns)
    return data.having(learned=data.learned | {learned}, items=None)


def _assign(made: Call) -> Value:
    for name, value in made.keywords.items():
        if value.columns.known and not value.columns.inverted and value.roots & made.base.roots:
            made.walk.facts.made.append(Made(made.base.roots, name, value.columns, made.node))
    return made.base.taught(*made.values).having(columns=made.base.columns.joined(only(made.keywords)))


def _random_split(made: Call) -> Value:
    """Split as Spark's randomSplit does."""
    made.walk.facts.split(made.node, [made.base])
    if len(made.args) < 2 and "seed" not in made.keywords:
        made.walk.facts.report("SW201", made.node, what="randomSplit()")
    return Value(items=tuple(made.base.having(part=part, chosen=True) for part in (Part.train, Part.test)))


def _ranked(made: Call) -> Value:
    """Give each row its place among all rows."""
    if along_columns(made.node, 0):
        return made.base.having(columns=UNKNOWN)
    learned = Learned("SW105", made.node, "rank()", made.base.part, made.base.roots, made.base.columns)
    return made.base.having(learned=made.base.learned | {learned})


def _described(made: Call) -> Value:
    return Value(roots=made.base.roots)


TABLES: Mapping[str, Callable[[Call], Value]] = {
    "drop": _drop,
    "pop": _pop,
    "filter": _filter,
    "select": _filter,
    "rename": _rename,
    "sample": _sample,
    "drop_duplicates": _distinct,
    "sort_values": _sorted,
    "groupby": _grouped,
    "merge": _merged,
    "join": _merged,
    "align": _aligned,
    "reindex": _aligned,
    "factorize": _codes,
    "rank": _ranked,
    "assign": _assign,
    "randomSplit": _random_split,
    **dict.fromkeys(("describe", "info", "nunique", "corr", "unique", "hist", "plot", "to_csv", "to_parquet"), _described),
}
