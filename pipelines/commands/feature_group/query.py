"""sagewright feature-group query"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.commands.feature_group.place import AwsFlag
from pipelines.errors import UsageError


def query(
    home: flags.HomeFlag,
    sql: Annotated[str, typer.Argument(help="A SELECT in Athena's SQL over the tables of offline stores; `list` shows them.")],
    file: Annotated[Path | None, typer.Option("--file", help="Write the rows to this .parquet or .csv file.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows that are printed as text.")] = 20,
    results: Annotated[str | None, typer.Option("--results", help="With --aws: S3 URI where Athena puts its result.")] = None,
    work_group: Annotated[str | None, typer.Option("--work-group", help="With --aws: Athena's work group.")] = None,
    aws: AwsFlag = False,
    region: flags.RegionFlag = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Query offline stores: locally with DuckDB, with --aws in Athena.

    Example: sagewright feature-group query 'SELECT hotel, count(*) AS n FROM bookings_1714521600 WHERE NOT is_deleted GROUP BY hotel'
    """
    from pipelines.commands.printing import print_json, table

    if file is not None and file.suffix not in (".parquet", ".csv"):
        raise UsageError("this kind of file cannot be written", where="--file", got=str(file), expected=".parquet or .csv")
    found = _in_athena(sql, results, work_group, region) if aws else _here(home, sql)
    if file is not None:
        _write(found, file)
    if output is flags.Output.json:
        print_json(found.to_pylist())
    elif file is not None:
        print(f"wrote {found.num_rows:,} rows to {file}")
    else:
        cells: list[Sequence[Any]] = [["" if cell is None else cell for cell in row.values()] for row in found.slice(0, limit).to_pylist()]
        print(table(cells, found.column_names))
        if found.num_rows > limit:
            print(f"... {found.num_rows - limit:,} more rows; --limit or --file shows them")
    return 0


def _here(home: Path, sql: str) -> Any:
    import tempfile

    import pyarrow.parquet as parquet

    from pipelines.feature_store.query import run
    from pipelines.local.home import Home

    with tempfile.TemporaryDirectory() as folder:
        run(sql, home, Home(home).store.path, Path(folder) / "rows.parquet")
        return parquet.ParquetFile(f"{folder}/rows.parquet").read()


def _in_athena(sql: str, results: str | None, work_group: str | None, region: str | None) -> Any:
    import time

    import pyarrow as pa

    from pipelines.aws import feature_store

    if results is None and work_group is None:
        raise UsageError("Athena needs a place for its result", where="query", expected="--results s3://..., or --work-group with a place of its own")
    rows = list(
        feature_store.query(
            feature_store.session(region), sql, database="sagemaker_featurestore", output_s3_uri=results, work_group=work_group, sleep=time.sleep
        )
    )
    return pa.Table.from_pylist(rows)


def _write(found: Any, file: Path) -> None:
    from pyarrow import csv, parquet

    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".csv":
        csv.write_csv(found, str(file))
    else:
        parquet.write_table(found, str(file))
