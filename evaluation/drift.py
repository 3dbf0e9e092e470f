"""Hold captured requests and answers of an endpoint against the baseline of training, in the files of SageMaker Model Monitor and Clarify."""

from __future__ import annotations

import sys
from typing import Sequence

from jobkit import failure
from jobkit.drift import job


def main(argv: Sequence[str]) -> int:
    """Read `input/captured`, `input/baseline`, `input/model` and, where it is, `input/ground_truth`; write `output`."""
    job.run(argv, _say)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(failure.run(main))
