"""Read raw rows and write prepared ones; the command line."""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.export.plain.flow import prepare
from pipelines.export.plain.given import (
    NULL_VALUES,
    READ_AS_TEXT,
    READING,
    STATE,
    transform,
)
from pipelines.export.plain.values import EXACT, put, to_texts

CSV_NUMBER = re.compile(
    r"\s*-?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf|infinity|nan)\s*", re.I
)
CSV_TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}


def read(path, name="raw"):
    """Return the rows of a CSV, Parquet or JSON Lines file."""
    settings, path = READING[name], str(path)
    form = settings["format"]
    if form == "auto":
        plain = re.sub(r"\.(gz|bz2|zst)$", "", path.lower())
        ending = Path(plain).suffix
        form = {".parquet": "parquet", ".pq": "parquet"}.get(ending, "csv")
        if ending in (".jsonl", ".ndjson", ".json"):
            form = "jsonl"
    if form == "parquet":
        return pd.read_parquet(path)
    if form == "jsonl":
        return pd.read_json(
            path,
            lines=True,
            dtype=False,
            convert_dates=False,
            precise_float=True,
        )
    return read_csv(path, settings)


def read_csv(path, settings):
    """Return the rows of a CSV file, as numbers where all values are."""
    quote = settings["quote"]
    quoting = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    frame = pd.read_csv(
        path,
        sep=settings["delimiter"],
        encoding=settings["encoding"],
        dtype=object,
        na_filter=False,
        index_col=False,
        **quoting,
    )
    return put(frame[[]], {name: csv_column(frame[name]) for name in frame})


def csv_column(values):
    """Return a column of CSV cells as numbers when all of them are."""
    cells = to_texts(
        values, lambda cell: None if cell in NULL_VALUES else cell
    )
    known = set(cells[pd.notna(cells)])
    if values.name in READ_AS_TEXT:
        return cells
    if known and all(cell.lower() in CSV_TRUTH for cell in known):
        read = {cell: CSV_TRUTH[cell.lower()] for cell in known}
    elif all(CSV_NUMBER.fullmatch(cell) for cell in known):
        read = {cell: float(cell) for cell in known}
    else:
        return cells
    digits = all(cell.strip().lstrip("+-").isdigit() for cell in known)
    if digits and any(abs(number) > EXACT for number in read.values()):
        return cells  # ids that a float does not hold exactly
    return np.array(
        [read.get(cell, np.nan) for cell in cells], dtype="float64"
    )


def write(frame, path):
    """Write a frame as Parquet, or as CSV by its name."""
    if Path(path).suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
    print(f"wrote {path}: {len(frame)} rows, {len(frame.columns)} columns")


def main(arguments=None):
    """Prepare the rows of one file and write them to another."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("input", help="raw rows: CSV, Parquet or JSON Lines")
    parser.add_argument("output", help="a .parquet or .csv file")
    parser.add_argument(
        "--split",
        action="store_true",
        help="fit anew; write OUTPUT-train, -validation and -test",
    )
    parser.add_argument(
        "--other", action="append", default=[], metavar="NAME=FILE"
    )
    given = parser.parse_args(arguments)
    others = dict(pair.split("=", 1) for pair in given.other)
    frame, output = read(given.input), Path(given.output)
    if STATE is not None and not given.split:
        write(transform(frame), output)
        return
    others = {name: read(file, name) for name, file in others.items()}
    for name, part in prepare(frame, others).items():
        write(part, output.with_name(f"{output.stem}-{name}{output.suffix}"))
