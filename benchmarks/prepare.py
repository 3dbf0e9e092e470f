"""Measure the Preprocess job on 2,000,000 distinct rows against the same preparation by hand in Polars, in turns; print median ratio, memory and scaling.

Both sides are one process each, from CSV to a split with encoded Parquet features: drop columns and duplicates, split, median for `agent`, bounds on
`children` (training rows only), one-hot. Ours is the job itself, `processing/preprocess.py`, in the folders that a SageMaker container has; the seconds are
those of the whole process, imports and all, on both sides. Polars' own count without its imports is printed beside it.

    python benchmarks/prepare.py [--pairs 5] [--times 100] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HOTEL = ROOT.parent / "shared/data/hotel/hotel_bookings.csv"
PEER = ROOT.parent / "shared/bench/prepare_polars.py"
SMALL_SHARE = 10


def polars_python(folder: Path) -> str:
    """Return an interpreter that has Polars; a virtual environment is made for it, so that the project need not depend on it."""
    python = folder / "polars/bin/python"
    if not python.is_file():
        uv = Path(sys.executable).parent / "uv"
        subprocess.run([str(uv), "venv", "--quiet", "--python", sys.executable, str(folder / "polars")], check=True)
        subprocess.run([str(uv), "pip", "install", "--quiet", "polars", "pandas"], check=True, env={**os.environ, "VIRTUAL_ENV": str(folder / "polars")})
    return str(python)


def job_json() -> str:
    """Return the job's settings: the example's recipe with the columns that the peer keeps."""
    from pipelines.author.bundles import job_settings
    from pipelines.config.loader import load

    config = load(ROOT / "examples/hotel-bookings/pipeline.yaml").config
    settings = job_settings(config, "preprocess")
    for step in settings["recipe"]:
        if step["step"] == "impute":
            step["columns"] = ["agent"]
    return json.dumps(settings)


def prepare_job(folder: Path, source: Path) -> tuple[list[str], dict[str, str]]:
    """Lay out /opt/ml for the job around a CSV and return its command and environment."""
    code, raw = folder / "processing/input/code", folder / "processing/input/raw"
    for path in (code, raw, folder / "processing/recipe"):
        path.mkdir(parents=True, exist_ok=True)
    (code / "job.json").write_text(job_json())
    for name, target in (("preprocess.py", ROOT / "processing/preprocess.py"), ("jobkit", ROOT / "jobkit")):
        subprocess.run(["cp", "-r", str(target), str(code / name)], check=True)
    (raw / source.name).hardlink_to(source)
    return [sys.executable, str(code / "preprocess.py"), "--seed", "0"], {"SAGEMAKER_BASE_DIR": str(folder)}


def measured(command: list[str], extra: dict[str, str]) -> tuple[float, int, str]:
    """Return wall seconds, peak memory in MB and stdout of a command that must succeed."""
    code = "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *command], env={**os.environ, **extra}, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode or "Traceback" in done.stderr:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    lines = done.stdout.strip().splitlines()
    return seconds, int(lines[-1]), "\n".join(lines[:-1])


def compare(folder: Path, big: Path, peer: list[str], pairs: int) -> dict[str, Any]:
    """Run both sides in turns and return medians."""
    command, extra = prepare_job(folder / "ours", big)
    runs = []
    for _ in range(pairs):
        plain, plain_mb, told = measured(peer, {})
        ours, ours_mb, _ = measured(command, extra)
        runs.append((ours, ours_mb, plain, plain_mb))
        inner = json.loads(told.splitlines()[-1])["total_s"]
        print(
            f"sagewright {ours:.2f} s {ours_mb} MB, polars {plain:.2f} s ({inner:.2f} s without imports) {plain_mb} MB, ratio {ours / plain:.2f}",
            file=sys.stderr,
        )
    ours_s, ours_mb, plain_s, plain_mb = (statistics.median(run[part] for run in runs) for part in range(4))
    ratio = statistics.median(run[0] / run[2] for run in runs)
    return {"median_ratio": round(ratio, 2), "sagewright_s": round(ours_s, 2), "polars_s": round(plain_s, 2), "peak_mb": ours_mb, "polars_mb": plain_mb}


def scaling(folder: Path, big: Path, pairs: int) -> float:
    """Return how many times longer the whole file takes than a tenth of it."""
    small = folder / "small.csv"
    if not small.is_file():
        lines = big.read_bytes().splitlines(keepends=True)
        small.write_bytes(b"".join(lines[: 1 + (len(lines) - 1) // SMALL_SHARE]))
    few, many = prepare_job(folder / "few", small), prepare_job(folder / "many", big)
    return round(statistics.median(measured(*many)[0] / measured(*few)[0] for _ in range(pairs)), 2)


def main() -> int:
    """Make the data, run everything in turns and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--times", type=int, default=100, help="copies of the 19,998 rows")
    parser.add_argument("--keep", type=Path, help="keep data and the peer's environment here")
    arguments = parser.parse_args()
    if not PEER.is_file() or not HOTEL.is_file():
        print(f"needs {PEER} and {HOTEL}; not measured", file=sys.stderr)
        return 0
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory(prefix="sagewright-bench-", dir=arguments.keep) as made:
        folder = Path(made)
        kept = arguments.keep or folder
        python, big = polars_python(kept), kept / "big.csv"
        if not big.is_file():
            subprocess.run([python, str(PEER), "make", str(HOTEL), str(big), "--times", str(arguments.times)], check=True)
        result = compare(folder, big, [python, str(PEER), "run", str(big), str(folder / "peer")], arguments.pairs)
        result["times_for_10_times_the_rows"] = scaling(folder, big, arguments.pairs)
    print(json.dumps({"benchmark": "prepare", **result}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
