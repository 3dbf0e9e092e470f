"""The JSON Schema of pipeline.yaml, for editors."""

from __future__ import annotations

import json
from typing import Any

from pipelines.config.model import PipelineConfig


def schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12)."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **PipelineConfig.model_json_schema()}


def schema_text() -> str:
    """Return the schema as the text of a file."""
    return json.dumps(schema(), indent=1) + "\n"
