"""Write a recipe as one Python file that needs pandas and numpy only."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pipelines.errors import UsageError
from pipelines.export.layout import Code, assign, comment, literal, render
from pipelines.export.recipe import Numbered, Source, divided, state_of
from pipelines.export.source import TITLES, imports, names_in, needed, pieces

RULE = "# " + "-" * 77
GENERATED = ("combine", "before_split", "learn", "after_split", "transform", "split_rows")
READERS = {"binary_classification": "positives", "multiclass_classification": "class_numbers", "regression": "amounts"}
SPLITTERS = {"random": "split_at_random", "stratified": "split_by_class", "group": "split_by_group", "time": "split_by_time"}


def python_file(source: Source) -> str:
    """Return the text of prepare.py.

    Raises:
        UsageError: a file of the user's own defines a name that the exported file needs, or the problem cannot be exported.
    """
    check(source)
    flow = "\n\n\n".join(flow_functions(source))
    own = "\n\n\n".join(own_code(source))
    library = library_code(names_in(f"{flow}\n{own}") | {"main", "fit", "prepare"})
    body = "\n\n\n".join([settings(source), f"{RULE}\n# The recipe, step by step\n{RULE}", flow, *([own] if own else []), library, state_code(source), MAIN])
    names = names_in(body) | {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    return f"{heading(source)}\n\n{imports(names)}\n\n{body}\n"


MAIN = 'if __name__ == "__main__":\n    main()'


def check(source: Source) -> None:
    """Refuse what an exported file could not do.

    Raises:
        UsageError: see `python_file`.
    """
    if source.config["preprocess"]["script"]:
        raise UsageError("a Preprocess script of your own takes the place of the recipe; there is nothing to export", where="preprocess.script")
    seen = {*pieces(), *GENERATED}
    for file, body in source.files.items():
        for name in _defined(body):
            if name in seen:
                raise UsageError(f"{name!r} is also a name of the exported file", where=file, hint="Give it another name in your file.")
            seen.add(name)


def _defined(body: str) -> set[str]:
    """Return the functions, classes and variables that a file defines, and what it imports under a name of ours."""
    found: set[str] = set()
    for node in ast.parse(body).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name for alias in node.names} & pieces().keys()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        else:
            found |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    return found


def heading(source: Source) -> str:
    """Return the docstring of the file."""
    fitted = source.fitted is not None
    first = "    python prepare.py in.csv out.parquet            the features of every row\n" if fitted else ""
    told = "STATE, at the end, holds what the run learned." if fitted else "Nothing is learned yet: fit() or prepare() does that."
    return f'''"""Prepare the data of {source.name} as its Sagewright recipe does.

It needs pandas and numpy only (and pyarrow to read or write Parquet).

{first}    python prepare.py --split in.csv out.parquet    fit anew; three files

    fit(train) -> state             learn from raw training rows
    transform(rows, state)          raw rows to the features of the model
    prepare(raw)                    the train, validation and test splits

{told}
"""'''


def settings(source: Source) -> str:
    """Return the constants of the file."""
    config = source.config
    split = {key: config["split"][key] for key in ("train", "validation", "column", "formats")}
    keys = ("format", "delimiter", "quote", "encoding")
    reading = {"raw": config["data"], **config["data"]["others"]}
    as_text = [name for step in source.steps if step["step"] == "cast" for name, kind in step["columns"].items() if kind in ("text", "date")]
    values = {
        "LABEL": source.label,
        **({"POSITIVE": source.positive} if source.problem == "binary_classification" else {}),
        **({"CLASSES": source.classes} if source.problem == "multiclass_classification" else {}),
        "SEED": source.seed,
        "SPLIT": split,
        "NOT_FEATURES": [source.label, *source.ids],
        "NOT_NEEDED": source.not_needed,
        "READING": {name: {key: data[key] for key in keys} for name, data in reading.items()},
        "NULL_VALUES": list(config["data"]["null_values"]),
        "READ_AS_TEXT": as_text,
        **{key.upper(): value for key, value in config["inference"].items()},
    }
    return "\n".join(f"{WORDS[name] + chr(10) if name in WORDS else ''}{assign(name, literal(value))}" for name, value in values.items())


WORDS = {
    "NOT_FEATURES": "# The label, and columns that only number or date the rows.",
    "NOT_NEEDED": "# Columns that are dropped before any step looks at them.",
    "READING": "# How the files are written.",
    "MISSING_COLUMN": '# What transform() does with rows unlike the training rows: "fail", or not.',
}


def splitter(source: Source) -> str:
    """Return the function that divides the rows."""
    method = source.config["split"]["method"]
    return "split_by_tenths" if (method, source.problem) == ("stratified", "regression") else SPLITTERS[method]


def flow_functions(source: Source) -> Iterator[str]:
    """Yield the functions that are the recipe: combine, before_split, learn, after_split, transform, and those of expressions."""
    combining, early, late = divided(source)
    yield _function("combine(rows, others)", "Combine the inputs.", _statements(combining, "train"), "rows")
    yield _function("before_split(rows, state)", "Do the steps that come before the split, once, on all rows.", _learning(early), "rows")
    yield _function(
        "learn(rows, target, state)",
        "Do the steps that learn on training rows; put what they learn in state.",
        _learning(late),
        "rows",
    )
    yield _function("after_split(rows, state)", "Do the same steps on any other rows; no row is removed.", _statements(late, "apply"), "rows")
    yield _function("transform(rows, state=None)", "Return the features (float32) of raw rows, one for every row.", _transform(early), "made")
    yield from (code for step in [*combining, *early, *late] for code in step.calls.functions)
    yield _function("label_numbers(label)", "Return the label as numbers.", [], f"{READERS[source.problem]}(label)")
    yield _function("split_rows(target, by)", "Return the row positions of train, validation and test.", [], f"{splitter(source)}(target, by)")


def _function(signature: str, says: str, body: Iterable[str], returned: str) -> str:
    return "\n".join([f"def {signature}:", f'    """{says}"""', *body, f"    return {returned}"])


def title(step: Numbered) -> str:
    """Return the comment above a step."""
    return comment(f"{step.number}. {step.config['step']}", 4)


def _statements(steps: Sequence[Numbered], which: str) -> Iterator[str]:
    for step in steps:
        code: Code | None = getattr(step.calls, which)
        if _is_empty(step):
            continue
        if code is None:
            yield comment(f"{step.number}. {step.config['step']}: for training data only", 4)
            continue
        yield title(step)
        yield from (assign("rows", each, 4) for each in (code, *step.calls.further))


def _is_empty(step: Numbered) -> bool:
    return step.config["step"] == "drop_columns" and not step.config["columns"]


def _learning(steps: Sequence[Numbered]) -> Iterator[str]:
    for step in steps:
        yield from step_lines(step, learning=True)


def step_lines(step: Numbered, learning: bool) -> Iterator[str]:
    """Yield the statements, four deep, that do a step on training rows; those that learn first."""
    if not _is_empty(step):
        yield title(step)
        if learning and step.calls.learn is not None:
            learned = {"python": '{"fitted": '}.get(step.config["step"])
            start = f'    state["{step.config["step"]}_{step.number}"] = '
            yield start + (f"{learned}{render(step.calls.learn, len(start) + len(learned), 4, 1)}}}" if learned else render(step.calls.learn, len(start), 4))
        yield from (assign("rows", each, 4) for each in (step.calls.train, *step.calls.further))


def _transform(early: Sequence[Numbered]) -> Iterator[str]:
    yield "    state = STATE if state is None else state"
    yield "    rows = take_in(rows, state)"
    yield from _statements(early, "apply")
    yield "    rows = after_split(rows, state)"
    yield '    made = as_features(rows, state).astype("float32")'


def own_code(source: Source) -> Iterator[str]:
    """Yield the user's own files."""
    for name, body in source.files.items():
        lines = [line for line in body.strip("\n").splitlines() if not line.startswith("from __future__ ")]
        yield f"{RULE}\n# Your own file {name}\n{RULE}\n\n" + "\n".join(lines)


def library_code(names: set[str]) -> str:
    """Return the plain functions that are needed, under a title for each of their modules."""
    blocks, last = [], ""
    for piece in needed(names - set(GENERATED)):
        lead = f"{RULE}\n# {TITLES[piece.module]}\n{RULE}\n\n" if piece.module != last else ""
        blocks.append(lead + piece.text)
        last = piece.module
    return "\n\n\n".join(blocks)


def state_code(source: Source) -> str:
    """Return the assignment of what was learned."""
    state: Any = state_of(source)
    return f"# What was learned from the training rows.\n{assign('STATE', literal(state))}"
