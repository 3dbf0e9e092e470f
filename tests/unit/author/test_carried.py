"""What of `jobkit` a job's bundle carries."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.author import carried

ROOT = Path(__file__).parents[3]
SCRIPTS = sorted([*(ROOT / "processing").glob("*.py"), *(ROOT / "evaluation").glob("*.py"), ROOT / "training/inference.py", ROOT / "training/train.py"])


def by_syntax(scripts: list[Path]) -> set[str]:
    """Return the same by Python's own parser."""
    known = {path.relative_to(ROOT).as_posix() for path in (ROOT / "jobkit").rglob("*.py")}
    found: set[str] = set()
    waiting = list(scripts)
    while waiting:
        modules: list[str] = []
        for node in ast.walk(ast.parse(waiting.pop().read_text())):
            if isinstance(node, ast.Import):
                modules += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                assert node.level == 0, "relative imports are not followed"
                modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for module in modules:
            parts = module.split(".")
            for length in range(1, len(parts) + 1):
                path = "/".join(parts[:length])
                new = {f"{path}.py", f"{path}/__init__.py"} & known - found
                found |= new
                waiting += [ROOT / name for name in new]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_bundle_carries_what_its_script_imports_and_no_more(script: Path):
    found = carried.imported([script.read_bytes()])
    assert set(found) == by_syntax([script])
    assert 0 < len(found) < len(carried.whole())
    assert all(body == (ROOT / name).read_bytes() for name, body in found.items())


def test_imports_in_every_form_are_followed():
    for text in ("from jobkit.steps.table import STEPS\n", "from jobkit.steps import (\n    table,\n    base,\n)\n", "  import jobkit.steps.table\n"):
        assert "jobkit/steps/table.py" in carried.imported([text.encode()])
    assert carried.imported([b"import json\n# from jobkit import skew\n"]) == {}


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_module_of_a_bundle_can_be_imported_with_nothing_else(script: Path, tmp_path: Path):
    for name, body in {"job.py": script.read_bytes(), **carried.imported([script.read_bytes()])}.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    modules = [name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in carried.imported([script.read_bytes()])]
    program = f"import importlib, sys\nsys.path.insert(0, {str(tmp_path)!r})\nfor name in {modules!r} + ['job']:\n    importlib.import_module(name)\n"
    done = subprocess.run([sys.executable, "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
