"""Kill the engine at random moments and resume until it succeeds; every run must end with the same metrics and one registered version.

python benchmarks/kill_soak.py [--kills 50] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAGEWRIGHT = (sys.executable, "-m", "pipelines")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def run(command: list[str], folder: Path) -> dict:
    """Run a command that must succeed and return its JSON."""
    done = subprocess.run([*SAGEWRIGHT, *command, "--output", "json"], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command} ended with {done.returncode}: {done.stderr[-2000:]}\n{done.stdout[-2000:]}")
    return json.loads(done.stdout)


def killed(command: list[str], folder: Path, after_s: float) -> bool:
    """Start a command, kill -9 it after some seconds, and tell whether it was still running."""
    process = subprocess.Popen([*SAGEWRIGHT, *command], cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(after_s)
        return False
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True


def torn_files(home: Path) -> list[str]:
    """Return JSON, gzip and Parquet files under their final names that do not read to their end."""
    import gzip

    import pyarrow.parquet as parquet

    readers = {".json": lambda path: json.loads(path.read_bytes()), ".gz": lambda path: gzip.decompress(path.read_bytes()), ".parquet": parquet.read_table}
    torn = []
    for path in sorted(path for folder in ("s3", "registry", "cache") for path in (home / folder).rglob("*") if path.is_file()):
        reader = readers.get(path.suffix)
        if reader is None or ".partial" in path.name or path.name.startswith(".sagewright-partial-"):
            continue
        try:
            reader(path)
        except Exception as error:  # whatever a reader raises on a torn file is the finding
            torn.append(f"{path}: {error}")
    return torn


def processes_left(home: Path, patience_s: float = 5.0) -> list[str]:
    """Return the command lines of processes that still work in a folder after some seconds."""
    end = time.monotonic() + patience_s
    while (found := processes_in(home)) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def processes_in(home: Path) -> list[str]:
    """Return the command lines of processes that work in a folder now."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if str(home) in os.readlink(entry):
                found.append((entry.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def main() -> int:
    """Do the kills and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    moments, done, rounds = random.Random(arguments.seed), 0, 0
    with tempfile.TemporaryDirectory(prefix="sagewright-soak-") as name:
        folder = Path(name)
        run(["sample", "hotel-bookings"], folder)
        expected = run(["run", "--no-cache"], folder)
        while done < arguments.kills:
            rounds += 1
            command, result = ["run", "--no-cache"], expected
            while done < arguments.kills and killed(command, folder, moments.uniform(0.2, expected["seconds"] + 1.5)):
                done += 1
                result = run(["runs"], folder)[0]
                command = ["run", "--no-cache"] if result["status"] == "Succeeded" else ["resume"]
            if result["status"] != "Succeeded":
                result = run(["resume"], folder)
            ended = run(["runs", "--limit", "1000"], folder)
            versions = len(run(["registry", "list", "hotel-bookings"], folder))
            problems = torn_files(folder / ".sagewright") + processes_left(folder)
            if {state["status"] for state in ended} != {"Succeeded"} or result["metrics"] != expected["metrics"] or versions != len(ended) or problems:
                raise SystemExit(f"after kill {done}: {[state['status'] for state in ended]} {result['metrics']} {versions} versions, {problems}")
            print(f"{done} kills, {rounds} rounds, {versions} versions", file=sys.stderr)
    print(json.dumps({"soak": "kill", "kills": done, "same_metrics": True, "one_version_each": True, "torn_files": 0}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
