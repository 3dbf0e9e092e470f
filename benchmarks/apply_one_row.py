"""Measure one raw booking to its feature vector: the compiled recipe against the same recipe applied to a pandas frame of one row; print medians and ratio.

python benchmarks/apply_one_row.py [--rows 2000]
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SEED = 0


def fitted() -> tuple[Any, list[dict[str, Any]]]:
    """Return the example's recipe fitted on the sample data, and the raw rows as JSON would give them."""
    import pandas as pd

    from jobkit import columns
    from pipelines.author.bundles import job_settings
    from pipelines.config.loader import load
    from pipelines.samples.hotel_bookings import generate
    from processing import preprocess

    frame = pd.read_csv(io.BytesIO(generate()), keep_default_na=False, na_values=["NULL"])
    settings = job_settings(load(ROOT / "examples/hotel-bookings/pipeline.yaml").config, "preprocess")
    prepared = preprocess.prepare(columns.from_frame(frame), settings, SEED, {})
    return prepared.recipe, json.loads(frame.drop(columns="is_canceled").head(2000).to_json(orient="records"))


def median_ms(function: Callable[[Any], Any], rows: list[Any]) -> float:
    """Return the median milliseconds of a call."""
    seconds = []
    for row in rows:
        started = time.perf_counter()
        function(row)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) * 1e3


def main() -> int:
    """Run both sides in turns and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    count = parser.parse_args().rows
    sys.path.insert(0, str(ROOT))
    import pandas as pd

    from jobkit.apply import apply, compile_row

    recipe, rows = fitted()
    one = compile_row(recipe)

    def through_pandas(row: dict[str, Any]) -> Any:
        return apply(pd.DataFrame([row]), recipe).to_numpy()[0]

    for row in rows[:50]:
        same = (one(row) == through_pandas(row)) | ((one(row) != one(row)) & (through_pandas(row) != through_pandas(row)))
        if not same.all():
            raise SystemExit(f"the two sides differ on {row}")
    rounds = [(median_ms(one, rows[:count]), median_ms(through_pandas, rows[: max(20, count // 20)])) for _ in range(5)]
    ours, plain = (statistics.median(part) for part in zip(*rounds, strict=True))
    ratio = statistics.median(left / right for left, right in rounds)
    print(json.dumps({"benchmark": "apply_one_row", "median_ms": round(ours, 4), "through_pandas_ms": round(plain, 3), "median_ratio": round(ratio, 4)}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
