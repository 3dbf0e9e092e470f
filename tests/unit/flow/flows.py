"""Flows for tests, made of short descriptions."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from pipelines.flow.document import parse_flow
from pipelines.flow.importing import Imported, import_nodes

SHARED = Path(__file__).parents[3].parent / "shared"
REAL_FLOW = SHARED / "data/hotel/HotelBookingFlow.flow"
REAL_ROWS = SHARED / "data/hotel/hotel_bookings.csv"
SCHEMA = {"y": "long", "a": "long", "b": "float", "c": "string", "d": "string", "when": "datetime"}


def node(key: str, kind: str, operator: str, *inputs: str, parameters: Any = None, **members: Any) -> dict[str, Any]:
    """Return one node."""
    given = [{"name": "df", "node_id": name, "output_name": "default"} for name in inputs]
    return {"node_id": key, "type": kind, "operator": f"{operator}_0.1", "parameters": parameters or {}, "inputs": given, **members}


def source(key: str = "source", uri: str = "s3://bucket/rows.csv", **context: Any) -> dict[str, Any]:
    """Return a source of CSV."""
    definition = {"dataset_definition": {"s3ExecutionContext": {"s3Uri": uri, "s3ContentType": "csv", "s3HasHeader": True, **context}}}
    return node(key, "SOURCE", "sagemaker.s3_source", parameters=definition)


def types(key: str = "types", after: str = "source", schema: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the node that casts."""
    return node(key, "TRANSFORM", "sagemaker.spark.infer_and_cast_type", after, trained_parameters={"schema": SCHEMA if schema is None else schema})


def transform(operator: str, kind: str, parameters: dict[str, Any], trained: Any = None, key: str = "t", after: str = "types") -> dict[str, Any]:
    """Return a transform with the parameters of the kind that it chose."""
    name = "".join(letter if letter.isalnum() else "_" for letter in kind.lower()) + "_parameters"
    given = {"operator": kind, name: parameters} if kind else parameters
    return node(key, "TRANSFORM", f"sagemaker.spark.{operator}", after, parameters=given, trained_parameters={name: trained} if trained else {})


def chain(*transforms: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a flow of a source, its types, and transforms one after another."""
    nodes, last = [source(), types()], "types"
    for place, made in enumerate(transforms):
        inputs = [{**made["inputs"][0], "node_id": last}, *made["inputs"][1:]]
        nodes.append({**made, "node_id": f"t{place}", "inputs": inputs})
        last = f"t{place}"
    return nodes


def imported(nodes: list[dict[str, Any]], target: str | None = "y", refit: bool = False, allow_code: bool = False) -> Imported:
    """Return what nodes become."""
    return import_nodes(parse_flow(json.dumps({"metadata": {"version": 1}, "nodes": nodes}), "x.flow"), target, refit, allow_code)


def steps(made: Imported) -> list[dict[str, Any]]:
    """Return the steps that nodes of the flow became, without the types at the front."""
    return [dict(step.step) for origin, step in made.steps if origin is not None and origin.id != "types"]


def model(labels: list[str], **changes: Any) -> str:
    """Return labels as Spark saves a StringIndexer and the service packs it."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    body = io.BytesIO()
    parquet.write_table(pa.table({changes.get("column", "labelsArray"): [[labels]] * changes.get("rows", 1)}), body)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata/part-00000", "{}")
        archive.writestr("data/part-00000.snappy.parquet", body.getvalue())
    return base64.b85encode(packed.getvalue()).decode()
