"""Write a fitted recipe as one Python file that needs pandas and NumPy only."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.export.calls import calls, literal

PLAIN = tuple(Path(__file__).with_name(name) for name in ("plain_values.py", "plain.py", "plain_expressions.py"))
MAIN = '''
def main():
    """Read a file of raw rows and write their features: python {file} ROWS.csv FEATURES.csv"""
    if len(sys.argv) != 3:
        raise SystemExit(main.__doc__)
    source, target = sys.argv[1:]
    readers = {{".parquet": pd.read_parquet, ".jsonl": lambda path: pd.read_json(path, lines=True, dtype=False, convert_dates=False)}}
    read = readers.get(Path(source).suffix, lambda path: pd.read_csv(path, sep={delimiter!r}, encoding={encoding!r}, dtype=str, keep_default_na=False))
    made = transform(read(source))
    if Path(target).suffix == ".parquet":
        made.to_parquet(target, index=False)
    else:
        made.to_csv(target, index=False)
    print("wrote {{}}: {{}} rows, {{}} features".format(target, *made.shape))


if __name__ == "__main__":
    main()
'''


def functions() -> tuple[list[ast.stmt], dict[str, tuple[ast.stmt, str]]]:
    """Return the imports of the plain files, and their functions and constants by name with their text, in their order."""
    imports: list[ast.stmt] = []
    named: dict[str, tuple[ast.stmt, str]] = {}
    for file in PLAIN:
        text = file.read_text()
        for node in ast.parse(text).body:
            source = ast.get_source_segment(text, node) or ""
            if isinstance(node, ast.FunctionDef):
                named[node.name] = node, source
            elif isinstance(node, ast.Assign):
                named.update({name.id: (node, source) for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)})
            elif isinstance(node, ast.Import) or isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] not in ("__future__", "pipelines"):
                imports.append(node)
    return imports, named


def _free(node: ast.AST) -> set[str]:
    """Return the names that a piece of code reads and does not make itself."""
    made = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
    made |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)} - made


def needed(code: str) -> tuple[list[str], list[str]]:
    """Return the import lines and the pieces of the plain files that some code needs, in their order."""
    imports, named = functions()
    found: set[str] = set()
    waiting = [name for name in _free(ast.parse(code)) if name in named]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [other for other in _free(named[name][0]) if other in named]
    pieces = list(dict.fromkeys(source for name, (_, source) in named.items() if name in found))
    used = set().union(*(_free(named[name][0]) for name in found), _free(ast.parse(code)), {"np", "pd", "sys", "Path"})
    return list(dict.fromkeys(_imports(imports, used))), pieces


def _imports(imports: Sequence[ast.stmt], used: set[str]) -> Iterator[str]:
    for node in imports:
        assert isinstance(node, (ast.Import, ast.ImportFrom))
        kept = [alias for alias in node.names if (alias.asname or alias.name).split(".")[0] in used]
        if kept and isinstance(node, ast.ImportFrom):
            yield ast.unparse(ast.ImportFrom(module=node.module, names=kept, level=0))
        elif kept:
            yield ast.unparse(ast.Import(names=kept))


def transform_source(recipe: Mapping[str, Any]) -> str:
    """Return the constants and the function `transform` of a fitted recipe."""
    schema = {entry["name"]: entry["kind"] for entry in recipe["schema"]}
    names = dict(zip(recipe["columns"], recipe["features"], strict=True))
    lines = [
        "# The raw columns with their kinds, the texts that mean a missing value, and the features that the model takes.",
        f"SCHEMA = {literal(schema, 9)}",
        f"NULLS = {literal(sorted(recipe['null_values']), 8)}",
        f"FEATURES = {literal(names, 11)}",
        "",
        "",
        "def transform(frame):",
        '    """Return the features (float32) of raw rows, one for every row given."""',
        "    rows = take_in(frame, SCHEMA, NULLS)",
        '    with np.errstate(all="ignore"):',
    ]
    for number, call in enumerate(calls(recipe), 1):
        lines += [f"        # {number}. {' '.join(call.told.split())}", *(f"        {line}" for line in call.lines)]
    return "\n".join([*lines, "        return features(rows, FEATURES)"]) + "\n"


def python_file(recipe: Mapping[str, Any], name: str, file: str, reading: Mapping[str, Any]) -> str:
    """Return the whole file for a fitted recipe (the members of recipe.json) of a pipeline."""
    body = transform_source(recipe)
    main = MAIN.format(file=file, delimiter=reading.get("delimiter", ","), encoding=reading.get("encoding", "utf-8"))
    imports, pieces = needed(body + main)
    imports = sorted({*imports, "import operator", "import sys"} if "operator." in body else {*imports, "import sys"}, key=_import_order)
    head = f'"""Prepare rows as the pipeline {name} does, with what it learnt from its training split. Made by `sagewright export python`."""\n'
    split = next((place for place, line in enumerate(imports) if line.startswith(("import numpy", "import pandas"))), len(imports))
    top = "\n".join([*imports[:split], "", *imports[split:]])
    constants, defined = ([piece for piece in pieces if piece.startswith("def ") == wanted] for wanted in (False, True))
    joined = "\n".join(constants) + ("\n\n\n" if constants else "") + "\n\n\n".join(defined)
    return f"{head}\n{top}\n\n{joined}\n\n\n{body}\n{main}"


def _import_order(line: str) -> tuple[bool, bool, str]:
    return line.startswith(("import numpy", "import pandas")), line.startswith("from"), line
