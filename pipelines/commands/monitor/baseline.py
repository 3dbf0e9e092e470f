"""sagewright monitor baseline"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.commands.monitor.place import NameArgument
from pipelines.errors import UsageError

if TYPE_CHECKING:
    from pipelines.local.monitoring.subject import Subject

FORMATS: Mapping[str, str] = {".csv": '{"csv": {"header": true}}', ".jsonl": '{"json": {}}', ".json": '{"json": {}}', ".parquet": '{"parquet": {}}'}


def baseline(
    home: flags.HomeFlag,
    name: NameArgument,
    data: Annotated[Path | None, typer.Option("--data", help="Make a baseline of the data's quality from these rows: .csv, .jsonl or .parquet.")] = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Show what a version is held against, or make a baseline of the data's quality from a file; it counts before that of the version.

    Examples: sagewright monitor baseline hotel-bookings | sagewright monitor baseline hotel-bookings --data rows.csv
    """
    from pipelines.commands.printing import print_json, table
    from pipelines.local.monitoring.subject import find

    subject = find(home, name)
    if data is not None:
        _make(home, subject, data)
    found = _shown(home, subject)
    if output is flags.Output.json:
        print_json({"name": subject.name, "version": subject.version, "baselines": found})
        return 0
    rows = [[each["kind"], each["size"] or "", each["made_by"] if each["files"] else each["missing"]] for each in found]
    print(f"{subject.version} is held against\n")
    print(table(rows, ["ANALYSIS", "COMPARED", "FROM"]))
    for each in found:
        print("\n".join([f"\n{each['kind']}", *(f"  {part:<14}{place}" for part, place in each["files"].items())]) if each["files"] else "", end="")
    print()
    return 0


def _make(home: Path, subject: Subject, data: Path) -> None:
    """Describe a file with the very code of the monitoring job and keep its files for the endpoint, or for the group of a version."""
    from pipelines.jobs import job_module
    from pipelines.local.monitoring import executions

    if not data.exists() or data.suffix not in FORMATS:
        raise UsageError("this file cannot be a baseline", where="--data", got=str(data), expected=f"a file that is there, {', '.join(FORMATS)}")
    folder = executions.root(home, subject.name) / executions.BASELINE
    failure, analysis, settings, java_json = (job_module(f"jobkit.{part}") for part in ("failure", "monitor.analysis", "monitor.settings", "monitor.java_json"))
    arguments = ["--dataset-source", str(data.absolute()), "--dataset-format", FORMATS[data.suffix], "--output-path", str(folder)]
    try:
        found = analysis.analyse(settings.read(arguments, {}))
    except failure.JobError as error:
        raise UsageError(str(error).rstrip("."), where=str(data)) from None
    folder.mkdir(parents=True, exist_ok=True)
    java_json.write(folder / "statistics.json", found.statistics)
    java_json.write(folder / "constraints.json", found.constraints)
    executions.write_json(folder / "made.json", {"data": str(data.absolute())})


def _shown(home: Path, subject: Subject) -> list[dict[str, Any]]:
    from pipelines.definition.monitoring import KINDS, missing
    from pipelines.local.container import read_json
    from pipelines.local.monitoring import executions
    from pipelines.local.monitoring.baselines import baseline_files, size

    shown = []
    for kind, described in KINDS.items():
        files = baseline_files(home, subject, kind)
        own = kind == "data-quality" and bool(executions.remembered(home, subject.endpoint, subject.group))
        lacking = missing(files, described)
        origin = f"{read_json(Path(files['constraints']).parent / 'made.json')['data']}" if own else f"the pipeline that registered {subject.version}"
        shown.append({"kind": kind, "files": {} if lacking else files, "size": "" if lacking else size(kind, files), "missing": lacking, "made_by": origin})
    return shown
