"""Run one query in a process of its own, which may read the files of the query's tables, write one result, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipelines.errors import InternalError, Interrupted, UsageError

POLL_S = 0.05
OOM_KILLED = -9


@dataclass(frozen=True)
class TableFiles:
    """Say which files hold a table, and how they are written.

    `format` is csv, parquet or jsonl; `options` are delimiter, quote, encoding and null_values of CSV; `columns` gives the DuckDB type of each column for a
    table that may have no file yet; `partitioned` reads `name=value` folders below `root` as columns.
    """

    files: tuple[str, ...]
    format: str = "parquet"
    options: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    partitioned: bool = False


@dataclass(frozen=True)
class Result:
    """State what a query gave: the names of its columns and the number of its rows, which lie in the output file."""

    columns: tuple[str, ...]
    rows: int


def run(sql: str, tables: Mapping[str, TableFiles], output: Path, output_format: str, stopping: Callable[[], bool] = lambda: False) -> Result:
    """Run a query for DuckDB and write its result; `output_format` is PARQUET, TEXTFILE or JSON, as Athena names them.

    Raises:
        UsageError: the query is wrong, or wants what it may not have.
        Interrupted: `stopping` became true.
    """
    request = {"sql": sql, "tables": {name: asdict(table) for name, table in tables.items()}, "output": str(output), "format": output_format}
    child = subprocess.Popen([sys.executable, "-m", "pipelines.sql"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    given: str | None = json.dumps(request)
    while True:
        try:
            out, err = child.communicate(given, timeout=POLL_S)
            break
        except subprocess.TimeoutExpired:
            given = None
            if stopping():
                child.kill()
                child.communicate()
                raise Interrupted("the query was stopped", where="query") from None
    return _answer(child.returncode, out, err)


def _answer(code: int, out: str, err: str) -> Result:
    if code == 0:
        told = json.loads(out)
        return Result(tuple(told["columns"]), int(told["rows"]))
    if code == UsageError.exit_code:
        raise UsageError(json.loads(out)["error"], where="query")
    if code == OOM_KILLED:
        raise UsageError("the query's process was killed, probably because the machine has no more memory", where="query")
    raise InternalError("the query's process ended badly", where="query", got=(err.strip().splitlines() or [f"exit code {code}"])[-1])


def files_of(folder: Path) -> Sequence[str]:
    """Return the files of a table's folder (or the one file) in order, hidden ones and unfinished ones left out."""
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else [folder]
    return [str(path.absolute()) for path in files if not path.name.startswith((".", "_"))]
