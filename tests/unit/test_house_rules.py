"""The house rules that a program can check."""

from __future__ import annotations

import ast
import functools
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pipelines"
JOBS = ("jobkit", "processing", "training", "evaluation")
SOURCES = sorted(path for folder in ("pipelines", *JOBS) for path in (ROOT / folder).rglob("*.py"))

# Imports point one way: a part may import those named here and itself; `*` stands for everything in `pipelines`.
MAY_IMPORT = {
    "cli": {"commands", "errors"},
    "__main__": {"cli"},
    "commands": {
        "config",
        "author",
        "local",
        "aws",
        "report",
        "samples",
        "scaffold",
        "flow",
        "lint",
        "feature_store",
        "export",
        "definition",
        "jobs",
        "sql",
        "tracking",
        "loadtest",
        "autoscale",
        "errors",
    },
    "loadtest": {"errors"},
    "autoscale": {"errors"},
    "tracking": {"errors"},
    "samples": {"config", "errors"},
    "scaffold": {"config", "samples", "jobs", "errors"},
    "flow": {"config", "samples", "scaffold", "jobs", "errors"},
    "feature_store": {"config", "jobs", "sql", "errors"},
    "sql": {"errors"},
    "lint": {"errors"},
    "export": {"config", "jobs", "errors"},
    "author": {"config", "algorithms", "definition", "jobs", "sql", "errors"},
    "config": {"algorithms", "jobs", "errors"},
    # The engine runs carried job code where the service has a container of its own: Clarify, Model Monitor.
    "local": {"algorithms", "definition", "jobs", "sql", "errors"},
    "aws": {"definition", "errors"},
    "report": {"definition", "errors"},
    "definition": {"errors"},
    "jobs": {"errors"},
    "algorithms": set(),
    "errors": set(),
}
# Broad `except` belongs to the job boundary, to main, to a server that goes on with the next request, and to a client of other people's whose failures are
# warnings.
BROAD_EXCEPT = {
    "pipelines/cli.py",
    "pipelines/local/engine.py",
    "pipelines/local/libraries.py",
    "pipelines/local/zygote.py",
    "pipelines/local/images/xgboost_algorithm.py",
    "pipelines/local/images/algorithms/train.py",
    "pipelines/local/images/serving/script_handler.py",
    "pipelines/local/images/serving/worker.py",
    "pipelines/local/images/serving/xgboost_handler.py",
    "pipelines/tracking/to_mlflow.py",
    "pipelines/local/serving/runtime.py",
    "jobkit/failure.py",
    "jobkit/serving/child.py",
    "jobkit/serving/server.py",
}
# What may print: the command line, what is written out as a script, and the programs that are a container's own.
MAY_PRINT = (
    "pipelines/cli.py",
    "pipelines/commands/",
    "pipelines/local/images/",
    "pipelines/author/__main__.py",
    "pipelines/export/plain/",
    *(f"{job}/" for job in JOBS),
)


@functools.cache
def trees() -> list[tuple[str, ast.Module]]:
    """Return the name and the syntax tree of every source, parsed once for all rules."""
    return [(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())) for path in SOURCES]


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions() -> Iterator[tuple[str, int]]:
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
                yield f"{name}:{node.name}", lines


def test_imports_point_one_way():
    wrong = []
    for name, tree in trees():
        if not name.startswith("pipelines/") or name == "pipelines/__init__.py":
            continue
        part = name.split("/")[1].removesuffix(".py")
        for module in imported(tree):
            target = module.split(".")
            if target[0] == "pipelines" and len(target) > 1 and target[1] != part and target[1] not in MAY_IMPORT[part]:
                wrong.append(f"{name} imports {module}")
    assert not wrong


def test_only_author_imports_the_sagemaker_sdk():
    assert [n for n, t in trees() if not n.startswith("pipelines/author/") and any(m.split(".")[0] == "sagemaker" for m in imported(t))] == []


def test_jobs_import_jobkit_and_the_libraries_of_their_image_only():
    for name, tree in trees():
        if name.split("/")[0] in JOBS:
            assert not {m.split(".")[0] for m in imported(tree)} & {"pipelines", "boto3", "botocore", "sagemaker"}, name


def test_jobs_parse_as_python_3_8():
    for path in SOURCES:
        if path.relative_to(ROOT).parts[0] in JOBS:
            ast.parse(path.read_text(), feature_version=(3, 8))


def test_jobs_name_opt_ml_in_one_place_only():
    jobs = [(name, tree) for name, tree in trees() if name.split("/")[0] in JOBS]
    named = {name for name, tree in jobs for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value == "/opt/ml"}
    assert named <= {"jobkit/paths.py"}


def test_no_function_is_longer_than_40_lines():
    assert [f"{name} ({lines})" for name, lines in functions() if lines > 40] == []


def test_half_of_the_functions_have_at_most_10_lines():
    assert statistics.median(lines for _, lines in functions()) <= 10


def test_no_file_is_longer_than_400_lines():
    assert [path.name for path in SOURCES if path.read_text().count("\n") > 400] == []


def test_broad_except_stays_at_the_boundaries():
    broad = set()
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception")):
                broad.add(name)
    assert broad <= BROAD_EXCEPT


def test_nothing_asks_for_a_step_type_with_an_if():
    """Dispatch on a step's type goes through a literal table."""
    asked = []
    for name, tree in trees():
        for node in ast.walk(tree):
            compares = isinstance(node, ast.Compare) and isinstance(node.left, ast.Attribute) and node.left.attr == "type"
            if compares and isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
                asked.append(f"{name}:{node.lineno}")
    assert asked == []


def test_no_module_keeps_mutable_state():
    kept = []
    for name, tree in trees():
        kept += [f"{name}: global" for node in ast.walk(tree) if isinstance(node, ast.Global)]
        for node in tree.body:
            value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
            if isinstance(value, (ast.List, ast.Dict, ast.Set)) and not (getattr(value, "elts", None) or getattr(value, "keys", None)):
                kept.append(f"{name}:{node.lineno}")
    assert kept == []


def test_only_commands_and_containers_print():
    printing = {n for n, t in trees() for x in ast.walk(t) if isinstance(x, ast.Call) and isinstance(x.func, ast.Name) and x.func.id == "print"}
    assert [name for name in sorted(printing) if not name.startswith(MAY_PRINT)] == []


@pytest.mark.parametrize("word", ["utils", "helpers", "manager", "misc", "common"])
def test_no_module_has_an_empty_name(word):
    assert [path.name for path in SOURCES if word in path.stem] == []


def test_every_public_name_of_the_package_has_a_docstring():
    bare = []
    for name, tree in trees():
        bare += [] if ast.get_docstring(tree) or not tree.body else [name]
        for node in tree.body:
            members = node.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_") else []
            for item in [node, *members]:
                public = isinstance(item, (ast.FunctionDef, ast.ClassDef)) and not item.name.startswith("_")
                if public and not ast.get_docstring(item) and not (name.startswith(JOBS) and item.name == "main"):
                    bare.append(f"{name}:{item.lineno} {item.name}")
    assert bare == []


def test_the_definition_language_is_pure():
    impure = {"os", "pathlib", "time", "random", "socket", "urllib", "requests", "subprocess", "datetime", "io", "tempfile", "shutil"}
    assert [f"{n}: {m}" for n, t in trees() if n.startswith("pipelines/definition/") for m in imported(t) if m.split(".")[0] in impure] == []


def test_no_file_names_a_registry_host_or_a_path_of_one_machine():
    hosts = re.compile(r"(py" r"pi|pythonhos" r"ted|npm" r"js|deb\.deb" r"ian)\.(org|com)|/wor" r"k/")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split("\n")
    if tracked == [""]:
        pytest.skip("not a git checkout")
    named = [name for name in tracked if name and (ROOT / name).is_file() and hosts.search((ROOT / name).read_text(errors="replace"))]
    assert named == []
