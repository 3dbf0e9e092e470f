"""How often the intervals of Evaluate hold the truth: 1,000 simulated test sets of 1,000 rows at 95 %; ends with 1 outside of 93 to 97 %.

The truth is known from the model of the simulation: scores of the positive class are normal around 1.2, of the negative one around 0, made probabilities.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from statistics import NormalDist

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jobkit.evaluation import bootstrap, measures

SETS, ROWS, PREVALENCE, APART, CUT, SEED = 1000, 1000, 0.35, 1.2, 0.8, 7
LOWEST, HIGHEST = 0.93, 0.97


def truth() -> dict[str, float]:
    """Return what the metrics are over infinitely many rows."""
    normal = NormalDist()
    recall, specificity = 1 - normal.cdf(CUT - APART), normal.cdf(CUT)
    return {"accuracy": PREVALENCE * recall + (1 - PREVALENCE) * specificity, "recall": recall, "auc": normal.cdf(APART / math.sqrt(2))}


def simulated(dice: np.random.Generator) -> measures.Case:
    """Return one test set."""
    target = (dice.random(ROWS) < PREVALENCE).astype(np.float64)
    signal = dice.normal(APART * target, 1.0)
    return measures.Case(measures.BINARY, target, (signal >= CUT).astype(np.int64), 1 / (1 + np.exp(-signal)))


def coverage() -> dict[str, float]:
    """Return for each metric the share of test sets whose interval holds the truth."""
    dice, expected = np.random.default_rng(SEED), truth()
    held = dict.fromkeys(expected, 0)
    for number in range(SETS):
        found = bootstrap.intervals(simulated(dice), bootstrap.draw(ROWS, seed=number))
        for name, value in expected.items():
            held[name] += found[name].lower <= value <= found[name].upper
    return {name: count / SETS for name, count in held.items()}


def main() -> int:
    """Print the coverages; return 1 when one is outside of what is allowed."""
    found = coverage()
    for name, share in found.items():
        print(f"{name}: {share:.1%} of {SETS} intervals hold the truth")
    return 0 if all(LOWEST <= share <= HIGHEST for share in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
