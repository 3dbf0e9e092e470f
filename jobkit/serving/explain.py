"""Explain answers beside them: SHAP values per feature and per raw column, or the features as the model saw them. Members of JSON, one text a row."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Sequence

import numpy as np

from jobkit.serving.answers import number_text


def raw_columns(recipe: Mapping[str, Any]) -> List[str]:
    """Return for each feature the raw column whose one-hot group it is in, or its own name."""
    groups: Dict[str, str] = {}
    for state in recipe["steps"]:
        if state["step"] == "one_hot":
            for column in state["columns"]:
                for made in (*state["names"][column], *state["extra"][column].values()):
                    groups[made] = groups.get(column, column)
    return [groups.get(name, name) for name in recipe["columns"]]


def shap(values: np.ndarray, features: Sequence[str], columns: Sequence[str], classes: Sequence[str]) -> List[str]:
    """Return `"explanation": ...` for each row: base value and contributions, in the margin's unit; of several classes one for each.

    `values` is float32 of shape (rows, features + 1) or (rows, classes, features + 1).
    """
    if values.ndim == 2:
        return [_member("explanation", _parts(row, features, columns)) for row in values]
    return [_member("explanation", {name: _parts(part, features, columns) for name, part in zip(classes, row)}) for row in values]


def _parts(row: np.ndarray, features: Sequence[str], columns: Sequence[str]) -> Dict[str, Any]:
    each = [float(value) for value in row[:-1].astype(np.float64)]
    sums: Dict[str, float] = {}
    for column, value in zip(columns, each):
        sums[column] = sums.get(column, 0.0) + value
    return {"base_value": float(row[-1]), "contributions": dict(zip(features, each)), "columns": sums}


def features(values: np.ndarray, names: Sequence[str]) -> List[str]:
    """Return `"features": {...}` for each row of features (float32, shape (rows, features)); a missing value is null."""
    keys = [json.dumps(name, ensure_ascii=False) for name in names]
    return ['"features": {' + ", ".join(map(": ".join, zip(keys, (number_text(v, "null") for v in row)))) + "}" for row in values.astype(np.float64).tolist()]


def _member(name: str, value: Any) -> str:
    return '"{}": {}'.format(name, json.dumps(value, ensure_ascii=False, allow_nan=False))
