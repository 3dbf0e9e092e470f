"""Queries of offline stores: the SQL that Athena would get, run by DuckDB over the local files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.feature_store.group import CATALOG, DATABASE
from pipelines.sql import sandbox
from pipelines.sql.query import TableName, translate


def run(sql: str, home: Path, place: Callable[[str], Path], output: Path) -> sandbox.Result:
    """Run a query over the tables of the local Glue catalog and write its rows as Parquet; `place` turns an S3 URI into a folder.

    Raises:
        UsageError: the query is wrong or names a table that no feature group has.
    """
    query = translate(sql, CATALOG, DATABASE)
    tables = {plain: _files(name, home, place) for plain, name in query.tables.items()}
    return sandbox.run(query.sql, tables, output.absolute(), "PARQUET")


def _files(name: TableName, home: Path, place: Callable[[str], Path]) -> sandbox.TableFiles:
    folder = home / "glue"
    known = {f"{file.parent.name}.{file.stem}": file for file in sorted(folder.glob("*/*.json"))}
    file = known.get(f"{name.database}.{name.table}")
    if file is None:
        hint = "`sagewright feature-group list` shows the table of each group."
        raise UsageError("there is no such table", where="query", got=str(name), expected=f"one of: {', '.join(known) or 'none yet'}", hint=hint)
    entry: dict[str, Any] = json.loads(file.read_text())
    root = place(entry["uri"])
    return sandbox.TableFiles(tuple(sandbox.files_of(root)) if root.exists() else (), "parquet", {}, entry["columns"], True)
