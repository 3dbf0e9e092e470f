"""The three ways to use an exported file: fit, transform, prepare."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from pipelines.export.plain.given import (
    EXTRA_COLUMN,
    LABEL,
    MISSING_COLUMN,
    NOT_FEATURES,
    NOT_NEEDED,
    NULL_VALUES,
    SPLIT,
    WRONG_TYPE,
    after_split,
    before_split,
    combine,
    label_numbers,
    learn,
    split_rows,
)
from pipelines.export.plain.levels import safe_name, unique
from pipelines.export.plain.values import (
    as_text,
    finite,
    kind_of,
    put,
    texts,
    to_dates,
    to_number,
    to_numbers,
    to_texts,
    to_truth,
    typed,
)


def fit(train, others=None):
    """Return what the recipe learns from raw training rows with labels."""
    raw = combine(raw_rows(train), others)
    state = {}
    rows = before_split(raw, state)
    rows = learn(rows, label_numbers(rows[LABEL]), state)
    return finished(raw, state, rows)


def prepare(raw, others=None):
    """Return {"train": rows, "validation": rows, "test": rows}.

    The recipe is fitted on the training rows. Each frame holds the label
    (float32), then the features (float32; uint8 where only 0 and 1 occur).
    """
    return prepare_and_fit(raw, others)[0]


def prepare_and_fit(raw, others=None):
    """Return the three splits, and what was learned from the training rows."""
    raw = combine(raw_rows(raw), others)
    state = {}
    rows = before_split(raw, state)
    target = label_numbers(rows[LABEL])
    by = raw.loc[rows.index, SPLIT["column"]] if SPLIT["column"] else None
    parts = split_rows(target.to_numpy(), by)
    train, validation, test = (rows.iloc[part] for part in parts)
    train = learn(train, target, state)
    state = finished(raw, state, train)
    splits = {
        "train": train,
        "validation": after_split(validation, state),
        "test": after_split(test, state),
    }
    return {
        name: labelled(part, target, state) for name, part in splits.items()
    }, state


def finished(raw, state, rows):
    """Return the state with the raw columns before it, features after it."""
    schema = {name: kind_of(raw[name]) for name in raw if name != LABEL}
    columns = [name for name in rows if name not in NOT_FEATURES]
    left = [name for name in columns if kind_of(rows[name]) != "number"]
    if left:
        raise ValueError(f"the columns {left} still hold text or dates")
    names = {"columns": columns, "features": safe_names(columns)}
    return {"schema": schema, **state, **names}


def labelled(rows, target, state):
    """Return the label and the features of prepared rows."""
    frame = as_features(rows, state)
    label = target.loc[rows.index].to_numpy().astype("float32")
    return put(frame[[]], {LABEL: label, **{n: frame[n] for n in frame}})


def as_features(rows, state):
    """Return the features: float32, or uint8 where only 0 and 1 occur."""
    made = {}
    for name, feature in zip(state["columns"], state["features"]):
        values = rows[name].to_numpy()
        if values.dtype != "uint8":
            with np.errstate(over="ignore"):
                values = finite(values.astype("float32")).astype("float32")
        made[feature] = values
    return put(pd.DataFrame(index=pd.RangeIndex(len(rows))), made)


def safe_names(names):
    """Return names of letters, digits and _; what is fine stays."""
    taken = {name for name in names if name and name == safe_letters(name)}
    return [
        name if name in taken else unique(safe_name(name), taken)
        for name in names
    ]


def safe_letters(name):
    """Return the name without what CSV headers or XGBoost refuse."""
    return "".join(
        c for c in name if c == "_" or (c.isascii() and c.isalnum())
    )


def raw_rows(frame):
    """Return raw rows in the three kinds, without what no step needs."""
    frame = typed(frame.drop(columns=list(NOT_NEEDED), errors="ignore"))
    changes = {
        name: without_nulls(frame[name])
        for name in frame
        if kind_of(frame[name]) == "text"
    }
    return put(frame, changes)


def without_nulls(values):
    """Return text with the texts that mean nothing missing."""
    return to_texts(values, lambda text: None if text in NULL_VALUES else text)


def take_in(frame, state):
    """Return raw rows with the columns and kinds that training had."""
    schema = state["schema"]
    absent = [name for name in schema if name not in frame]
    extra = [name for name in frame if name not in schema]
    if absent and MISSING_COLUMN == "fail":
        raise ValueError(f"the column {absent[0]!r} is missing")
    if extra and EXTRA_COLUMN == "fail":
        raise ValueError(f"training had no column {extra[0]!r}")
    rows = typed(frame[[name for name in schema if name in frame]])
    made = {
        name: of_kind(rows[name], kind, name)
        if name in rows
        else blank(kind, len(rows))
        for name, kind in schema.items()
    }
    return put(rows[[]], made)


def blank(kind, count):
    """Return a column of a kind without any value."""
    if kind == "text":
        return texts([None] * count)
    if kind == "date":
        return np.full(count, np.datetime64("NaT", "us"))
    return np.full(count, np.nan)


def of_kind(values, kind, name):
    """Return a raw column in the kind that it had in training."""
    if kind_of(values) == "text":
        cleaned = without_nulls(values)
        values = pd.Series(cleaned, values.index, dtype=object)
    if kind == "text":
        return as_text(values).to_numpy()
    if kind_of(values) == kind:
        return values
    if kind == "date":
        made = to_dates(values)
    elif kind_of(values) == "text":
        made = finite(to_numbers(values, number_or_truth))
    else:
        made = np.full(len(values), np.nan)
    wrong = pd.isna(made) & values.notna().to_numpy()
    if wrong.any() and WRONG_TYPE == "fail":
        raise ValueError(
            f"column {name!r}: {values[wrong].iloc[0]!r} is no {kind}"
        )
    return made


def number_or_truth(text):
    """Return the number that a text writes; 1 for a yes, 0 for a no."""
    number = to_number(text)
    return to_truth(text) if np.isnan(number) else number


def call_function(rows, function, *fitted):
    """Let your own function change the rows; it sees features only."""
    hidden = [name for name in rows if name in NOT_FEATURES]
    made = typed(function(visible(rows), *fitted))
    if len(made) != len(rows):
        raise ValueError(f"{function.__name__} changed the number of rows")
    new = {name: made[name].to_numpy() for name in made if name not in hidden}
    return put(rows[hidden], new)


def visible(rows):
    """Return the rows as your own functions see them."""
    hidden = [name for name in rows if name in NOT_FEATURES]
    return rows.drop(columns=hidden).reset_index(drop=True)


def fit_function(rows, function):
    """Return what your own function learns from the training rows."""
    return json.loads(json.dumps(function(visible(rows))))
