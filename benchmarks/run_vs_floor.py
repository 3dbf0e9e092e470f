"""Measure `sagewright run` against one plain process that does the same work, in turns, and print the median ratio.

Both sides read the same CSV, drop the same columns and duplicates, split, impute, remove outliers, one-hot, train ten XGBoost models of 100 rounds, two
side by side (or one, with --trials 1), and evaluate the best. Ours does it as jobs of a compiled definition (Preprocess, Tune or Train, Evaluate, Register),
each in its own /opt/ml; the warm parent starts inside the measured run and no step comes from the cache. The definition itself is compiled beforehand, once.

    python benchmarks/run_vs_floor.py [CSV] [--pairs 7] [--trials 1|10]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from timing import timed

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared/data/hotel/hotel_bookings.csv"
FLOOR = ROOT.parent / "shared/bench/floor.py"
SAGEWRIGHT = (sys.executable, "-m", "pipelines")


def main() -> int:
    """Run both sides in turns and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", nargs="?", type=Path, default=REAL)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--trials", type=int, choices=(1, 10), default=10)
    arguments = parser.parse_args()
    if not FLOOR.is_file() or not arguments.csv.is_file():
        print(f"needs {FLOOR} and {arguments.csv}; not measured", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory(prefix="sagewright-bench-") as folder:
        home = Path(folder)
        source = ROOT / "examples/hotel-bookings/pipeline.yaml"
        config = [*SAGEWRIGHT, "run", str(source), "--set", f"data.input={arguments.csv}", "--no-cache", "--quiet", "--output", "json"]
        config += ["--set", "tuning=null"] if arguments.trials == 1 else []
        floor = [sys.executable, str(FLOOR), str(arguments.csv), "--trials", str(arguments.trials), "--rounds", "100", "--until", "evaluate"]
        timed(config, home), timed(floor, home)
        pairs = []
        for _ in range(arguments.pairs):
            plain, _ = timed(floor, home)
            ours, told = timed(config, home)
            pairs.append((ours, plain))
            steps = {step["name"]: step["seconds"] for step in json.loads(told)["steps"]}
            print(f"sagewright {ours:.2f} s, plain {plain:.2f} s, ratio {ours / plain:.2f}  {steps}", file=sys.stderr)
    ratios = [ours / plain for ours, plain in pairs]
    seconds = {"sagewright_s": statistics.median(ours for ours, _ in pairs), "plain_s": statistics.median(plain for _, plain in pairs)}
    print(
        json.dumps(
            {
                "benchmark": "run_vs_floor",
                "trials": arguments.trials,
                "median_ratio": round(statistics.median(ratios), 2),
                **{k: round(v, 2) for k, v in seconds.items()},
            }
        )
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
