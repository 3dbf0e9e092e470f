"""Carried job code: ours to the byte is not compiled again, and what was changed counts."""

from __future__ import annotations

import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from importlib.machinery import SourceFileLoader
sys.path.append({root!r})
sys.dont_write_bytecode = True
from pipelines.local import carried_code
carried_code.install()
compiled = []
compile_as_ever = SourceFileLoader.source_to_code
SourceFileLoader.source_to_code = lambda self, data, path, **more: compiled.append(path) or compile_as_ever(self, data, path, **more)
sys.path.insert(0, {folder!r})
import jobkit.serving.media, jobkit.dates
assert jobkit.dates.parse.__code__.co_filename == jobkit.dates.__file__ == {folder!r} + "/jobkit/dates.py"
assert sys.dont_write_bytecode
print(sorted(path.rpartition("/jobkit/")[2] for path in compiled if path.startswith({folder!r})), getattr(jobkit.dates, "CHANGED", None))
"""


@pytest.fixture
def carried(tmp_path: Path) -> Path:
    folder = tmp_path / "a folder" / "code"
    shutil.copytree(ROOT / "jobkit", folder / "jobkit", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def told(folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(root=str(ROOT), folder=str(folder))], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_is_ours_is_not_compiled_again(carried: Path):
    told(carried)
    assert told(carried) == "['__init__.py'] None"  # found by the folder above, which is not ours
    assert not list(carried.rglob("__pycache__"))


def test_a_changed_module_is_compiled_and_counts(carried: Path):
    with open(carried / "jobkit/dates.py", "a") as handle:
        handle.write("\nCHANGED = 'yes'\n")
    told(carried)
    assert told(carried) == "['__init__.py', 'dates.py'] yes"


def test_a_compiled_file_alone_is_a_module_as_ever(carried: Path):
    (carried / "jobkit/extra.py").write_text("VALUE = 5\n")
    py_compile.compile(str(carried / "jobkit/extra.py"), cfile=str(carried / "jobkit/extra.pyc"))
    (carried / "jobkit/extra.py").unlink()
    program = PROGRAM.partition("import jobkit.serving")[0] + "import jobkit.extra\nprint(jobkit.extra.VALUE)\n"
    done = subprocess.run([sys.executable, "-c", program.format(root=str(ROOT), folder=str(carried))], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5"]


def test_our_compiled_file_is_made_anew_and_no_other_file_is_written_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from pipelines.local import carried_code

    for folder in ("ours", "theirs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "one.py").write_text("VALUE = 1\n")
    real = py_compile.compile
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    seen: list[bool] = []
    monkeypatch.setattr(carried_code.py_compile, "compile", lambda *given, **more: (seen.append(sys.dont_write_bytecode), real(*given, **more)))
    for _ in range(2):
        assert carried_code.code_of(str(tmp_path / "theirs/one.py"), str(tmp_path / "ours/one.py"), "one")
    assert seen == [True] and [path.parts[-3] for path in tmp_path.rglob("*.pyc")] == ["ours"]


def test_a_program_is_recognised_by_its_bytes(tmp_path: Path):
    sys.path.append(str(ROOT))
    from pipelines.local import carried_code

    script = tmp_path / "evaluate.py"
    script.write_bytes((ROOT / "evaluation/evaluate.py").read_bytes())
    code = carried_code.program(str(script))
    assert code is not None and code.co_filename == str(script)
    script.write_text("print('mine')\n")
    assert carried_code.program(str(script)) is None
    assert carried_code.program(str(tmp_path / "none.py")) is None
