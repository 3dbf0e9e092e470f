"""A notebook's cell as plain Python: IPython's magics, shell commands and questions become statements that do nothing, on their own lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

OTHER_LANGUAGE = re.compile(r"^%%(?!time\b|timeit\b|capture\b|prun\b)\w+")
MAGIC = re.compile(r"^(\s*)(?:[%!?].*|[\w.]+\?\??)$")
ASSIGNED = re.compile(r"^(\s*)([\w.,\s]+?)=\s*[!%](?!=).*$")
# What IPython takes for a magic without its sign, when no variable has the name.
BARE = re.compile(
    r"^(\s*)(?:ls|ll|cd|pwd|cat|mkdir|rmdir|rm|cp|mv|pip|conda|load_ext|matplotlib|time|timeit|run|who|whos|env|reset|man|clear|autoreload)\b(?!\s*[=(\[]|\.).*$"
)


def plain_cell(lines: Sequence[str]) -> list[str]:
    """Return the lines of a cell, as many as there are; a cell in another language is empty. A cell that is Python already is not touched."""
    if lines and OTHER_LANGUAGE.match(lines[0].strip()):
        return [""] * len(lines)
    if _is_python(lines):
        return list(lines)
    for patterns in ((MAGIC,), (MAGIC, BARE)):
        made = _without(lines, patterns)
        if _is_python(made):
            return made
    return made


def _is_python(lines: Sequence[str]) -> bool:
    try:
        ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def _without(lines: Sequence[str], patterns: Sequence[re.Pattern[str]]) -> list[str]:
    made: list[str] = []
    continues = False
    for line in lines:
        if continues:
            continues = line.rstrip().endswith("\\")
            made.append("")
            continue
        assigned = ASSIGNED.match(line)
        magic = next((found for pattern in patterns if (found := pattern.match(line))), None)
        continues = (assigned is not None or magic is not None) and line.rstrip().endswith("\\")
        made.append(f"{assigned[1]}{assigned[2].strip()} = None" if assigned else f"{magic[1]}pass" if magic else line)
    return made
