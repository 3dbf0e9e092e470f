"""Configurations, and the exported file that belongs to one, executed in a namespace of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from jobkit import recipe  # noqa: E402
from jobkit.columns import TEXT, Table, from_frame  # noqa: E402
from pipelines.config.model import PipelineConfig  # noqa: E402
from pipelines.export.python_file import python_file  # noqa: E402
from pipelines.export.recipe import Source  # noqa: E402
from processing import preprocess  # noqa: E402


def source(steps: list[dict[str, Any]], *, files: dict[str, str] | None = None, fitted: Any = None, **members: Any) -> Source:
    """Return a pipeline with these steps and the label y."""
    sections = {"split": {"method": "random", "train": 0.6, "validation": 0.2}, "label": {"column": "y", "positive": "yes"}, **members}
    config = PipelineConfig(name="p", data=sections.pop("data", {"input": "x"}), recipe=steps, **sections)
    return Source("p", config.as_json(), files or {}, fitted)


def executed(text: str) -> dict[str, Any]:
    """Return the namespace of an exported file after it was run."""
    names: dict[str, Any] = {"__name__": "prepare", "__doc__": "Prepare."}
    exec(compile(text, "prepare.py", "exec"), names)
    return names


def export(given: Source) -> dict[str, Any]:
    """Return the namespace of the Python file of a pipeline."""
    return executed(python_file(given))


def raw_table(frame: pd.DataFrame, given: Source) -> Table:
    """Return a frame as the job's reader gives it."""
    nulls = set(given.config["data"]["null_values"])
    rows = from_frame(frame.drop(columns=given.not_needed, errors="ignore"))
    cleaned = {name: column.relabel(lambda level: None if level in nulls else level) for name, column in rows.columns.items() if column.kind == TEXT}
    return rows.replaced(cleaned)


def prepared(frame: pd.DataFrame, given: Source, others: dict[str, pd.DataFrame] | None = None) -> preprocess.Prepared:
    """Return what the Preprocess job makes of a frame."""
    job = {**json.loads(json.dumps(given.config)), "recipe": given.steps}
    return preprocess.prepare(raw_table(frame, given), job, given.config["seed"], {n: raw_table(other, given) for n, other in (others or {}).items()})


def as_read(fitted: recipe.Fitted) -> recipe.Fitted:
    """Return a recipe as recipe.json gives it back."""
    return recipe.loads(recipe.dumps(fitted))


def assert_splits_equal(mine: dict[str, pd.DataFrame], theirs: preprocess.Prepared) -> None:
    """Compare names, order, dtypes and bits of all three splits."""
    assert list(mine) == list(theirs.features)
    for name, frame in mine.items():
        wanted = {"y": theirs.labels[name].astype(np.float32), **theirs.features[name]}
        assert list(frame) == list(wanted)
        for column, values in wanted.items():
            assert frame[column].dtype == values.dtype, column
            assert same_bits(frame[column].to_numpy(), values), (name, column, frame[column].to_numpy(), values)


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    """Tell whether two arrays are equal to the last bit; any NaN is a NaN."""
    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    if left.dtype.kind != "f":
        return bool(np.array_equal(left, right))
    missing = np.isnan(left) & np.isnan(right)
    bits = f"u{left.dtype.itemsize}"
    return bool((missing | (np.ascontiguousarray(left).view(bits) == np.ascontiguousarray(right).view(bits))).all())
