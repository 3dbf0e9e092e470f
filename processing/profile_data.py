"""Profile raw rows: types, missing values, duplicates, leaks, correlation, unusual rows, a quick model; one page to look at and one file to read."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Sequence

from jobkit import failure, table
from jobkit.paths import processing
from jobkit.profile import profile_table
from jobkit.profile.files import write


def main(argv: Sequence[str]) -> int:
    """Read `input/raw`, write `profile` (profile.json, profile.html, and verdict.json for a condition)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="seed of samples, folds and models")
    seed = parser.parse_args(list(argv)).seed
    if seed < 0:
        raise failure.JobError("the seed is {}; expected a whole number from 0".format(seed))
    job = json.loads((Path(__file__).resolve().parent / "job.json").read_text(encoding="utf-8"))
    rows = table.read_table(processing("input/raw"), job["data"], table.Wanted([job["label"]["column"]]))
    found = profile_table(rows, job["label"]["column"], job["problem"], job["profile"], seed, print)
    write(found, processing("profile"))
    for finding in found["findings"]:
        print("{}: {}: {}".format(finding["severity"], finding["kind"], finding["message"]))
    return 0


if __name__ == "__main__":
    sys.exit(failure.run(main))
