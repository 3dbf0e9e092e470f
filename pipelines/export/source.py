"""The functions of `pipelines/export/plain` as source text: those that are asked for, and all that they need."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PLAIN = Path(__file__).parent / "plain"
# In the order in which a reader wants them.
MODULES = ("flow", "rows", "texts", "numbers", "levels", "expressions", "splits", "labels", "values", "reading")
TITLES: Mapping[str, str] = {
    "flow": "Fit, transform, prepare",
    "rows": "Rows and columns",
    "texts": "Text and dates",
    "numbers": "Numbers",
    "levels": "Levels of text columns",
    "expressions": "Expressions",
    "splits": "The split",
    "labels": "The label",
    "values": "Columns of three kinds: numbers, dates and text",
    "reading": "Files and the command line",
}


@dataclass(frozen=True)
class Piece:
    """Hold one definition: its module, its source text, and the names that it uses."""

    name: str
    module: str
    text: str
    uses: frozenset[str]


@cache
def pieces() -> Mapping[str, Piece]:
    """Return every definition by name, in the order of an exported file."""
    found = {}
    for module in MODULES:
        source = (PLAIN / f"{module}.py").read_text(encoding="utf-8")
        for node in ast.parse(source).body:
            name = _name(node)
            if name is not None:
                uses = frozenset(each.id for each in ast.walk(node) if isinstance(each, ast.Name))
                found[name] = Piece(name, module, ast.get_source_segment(source, node) or "", uses)
    return found


def _name(node: ast.stmt) -> str | None:
    if isinstance(node, ast.FunctionDef):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    return target.id if isinstance(target, ast.Name) else None


def needed(names: Iterable[str]) -> list[Piece]:
    """Return the definitions of these names and of all that they use, in order; a name that is none of ours is passed over."""
    known, waiting, wanted = pieces(), list(names), set()
    while waiting:
        name = waiting.pop()
        if name in known and name not in wanted:
            wanted.add(name)
            waiting.extend(known[name].uses)
    return [piece for name, piece in known.items() if name in wanted]


def names_in(code: str) -> set[str]:
    """Return every name that a source text uses."""
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


IMPORTS: Mapping[str, str] = {
    "argparse": "import argparse",
    "csv": "import csv",
    "json": "import json",
    "math": "import math",
    "operator": "import operator",
    "re": "import re",
    "sys": "import sys",
    "datetime": "from datetime import datetime, timezone",
    "Path": "from pathlib import Path",
    "np": "import numpy as np",
    "pd": "import pandas as pd",
}
LIBRARIES = ("np", "pd")


def imports(used: set[str]) -> str:
    """Return the import lines for these names: the standard library, then pandas and numpy."""
    blocks = [[line for name, line in IMPORTS.items() if name in used and (name in LIBRARIES) == third] for third in (False, True)]
    return "\n\n".join("\n".join(block) for block in blocks if block)
