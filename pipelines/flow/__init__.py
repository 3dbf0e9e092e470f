"""Import a Data Wrangler flow: its transforms become a recipe, its charts the profile, and what has no equivalent is reported by node."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.config.loader import load
from pipelines.config.schema import schema_text
from pipelines.errors import ConfigError
from pipelines.flow.code import FILE
from pipelines.flow.document import read_flow
from pipelines.flow.importing import Imported, import_nodes
from pipelines.flow.writing import code_text, yaml_text
from pipelines.samples import SCHEMA_FILE, write_files


@dataclass(frozen=True)
class Report:
    """Hold what an import left: the files that are new, what became of each node, and whether all of it was translated and loads."""

    written: tuple[Path, ...]
    made: Imported
    problem: str = ""

    @property
    def complete(self) -> bool:
        """Tell whether every node was translated whole and the pipeline loads as it is."""
        return self.made.complete and not self.problem

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON-ready members."""
        nodes = [
            {
                "node_id": outcome.node.id,
                "type": outcome.node.type,
                "operator": f"{outcome.node.operator}_{outcome.node.version}" if outcome.node.version else outcome.node.operator,
                "kind": outcome.node.kind,
                "name": outcome.node.name,
                "status": outcome.status,
                "to": outcome.to,
                "lost": list(outcome.lost),
                "notes": list(outcome.notes),
            }
            for outcome in self.made.outcomes
        ]
        told = [*self.made.warnings, *([self.problem] if self.problem else [])]
        return {"complete": self.complete, "label": self.made.label, "warnings": told, "nodes": nodes, "written": [str(path) for path in self.written]}


def import_flow(file: Path, directory: Path, target: str | None = None, refit: bool = False, allow_code: bool = False) -> Report:
    """Write pipeline.yaml, the schema and the flow's own code if it is allowed; return what became of each node.

    Raises:
        UsageError: the file is no flow, names no label, or a file of the same name has other content.
    """
    made = import_nodes(read_flow(file), target, refit, allow_code)
    files = {Path("pipeline.yaml"): yaml_text(made).encode(), Path(SCHEMA_FILE): schema_text().encode()}
    code = {Path(FILE): code_text(made).encode()} if made.code else {}
    written = write_files(directory, {**files, **code})
    return Report(tuple(written), made, _problem(directory / "pipeline.yaml"))


def _problem(path: Path) -> str:
    """Return why the written pipeline cannot be used as it is; an empty text if it can."""
    try:
        load(path)
    except ConfigError as error:
        return f"pipeline.yaml needs your hand before it loads: {error}"
    return ""
