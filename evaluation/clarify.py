"""Measure bias and explain predictions as SageMaker Clarify's processing job does, from its own analysis_config.json."""

from __future__ import annotations

import argparse
import sys
from typing import Sequence

from jobkit import failure
from jobkit.clarify import job
from jobkit.paths import processing


def main(argv: Sequence[str]) -> int:
    """Read `input/config`, `input/data` and, where they are, `input/model` and `input/baseline`; write `output` and print the metrics."""
    argparse.ArgumentParser(description=__doc__).parse_args(list(argv))
    job.run(processing("input"), processing("output"), _say)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(failure.run(main))
