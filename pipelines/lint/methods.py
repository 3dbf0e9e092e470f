"""What methods make of what they are called on: objects with a fit, groups of rows; tables are in `tables`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines.lint import knowledge as known
from pipelines.lint.columns import UNKNOWN
from pipelines.lint.facts import Pair
from pipelines.lint.method_call import Call
from pipelines.lint.names import constant, dotted, keyword
from pipelines.lint.tables import of_table
from pipelines.lint.values import HELD_OUT, NOTHING, Learned, Part, Thing, Value, first_data, flat, mixed

if TYPE_CHECKING:
    from pipelines.lint.interpreter import Interpreter


def method(walk: Interpreter, node: ast.Call, base: Value, args: list[Value], keywords: dict[str, Value]) -> Value:
    """Return what is known of what a method returns, and change what it changes in place."""
    made = Call(walk, node, base, args, keywords)
    if base.names:
        return _of_names(made)
    if base.thing is not None and base.thing.kind == "groups":
        return _of_groups(made)
    if base.thing is not None and not base.is_data:
        return _of_thing(made, base.thing)
    if not base.is_data:
        return _of_other(made)
    value = of_table(made)
    if constant(keyword(node, "inplace")) is True:
        walk.replace(made.target, value)
    return value


def _of_names(made: Call) -> Value:
    """Choose columns: `frame.columns.drop("label")`, `.difference([...])`."""
    texts = made.args[0].texts if made.args else None
    if made.name in ("drop", "difference"):
        return made.base.having(columns=made.base.columns.without(texts) if texts is not None else UNKNOWN)
    if made.name in ("tolist", "to_list", "copy"):
        return made.base
    if made.name == "remove" and texts is not None:
        made.walk.replace(made.target, made.base.having(columns=made.base.columns.without(texts)))
        return NOTHING
    return made.base.having(columns=UNKNOWN)


def _of_other(made: Call) -> Value:
    """Call a method of text, a list or a number: what flowed into it flows on."""
    if made.name == "to_dict" or made.base.learned:
        return mixed(made.values).taught(made.base).having(roots=made.base.roots)
    return made.base if made.base.texts is not None and made.name in ("copy",) else mixed(made.values)


# ---------------------------------------------------------------- groups


def _of_groups(made: Call) -> Value:
    """Take a statistic per group."""
    of = made.base.fields["of"]
    columns = made.base.columns
    kinds = {text for value in made.values for text in value.texts or ()}
    if made.name in known.IN_TIME or kinds & known.IN_TIME or _looks_back(made.node):
        return of.having(columns=columns, ordered=True)
    counting = made.name in ("size", "count") or bool(kinds) and kinds <= {"size", "count", "cumcount"}
    if counting or made.name not in known.GROUP_STATISTICS:
        return of.having(columns=columns)
    how = f"groupby().{made.name}({', '.join(repr(kind) for kind in sorted(kinds))})"
    learned = Learned("SW105", made.node, how, of.part, of.roots, columns)
    if made.name == "transform":
        return of.having(columns=UNKNOWN, learned=of.learned | {learned})
    return Value(learned=of.learned | {learned}, roots=of.roots)


def _looks_back(node: ast.Call) -> bool:
    """Tell whether a function given to a group's transform shifts or rolls: it reads other rows by their order."""
    return any(isinstance(each, ast.Attribute) and each.attr in known.IN_TIME for argument in node.args for each in ast.walk(argument))


# ---------------------------------------------------------------- objects with a fit


def _of_thing(made: Call, thing: Thing) -> Value:
    handler = THINGS.get(made.name)
    if handler is not None:
        return handler(made, thing)
    if thing.kind == "generator" and made.name in known.SHUFFLERS:
        return _drawn(made, thing)
    return made.base if first_data(made.values) is None else mixed(made.values)


def _drawn(made: Call, thing: Thing) -> Value:
    stems = frozenset[int]().union(*(each.roots for each in flat(made.values)))
    if stems and "seeded" not in thing.keywords and "numpy" not in made.walk.seeded:
        made.walk.facts.report("SW202", made.node, what=f"{thing.name}().{made.name}()")
    return mixed(made.values)


def _fit(made: Call, thing: Thing) -> Value:
    rows, label = made.argument(0, "X"), made.argument(1, "y")
    serving = next((each for each in made.walk.stack if each in known.SERVING), None)
    if serving is not None and thing.kind != "stateless":
        made.walk.facts.report("SW601", made.node, what=f"{thing.name}.{made.name}()", function=serving)
    if thing.kind in ("transformer", "selector"):
        _learn(made, thing, rows)
    elif thing.kind in ("model", "search"):
        _train(made, thing, rows, label)
    return made.base


def _learn(made: Call, thing: Thing, rows: Value) -> None:
    data = first_data([rows])
    if data is None or (thing.name in known.LABEL_ENCODERS and made.node.args and known.LABEL_NAME.match(dotted(made.node.args[0]) or "")):
        return
    made.walk.facts.transformers.append((made.node, thing.name))
    of_label = thing.name in known.LABEL_ENCODERS and data.columns.single is not None
    if data.part in HELD_OUT and made.walk.stack[-1:] != ["fit"] and not of_label:
        made.walk.facts.report("SW102", made.node, what=f"{thing.name}.{made.name}()", part=data.part.value)
    rule = "SW107" if thing.kind == "selector" else "SW101"
    thing.learned = frozenset({Learned(rule, made.node, f"{thing.name}.{made.name}()", data.part, data.roots, data.columns)})
    thing.fitted = data


def _train(made: Call, thing: Thing, rows: Value, label: Value) -> None:
    data = first_data([rows])
    thing.fitted, thing.fitted_at = data, made.node
    if data is not None and label.is_data:
        made.walk.facts.pairs.append(Pair(data, label, made.node, certain=True))
    if data is not None and thing.kind == "search":
        made.walk.facts.split(made.node, [data], folds=True)
    watched = [each for name in ("eval_set", "validation_data", "evals") for each in flat([made.keywords.get(name, NOTHING)]) if each.is_data]
    inner = frozenset[str]().union(*(each.thing.keywords for each in thing.inner if each.thing is not None))
    if watched and watched[-1].part is Part.test and known.EARLY_STOPPING & (thing.keywords | inner | made.keywords.keys()):
        made.walk.facts.report("SW401", made.node)


def _transform(made: Call, thing: Thing) -> Value:
    data = first_data(made.values)
    if data is None:
        return NOTHING
    columns = data.columns if data.columns.single else data.columns if data.columns.inverted else UNKNOWN
    return data.having(learned=data.learned | thing.learned, columns=columns, items=None)


def _fit_transform(made: Call, thing: Thing) -> Value:
    _fit(made, thing)
    return _transform(made, thing)


def _fit_resample(made: Call, thing: Thing) -> Value:
    data = [each for each in made.args if each.is_data]
    if not data:
        return NOTHING
    seeded = bool(thing.keywords & {"random_state", "**"}) or "numpy" in made.walk.seeded
    if not seeded and thing.name not in ("NearMiss", "TomekLinks", "it"):
        made.walk.facts.report("SW202", made.node, what=f"{thing.name}.{made.name}()")
    learned = Learned("SW106", made.node, f"{thing.name}.{made.name}()", data[0].part, data[0].roots, UNKNOWN)
    return Value(items=tuple(each.having(learned=each.learned | {learned}) for each in data))


def _predict(made: Call, thing: Thing) -> Value:
    data = first_data(made.values)
    fitted = replace(thing) if thing.fitted is not None else None
    return data.having(predicted=fitted, columns=UNKNOWN) if data is not None else NOTHING


def _score(made: Call, thing: Thing) -> Value:
    data = first_data(made.values)
    if data is not None and thing.fitted is not None:
        made.walk.facts.scores.append((made.node, data.having(predicted=replace(thing))))
    return Value()


def _folds(made: Call, thing: Thing) -> Value:
    """Divide rows into folds: pairs of positions."""
    data = first_data(made.values)
    if thing.kind != "folds" or data is None:
        return made.base if thing.kind != "folds" else _positions(data)
    made.walk.facts.split(made.node, [data], folds=data.part is not Part.whole, shuffled="shuffles" in thing.keywords)
    return _positions(data)


def _positions(data: Value | None) -> Value:
    roots = data.roots if data is not None else frozenset()
    pair = tuple(Value(part=part, roots=roots, index=True) for part in (Part.train, Part.test))
    return Value(items=(Value(items=pair),))


THINGS: Mapping[str, Callable[[Call, Thing], Value]] = {
    "fit": _fit,
    "partial_fit": _fit,
    "fit_transform": _fit_transform,
    "transform": _transform,
    "inverse_transform": _transform,
    "fit_resample": _fit_resample,
    "fit_sample": _fit_resample,
    **dict.fromkeys(("predict", "predict_proba", "decision_function", "predict_log_proba", "inplace_predict"), _predict),
    "score": _score,
    "evaluate": _score,
    "split": _folds,
}
