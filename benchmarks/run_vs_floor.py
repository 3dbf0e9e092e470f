"""Measure `sagewright run` against one plain process that does the same work, in turns, and print the median ratio.

Both sides read the same CSV, drop the same columns and duplicates, split, impute, remove outliers, one-hot, train ten XGBoost models of 100 rounds, two
side by side (or one, with --trials 1), evaluate the best, and answer every row of the file with it; the plain one looks at bias and explains, too. Ours does
it as jobs of a compiled definition, each in its own /opt/ml: Preprocess with the leakage checks, Tune or Train, PackageModel, SkewCheck, Evaluate, the gates,
Register, BatchTransform over HTTP. The warm parent starts inside the measured run (with --keep-warm it is kept between runs), and no step comes from the
cache. The definition itself is compiled beforehand, once. `--until evaluate` leaves out package, skew check and batch on our side, and all after the
evaluation on theirs.

    python benchmarks/run_vs_floor.py [CSV] [--pairs 7] [--trials 1|10] [--until evaluate|end] [--keep-warm]
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
    parser.add_argument("--until", choices=("evaluate", "end"), default="end")
    parser.add_argument("--keep-warm", action="store_true")
    arguments = parser.parse_args()
    if not FLOOR.is_file() or not arguments.csv.is_file():
        print(f"needs {FLOOR} and {arguments.csv}; not measured", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory(prefix="sagewright-bench-") as folder:
        home = Path(folder)
        source = ROOT / "examples/hotel-bookings/pipeline.yaml"
        config = [*SAGEWRIGHT, "run", str(source), "--set", f"data.input={arguments.csv}", "--no-cache", "--quiet", "--output", "json"]
        config += ["--set", "tuning=null"] if arguments.trials == 1 else []
        config += ["--set", "batch_transform=null", "--set", "package.enabled=false"] if arguments.until == "evaluate" else []
        config += ["--keep-warm", "2"] if arguments.keep_warm else []
        floor = [sys.executable, str(FLOOR), str(arguments.csv), "--trials", str(arguments.trials), "--rounds", "100", "--until", arguments.until]
        timed(config, home), timed(floor, home)
        pairs = []
        for _ in range(arguments.pairs):
            plain, _ = timed(floor, home)
            ours, told = timed(config, home)
            pairs.append((ours, plain))
            steps = {step["name"]: step["seconds"] for step in json.loads(told)["steps"]}
            print(f"sagewright {ours:.2f} s, plain {plain:.2f} s, ratio {ours / plain:.2f}  {steps}", file=sys.stderr)
    if arguments.keep_warm:
        timed([*SAGEWRIGHT, "warm", "--stop"], ROOT)
    ratios = [ours / plain for ours, plain in pairs]
    seconds = {"sagewright_s": statistics.median(ours for ours, _ in pairs), "plain_s": statistics.median(plain for _, plain in pairs)}
    print(
        json.dumps(
            {
                "benchmark": "run_vs_floor",
                "trials": arguments.trials,
                "until": arguments.until,
                "kept_warm": arguments.keep_warm,
                "median_ratio": round(statistics.median(ratios), 2),
                **{k: round(v, 2) for k, v in seconds.items()},
            }
        )
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
