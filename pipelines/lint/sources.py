"""Read what is to be looked at: Python scripts, notebooks, and folders of them."""

from __future__ import annotations

import ast
import io
import json
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.lint.cells import plain_cell

SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__", ".ipynb_checkpoints", "build", "dist"})


@dataclass(frozen=True)
class Script:
    """Hold a script: its file, its text, its syntax tree, and for a notebook the cell (from 1) and the line in it of each line."""

    path: str
    lines: tuple[str, ...]
    tree: ast.Module
    places: tuple[tuple[int, int], ...] = ()

    def where(self, line: int, column: int) -> str:
        """Return a place as people write it: FILE:LINE:COLUMN, with the cell for a notebook."""
        if not self.places:
            return f"{self.path}:{line}:{column}"
        cell, within = self.places[line - 1]
        return f"{self.path}:cell {cell}:{within}:{column}"


def script_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield each file, and each .py and .ipynb file below each folder, sorted.

    Raises:
        UsageError: a path is not there.
    """
    for path in paths:
        if not path.exists():
            raise UsageError("there is no such file", where=str(path), expected="a Python script, a notebook (.ipynb), or a folder of them")
        yield from sorted(_below(path)) if path.is_dir() else [path]


def _below(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        parts = file.relative_to(folder).parts
        if file.suffix in (".py", ".ipynb") and file.is_file() and not any(part in SKIPPED or part.startswith(".") for part in parts):
            yield file


def read(file: Path) -> Script:
    """Return the script of a file.

    Raises:
        UsageError: it cannot be read, or is no Python.
    """
    try:
        text = _decoded(file.read_bytes())
    except (UnicodeDecodeError, SyntaxError) as error:
        got = f"byte {error.start} is {error.object[error.start]:#04x}" if isinstance(error, UnicodeDecodeError) else str(error.msg)
        raise UsageError("this is no text in the encoding that it says, UTF-8 if it says none", where=str(file), got=got) from None
    except OSError as error:
        raise UsageError(error.strerror or str(error), where=str(file)) from None
    return _notebook(file, text) if file.suffix == ".ipynb" else _parsed(str(file), _lines(text), ())


def _decoded(body: bytes) -> str:
    """Return a script as text, in the encoding that its first lines declare (PEP 263)."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(body).readline)
    return body.decode(encoding)


def _lines(text: str) -> list[str]:
    """Return lines as Python counts them: form feeds and Unicode's separators end none."""
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


def _parsed(path: str, lines: list[str], places: tuple[tuple[int, int], ...]) -> Script:
    try:
        return Script(path, tuple(lines), ast.parse("\n".join(lines) + "\n"), places)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        where = f"{path}:cell {places[line - 1][0]}:{places[line - 1][1]}" if places and line <= len(places) else f"{path}:{line}"
        raise UsageError(f"this is not Python that can be read: {getattr(error, 'msg', None) or error}", where=where) from None


def _notebook(file: Path, text: str) -> Script:
    """Return the code cells of a notebook as one script; magics and shell lines become statements that do nothing."""
    try:
        cells: Any = json.loads(text)["cells"]
        bodies = [cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError("this is no Jupyter notebook", where=str(file), expected="nbformat 4 with its cells") from None
    lines: list[str] = []
    places: list[tuple[int, int]] = []
    for number, body in enumerate(bodies, 1):
        plain = plain_cell(_lines(body))
        lines += plain
        places += [(number, within) for within in range(1, len(plain) + 1)]
    return _parsed(str(file), lines, tuple(places))
