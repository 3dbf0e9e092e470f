"""Sources and destinations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.flow.document import Node
from pipelines.flow.translation import Made, Scene, Untranslated, flag, member, pick, shown, text

FORMATS: Mapping[str, str] = {"csv": "csv", "parquet": "parquet", "jsonlines": "jsonl", "jsonl": "jsonl", "json_lines": "jsonl", "json lines": "jsonl"}
OUTPUTS: Mapping[str, str] = {"PARQUET": "PARQUET", "TEXTFILE": "TEXTFILE", "CSV": "TEXTFILE"}


def s3_source(node: Node, scene: Scene) -> Made:
    """Read files of S3; only an empty cell is missing, as Spark reads CSV."""
    given = member(member(node.parameters, "dataset_definition"), "s3ExecutionContext")
    uri = text(given, "s3Uri")
    if not uri.startswith("s3://"):
        raise Untranslated(f"s3Uri is no S3 URI; got {shown(uri)}")
    kind = pick({"s3ContentType": text(given, "s3ContentType", "csv").lower()}, "s3ContentType", FORMATS, "csv")
    data: dict[str, Any] = {"input": uri, "format": kind}
    lost = []
    if kind == "csv":
        mark = text(given, "s3FieldDelimiter", ",")
        data["delimiter"] = {"\\t": "\t", "tab": "\t"}.get(mark, mark)
        data["null_values"] = [""]
        lost += [] if flag(given, "s3HasHeader", True) else ["the file has no header; columns need names, so add a header line to it"]
    lost += ["s3AddsFilenameColumn: there is no column with the file's name"] if flag(given, "s3AddsFilenameColumn") else []
    if len(data.get("delimiter", ",")) != 1 or data.get("delimiter", ",") in '\r\n"\0':
        raise Untranslated(f"s3FieldDelimiter divides no cells; got {shown(data['delimiter'])}")
    return Made(data=data, lost=tuple(lost), notes=("the parameter InputData names another file",))


def athena_source(node: Node, scene: Scene) -> Made:
    """Read the result of an Athena query."""
    given = member(node.parameters, "dataset_definition")
    query: dict[str, Any] = {
        "catalog": text(given, "catalogName", "AwsDataCatalog"),
        "database": text(given, "databaseName"),
        "query": text(given, "queryString"),
        "output_s3_uri": text(given, "s3OutputLocation"),
        "output_format": pick(given, "outputFormat", OUTPUTS, "PARQUET"),
    }
    return Made(data={"athena": query}, notes=("to run it here, name a local file for each table under data.athena.tables",))


def s3_destination(node: Node, scene: Scene) -> Made:
    """Keep what the flow wrote, and where, as a comment: the pipeline's Preprocess writes its own outputs."""
    given = member(node.parameters, "output_config")
    told = f"{node.name or 'a destination'}: {given.get('output_content_type', 'files')} to {given.get('output_path', '?')}"
    return Made(remarks=(told,), to="a comment", notes=("Preprocess writes train, validation, test and recipe to the pipeline's own bucket",))


def feature_store(node: Node, scene: Scene) -> Made:
    """Keep the name of the feature group as a comment."""
    given = member(node.parameters, "output_config") or node.parameters
    name = next((value for key, value in given.items() if "feature_group_name" in key and isinstance(value, str)), "?")
    return Made(remarks=(f"{node.name or 'a destination'}: feature group {name}",), to="a comment", notes=("see `sagewright feature-group`",))
