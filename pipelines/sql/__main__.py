"""The process that runs one query: request as JSON on stdin, answer as JSON on stdout.

DuckDB may open the files of the tables and the output, by name; no other file, no network, no extension, no object of this process.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.errors import UsageError

# What a CSV column may be; dates stay text, as Athena's own reader of CSV leaves them.
CSV_TYPES = ("BOOLEAN", "BIGINT", "DOUBLE", "VARCHAR")
BATCH_ROWS = 10_000
FIELD_MARK, NULL_MARK = "\x01", "\\N"


def main() -> int:
    """Run the query of the request; a query that is wrong is told as JSON with exit code 2."""
    import duckdb

    request = json.load(sys.stdin)
    try:
        answer = _run(request)
    except duckdb.Error as error:
        sys.stdout.write(json.dumps({"error": _told(error)}))
        return UsageError.exit_code
    sys.stdout.write(json.dumps(answer))
    return 0


def _told(error: Exception) -> str:
    """Return the first line of DuckDB's message without the name of its class."""
    line = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line.partition(" Error: ")[2] or line


def _run(request: Mapping[str, Any]) -> dict[str, Any]:
    connection = _locked(request)
    described = connection.execute(f"DESCRIBE {request['sql']}").fetchall()
    names = [str(row[0]).lower() for row in described]
    picked = ", ".join(_exact(name, str(row[1])) for name, row in zip(names, described, strict=True))
    sql = f"SELECT {picked} FROM ({request['sql']}) AS result ({', '.join(map(_quoted, names))})"
    rows = WRITERS[request["format"]](connection, sql, request["output"])
    return {"columns": names, "rows": rows}


def _locked(request: Mapping[str, Any]) -> Any:
    """Return a connection that knows the tables and can open nothing but their files and the output."""
    import duckdb

    allowed = [request["output"], *(file for table in request["tables"].values() for file in table["files"])]
    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": False, "autoload_known_extensions": False, "threads": 1})
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET temp_directory = ''")
    connection.execute("SET integer_division = true")  # 3 / 2 is 1 in Athena
    connection.execute(f"SET allowed_paths = [{', '.join(map(_text, allowed))}]")
    connection.execute("SET enable_external_access = false")
    for name, table in request["tables"].items():
        connection.execute(f"CREATE {'VIEW' if table['files'] else 'TABLE'} {_quoted(name)} AS {_reading(table)}")
    connection.execute("SET lock_configuration = true")
    return connection


def _reading(table: Mapping[str, Any]) -> str:
    if not table["files"]:
        return "SELECT " + ", ".join(f"CAST(NULL AS {kind}) AS {_quoted(name)}" for name, kind in table["columns"].items()) + " WHERE false"
    files = f"[{', '.join(map(_text, table['files']))}]"
    return f"SELECT * FROM {READERS[table['format']](files, table)}"


def _csv(files: str, table: Mapping[str, Any]) -> str:
    options = table["options"]
    nulls = ", ".join(map(_text, options.get("null_values", [""])))
    kinds = ", ".join(map(_text, CSV_TYPES))
    marks = f"delim={_text(options.get('delimiter', ','))}, quote={_text(options.get('quote', chr(34)))}, encoding={_text(options.get('encoding', 'utf-8'))}"
    return f"read_csv({files}, header=true, {marks}, nullstr=[{nulls}], sample_size=-1, auto_type_candidates=[{kinds}], union_by_name=true)"


def _parquet(files: str, table: Mapping[str, Any]) -> str:
    partitions = "hive_partitioning=true, hive_types_autocast=false" if table["partitioned"] else "hive_partitioning=false"
    return f"read_parquet({files}, {partitions}, union_by_name=true)"


def _jsonl(files: str, table: Mapping[str, Any]) -> str:
    return f"read_json({files}, format='newline_delimited', sample_size=-1, union_by_name=true)"


READERS: Mapping[str, Callable[[str, Mapping[str, Any]], str]] = {"csv": _csv, "parquet": _parquet, "jsonl": _jsonl}


def _exact(name: str, kind: str) -> str:
    """Return a column as Athena types it: a sum of whole numbers is a bigint there, wider here."""
    return f"CAST({_quoted(name)} AS BIGINT) AS {_quoted(name)}" if kind in ("HUGEINT", "UHUGEINT", "UBIGINT") else _quoted(name)


def _write_parquet(connection: Any, sql: str, output: str) -> int:
    return int(connection.execute(f"COPY ({sql}) TO {_text(output)} (FORMAT parquet, COMPRESSION snappy, USE_TMP_FILE false)").fetchone()[0])


def _write_json(connection: Any, sql: str, output: str) -> int:
    return int(connection.execute(f"COPY ({sql}) TO {_text(output)} (FORMAT json, COMPRESSION gzip, USE_TMP_FILE false)").fetchone()[0])


def _write_text(connection: Any, sql: str, output: str) -> int:
    """Write what Hive's LazySimpleSerDe writes: no header, fields divided by \\x01, \\N for a missing value, gzip."""
    found, rows = connection.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({sql})"), 0
    with open(output, "wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
        while batch := found.fetchmany(BATCH_ROWS):
            rows += len(batch)
            packed.write("".join(FIELD_MARK.join(NULL_MARK if cell is None else cell for cell in row) + "\n" for row in batch).encode())
    return rows


WRITERS: Mapping[str, Callable[[Any, str, str], int]] = {"PARQUET": _write_parquet, "JSON": _write_json, "TEXTFILE": _write_text}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


if __name__ == "__main__":
    sys.exit(main())
