"""Measure batch transform of built-in XGBoost against one plain script that reads the CSV, predicts and writes, in turns, and print the ratio and the memory.

Ours is `sagewright run` on a definition of two steps, Model and Transform (MultiRecord, split and assembled by line), from the start of the process to its
end; the plain side is a Python process that does the same with pandas or pyarrow, likewise. The model is trained beforehand. Memory is the peak of the
engine's own process, and of all processes of a run together, at a tenth of the rows and at all of them: it does not grow.

    python benchmarks/batch.py [--rows 2000000] [--columns 20] [--pairs 3] [--reader pandas|pyarrow]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path

from timing import ROOT, timed

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
ROLE = "arn:aws:iam::111122223333:role/SagewrightLocal"
READERS = {
    "pandas": "import pandas\nrows = pandas.read_csv(source, header=None, dtype='float32').to_numpy()",
    "pyarrow": (
        "import numpy, pyarrow.csv\n"
        "table = pyarrow.csv.read_csv(source, pyarrow.csv.ReadOptions(autogenerate_column_names=True))\n"
        "rows = numpy.column_stack([column.to_numpy().astype('float32') for column in table.columns])"
    ),
}
PLAIN = """
import sys
source, model, target = sys.argv[1:]
{read}
import pandas, xgboost
booster = xgboost.Booster(model_file=model)
pandas.Series(booster.predict(xgboost.DMatrix(rows))).to_csv(target, header=False, index=False)
"""
WATCH_S = 0.05
MB = 1 << 20


def main() -> int:
    """Run both sides in turns and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--reader", choices=tuple(READERS), default="pandas")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sagewright-bench-") as folder:
        home = Path(folder)
        prepare(home, arguments.rows, arguments.columns)
        script = [sys.executable, "-c", PLAIN.format(read=READERS[arguments.reader]), str(data(home, arguments.rows)), "plain.ubj", "plain.csv"]
        pairs = []
        for _ in range(arguments.pairs):
            plain_s, _ = timed(script, home)
            ours_s, peak = watched(home, arguments.rows)
            pairs.append((ours_s, plain_s))
            print(f"sagewright {ours_s:.2f} s, plain {plain_s:.2f} s, ratio {ours_s / plain_s:.2f}", file=sys.stderr)
        worst = largest_difference(home, arguments.rows)
        _, small = watched(home, arguments.rows // 10)
        told = {
            "benchmark": "batch",
            "rows": arguments.rows,
            "columns": arguments.columns,
            "reader": arguments.reader,
            "median_ratio": round(statistics.median(ours / plain for ours, plain in pairs), 2),
            "sagewright_s": round(statistics.median(ours for ours, _ in pairs), 2),
            "plain_s": round(statistics.median(plain for _, plain in pairs), 2),
            "peak_mb": {str(arguments.rows // 10): small, str(arguments.rows): peak},
            "largest_difference": worst,
        }
        print(json.dumps(told))
    return 0


def data(home: Path, rows: int) -> Path:
    """Return where the rows lie in the local S3."""
    return home / f".sagewright/s3/bench/in/{rows}.csv"


def prepare(home: Path, rows: int, columns: int) -> None:
    """Write the rows, a tenth of them, a model, and a definition that takes them."""
    import numpy
    import pyarrow
    import pyarrow.csv
    import xgboost

    values = numpy.random.default_rng(0).normal(size=(rows, columns)).round(4)
    data(home, rows).parent.mkdir(parents=True)
    for count in (rows, rows // 10):
        table = pyarrow.table({str(number): values[:count, number] for number in range(columns)})
        pyarrow.csv.write_csv(table, data(home, count), pyarrow.csv.WriteOptions(include_header=False))
    sample = values[:20_000]
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 6}, xgboost.DMatrix(sample, sample[:, 0] * sample[:, 1] > 0), 100)
    booster.save_model(home / "plain.ubj")
    with tarfile.open(home / ".sagewright/s3/bench/model.tar.gz", "w:gz") as packed:
        packed.add(home / "plain.ubj", "xgboost-model")
    (home / "definition.json").write_text(json.dumps(definition()))


def definition() -> dict[str, object]:
    """Return the two steps."""
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": {"Get": "Parameters.Rows"}}}
    transform = {
        "ModelName": {"Get": "Steps.Model.ModelName"},
        "BatchStrategy": "MultiRecord",
        "TransformInput": {"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": "s3://bench/out", "Accept": "text/csv", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
    }
    model = {"PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": "s3://bench/model.tar.gz"}, "ExecutionRoleArn": ROLE}
    steps = [{"Name": "Model", "Type": "Model", "Arguments": model}, {"Name": "Transform", "Type": "Transform", "Arguments": transform}]
    parameters = [{"Name": "Rows", "Type": "String", "DefaultValue": "s3://bench/in"}]
    return {"Version": "2020-12-01", "Metadata": {}, "Parameters": parameters, "Steps": steps}


def watched(home: Path, rows: int) -> tuple[float, dict[str, int]]:
    """Return wall seconds of a run, and the peak memory in MB of the engine's process and of all its processes together."""
    command = [sys.executable, "-m", "pipelines", "run", "definition.json", "-p", f"Rows=s3://bench/in/{rows}.csv", "--quiet", "--output", "json"]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=home, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    peak = {"engine": 0, "all": 0}
    watch = threading.Thread(target=watch_memory, args=(process, peak))
    watch.start()
    out, error = process.communicate()
    seconds = time.perf_counter() - started
    watch.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{out.decode()[-3000:]}{error.decode()[-3000:]}")
    return seconds, peak


def watch_memory(process: subprocess.Popen[bytes], peak: dict[str, int]) -> None:
    """Raise the peaks while a process runs; what processes share counts once, where Linux says so."""
    while process.poll() is None:
        tree = [process.pid, *descendants(process.pid)]
        peak["engine"] = max(peak["engine"], memory_mb(process.pid))
        peak["all"] = max(peak["all"], sum(map(memory_mb, tree)))
        time.sleep(WATCH_S)


def memory_mb(pid: int) -> int:
    """Return a process's proportional share of memory in MB; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) // 1024


def descendants(pid: int) -> list[int]:
    """Return the processes below one."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def largest_difference(home: Path, rows: int) -> float:
    """Return how far the two sides' predictions are apart at most; they are printed with different precision."""
    import numpy

    ours, plain = (numpy.loadtxt(path) for path in (home / f".sagewright/s3/bench/out/{rows}.csv.out", home / "plain.csv"))
    assert len(ours) == len(plain) == rows
    return float(numpy.abs(ours - plain).max())


if __name__ == "__main__":
    raise SystemExit(main())
