"""Pictures of a pipeline, as pure functions of its definition and the states of its steps."""

from __future__ import annotations

from pipelines.report.graph_mermaid import mermaid
from pipelines.report.graph_svg import svg
from pipelines.report.graph_text import tree
from pipelines.report.graph_view import as_json

__all__ = ["as_json", "mermaid", "svg", "tree"]
