"""Measure the package of the bookings example in this process: one raw row a request as CSV and as JSON, and one body of 50,000 rows.

python benchmarks/serve.py RUN/PackageModel/package/model.tar.gz RUN/Preprocess/sample
"""

from __future__ import annotations

import argparse
import csv
import importlib
import io
import json
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BATCH_ROWS = 50_000
ROUNDS = 5


def served(archive: Path, folder: Path) -> Callable[[bytes, str, str], bytes]:
    """Return a function from body, content type and accept to the answer of an unpacked package."""
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    sys.path.insert(0, str(folder / "code"))
    inference: Any = importlib.import_module("inference")
    model = inference.model_fn(str(folder))
    return lambda body, content_type, accept: inference.transform_fn(model, body, content_type, accept)[0]


def median_s(ask: Callable[[bytes], Any], bodies: list[bytes]) -> float:
    """Return the median seconds of a request, of the quietest of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        seconds = []
        for body in bodies:
            start = time.perf_counter()
            ask(body)
            seconds.append(time.perf_counter() - start)
        rounds.append(statistics.median(seconds))
    return min(rounds)


def main() -> int:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("sample", type=Path)
    given = parser.parse_args()
    header, *lines = (given.sample / "rows.csv").read_text().splitlines()
    objects = list(csv.DictReader(io.StringIO("\n".join([header, *lines]))))
    with tempfile.TemporaryDirectory() as place:
        ask = served(given.package, Path(place))
        single = median_s(lambda body: ask(body, "text/csv", "text/csv"), [f"{header}\n{line}\n".encode() for line in lines])
        by_name = median_s(lambda body: ask(body, "application/json", "application/json"), [json.dumps(row).encode() for row in objects])
        many = (lines * (BATCH_ROWS // len(lines) + 1))[:BATCH_ROWS]
        body = "\n".join([header, *many, ""]).encode()
        batch = median_s(lambda body: ask(body, "text/csv", "text/csv"), [body])
    print(f"one row of CSV   {single * 1e6:7.0f} us\none row of JSON  {by_name * 1e6:7.0f} us")
    print(f"{BATCH_ROWS} rows of CSV {batch * 1e3:5.0f} ms ({len(body) / 2**20:.1f} MiB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
