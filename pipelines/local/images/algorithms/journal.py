"""Lines in the log as the built-in algorithms print them, so that the service's regular expressions find the metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "algo-1"


def loss(channel: str, metric: str, value: float) -> None:
    """Print a metric of the finished model that is better when smaller."""
    print(f"#quality_metric: host={HOST}, {channel} {metric} <loss>={float(value):.10g}")


def score(channel: str, metric: str, value: float) -> None:
    """Print a metric of the finished model that is better when larger."""
    print(f"#quality_metric: host={HOST}, {channel} {metric} <score>={float(value):.10g}")


def epoch_loss(epoch: int, channel: str, metric: str, value: float) -> None:
    """Print a metric of an epoch, counted from 0."""
    print(f"#quality_metric: host={HOST}, epoch={epoch}, {channel} {metric} <loss>={float(value):.10g}")


def progress(done: int, of: int) -> None:
    """Print how much of the training is done."""
    print(f"#progress_metric: host={HOST}, completed {100 * done / of:.4g} % of epochs")


@contextmanager
def throughput(rows: int) -> Iterator[None]:
    """Print how many rows a second were trained on, in what this surrounds."""
    started = time.perf_counter()
    yield
    print(f"#throughput_metric: host={HOST}, train throughput={rows / max(time.perf_counter() - started, 1e-9):.6g} records/second")
