"""Each step of a recipe as calls of the plain functions: what learns, what is done to training rows, and what is done to any other row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.export.expressions import function
from pipelines.export.layout import Code, call, literal, text

Config = Mapping[str, Any]
THRESHOLDS: Mapping[str, float | None] = {"standard_deviation": 4.0, "robust": 5.0, "quantile": 0.01, "min_max": None}
# What a step keeps of the state that jobkit fits.
LEARNED: Mapping[str, tuple[str, ...]] = {
    "impute": ("values", "indicators"),
    "outliers": ("bounds",),
    "replace_rare": ("levels",),
    "one_hot": ("columns", "levels", "names", "extra"),
    "ordinal": ("codes", "default", "missing_value"),
    "frequency_encode": ("codes", "default", "missing_value"),
    "target_encode": ("codes", "default", "missing_value", "prior"),
    "scale": ("scales",),
    "bin": ("edges",),
    "python": ("fitted",),
}


@dataclass(frozen=True)
class Place:
    """Say which step it is: its number from 1, and the inputs, label and features' exclusions are constants of the exported file."""

    number: int
    kind: str

    @property
    def key(self) -> str:
        """Return the key of the step in the state."""
        return f"{self.kind}_{self.number}"

    @property
    def state(self) -> str:
        """Return the code that reads the step's state."""
        return f"state[{text(self.key)}]"


@dataclass(frozen=True)
class Calls:
    """Hold a step as code: `learn` gives its state, `train` and `apply` give rows; `apply` is None for what is not done at inference.

    `functions` are definitions that the calls need; `further` are calls that follow, on any row.
    """

    train: Code
    apply: Code | None
    learn: Code | None = None
    functions: tuple[str, ...] = ()
    further: tuple[Code, ...] = ()


def calls(config: Config, number: int) -> Calls:
    """Return a step of the recipe as code."""
    return EMITTERS[config["step"]](config, Place(number, config["step"]))


def _alike(code: Code, *functions: str) -> Calls:
    """Return a step that treats all rows alike and learns nothing."""
    return Calls(code, code, functions=functions)


def _before_only(code: Code, *functions: str) -> Calls:
    return Calls(code, None, functions=functions)


def _chosen(config: Config, kind: str) -> Code:
    return call("columns_of", "rows", text(kind), "NOT_FEATURES") if config["columns"] == "auto" else literal(list(config["columns"]))


def _join(config: Config, place: Place) -> Calls:
    other = f"raw_rows(others[{text(config['other'])}])"
    return _before_only(call("join_rows", "rows", other, literal(config["columns"]), how=text(config["how"]), suffix=text(config["suffix"])))


def _concat(config: Config, place: Place) -> Calls:
    return _before_only(call("append_rows", "rows", f"raw_rows(others[{text(config['other'])}])"))


def _cast(config: Config, place: Place) -> Calls:
    given = {key: literal(config[key]) for key in ("formats", "thousands", "decimal") if config[key] != {"formats": [], "thousands": "", "decimal": "."}[key]}
    arguments = ("rows", literal(config["columns"]))
    plain = call("cast", *arguments, on_error=text(config["on_error"]), **given)
    dropping = call("cast", *arguments, on_error=text(config["on_error"]), **given, training="True")
    return Calls(dropping if config["on_error"] == "drop" else plain, plain)


def _drop(config: Config, place: Place) -> Calls:
    return _alike(call("drop_columns", "rows", literal(config["columns"])))


def _keep(config: Config, place: Place) -> Calls:
    kept = call("", "LABEL", *map(text, config["columns"]))
    return _alike(call("keep_columns", "rows", kept))


def _rename(config: Config, place: Place) -> Calls:
    return _alike(call("rows.rename", columns=literal(config["columns"])))


def _move(config: Config, place: Place) -> Calls:
    after = {"after": text(config["after"])} if config["after"] is not None else {}
    return _alike(call("move_columns", "rows", literal(config["columns"]), **after))


def _filter(config: Config, place: Place) -> Calls:
    name = f"keep_{place.number}"
    return _before_only(call("filter_rows", "rows", name), function(name, config["where"]))


def _duplicates(config: Config, place: Place) -> Calls:
    columns = {"subset": literal(config["columns"])} if config["columns"] else {}
    return _before_only(call("rows.drop_duplicates", **columns, keep=text(config["keep"])))


def _missing(config: Config, place: Place) -> Calls:
    everything = "[name for name in rows if name != LABEL]"
    return _before_only(call("drop_missing", "rows", literal(config["columns"]) if config["columns"] else everything))


def _impute(config: Config, place: Place) -> Calls:
    of_text = isinstance(config["value"], str)
    kinds = {"constant": ("text",) if of_text else ("number",), "mode": ("number", "text")}.get(config["strategy"], ("number",))
    chosen = call("incomplete", "rows", literal(kinds), "NOT_FEATURES") if config["columns"] == "auto" else literal(config["columns"])
    options = {"strategy": text(config["strategy"]), "value": literal(config["value"]), "indicator": repr(config["indicator"])}
    learn = call("learn_impute", "rows", chosen, **options, given=literal(config["fitted"]))
    done = call("impute", "rows", place.state)
    return Calls(done, done, learn)


def _outliers(config: Config, place: Place) -> Calls:
    threshold = config["threshold"] or THRESHOLDS[config["method"]]
    options = {"method": text(config["method"]), "threshold": repr(threshold), "low": repr(config["low"]), "high": repr(config["high"])}
    learn = call("learn_outliers", "rows", literal(list(config["columns"])), **options, given=literal(config["fitted"]))
    name = {"remove": "remove_outliers", "clip": "clip_outliers", "null": "blank_outliers"}[config["action"]]
    done = call(name, "rows", place.state)
    return Calls(done, None if config["action"] == "remove" else done, learn)


def _rare(config: Config, place: Place) -> Calls:
    done = call("replace_rare", "rows", place.state, text(config["name"]))
    learn = call("learn_rare", "rows", literal(list(config["columns"])), min_share=repr(config["min_share"]), max_levels=repr(config["max_levels"]))
    return Calls(done, done, learn)


def _one_hot(config: Config, place: Place) -> Calls:
    policies = {"unknown": text(config["unknown"]), "missing": text(config["missing"])}
    options = {"max_levels": repr(config["max_levels"]), "drop_last": repr(config["drop_last"]), **policies, "names": text(config["names"])}
    learn = call("learn_one_hot", "rows", _chosen(config, "text"), **options, given=literal(config["fitted"]))
    done = call("one_hot", "rows", place.state, **policies)
    return Calls(done, done, learn)


def _ordinal(config: Config, place: Place) -> Calls:
    learn = call("learn_ordinal", "rows", literal(list(config["columns"])), order=literal(config["order"]), unknown=text(config["unknown"]))
    strict = {"unknown": text("fail")} if config["unknown"] == "fail" else {}
    done = call("encode", "rows", place.state, **strict)
    return Calls(done, done, learn)


def _frequency(config: Config, place: Place) -> Calls:
    done = call("encode", "rows", place.state)
    return Calls(done, done, call("learn_frequency", "rows", literal(list(config["columns"]))))


def _target(config: Config, place: Place) -> Calls:
    smoothing = repr(config["smoothing"])
    learn = call("learn_target_encode", "rows", "target", literal(list(config["columns"])), smoothing=smoothing)
    train = call("cross_fit", "rows", "target", place.state, smoothing=smoothing, folds=repr(config["folds"]), seed="SEED")
    return Calls(train, call("encode", "rows", place.state), learn)


def _scale(config: Config, place: Place) -> Calls:
    done = call("scale", "rows", place.state)
    return Calls(done, done, call("learn_scale", "rows", _chosen(config, "number"), method=text(config["method"])))


def _dates(config: Config, place: Place) -> Calls:
    options = {key: literal(config[key]) for key in ("since", "unit") if config["since"] is not None}
    options |= {"formats": literal(config["formats"])} if config["formats"] else {}
    options |= {"keep": "True"} if config["keep"] else {}
    return _alike(call("dates", "rows", literal(list(config["columns"])), literal(list(config["parts"])), **options))


def _text(config: Config, place: Place) -> Calls:
    keys = ("measures", "extract", "case", "strip", "keep")
    return _alike(call("measure_text", "rows", literal(list(config["columns"])), **{key: literal(config[key]) for key in keys}))


def _bin(config: Config, place: Place) -> Calls:
    options = {key: literal(config[key]) for key in ("method", "bins", "edges")}
    done = call("into_bins", "rows", place.state)
    return Calls(done, done, call("learn_bin", "rows", literal(list(config["columns"])), **options))


def _derive(config: Config, place: Place) -> Calls:
    names = {column: f"derive_{place.number}_{index}" for index, column in enumerate(config["columns"], 1)}
    first, *further = (call("derive", "rows", text(column), name) for column, name in names.items())
    functions = (function(name, config["columns"][column]) for column, name in names.items())
    return Calls(first, first, functions=tuple(functions), further=tuple(further))


def _python(config: Config, place: Place) -> Calls:
    name = config["function"].rpartition(":")[2]
    if not config["fit"]:
        return _alike(call("call_function", "rows", name))
    done = call("call_function", "rows", name, f'{place.state}["fitted"]')
    return Calls(done, done, call("fit_function", "rows", config["fit"].rpartition(":")[2]))


def _number(config: Config, place: Place) -> Calls:
    return _before_only(call("number_rows", "rows", text(config["column"]), start=repr(config["start"]), position=repr(config["position"])))


def _timestamp(config: Config, place: Place) -> Calls:
    return _before_only(call("stamp_rows", "rows", text(config["column"]), value=repr(config["value"] or 0.0), position=repr(config["position"])))


EMITTERS: Mapping[str, Callable[[Config, Place], Calls]] = {
    "join": _join,
    "concat": _concat,
    "cast": _cast,
    "drop_columns": _drop,
    "keep_columns": _keep,
    "rename_columns": _rename,
    "move_columns": _move,
    "filter_rows": _filter,
    "drop_duplicates": _duplicates,
    "drop_missing": _missing,
    "impute": _impute,
    "outliers": _outliers,
    "replace_rare": _rare,
    "one_hot": _one_hot,
    "ordinal": _ordinal,
    "target_encode": _target,
    "frequency_encode": _frequency,
    "scale": _scale,
    "dates": _dates,
    "text": _text,
    "bin": _bin,
    "derive": _derive,
    "python": _python,
    "row_number": _number,
    "timestamp": _timestamp,
}
