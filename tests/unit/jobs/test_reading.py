"""Files of every kind become the same table, and a file that cannot is refused with its name and line."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobkit import table
from jobkit.columns import to_frame
from jobkit.failure import JobError
from pipelines.config.model import Data

ROWS = [{"n": 1.5, "t": "a,b", "y": "yes"}, {"n": None, "t": 'say "hi"', "y": "no"}, {"n": 3.0, "t": None, "y": "yes"}]
FRAME = pd.DataFrame(ROWS)


def how(**members):
    return Data(input="x", **members).model_dump(mode="json")


def read(folder, *, as_text=(), needed=(), **members):
    return to_frame(table.read_table(folder, how(**members), table.Wanted(needed, as_text)))


def plain(frame: pd.DataFrame) -> list[list[object]]:
    return [[None if pd.isna(value) else value for value in row] for row in frame.astype(object).values.tolist()]


def as_csv(**options) -> bytes:
    return FRAME.to_csv(index=False, **options).encode()


WRITTEN = {
    "rows.csv": (as_csv(), {}),
    "rows.tsv": (as_csv(sep="\t"), {"delimiter": "\t"}),
    "semicolons.csv": (as_csv(sep=";"), {"delimiter": ";"}),
    "single-quotes.csv": (as_csv(quotechar="'"), {"quote": "'"}),
    "rows.csv.gz": (gzip.compress(as_csv()), {}),
    "rows.csv.bz2": (bz2.compress(as_csv()), {}),
    "crlf.csv": (as_csv().replace(b"\n", b"\r\n"), {}),
    "bom.csv": (b"\xef\xbb\xbf" + as_csv(), {}),
    "wide.csv": (as_csv().decode().encode("utf-16"), {"encoding": "utf-16"}),
    "rows.jsonl": ("".join(json.dumps(row) + "\n" for row in ROWS).encode(), {}),
    "rows.json.gz": (gzip.compress("".join(json.dumps(row) + "\n" for row in ROWS).encode()), {}),
    "no-suffix": (as_csv(), {}),
    "lies.txt": ("".join(json.dumps(row) + "\n" for row in ROWS).encode(), {"format": "jsonl"}),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_same_rows_come_out_of_every_format(tmp_path, name):
    body, members = WRITTEN[name]
    (tmp_path / name).write_bytes(body)
    assert plain(read(tmp_path, **members)) == [[1.5, "a,b", "yes"], [None, 'say "hi"', "no"], [3.0, None, "yes"]]


def test_parquet_gives_the_same_rows_and_dates_as_dates(tmp_path):
    frame = FRAME.assign(d=pd.to_datetime(["2015-07-01", None, "2015-07-03"]), b=[True, False, True])
    frame.to_parquet(tmp_path / "rows.parquet")
    made = read(tmp_path)
    assert plain(made[["n", "t", "y"]]) == plain(FRAME) and made.b.tolist() == [1, 0, 1]
    assert made.d[0] == pd.Timestamp("2015-07-01") and pd.isna(made.d[1])


def test_files_below_a_prefix_are_read_in_the_order_of_their_names(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/2.csv").write_text("x,y\n3,c\n")
    (tmp_path / "a.csv").write_text("x,y\n1,a\n2,b\n")
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / ".crc").write_text("?")
    assert read(tmp_path).values.tolist() == [[1.0, "a"], [2.0, "b"], [3.0, "c"]]


def test_a_column_that_is_text_in_one_file_is_text_in_all(tmp_path):
    (tmp_path / "1.csv").write_text("x\n1\n2\n")
    (tmp_path / "2.csv").write_text("x\nlarge\n")
    assert read(tmp_path).x.tolist() == ["1", "2", "large"]


def test_the_order_of_columns_may_differ_between_files(tmp_path):
    (tmp_path / "1.csv").write_text("x,y\n1,a\n")
    (tmp_path / "2.csv").write_text("y,x\nb,2\n")
    assert read(tmp_path).values.tolist() == [[1.0, "a"], [2.0, "b"]]


def test_a_late_text_makes_the_whole_column_text_as_it_was_written(tmp_path):
    many = 3_000_000  # more bytes than the reader looks at to guess types
    (tmp_path / "rows.csv").write_text("x,z\n" + "007,1\n" * many + "late,2\n")
    rows = table.read_table(tmp_path, how(), table.Wanted())
    assert rows["x"].kind == "text" and sorted(rows["x"].levels) == ["007", "late"] and rows["z"].numbers().sum() == many + 2


@pytest.mark.parametrize("body", ["9007199254740993\n1\n", "12345678901234567890123\n5\n"])
def test_whole_numbers_that_a_float_would_change_stay_text(tmp_path, body):
    (tmp_path / "rows.csv").write_text("id\n" + body)
    assert read(tmp_path).id.tolist() == body.split()


def test_wide_whole_numbers_of_parquet_stay_text(tmp_path):
    pd.DataFrame({"id": [2**53 + 1, 7]}).to_parquet(tmp_path / "rows.parquet")
    assert read(tmp_path).id.tolist() == [str(2**53 + 1), "7"]


def test_null_markers_are_those_of_the_configuration(tmp_path):
    (tmp_path / "rows.csv").write_text("x,t\n-,?\n2,NULL\n")
    made = read(tmp_path, null_values=["-", "?"])
    assert pd.isna(made.x[0]) and made.x[1] == 2 and pd.isna(made.t[0]) and made.t[1] == "NULL"


def test_a_column_wanted_as_text_keeps_its_zeros(tmp_path):
    (tmp_path / "rows.csv").write_text("zip,n\n01234,1\n99999,2\n")
    assert read(tmp_path, as_text=["zip"]).zip.tolist() == ["01234", "99999"]


def test_quoted_cells_may_hold_line_breaks_and_delimiters(tmp_path):
    (tmp_path / "rows.csv").write_text('t,n\n"one\ntwo, three",1\n"",2\n')
    made = read(tmp_path)
    assert made["t"][0] == "one\ntwo, three" and pd.isna(made["t"][1])


WRONG = {
    "no file": ({}, {}, "no input file"),
    "an empty file": ({"a.csv": b""}, {}, "a.csv: the file is empty"),
    "a header only": ({"a.csv": b"x,y\n"}, {}, "a header and no rows"),
    "another delimiter": ({"a.csv": b"x;y\n1;2\n"}, {"needed": ["y"]}, "holds ';'. Set data.delimiter"),
    "a column that is missing": ({"a.csv": b"x,labell\n1,2\n"}, {"needed": ["label"]}, "no column 'label'.*Did you mean 'labell'"),
    "a ragged line": ({"a.csv": b"x,y\n1,2\n1,2,3\n"}, {}, "line 3 has 3 cells"),
    "a name twice": ({"a.csv": b"x,x\n1,2\n"}, {}, "'x' stands twice"),
    "a byte that is not UTF-8": ({"a.csv": b"x\nok\ncaf\xe9\n"}, {}, "byte 0xe9 in line 3 is not utf-8; set data.encoding"),
    "a NUL byte": ({"a.csv": b"x\n1\0\n"}, {}, "NUL byte in line 2"),
    "other columns in another file": ({"a.csv": b"x,y\n1,2\n", "b.csv": b"x,z\n1,2\n"}, {}, "a.csv and b.csv have different columns: 'y'"),
    "no Parquet": ({"a.parquet": b"PAR1 no"}, {}, "a.parquet: this is not Parquet"),
    "no JSON Lines": ({"a.jsonl": b'{"a": 1\n'}, {}, "a.jsonl: these are not JSON Lines"),
    "no gzip": ({"a.csv.gz": b"x,y\n1,2\n"}, {}, "a.csv.gz: the file cannot be read"),
    "half a gzip": ({"a.csv.gz": gzip.compress(b"x,y\n" + b"1,2\n" * 5000)[:60]}, {}, "a.csv.gz: the file cannot be read"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path, name):
    files, options, words = WRONG[name]
    for file, body in files.items():
        (tmp_path / file).write_bytes(body)
    with pytest.raises(JobError, match=words):
        read(tmp_path, **options)


def test_a_latin_1_file_is_read_when_told(tmp_path):
    (tmp_path / "a.csv").write_bytes("x\ncafé\n".encode("latin-1"))
    assert read(tmp_path, encoding="latin-1").x.tolist() == ["café"]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\1", exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.tuples(CELLS, st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=20))
def test_what_the_csv_module_writes_comes_back(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("rows")
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("t", "n"), *((text, repr(value)) for text, value in rows)])
    (folder / "rows.csv").write_bytes(out.getvalue().encode())
    made = table.read_table(folder, how(null_values=["\x01"]), table.Wanted(as_text=["t"]))
    assert [made["t"].levels[code] for code in made["t"].values] == [text for text, _ in rows]
    np.testing.assert_array_equal(made["n"].numbers(), [value for _, value in rows])
