"""sagewright feature-group ingest"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.commands.feature_group.place import AwsFlag, NameArgument, described, local_store
from pipelines.errors import CloudError


def ingest(
    home: flags.HomeFlag,
    name: NameArgument,
    file: Annotated[Path, typer.Argument(help="Parquet, CSV or JSON Lines file with a column for each feature.")],
    skip_unknown: Annotated[bool, typer.Option("--skip-unknown", help="Leave out columns that are no features.")] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="With --aws: records put side by side.")] = 8,
    aws: AwsFlag = False,
    region: flags.RegionFlag = None,
    output: flags.OutputFlag = flags.Output.text,
    quiet: flags.QuietFlag = False,
) -> int:
    """Put the rows of a file into a feature group. All rows are looked at first: with one that the service would refuse, nothing is written.

    Example: sagewright feature-group ingest bookings train.parquet
    """
    from pipelines.commands.printing import print_json
    from pipelines.feature_store import rows
    from pipelines.feature_store.group import of_description

    group = of_description(described(home, name, aws, region))
    checked = rows.check(rows.read(file), group, skip_unknown=skip_unknown)
    with bar(len(checked), f"ingest {name}", quiet=quiet) as step:
        if aws:
            _ingest_aws(name, checked, workers, region, step)
        else:
            local_store(home).ingest(name, checked, step)
    if output is flags.Output.json:
        print_json({"FeatureGroupName": name, "Records": len(checked)})
    else:
        print(f"ingested {len(checked):,} records into {name}")
    return 0


def _ingest_aws(name: str, checked: Any, workers: int, region: str | None, step: Callable[[int], None]) -> None:
    import time

    from pipelines.aws import feature_store

    records = (checked.record(index) for index in range(len(checked)))
    failed = feature_store.put_records(feature_store.session(region), name, records, workers=workers, sleep=time.sleep, step=step)
    if failed:
        told = "\n".join(f"  row {failure.row}: {failure.reason}" for failure in failed[:10])
        more = f"\n  and {len(failed) - 10} more" if len(failed) > 10 else ""
        raise CloudError(f"{len(failed)} of {len(checked)} records were refused, the others are in:\n{told}{more}", where=name)


@contextmanager
def bar(total: int, title: str, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr where a terminal can draw it; what is yielded takes the number of rows that were done."""
    import os

    if quiet or not sys.stderr.isatty() or "CI" in os.environ:
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda count: progress.advance(task, count)
