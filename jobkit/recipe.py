"""The recipe: steps fitted on the training split only, kept as readable JSON, and applied alike everywhere after."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
import pandas as pd

from jobkit.failure import JobError

VERSION = 1
UNSAFE = re.compile(r"[^A-Za-z0-9]+")
SAFE = re.compile(r"[A-Za-z0-9_]+")
BEFORE_SPLIT = ("drop_columns", "drop_duplicates")

Fitted = Dict[str, Any]


def prepare(rows: pd.DataFrame, steps: Sequence[Dict[str, Any]]) -> pd.DataFrame:
    """Return the rows after the steps that learn nothing and so may come before the split."""
    for step in steps:
        if step["step"] in BEFORE_SPLIT:
            rows = PREPARE[step["step"]](rows, step)
    return rows


def _drop_columns(rows: pd.DataFrame, step: Dict[str, Any]) -> pd.DataFrame:
    _require(rows, step["columns"], "drop_columns")
    return rows.drop(columns=list(step["columns"]))


def _drop_duplicates(rows: pd.DataFrame, step: Dict[str, Any]) -> pd.DataFrame:
    _require(rows, step.get("columns", ()), "drop_duplicates")
    return rows.drop_duplicates(subset=list(step.get("columns") or ()) or None, ignore_index=True)


PREPARE = {"drop_columns": _drop_columns, "drop_duplicates": _drop_duplicates}


def _require(rows: pd.DataFrame, columns: Sequence[str], where: str) -> None:
    missing = [column for column in columns if column not in rows]
    if missing:
        raise JobError("recipe step {}: there is no column {!r}; got {}".format(where, missing[0], ", ".join(map(str, rows.columns))[:300]))


def is_text(column: pd.Series) -> bool:
    """Tell whether a column holds text rather than numbers or booleans."""
    return not pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def safe_name(text: str) -> str:
    """Return a feature name of letters, digits and underscores, which CSV headers and XGBoost take as they are."""
    return UNSAFE.sub("_", text).strip("_") or "empty"


def fit(train: pd.DataFrame, steps: Sequence[Dict[str, Any]]) -> Tuple[Fitted, pd.DataFrame]:
    """Fit every step on the training rows, in order; return the fitted recipe and the training features (float32).

    Raises:
        JobError: a step names a column that is not there or of the wrong kind, or text columns are left at the end.
    """
    schema = {str(name): ("text" if is_text(train[name]) else "number") for name in train}
    fitted: List[Fitted] = []
    counts = [len(train)]
    for step in steps:
        if step["step"] not in BEFORE_SPLIT:
            _require(train, [] if step["columns"] == "auto" else step["columns"], step["step"])
            state = FIT[step["step"]](train, step)
            fitted.append(state)
            train = APPLY[state["step"]](train, state, True)
            counts.append(len(train))
    left = [str(name) for name in train if is_text(train[name])]
    if left:
        raise JobError("the columns {} still hold text after the last recipe step; add a one_hot step or drop them".format(", ".join(left)[:300]))
    features = _safe_names([str(name) for name in train])
    recipe = {"version": VERSION, "schema": schema, "steps": fitted, "features": features, "rows": counts}
    return recipe, train.astype("float32").set_axis(features, axis=1)


def _safe_names(names: Sequence[str]) -> List[str]:
    """Return the names with what CSV headers or XGBoost refuse replaced; one that is fine stays, and all stay different."""
    taken = {name for name in names if SAFE.fullmatch(name)}
    return [name if name in taken else _unique(safe_name(name), taken) for name in names]


def apply(rows: pd.DataFrame, recipe: Fitted) -> pd.DataFrame:
    """Return the features (float32, one row for every row given) of raw or prepared rows; a missing column counts as missing values."""
    rows = rows.reindex(columns=list(recipe["schema"]))
    for state in recipe["steps"]:
        rows = APPLY[state["step"]](rows, state, False)
    return rows.astype("float32").set_axis(recipe["features"], axis=1)


def dumps(recipe: Fitted) -> str:
    """Return the recipe as JSON text that is the same for the same recipe."""
    return json.dumps(recipe, sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _fit_impute(rows: pd.DataFrame, step: Dict[str, Any]) -> Fitted:
    values = {column: _plain(STATISTICS[step["strategy"]](rows[column], step)) for column in step["columns"]}
    return {"step": "impute", "strategy": step["strategy"], "values": values}


def _number_statistic(name: str, column: pd.Series) -> float:
    if is_text(column):
        raise JobError("recipe step impute: column {!r} holds text, which has no {}; use mode or constant".format(column.name, name))
    value = float(getattr(column, name)())
    return 0.0 if np.isnan(value) else value


def _mode(column: pd.Series) -> Any:
    found = column.mode(dropna=True)
    return found.iloc[0] if len(found) else ("" if is_text(column) else 0.0)


def _constant(column: pd.Series, step: Dict[str, Any]) -> Any:
    if step.get("value") is None:
        raise JobError("recipe step impute: strategy constant needs a value")
    return step["value"]


STATISTICS = {
    "mean": lambda column, step: _number_statistic("mean", column),
    "median": lambda column, step: _number_statistic("median", column),
    "mode": lambda column, step: _mode(column),
    "constant": _constant,
}


def _apply_impute(rows: pd.DataFrame, state: Fitted, training: bool) -> pd.DataFrame:
    return rows.assign(**{column: rows[column].fillna(value) for column, value in state["values"].items()})


def _fit_outliers(rows: pd.DataFrame, step: Dict[str, Any]) -> Fitted:
    for column in step["columns"]:
        if is_text(rows[column]):
            raise JobError("recipe step outliers: column {!r} holds text; expected numbers".format(column))
    bounds = {column: [float(bound) for bound in BOUNDS[step["method"]](rows[column], step["threshold"])] for column in step["columns"]}
    return {"step": "outliers", "action": step["action"], "method": step["method"], "bounds": bounds}


def _deviation_bounds(column: pd.Series, threshold: float) -> Tuple[float, float]:
    mean, deviation = column.mean(), column.std()
    return mean - threshold * deviation, mean + threshold * deviation


def _quantile_bounds(column: pd.Series, threshold: float) -> Tuple[float, float]:
    share = min(threshold, 0.5)
    return column.quantile(share), column.quantile(1 - share)


BOUNDS = {"standard_deviation": _deviation_bounds, "quantile": _quantile_bounds}


def _apply_outliers(rows: pd.DataFrame, state: Fitted, training: bool) -> pd.DataFrame:
    if state["action"] == "remove" and not training:
        return rows
    for column, (low, high) in state["bounds"].items():
        outside = (rows[column] < low) | (rows[column] > high)
        rows = TREAT[state["action"]](rows, column, outside, low, high)
    return rows


TREAT = {
    "remove": lambda rows, column, outside, low, high: rows[~outside],
    "clip": lambda rows, column, outside, low, high: rows.assign(**{column: rows[column].clip(low, high)}),
    "null": lambda rows, column, outside, low, high: rows.assign(**{column: rows[column].mask(outside)}),
}


def _fit_one_hot(rows: pd.DataFrame, step: Dict[str, Any]) -> Fitted:
    columns = [str(name) for name in rows if is_text(rows[name])] if step["columns"] == "auto" else list(step["columns"])
    levels: Dict[str, List[str]] = {}
    for column in columns:
        found = rows[column].dropna().astype(str).value_counts()
        ordered = sorted(found.index, key=lambda level: (-found[level], level))[: step["max_levels"]]
        levels[column] = ordered[:-1] if step.get("drop_last") and len(ordered) > 1 else ordered
    taken = {str(name) for name in rows if name not in columns}
    names = {column: [_unique("{}_{}".format(safe_name(column), safe_name(level)), taken) for level in levels[column]] for column in columns}
    return {"step": "one_hot", "levels": levels, "names": names}


def _unique(name: str, taken: set) -> str:
    """Return the name, numbered when another level or column has become the same."""
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = "{}_{}".format(name, number), number + 1
    taken.add(candidate)
    return candidate


def _apply_one_hot(rows: pd.DataFrame, state: Fitted, training: bool) -> pd.DataFrame:
    parts = [rows.drop(columns=list(state["levels"]))]
    for column, levels in state["levels"].items():
        codes = _codes(rows[column], levels)
        hot = np.zeros((len(rows), len(levels)), dtype="float32")
        seen = codes >= 0
        hot[np.flatnonzero(seen), codes[seen]] = 1.0
        parts.append(pd.DataFrame(hot, index=rows.index, columns=state["names"][column]))
    return pd.concat(parts, axis=1)


def _codes(column: pd.Series, levels: Sequence[str]) -> np.ndarray:
    """Return each row's position among the levels (int64, shape (rows,)), -1 for a missing or unseen one."""
    codes, found = pd.factorize(column)
    place = {level: index for index, level in enumerate(levels)}
    positions = np.array([place.get(str(value), -1) for value in found] + [-1], dtype="int64")
    return positions[codes]


FIT = {"impute": _fit_impute, "outliers": _fit_outliers, "one_hot": _fit_one_hot}
APPLY = {"impute": _apply_impute, "outliers": _apply_outliers, "one_hot": _apply_one_hot}
