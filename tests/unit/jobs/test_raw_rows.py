"""The raw rows of the test split: the very texts of the files, in the order of the prepared rows."""

from __future__ import annotations

import csv
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobkit import raw_rows
from jobkit.failure import JobError
from processing import preprocess
from tests.unit.jobs import packages as made
from tests.unit.jobs.recipes import job, step

CELL = st.text(st.sampled_from('ab ,"\n\r;é7'), max_size=5)


@given(st.integers(1, 3).flatmap(lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=6)))
@settings(max_examples=80, deadline=None)
def test_what_is_written_is_read_again_by_anyone(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("raw") / "test.csv"
    names = [f'column "{place}"' for place in range(len(rows[0]))]
    raw_rows.write(path, pa.table({name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(names)}))
    with open(path, encoding="utf-8", newline="") as handle:
        assert list(csv.reader(handle)) == [names, *rows]
    again = raw_rows.read(path)
    assert raw_rows.header(path) == again.column_names == names
    assert [list(row.values()) for row in again.to_pylist()] == rows


def test_a_column_that_is_not_there_is_named_with_the_nearest(tmp_path):
    (tmp_path / "test.csv").write_text("room,price\nA,1\n")
    with pytest.raises(JobError, match=r"evaluation.slices: the raw rows have no column 'rooms'; got 2 columns: room, price. Did you mean 'room'\?"):
        raw_rows.read(tmp_path / "test.csv", ["rooms"])
    with pytest.raises(JobError, match="there is no none.csv"):
        raw_rows.read(tmp_path / "none.csv")


@pytest.fixture
def ml(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    for name in ("input/raw", "recipe"):
        (tmp_path / "processing" / name).mkdir(parents=True)
    return tmp_path / "processing"


def frame() -> pd.DataFrame:
    room = np.resize(['A "sea"', "B, large", "C", None, "NA"], 300)
    return made.rows(300).assign(y=np.resize(["yes", "no", "no"], 300), room=room, unread=[f"{row:03d}" for row in range(300)])


def prepared(ml, monkeypatch, file: str, body: bytes, steps=(), **data):
    """Run Preprocess and return the raw rows of the test split as they were written."""
    (ml / "input/raw" / file).write_bytes(body)
    given = job([step("drop_columns", columns=["unread"]), step("drop_duplicates"), *steps, step("one_hot", columns=["room", "agent"])])
    given["data"].update(format="auto", **data)
    given["recipe"].append(step("dates", columns=["arrival"], parts=["month"]))
    given.update(raw={"all": True, "test": True, "explained": 7}, leakage={"max_psi": 0.25, "on_finding": "ignore"})
    monkeypatch.setattr(preprocess, "_check", lambda *ignored: None)
    (ml / "job.json").write_text(json.dumps(given))
    monkeypatch.setattr(preprocess, "__file__", str(ml / "preprocess.py"))
    assert preprocess.main(["--seed", "3"]) == 0
    kept = {}
    for name in ("raw/rows.csv", "raw_test/test.csv", "raw_explained/test.csv"):
        with open(ml / name, encoding="utf-8", newline="") as handle:
            kept[name] = list(csv.reader(handle))
    found = kept["raw_test/test.csv"]
    assert kept["raw_explained/test.csv"] == found[:8]
    # All rows, copies and those of other splits too, in the order of the files.
    assert kept["raw/rows.csv"][0] == found[0] and len(kept["raw/rows.csv"]) == 301
    assert all(row in kept["raw/rows.csv"] for row in found)
    return found


def agree(ml, found, shift: float = 0.0) -> None:
    """Hold the raw rows to the prepared ones: the same rows in the same order."""
    split = parquet.read_table(ml / "test/test.parquet").to_pydict()
    names = found[0]
    label = [float(row[names.index("y")] == "yes") for row in found[1:]]
    price = np.array([float(row[names.index("price")]) for row in found[1:]])
    assert label == split["y"] and np.allclose(price, split["price"], atol=1e-3)


@pytest.mark.parametrize(
    ("write", "data"),
    [
        (lambda rows: rows.to_csv(index=False).encode(), {}),
        (lambda rows: rows.to_csv(index=False, lineterminator="\r\n", sep=";").encode(), {"delimiter": ";"}),
        (lambda rows: rows.to_csv(index=False).encode("latin-1"), {"encoding": "latin-1"}),
        (lambda rows: rows.to_csv(index=False).encode("utf-16"), {"encoding": "utf-16"}),
    ],
)
def test_cells_are_the_texts_of_the_file_in_the_order_of_the_split(ml, monkeypatch, write, data):
    rows = frame()
    found = prepared(ml, monkeypatch, "rows.csv", write(rows), **data)
    assert found[0] == list(rows.columns)
    agree(ml, found)
    # What means a missing value is an empty cell, and every other text is as it came, leading zeros and all.
    texts = {row["unread"]: row for row in csv.DictReader(rows.to_csv(index=False).splitlines())}
    for row in found[1:]:
        there = dict(zip(found[0], row, strict=True))
        assert there == {name: "" if text == "NA" else text for name, text in texts[there["unread"]].items()}


def test_rows_of_parquet_keep_the_columns_that_nothing_needs(ml, monkeypatch, tmp_path):
    rows = frame()
    rows.to_parquet(tmp_path / "rows.parquet")
    found = prepared(ml, monkeypatch, "rows.parquet", (tmp_path / "rows.parquet").read_bytes())
    assert found[0] == list(rows.columns)
    agree(ml, found)
    by_key = rows.set_index("unread")
    for row in found[1:]:
        there = dict(zip(found[0], row, strict=True))
        room = by_key.loc[there["unread"], "room"]
        assert there["room"] == ("" if room in (None, "NA") or room != room else room)


def test_without_being_asked_nothing_is_kept(ml, monkeypatch):
    monkeypatch.setattr(raw_rows, "write", lambda *ignored: pytest.fail("written"))
    preprocess._raw({}, None)  # type: ignore[arg-type]
