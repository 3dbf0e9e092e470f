"""What calls of functions make of their arguments: reading, splitting, encoding, scoring."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.lint import knowledge as known
from pipelines.lint.columns import UNKNOWN
from pipelines.lint.facts import Pair
from pipelines.lint.methods import method
from pipelines.lint.names import along_columns, constant, is_given, keyword, spelled
from pipelines.lint.tables import encoded
from pipelines.lint.values import NOTHING, Learned, Part, Thing, Value, first_data, flat, mixed, stacked

if TYPE_CHECKING:
    from pipelines.lint.interpreter import Interpreter

Evaluate = Callable[["Interpreter", ast.expr], Value]


@dataclass(frozen=True)
class Call:
    """Hold a call: its node, the name as imports spell it, and what is known of its arguments."""

    walk: Interpreter
    node: ast.Call
    spelled: str
    args: list[Value]
    keywords: dict[str, Value]

    @property
    def name(self) -> str:
        """Return the last part of the name."""
        return self.spelled.rpartition(".")[2]

    @property
    def values(self) -> list[Value]:
        """Return every argument."""
        return [*self.args, *self.keywords.values()]

    def argument(self, place: int, name: str) -> Value:
        """Return an argument by place or name."""
        return self.keywords.get(name, self.args[place] if place < len(self.args) else NOTHING)


def call(walk: Interpreter, node: ast.Call, evaluate: Evaluate) -> Value:
    """Return what is known of what a call returns."""
    args = [evaluate(walk, each) for each in node.args]
    keywords = {each.arg or "**": evaluate(walk, each.value) for each in node.keywords}
    name = spelled(node.func, walk.aliases)
    made = Call(walk, node, name, args, keywords)
    walk.facts.saves |= made.name in known.SAVERS or (isinstance(node.func, ast.Attribute) and node.func.attr in known.SAVERS)
    own = _own(walk, node, made)
    if own is not None:
        return own
    if isinstance(node.func, ast.Attribute) and node.func.value is not None:
        base = evaluate(walk, node.func.value)
        if base is not NOTHING and (base.is_data or base.thing is not None or base.names or base.texts or base.fields or base.learned):
            return method(walk, node, base, args, keywords)
        if base is NOTHING and node.func.attr in ("fit_transform", "fit_resample") and made.name == node.func.attr:
            return method(walk, node, Value(thing=Thing("resampler" if node.func.attr == "fit_resample" else "transformer", "it")), args, keywords)
    return function(made)


def _own(walk: Interpreter, node: ast.Call, made: Call) -> Value | None:
    """Return what a function of the script's own returns, None when it is none."""
    target = node.func
    method_of = isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id in ("self", "cls")
    found = None
    if isinstance(target, ast.Name):
        value = walk.lookup(target.id)
        found = value.function if value is not None else None
    elif method_of and isinstance(target, ast.Attribute):
        bodies = (each for owner in walk.classes.values() for each in owner.body if isinstance(each, ast.FunctionDef))
        found = next((each for each in bodies if each.name == target.attr), None)
    if not isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    names = [each.arg for each in [*found.args.posonlyargs, *found.args.args]][1 if method_of else 0 :]
    given = dict(zip(names, made.args, strict=False))
    return walk.call(found, {**given, **{name: value for name, value in made.keywords.items() if name != "**"}})


def function(made: Call) -> Value:
    """Return what a function of a library returns."""
    handler = FUNCTIONS.get(made.name)
    if handler is None:
        handler = next((found for names, found in GROUPS if made.name in names), None)
    if handler is not None:
        return handler(made)
    if made.name[:1].isupper() and not first_data(made.values):
        thing = made.walk.instance(made.name) or Thing("model", made.name)
        return _object(made, thing)
    return mixed(made.values)


def _object(made: Call, thing: Thing) -> Value:
    inner = tuple(each for each in flat(made.values) if each.thing is not None)
    thing.keywords, thing.inner = frozenset(made.keywords), inner
    return Value(thing=thing)


def _kind(kind: str) -> Callable[[Call], Value]:
    return lambda made: _object(made, Thing(kind, made.name))


def _transformer(made: Call) -> Value:
    supervised = next((each for each in flat(made.values) if each.thing is not None and each.thing.kind == "selector"), None)
    return _object(made, Thing("selector" if supervised is not None else "transformer", made.name))


def _pipeline(made: Call) -> Value:
    things = [each.thing for each in flat(made.values) if each.thing is not None]
    last = things[-1].kind if things else "model"
    if last in ("transformer", "selector"):
        last = "selector" if any(thing.kind == "selector" for thing in things) else "transformer"
    return _object(made, Thing(last if last in ("transformer", "selector", "search") else "model", made.name))


def _folds(made: Call) -> Value:
    value = _object(made, Thing("folds", made.name))
    shuffles = made.name in known.ALWAYS_SHUFFLING or constant(keyword(made.node, "shuffle")) is True
    if shuffles and not is_given(made.node, "random_state") and "numpy" not in made.walk.seeded:
        made.walk.facts.report("SW201", made.node, what=made.name)
    if value.thing is not None:
        value.thing.keywords |= {"shuffles"} if shuffles else set()
    return value


def _read(made: Call) -> Value:
    if made.name.startswith("make_"):
        root = made.walk.root()
        return Value(items=(Value(part=Part.whole, roots=root, columns=UNKNOWN), Value(part=Part.whole, roots=root, columns=UNKNOWN)))
    found = first_data(made.values)  # read_csv of a table never happens; load_dataset of one may
    return found or Value(part=Part.whole, roots=made.walk.root(), read=True)


def _split(made: Call) -> Value:
    """Divide arrays as train_test_split does: two for each."""
    data = [each for each in made.args if each.is_data]
    shuffled = constant(keyword(made.node, "shuffle")) is not False
    made.walk.facts.split(made.node, data, shuffled=shuffled)
    if shuffled and not is_given(made.node, "random_state") and "numpy" not in made.walk.seeded:
        made.walk.facts.report("SW201", made.node, what=made.name)
    if len(data) > 1:
        made.walk.facts.pairs.append(Pair(data[0], data[1], made.node, certain=False))
    items = [each.having(part=part, chosen=True, mask=frozenset()) for each in made.args for part in _halves(each.part)]
    return Value(items=tuple(items))


def _halves(part: Part) -> tuple[Part, Part]:
    if part is Part.train:
        return Part.train, Part.validation
    return (Part.train, Part.test) if part is Part.whole else (Part.validation, Part.test)


def _np_split(made: Call) -> Value:
    """Cut rows at places, as `train, validation, test = np.split(rows, [...])`."""
    data = first_data(made.args)
    if data is None:
        return mixed(made.values)
    made.walk.facts.split(made.node, [data])
    pieces = len(made.args[1].items or ()) + 1 if len(made.args) > 1 else 0
    parts = {2: (Part.train, Part.test), 3: (Part.train, Part.validation, Part.test)}.get(pieces, ())
    return Value(items=tuple(data.having(part=part, chosen=True, items=None) for part in parts)) if parts else data.having(chosen=True)


def _random_split(made: Call) -> Value:
    data = first_data(made.args)
    if data is None:
        return mixed(made.values)
    made.walk.facts.split(made.node, [data])
    return Value(items=tuple(data.having(part=part, chosen=True) for part in (Part.train, Part.test)))


def _levels(made: Call) -> Value:
    """Encode by the levels that the rows have."""
    data = first_data(made.args[:1]) or first_data(made.values)
    if data is None:
        return mixed(made.values)
    return encoded(made.walk, made.node, made.name, data)


def _stack(made: Call) -> Value:
    beside = made.name in known.BESIDE or along_columns(made.node, 1)
    data = [each for each in flat(made.args[:1] if made.name == "concat" else made.args) if each.is_data]
    if beside:
        _concatenated(made, data)
    return stacked(made.values, beside=beside)


def _concatenated(made: Call, data: list[Value]) -> None:
    """Note a label put beside features that hold it already."""
    for label in [each for each in data if each.columns.single]:
        for features in [each for each in data if each is not label and not each.columns.single]:
            made.walk.facts.pairs.append(Pair(features, label, made.node, certain=True))


def _cross_validated(made: Call) -> Value:
    features, label = made.argument(1, "X"), made.argument(2, "y")
    made.walk.facts.split(made.node, [features], folds=True)
    made.walk.facts.pairs.append(Pair(features, label, made.node, certain=True))
    return NOTHING


def _score(made: Call) -> Value:
    for each in made.values:
        if each.predicted is not None:
            made.walk.facts.scores.append((made.node, each))
    return Value()


def _matrix(made: Call) -> Value:
    """Hold rows and label as XGBoost and LightGBM take them."""
    features, label = made.argument(0, "data"), made.argument(1, "label")
    if not features.is_data:
        return _object(made, Thing("model", made.name)) if made.name == "Dataset" else mixed(made.values)
    made.walk.facts.pairs.append(Pair(features, label, made.node, certain=True))
    return features.taught(label).having(items=None)


def _train(made: Call) -> Value:
    """Train as xgboost.train and lightgbm.train do."""
    if made.spelled not in ("xgboost.train", "lightgbm.train", "xgboost.cv", "lightgbm.cv"):
        return mixed(made.values)
    rows = first_data(made.values)
    if made.name == "cv":
        made.walk.facts.split(made.node, [rows] if rows else [], folds=True)
        return NOTHING
    watched = [each for name in ("evals", "valid_sets") for each in flat([made.keywords.get(name, NOTHING)]) if each.is_data]
    if watched and watched[-1].part is Part.test and known.EARLY_STOPPING & made.keywords.keys():
        made.walk.facts.report("SW401", made.node)
    return Value(thing=Thing("model", made.spelled, fitted=rows, fitted_at=made.node))


def _seed(made: Call) -> Value:
    if made.node.args and not (isinstance(made.node.args[0], ast.Constant) and made.node.args[0].value is None):
        made.walk.seeded |= {"random"} if made.spelled == "random.seed" else {"numpy"} if made.spelled == "numpy.random.seed" else {"numpy", "random"}
    return NOTHING


def _shuffle(made: Call) -> Value:
    """Shuffle, or draw as many numbers as there are rows."""
    library = made.spelled.rpartition(".")[0]
    source = "random" if library == "random" else "numpy"
    stems = frozenset[int]().union(*(each.roots for each in flat(made.values)))
    seeded = is_given(made.node, "random_state") or source in made.walk.seeded
    if library in ("numpy.random", "random", "sklearn.utils") and stems and not seeded:
        made.walk.facts.report("SW202", made.node, what=f"{made.spelled}()")
    data = [each for each in made.args if each.is_data]
    if made.name == "shuffle" and library == "sklearn.utils" and len(data) > 1:
        return Value(items=tuple(each.having(ordered=False) for each in data))
    return data[0].having(ordered=False, items=None) if data else mixed(made.values).having(roots=stems)


def _generator(made: Call) -> Value:
    seeded = bool(made.node.args or made.node.keywords)
    return Value(thing=Thing("generator", made.name, frozenset({"seeded"}) if seeded else frozenset()))


def _resample(made: Call) -> Value:
    """Draw rows again, as sklearn.utils.resample does."""
    data = first_data(made.args)
    if data is None or not made.spelled.startswith("sklearn.utils"):
        return mixed(made.values)
    if not is_given(made.node, "random_state") and "numpy" not in made.walk.seeded:
        made.walk.facts.report("SW202", made.node, what="resample()")
    learned = Learned("SW106", made.node, "resample()", data.part, data.roots, data.columns)
    return data.having(learned=data.learned | {learned}, chosen=False)


def _statistic(made: Call) -> Value:
    """Take a statistic, as np.mean does."""
    data = first_data(made.args[:1])
    if data is None or not made.spelled.startswith("numpy.") or data.nulls or along_columns(made.node, 1):
        return mixed(made.values)
    learned = Learned("SW105", made.node, f"{made.name}()", data.part, data.roots, data.columns)
    return Value(learned=data.learned | {learned}, roots=data.roots)


def _length(made: Call) -> Value:
    return Value(roots=frozenset[int]().union(*(each.roots for each in made.values)))


def _same(made: Call) -> Value:
    """Return the first argument, as list(), np.array() and DataFrame() do."""
    data = first_data(made.values)
    return data.taught(*made.values).having(items=None) if data is not None else (made.args[0] if made.args else NOTHING)


def _enumerate(made: Call) -> Value:
    """Loop with a number before each item."""
    first = made.args[0] if made.args else NOTHING
    return Value(items=(Value(items=(NOTHING, first.items[0] if first.items else first)),))


def _merge(made: Call) -> Value:
    data = [each for each in made.values if each.is_data]
    return stacked(data, beside=True) if data else mixed(made.values)


FUNCTIONS: Mapping[str, Callable[[Call], Value]] = {
    "train_test_split": _split,
    "split": _np_split,
    "array_split": _np_split,
    "random_split": _random_split,
    "resample": _resample,
    "train": _train,
    "cv": _train,
    "default_rng": _generator,
    "RandomState": _generator,
    "len": _length,
    "arange": _length,
    "range": _length,
    "enumerate": _enumerate,
    "merge": _merge,
    **dict.fromkeys(("seed", "set_seed", "seed_everything", "set_random_seed"), _seed),
    **dict.fromkeys(known.SAME, _same),
    **dict.fromkeys(("DMatrix", "QuantileDMatrix", "Dataset", "Pool"), _matrix),
    **dict.fromkeys(("make_column_transformer", "make_union", "ColumnTransformer", "FeatureUnion"), _transformer),
}
GROUPS = (
    (known.READERS, _read),
    (known.STATELESS, _kind("stateless")),
    (known.TRANSFORMERS, _transformer),
    (known.SELECTORS, _kind("selector")),
    (known.RESAMPLERS, _kind("resampler")),
    (known.SEARCHES, _kind("search")),
    (known.FOLDS, _folds),
    (known.PIPELINES, _pipeline),
    (known.CROSS_VALIDATIONS, _cross_validated),
    (known.METRICS, _score),
    (known.LEVELS, _levels),
    (known.STACKING, _stack),
    (known.SHUFFLERS, _shuffle),
    (known.STATISTICS, _statistic),
)
