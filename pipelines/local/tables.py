"""DatasetDefinition inputs: the query of an AthenaDatasetDefinition runs with DuckDB over local files, which stand for the tables it names.

Which file stands for which table is settled when a run starts, and kept with the run: a resumed run reads the same bytes. A table that no file was given for is
looked up in the local Glue catalog, `<home>/glue/<database>/<table>.json`, where feature groups register their offline stores.
"""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipelines.definition.expressions import expression_kind
from pipelines.definition.model import Definition
from pipelines.errors import InternalError, Interrupted, UnsupportedStep, UsageError
from pipelines.local import container
from pipelines.local.context import Run, StepRun
from pipelines.local.faults import ClientFault
from pipelines.local.store import Store
from pipelines.sql import sandbox
from pipelines.sql.query import Query, TableName, translate

FILE = "tables.json"
BUCKET = "s3://sagewright-tables"
FORMATS: Mapping[str, str] = {".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
# The file names are ours; Athena makes up its own.
RESULTS: Mapping[str, str] = {"PARQUET": "part-00000.parquet", "TEXTFILE": "part-00000.gz", "JSON": "part-00000.json.gz"}
ENCODINGS: Mapping[str, str] = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "ascii": "utf-8", "utf-16": "utf-16", "iso8859-1": "latin-1"}
BELOW = "/opt/ml/processing/"


@dataclass(frozen=True)
class Given:
    """Name the file or folder that stands for a table; `options` say how CSV is written (delimiter, quote, encoding, null_values)."""

    path: Path
    format: str = "auto"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """Hold what the catalog knows of a table: where its files are in the local S3 and how they are written; see `sandbox.TableFiles`."""

    uri: str
    format: str
    options: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    partitioned: bool = False


def prepare(definition: Definition, home: Path, store: Store, given: Mapping[str, Given]) -> dict[str, Entry]:
    """Store the files that were given for tables and return their entries; look first at what the definition asks for.

    Raises:
        UnsupportedStep: an input is of a kind that does not run here.
        UsageError: a query is wrong, names a table that has no file, or a file is not there.
    """
    for name, table in given.items():
        if not table.path.exists() or (table.path.is_dir() and not sandbox.files_of(table.path)):
            raise UsageError(
                "there is no such file", where=f"table {name}", got=str(table.path), expected="a CSV, Parquet or JSON Lines file, or a folder of them"
            )
    for where, dataset in _datasets(definition):
        _refuse(where, dataset)
        athena = dataset["AthenaDatasetDefinition"]
        wanted = [athena.get(key) for key in ("QueryString", "Catalog", "Database")]
        if all(isinstance(value, str) for value in wanted):
            _find_all(where, translate(*wanted), lambda name: _of(name, given) or _registered(home, name), given)
    return {name.lower(): _stored(store, name.lower(), table) for name, table in given.items()}


def write(run_dir: Path, entries: Mapping[str, Entry]) -> None:
    """Keep a run's tables with the run."""
    if entries:
        container.write_json(run_dir / FILE, {name: asdict(entry) for name, entry in entries.items()})


def fetch(step_run: StepRun, item: Mapping[str, Any], ml: Path) -> None:
    """Run the query of a DatasetDefinition input and put its result below the input's LocalPath.

    Raises:
        ClientFault: the query or the input cannot be used here.
    """
    where, dataset = f"input {item.get('InputName')!r}", item.get("DatasetDefinition") or {}
    try:
        _refuse(where, dataset)
        athena = dataset["AthenaDatasetDefinition"]
        query = translate(athena["QueryString"], athena["Catalog"], athena["Database"])
        entries = _entries(step_run.run, where, query)
        if athena["OutputFormat"] == "TEXTFILE" and not query.columns:
            raise UsageError("TEXTFILE has no header, and the query selects *", where=where, hint="Name the columns in the query, or use PARQUET.")
        folder = container.real_path(ml, dataset["LocalPath"], below=BELOW)
        folder.mkdir(parents=True, exist_ok=True)
        files = {plain: _files(step_run.run.store, entries[name]) for plain, name in query.tables.items()}
        done = sandbox.run(query.sql, files, folder.absolute() / RESULTS[athena["OutputFormat"]], athena["OutputFormat"], step_run.run.stopping.is_set)
    except (UsageError, InternalError, Interrupted) as error:
        raise ClientFault(f"{'' if str(error).startswith(where) else where + ': '}{error}") from None
    if not done.rows:
        raise ClientFault(f"{where}: the query gave no row")


def with_content(run: Run, arguments: Any) -> Any:
    """Return a step's arguments with the content of every table that its queries name, for the key of the local cache.

    The service's own key holds the query only. Here a file is at hand, and a result of other rows must not be taken for this one's.
    """
    inputs = arguments.get("ProcessingInputs") if isinstance(arguments, Mapping) else None
    if not isinstance(inputs, list) or not any(isinstance(item, Mapping) and _athena(item) for item in inputs):
        return arguments
    return {**arguments, "ProcessingInputs": [_with_tables(run, item) for item in inputs]}


def _athena(item: Mapping[str, Any]) -> Mapping[str, Any]:
    found = (item.get("DatasetDefinition") or {}).get("AthenaDatasetDefinition") or {}
    return found if isinstance(found, Mapping) else {}


def _with_tables(run: Run, item: Mapping[str, Any]) -> Mapping[str, Any]:
    athena = _athena(item)
    if not athena:
        return item
    try:
        query = translate(athena["QueryString"], athena["Catalog"], athena["Database"])
        entries = _entries(run, f"input {item.get('InputName')!r}", query)
    except UsageError as error:
        raise ClientFault(str(error)) from None
    return {**item, "Tables": {str(name): _content(run.store, entry) for name, entry in sorted(entries.items(), key=lambda pair: str(pair[0]))}}


def _content(store: Store, entry: Entry) -> dict[str, Any]:
    """Return what changes when a table's rows do: a given file has its hash in its URI, a feature group only ever adds files."""
    listed = [[Path(file).name, Path(file).stat().st_size] for file in _files(store, entry).files]
    return {**asdict(entry), "listing": hashlib.sha256(json.dumps(listed).encode()).hexdigest()}


def _entries(run: Run, where: str, query: Query) -> dict[TableName, Entry]:
    kept = {name: Entry(**entry) for name, entry in (container.read_json(run.run_dir / FILE) or {}).items()}
    return _find_all(where, query, lambda name: _of(name, kept) or _registered(run.home, name), kept)


def _datasets(definition: Definition) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for step in definition.all_steps():
        inputs = step.arguments.get("ProcessingInputs") or []
        for item in inputs if isinstance(inputs, list) else []:
            if isinstance(item, Mapping) and isinstance(item.get("DatasetDefinition"), Mapping):
                yield f"step {step.name}, input {item.get('InputName')!r}", item["DatasetDefinition"]


def _refuse(where: str, dataset: Mapping[str, Any]) -> None:
    """Raise UnsupportedStep for what cannot run here."""
    if "AthenaDatasetDefinition" not in dataset:
        kind = next((key for key in dataset if key.endswith("DatasetDefinition")), "an empty DatasetDefinition")
        raise UnsupportedStep(f"{kind} does not run locally", where=where, expected="AthenaDatasetDefinition or S3Input")
    output = dataset["AthenaDatasetDefinition"].get("OutputFormat")
    if not expression_kind(output) and output not in RESULTS:
        raise UnsupportedStep(f"OutputFormat {output} does not run locally", where=where, expected=f"one of: {', '.join(RESULTS)}")
    for key, wanted in (("InputMode", "File"), ("DataDistributionType", "FullyReplicated")):
        value = dataset.get(key, wanted)
        if key == "InputMode" and not expression_kind(value) and value != wanted:
            raise UnsupportedStep(f"{key} {value} does not run locally", where=where, expected=wanted)
    if not isinstance(dataset.get("LocalPath"), (str, Mapping)):
        raise UsageError("LocalPath is missing", where=where, expected=f"a folder below {BELOW}")


def _find_all(where: str, query: Query, find: Callable[[TableName], Any], given: Mapping[str, Any]) -> dict[TableName, Any]:
    found = {name: find(name) for name in query.tables.values()}
    missing = sorted(str(name) for name, entry in found.items() if entry is None)
    if missing:
        raise UsageError(
            f"there is no local file for {'table' if len(missing) == 1 else 'tables'} {', '.join(missing)}",
            where=where,
            got=f"files for: {', '.join(sorted(given)) or 'none'}",
            expected=f"one for each table of the query: {', '.join(sorted(map(str, found)))}",
            hint=f"Give --table {missing[0]}=FILE, or data.athena.tables in pipeline.yaml.",
        )
    return found


def _of(name: TableName, given: Mapping[str, Any]) -> Any:
    lowered = {key.lower(): value for key, value in given.items()}
    return next((lowered[spelling] for spelling in name.spellings() if spelling in lowered), None)


def _registered(home: Path, name: TableName) -> Entry | None:
    if any("/" in part or part.startswith(".") for part in (name.database, name.table)):
        return None
    found = container.read_json(home / "glue" / name.database / f"{name.table}.json")
    return Entry(**found) if isinstance(found, dict) else None


def _stored(store: Store, name: str, table: Given) -> Entry:
    first = Path(next(iter(sandbox.files_of(table.path))))
    suffix = first.with_suffix("").suffix if first.suffix == ".gz" else first.suffix
    kind = FORMATS.get(suffix.lower(), "csv") if table.format == "auto" else table.format
    safe = "".join(character if character.isalnum() and character.isascii() else "-" for character in name)
    return Entry(store.ingest(table.path, f"{BUCKET}/{safe}"), kind, _options(name, table) if kind == "csv" else {})


def _options(name: str, table: Given) -> dict[str, Any]:
    """Return how a table's CSV is written, its encoding by the name that DuckDB has for it."""
    given = str(table.options.get("encoding", "utf-8"))
    known = ENCODINGS.get(codecs.lookup(given).name)
    if known is None:
        raise UsageError("this text encoding does not work for the table of a query", where=f"table {name}", got=given, expected="utf-8, utf-16 or latin-1")
    return {**table.options, "encoding": known}


def _files(store: Store, entry: Entry) -> sandbox.TableFiles:
    files = tuple(sandbox.files_of(store.path(entry.uri))) if store.path(entry.uri).exists() else ()
    return sandbox.TableFiles(files, entry.format, entry.options, entry.columns, entry.partitioned)
