"""sagewright monitor run"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands import flags
from pipelines.commands.monitor.place import KindFlag, NameArgument, kinds_of, moment
from pipelines.errors import GuardClosed, RunFailed, UsageError

if TYPE_CHECKING:
    from pipelines.local.monitoring.executions import Outcome
    from pipelines.local.monitoring.subject import Subject


def run(
    home: flags.HomeFlag,
    name: NameArgument,
    kind: KindFlag = None,
    start: Annotated[str | None, typer.Option("--from", help="First moment that counts, ISO 8601; UTC unless it says otherwise.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="First moment that does not count any more.")] = None,
    hours: Annotated[float | None, typer.Option("--hours", min=0.01, help="The last so many hours, before --to if that is given.")] = None,
    captured: Annotated[
        list[str] | None, typer.Option("--captured", help="Captured data elsewhere: file, folder or s3:// place, also of a transform job. Repeatable.")
    ] = None,
    ground_truth: Annotated[
        str | None, typer.Option("--ground-truth", help="What turned out to be true: JSON Lines as the service takes them, or CSV of id and label.")
    ] = None,
    version: Annotated[str | None, typer.Option("--version", help="GROUP/NUMBER whose baselines count, in the place of the deployed one.")] = None,
    rows: Annotated[int, typer.Option("--rows", min=10, help="Rows that are explained, drawn at random.")] = 100,
    slack: Annotated[float, typer.Option("--slack", min=0, max=1, help="Share by which thresholds of model quality are loosened, e.g. 0.05.")] = 0.0,
    inference: Annotated[str | None, typer.Option("--inference-attribute", help="Place or name of the label in an answer.")] = None,
    probability: Annotated[str | None, typer.Option("--probability-attribute", help="Place or name of the probability in an answer.")] = None,
    problem: Annotated[str | None, typer.Option("--problem-type", help="Of a model that is no package of ours: BinaryClassification, …")] = None,
    isolation: flags.IsolationFlag = flags.Layer.auto,
    output: flags.OutputFlag = flags.Output.text,
    quiet: flags.QuietFlag = False,
) -> int:
    """Hold captured data of a span against the baseline of training. Exit code 4 when something has drifted, 1 when an analysis failed.

    Examples: sagewright monitor run hotel-bookings --hours 24 | sagewright monitor run loans --kind model-quality --ground-truth labels.csv
    """
    import time

    from pipelines.commands.printing import print_json
    from pipelines.commands.serving_machine import say
    from pipelines.local.launch import make_launcher
    from pipelines.local.monitoring.run import Wanted
    from pipelines.local.monitoring.run import run as analyse

    subject, places = _subject(home, name, version, captured)
    kinds, every = kinds_of(kind)
    span = _span(start, end, hours)
    given = {"--inference-attribute": inference, "--probability-attribute": probability, "--problem-type": problem}
    arguments = ["--rows", str(rows), "--slack", str(slack), *(text for flag, value in given.items() if value for text in (flag, value))]
    wanted = Wanted(subject, kinds, places, *span, truth=ground_truth, arguments=tuple(arguments), all_kinds=every)
    launcher = make_launcher(isolation.value, cold=True)
    try:
        folder, outcomes = analyse(home, wanted, launcher, time.time, (lambda line: None) if quiet else say)
    finally:
        launcher.close()
    if output is flags.Output.json:
        print_json({"name": subject.name, "version": subject.version, "folder": str(folder), "analyses": [each.as_json() for each in outcomes]})
    else:
        _print(outcomes, folder)
    return _code(outcomes)


def _subject(home: Path, name: str, version: str | None, captured: list[str] | None) -> tuple[Subject, Sequence[str]]:
    from dataclasses import replace

    from pipelines.local.monitoring.subject import captures, find

    if version is None:
        subject = find(home, name)
    else:
        behind = find(home, version)
        known = captures(home, name)
        subject = replace(behind, name=name, endpoint=name if known else "", captures=known)
    places = captured or list(subject.captures)
    if not places:
        why = f"{name} does not capture its requests" if subject.endpoint else f"{name} is a version, not an endpoint"
        raise UsageError("there is no captured data", where=why, hint="Deploy with --capture s3://…, or say where it is with --captured.")
    return subject, places


def _span(start: str | None, end: str | None, hours: float | None) -> tuple[datetime | None, datetime | None]:
    """Return the span that the flags mean, in UTC.

    Raises:
        UsageError: they contradict each other.
    """
    first, last = moment(start, "--from"), moment(end, "--to")
    if hours is not None and first is not None:
        raise UsageError("a span has a start or a length", where="--hours", got="both", expected="--from or --hours")
    if hours is not None:
        # A second more, so that what came about just now counts.
        last = last or datetime.now(timezone.utc) + timedelta(seconds=1)
        first = last - timedelta(hours=hours)
    if first is not None and last is not None and first >= last:
        raise UsageError("the span holds nothing", where="--to", got=str(last), expected=f"a time after {first}")
    return first, last


def _print(outcomes: Sequence[Outcome], folder: Path) -> None:
    from pipelines.commands.printing import table

    rows = [[each.kind, each.status, f"{each.found['rows']:,}" if each.found else "", len(each.violations) or ""] for each in outcomes]
    print(table(rows, ["ANALYSIS", "STATUS", "ROWS", "VIOLATIONS"]))
    for each in outcomes:
        told = [*([each.reason] if each.reason else []), *each.violations, *(f"note: {note}" for note in (each.found or {}).get("notes", []))]
        if told:
            print(f"\n{each.kind}")
            print("\n".join(f"  {line.strip()}" for line in told))
    print(f"\nFiles: {folder}")


def _code(outcomes: Sequence[Outcome]) -> int:
    """Return 1 when an analysis failed or none was possible, 4 when something violates the baseline, else 0."""
    statuses = {each.status for each in outcomes}
    if "Failed" in statuses or statuses == {"Skipped"}:
        return RunFailed.exit_code
    return GuardClosed.exit_code if "CompletedWithViolations" in statuses else 0
