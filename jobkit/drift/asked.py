"""What the job is asked for, as its arguments say it, and the files of the baseline that lie in its input."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Sequence

from jobkit.drift import window
from jobkit.drift.reading import Attributes
from jobkit.drift.window import Window
from jobkit.monitor.analysis import document
from jobkit.paths import processing

ROWS = 100


class Asked(NamedTuple):
    """Hold the settings; `rows` is how many are explained, `slack` by what share thresholds of model quality are loosened."""

    kind: str
    captured: Path
    baseline: Path
    model: Path
    output: Path
    truth: Optional[Path]
    window: Window
    problem: Optional[str]
    attributes: Attributes
    rows: int
    slack: float
    seed: int

    def file(self, name: str) -> Optional[Path]:
        """Return the one file of a folder of the baseline, None where there is none."""
        return next((path for path in sorted((self.baseline / name).rglob("*")) if path.is_file()), None)

    def document(self, name: str) -> Optional[Dict[str, Any]]:
        """Return the JSON object of a folder of the baseline, None where there is none.

        Raises:
            JobError: the file holds no object.
        """
        path = self.file(name)
        return None if path is None else document(path)


def read(argv: Sequence[str], kinds: Sequence[str]) -> Asked:
    """Return what the arguments ask for.

    Raises:
        JobError: a time is none.
    """
    parser = argparse.ArgumentParser(description="Hold captured data against the baseline of training.")
    parser.add_argument("--kind", choices=tuple(kinds), required=True)
    parser.add_argument("--from", dest="start", help="first moment, ISO 8601, UTC unless it says otherwise")
    parser.add_argument("--to", dest="end", help="first moment that does not count any more")
    parser.add_argument("--hours", type=float, help="length of the span before --to")
    parser.add_argument("--problem-type", help="of a model that is no package of ours")
    parser.add_argument("--inference-attribute", help="place or name of the label in an answer")
    parser.add_argument("--probability-attribute", help="place or name of the probability in an answer")
    parser.add_argument("--rows", type=int, default=ROWS, help="rows to explain, drawn at random")
    parser.add_argument("--slack", type=float, default=0.0, help="share by which thresholds of model quality are loosened")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(list(argv))
    truth = processing("input/ground_truth")
    return Asked(
        given.kind,
        processing("input/captured"),
        processing("input/baseline"),
        processing("input/model"),
        processing("output"),
        truth if truth.is_dir() else None,
        window.of(given.start, given.end, given.hours),
        given.problem_type,
        Attributes(given.inference_attribute, given.probability_attribute),
        given.rows,
        given.slack,
        given.seed,
    )
