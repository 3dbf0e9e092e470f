"""sagewright loadtest"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.commands.files import replace_file
from pipelines.errors import RunFailed, UsageError

if TYPE_CHECKING:
    from pipelines.loadtest.drive import Outcome, Plan

WHERE = "sagewright loadtest"
CLOSED_CONNECTIONS, OPEN_CONNECTIONS, MOST_CONNECTIONS = 8, 1000, 20_000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("loadtest")(loadtest)


def loadtest(
    home: flags.HomeFlag,
    target: Annotated[str, typer.Argument(help="The URL of a container's /invocations, or the name of an endpoint and --endpoint-url.")],
    payload: Annotated[list[Path], typer.Option("--payload", help="CSV or JSON Lines: a line a request, in turn; other files: the whole. Repeatable.")],
    endpoint_url: Annotated[str | None, typer.Option("--endpoint-url", help="SageMaker Runtime that has the endpoint, http://HOST:PORT.")] = None,
    connections: Annotated[
        int | None, typer.Option("--connections", min=1, max=MOST_CONNECTIONS, help="Closed load: each sends when it has its answer (8). With --rate: at most.")
    ] = None,
    rate: Annotated[str | None, typer.Option("--rate", help="Open load: requests a second, 50, or a ramp, 10:200:60s, or several with commas between.")] = None,
    duration: Annotated[str, typer.Option("--duration", help="How long: 30s, 2m.")] = "10s",
    calibrate: Annotated[float, typer.Option("--calibrate", min=0, help="Seconds before, with one request at a time, that measure service times.")] = 2.0,
    timeout: Annotated[float, typer.Option("--timeout", min=0.01, help="Seconds until a request is given up; the service's limit is 60.")] = 60.0,
    content_type: Annotated[str | None, typer.Option("--content-type", help="That of the file's name if absent.")] = None,
    accept: Annotated[str | None, typer.Option("--accept", help="The type that is asked for.")] = None,
    header: Annotated[list[str] | None, typer.Option("--header", help="NAME=VALUE of a request header. Repeatable.")] = None,
    rows: Annotated[int, typer.Option("--rows", min=1, help="Lines a request.")] = 1,
    skip_header: Annotated[bool, typer.Option("--skip-header", help="The first line of a file is no row.")] = False,
    file: Annotated[Path | None, typer.Option("--file", help="Keep the result as JSON here; below loadtests/ of the home if absent.")] = None,
    chart: Annotated[Path | None, typer.Option("--chart", help="Draw latency and throughput over time to this file, .svg or .html.")] = None,
    max_p99: Annotated[float | None, typer.Option("--max-p99", min=0, help="Exit code 1 when p99 is above so many milliseconds.")] = None,
    max_errors: Annotated[float | None, typer.Option("--max-errors", min=0, max=100, help="Exit code 1 when more percent fail.")] = None,
    quiet: flags.QuietFlag = False,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Drive an endpoint over HTTP and measure it. Ctrl-C ends it early with the result so far.

    Examples: sagewright loadtest http://127.0.0.1:8080/invocations --payload rows.csv --rate 10:200:60s |
    sagewright loadtest shop --endpoint-url http://127.0.0.1:8080 --payload rows.csv --connections 16 --chart load.html
    """
    from pipelines.commands.printing import print_json
    from pipelines.loadtest import requests, result
    from pipelines.loadtest.drive import Plan
    from pipelines.loadtest.schedule import phases, seconds_of

    where = requests.target(target, endpoint_url)
    what = requests.bodies(payload, content_type=content_type, rows=rows, header=skip_header)
    bodies = requests.packed(where, what, accept, list(flags.pairs(header, "--header").items()))
    seconds = seconds_of(duration, "--duration")
    shape = phases(rate, seconds) if rate else []
    plan = Plan(where, bodies, connections or (OPEN_CONNECTIONS if rate else CLOSED_CONNECTIONS), seconds, shape, timeout)
    writer = _writer(chart) if chart else None
    started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    kept = file or home / "loadtests" / f"{started_at[:19].replace(':', '')}-{os.getpid()}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)  # an error before the load, not after it
    found = result.document(plan, *_driven(plan, calibrate, quiet), started_at)
    _keep(found, kept)
    if chart and writer:
        writer(chart, found)
    if output is flags.Output.json:
        print_json(found)
    else:
        print(result.text(found))
    return 130 if found["interrupted"] else _judged(found, max_p99, max_errors)


def _driven(plan: Plan, calibrate_s: float, quiet: bool) -> tuple[Outcome, Outcome | None]:
    """Return what was measured, and what one request at a time took before."""
    from dataclasses import replace

    from pipelines.loadtest.drive import drive

    alone = replace(plan, connections=1, phases=(), duration_s=calibrate_s)
    calibrated = None
    if calibrate_s and (plan.phases or plan.connections > 1):
        _say("one request at a time …" if not quiet else "")
        drive(replace(alone, duration_s=calibrate_s / 5))  # what is slow once only: connections, caches, lazy imports
        calibrated = drive(alone)
        if calibrated.interrupted:
            return calibrated, None
    return drive(plan, _Progress(quiet)), calibrated


class _Progress:
    """Tell on stderr once a second on a terminal, once in ten seconds elsewhere, how it goes."""

    def __init__(self, quiet: bool) -> None:
        self.told, self.every = 0.0, float("inf") if quiet else 1.0 if sys.stderr.isatty() else 10.0

    def __call__(self, outcome: Outcome, now: float) -> None:
        if now - self.told < self.every:
            return
        self.told = now
        last = outcome.recorder.timeline[-1] if outcome.recorder.timeline else None
        rate = f"{last['done']}/s p50 {last['p50'] or 0:.1f} ms p99 {last['p99'] or 0:.1f} ms, {last['failed']} failed" if last else "no answer yet"
        _say(f"{now:5.0f} s  {outcome.started:,} sent  {rate}")


def _say(words: str) -> None:
    if words:
        print(words, file=sys.stderr, flush=True)


def _judged(found: Mapping[str, Any], max_p99: float | None, max_errors: float | None) -> int:
    """Return the exit code.

    Raises:
        RunFailed: the result is worse than was asked for, or there was no answer at all.
    """
    requests, p99 = found["requests"], found["latency_ms"]["p99"]
    failed = 100 * requests["failed"] / max(1, requests["failed"] + requests["done"])
    if p99 is None:
        raise RunFailed("no request succeeded", where=WHERE, got=", ".join(found["errors"]) or "no answer")
    if max_errors is not None and failed > max_errors:
        raise RunFailed("too many requests failed", where=WHERE, got=f"{failed:.3g} %", expected=f"at most {max_errors:g} %")
    if max_p99 is not None and p99 > max_p99:
        raise RunFailed("the endpoint is too slow", where=WHERE, got=f"p99 {p99:.1f} ms", expected=f"at most {max_p99:g} ms")
    return 0


def _keep(found: Mapping[str, Any], file: Path) -> None:
    import json

    replace_file(file, json.dumps(found, indent=1).encode())
    _say(f"kept {file}")


def _writer(path: Path) -> Any:
    if path.suffix.lower() not in WRITERS:
        raise UsageError("a chart cannot be written as this", where="--chart", got=str(path), expected="a file name that ends in .svg or .html")
    if not path.absolute().parent.is_dir():
        raise UsageError("there is no such folder", where="--chart", got=str(path.absolute().parent), expected="a folder that exists")
    return WRITERS[path.suffix.lower()]


def _picture(found: Mapping[str, Any]) -> str:
    from pipelines.loadtest.result import curves
    from pipelines.report.curves_svg import svg

    drawn, names = curves(found)
    return svg(drawn, names, axis="second", zero=True)


def _svg(path: Path, found: Mapping[str, Any]) -> None:
    replace_file(path, _picture(found).encode())


def _html(path: Path, found: Mapping[str, Any]) -> None:
    from pipelines.loadtest.result import text
    from pipelines.report.chart_page import page

    replace_file(path, page(f"Load test of {found['target']}", text(found), [_picture(found)]).encode())


WRITERS = {".svg": _svg, ".html": _html}
