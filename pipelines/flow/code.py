"""Custom code: snippets that number or date the rows become steps; any other pandas code goes into a file, and only when the user allows it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pipelines.flow.document import Node
from pipelines.flow.translation import Made, Scene, Step, Untranslated, member, one, text

FILE = "flow_steps.py"
LONGEST = 20_000
COUNTS = re.compile(r"range\((?:(?P<start>\d+), )?(?:(?P<plus>\d+) \+ )?len\(df\)(?: \+ (?P<more>\d+))?\)")
NOW = frozenset(
    [
        "pd.to_datetime('now').timestamp()",
        "pd.Timestamp.now().timestamp()",
        "pd.Timestamp.utcnow().timestamp()",
        "time.time()",
        "datetime.now().timestamp()",
        "datetime.datetime.now().timestamp()",
    ]
)
BY_ROW = "the function must treat each row by itself and keep the number and the order of the rows: look at it"


def pandas(node: Node, scene: Scene) -> Made:
    """Turn a pandas snippet into steps, or into a function of the user's when that is allowed."""
    source = text(member(node.parameters, "pandas_parameters"), "code")
    tree = _parsed(source)
    steps = tuple(_known(tree))
    if steps:
        return Made(steps)
    if not scene.allow_code:
        raise Untranslated("its Python code is none of the known snippets; --allow-code takes it over as a function in a file of its own")
    name = re.sub(r"\W+", "_", node.name or "snippet", flags=re.ASCII).strip("_").lower() or "snippet"
    name = f"{name if not name[0].isdigit() else f'step_{name}'}_{re.sub('[^0-9a-z]', '', node.id.lower())[:8]}"
    return Made((one("python", f"code of {node.name or 'the flow'}", function=f"{FILE}:{name}"),), code={name: _function(name, tree)}, notes=(BY_ROW,))


def _parsed(source: str) -> ast.Module:
    if len(source) > LONGEST:
        raise Untranslated(f"its Python code has {len(source):,} characters; expected at most {LONGEST:,}")
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Untranslated(f"its Python code cannot be read: {getattr(error, 'msg', error)}") from None


def _function(name: str, tree: ast.Module) -> str:
    """Return the snippet as a function of a frame, checked to compile; comments are lost."""
    shell = ast.parse(f"def {name}(df):\n    return df\n")
    shell.body[0].body[:0] = tree.body  # type: ignore[attr-defined]
    try:
        written = ast.unparse(ast.fix_missing_locations(shell))
        compile(written, FILE, "exec")
    except (SyntaxError, ValueError, RecursionError) as error:
        raise Untranslated(f"its Python code cannot stand in a function: {getattr(error, 'msg', error)}") from None
    return written


def _known(tree: ast.Module) -> Iterator[Step]:
    """Yield the steps of a snippet that only numbers or dates the rows; nothing if it does anything else."""
    times: set[str] = set()
    steps: list[Step] = []
    for statement in tree.body:
        step = None if isinstance(statement, (ast.Import, ast.ImportFrom)) else _step(statement, times)
        if step is False:
            return
        steps += [step] if isinstance(step, Step) else []
    yield from steps


def _step(statement: ast.stmt, times: set[str]) -> Step | bool | None:
    """Return the step of a statement, None if it only names the time, False if it is something else."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name) and _is_now(statement.value, times):
        times.add(statement.targets[0].id)
        return None
    found = _inserted(statement)
    if found is None:
        return False
    position, column, value = found
    counted = COUNTS.fullmatch(ast.unparse(value))
    if counted and int(counted["start"] or 0) == int(counted["plus"] or 0) + int(counted["more"] or 0):
        return one("row_number", column=column, start=int(counted["start"] or 0), position=position)
    return one("timestamp", column=column, position=position) if _is_now(value, times) else False


def _is_now(value: ast.expr, times: set[str]) -> bool:
    return ast.unparse(value) in NOW or (isinstance(value, ast.Name) and value.id in times)


def _inserted(statement: ast.stmt) -> tuple[int, str, ast.expr] | None:
    """Return position, column and value of `df.insert(position, column, value)`."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or ast.unparse(call.func) != "df.insert" or len(call.args) != 3 or call.keywords:
        return None
    place, column, value = call.args
    if not isinstance(place, ast.Constant) or not isinstance(column, ast.Constant) or not isinstance(column.value, str):
        return None
    return (place.value, column.value, value) if type(place.value) is int and place.value >= 0 else None
