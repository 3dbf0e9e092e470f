"""sagewright runs, runs show, runs delete, runs send"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.commands.formats import Format
from pipelines.errors import UsageError

if TYPE_CHECKING:
    from pipelines.local.home import Home
    from pipelines.local.journal import RunState

HELP = """List local runs, newest first or in the order of a column, with their metrics.

Examples: sagewright runs --limit 5 | sagewright runs --sort auc --columns run,status,auc,parameters.Seed,hyperparameters.Tune.max_depth"""
COLUMNS = "run,pipeline,status,started"
RunArgument = Annotated[str | None, typer.Argument(help="The run's id or the start of it; the newest run if absent.")]


def register(app: typer.Typer) -> None:
    """Add the command and those below it."""
    group = typer.Typer(invoke_without_command=True, help=HELP, rich_markup_mode=None)
    group.callback()(runs)
    group.command("show")(show)
    group.command("delete")(delete)
    group.command("send")(send)
    app.add_typer(group, name="runs")


def runs(
    context: typer.Context,
    home: flags.HomeFlag,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The first so many.")] = 20,
    sort: Annotated[str | None, typer.Option("--sort", help="A column, e.g. auc: best first, for losses the least; other columns the largest first.")] = None,
    ascending: Annotated[bool | None, typer.Option("--ascending/--descending", help="The order of --sort.")] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", help="Names with commas between: status, auc, metrics.Evaluate.auc, parameters.Seed, code.Train, git.commit …")
    ] = None,
    pipeline: Annotated[str | None, typer.Option("--pipeline", help="Only runs of this pipeline.")] = None,
    output: Annotated[Format, typer.Option("--output", help="A table for people, for Markdown or as CSV, or one JSON document.")] = Format.text,
) -> int:
    """List runs; the help is `HELP`."""
    if context.invoked_subcommand:
        return 0
    if ascending is not None and not sort:
        raise UsageError("there is no column to sort by", where="sagewright runs", got=f"--{'a' if ascending else 'de'}scending", expected="--sort COLUMN too")
    from pipelines.local.home import Home

    place = Home(home)
    states = [state for state in place.states() if pipeline in (None, state.pipeline_name)]
    if not states and output is Format.text:
        print("No run yet. Start one with: sagewright run" if pipeline is None else f"No run of {pipeline} yet.")
    elif sort or columns or output in (Format.md, Format.csv):
        _records(place, states, sort, ascending, columns, limit, output)
    else:
        _newest(place, states[:limit], output)
    return 0


def _records(place: Home, states: Sequence[RunState], sort: str | None, ascending: bool | None, columns: str | None, limit: int, output: Format) -> None:
    """Print columns of the records of the runs."""
    from pipelines.commands.formats import write
    from pipelines.local import experiment
    from pipelines.report.record_columns import cells, flat, less_is_better, order, shown

    rows = [flat(experiment.load(place.run_dir(state), state, place.store)) for state in states]
    names = [name.strip() for name in (columns or f"{COLUMNS},{sort or 'seconds'}").split(",") if name.strip()]
    names = list(dict.fromkeys(["run", *names] if columns else names))
    if sort:
        rising = less_is_better(sort) if ascending is None else ascending
        rows = [rows[place] for place in order(cells(sort, rows), descending=not rising)]
    table = {name: cells(name, rows) for name in names}
    printed: list[Mapping[str, Any]] = [{name: column[place] for name, column in table.items()} for place in range(min(limit, len(rows)))]
    told = {Format.text: _local, Format.md: _local}.get(output, shown)
    write(printed if output is Format.json else [{name: told(value) for name, value in row.items()} for row in printed], output)


def _local(value: Any) -> str:
    """Return a value for people: a time by the clock of this machine."""
    from datetime import datetime

    from pipelines.commands.printing import clock_time
    from pipelines.report.record_columns import TIME, shown

    return clock_time(datetime.fromisoformat(value).timestamp()) if isinstance(value, str) and TIME.fullmatch(value) else shown(value)


def _newest(place: Home, states: Sequence[RunState], output: Format) -> None:
    from pipelines.commands.printing import clock_time, number, print_json, table
    from pipelines.local.results import summarize

    if output is Format.json:
        print_json([{**summarize(state, place.store, place.run_dir(state)), "started_at": clock_time(state.started_at)} for state in states])
        return
    rows = []
    for state in states:
        metrics = {name: value for step in state.steps.values() for name, value in step.metrics.items()}
        shown = " ".join(f"{name} {number(metrics[name])}" for name in ("accuracy", "auc", "rmse", "r2") if name in metrics)
        rows.append([state.execution_id, state.pipeline_name, state.status, clock_time(state.started_at), _seconds(state.started_at, state.ended_at), shown])
    print(table(rows, ["RUN", "PIPELINE", "STATUS", "STARTED", "SECONDS", "METRICS"]))


def _seconds(started: float, ended: float | None) -> str:
    return f"{ended - started:.1f}" if ended else ""


def show(home: flags.HomeFlag, run: RunArgument = None, output: flags.OutputFlag = flags.Output.text) -> int:
    """Show the record of a run: parameters, metrics, artefacts, hashes, versions, git commit. `--output json` has all of it, with the curves.

    Example: sagewright runs show latest
    """
    from pipelines.commands.printing import print_json
    from pipelines.local import experiment
    from pipelines.local.home import Home
    from pipelines.report.record_columns import flat, shown

    place = Home(home)
    state = place.find(run)
    record = experiment.load(place.run_dir(state), state, place.store)
    if output is flags.Output.json:
        print_json(record)
        return 0
    values = {**flat(record), **{f"artefacts.{name}": f"{each['sha256']}  {each['uri']}" for name, each in record["artefacts"].items()}}
    width = max(map(len, values))
    print("\n".join(f"{name:<{width}}  {' '.join(shown(value).split())}".rstrip() for name, value in values.items()))
    return 0


def delete(
    home: flags.HomeFlag,
    run: Annotated[list[str] | None, typer.Argument(help="Ids or starts of ids.")] = None,
    older_than: Annotated[str | None, typer.Option("--older-than", help="Runs that started longer ago, e.g. 30d, 12h or P4W.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Runs that did not end Succeeded.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also runs that registered a model; the model and the registry stay.")] = False,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Delete runs: journal, record, logs and job folders. Their objects in the local S3, the cache and the registry stay.

    Examples: sagewright runs delete 3k2j | sagewright runs delete --older-than 30d --failed --dry-run
    """
    from pipelines.commands.deleting import Wanted, delete_runs

    return delete_runs(home, Wanted(tuple(run or ()), older_than, failed, dry_run, yes, force), output)


def send(
    home: flags.HomeFlag,
    run: RunArgument = None,
    tracking_uri: Annotated[str | None, typer.Option("--tracking-uri", help="Where to; that of the run's configuration if absent.")] = None,
    experiment: Annotated[str | None, typer.Option("--experiment", help="The experiment's name in MLflow; the pipeline's if absent.")] = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Send the record of a run to MLflow (again): after the server was down, or to another one. What is there already is not sent twice.

    Examples: sagewright runs send latest | sagewright runs send 3k2j --tracking-uri http://127.0.0.1:5000
    """
    from pipelines.commands.printing import print_json
    from pipelines.commands.sending import send_run
    from pipelines.local.home import Home

    place = Home(Path(home))
    sent = send_run(place, place.find(run), tracking_uri, experiment)
    if output is flags.Output.json:
        print_json(sent)
    else:
        print(f"{'sent to' if sent['sent'] else 'there already:'} {sent['tracking_uri']}, experiment {sent['experiment']}, run {sent['run_id']}")
    return 0
