"""The warm parent that is kept between runs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.local import libraries, nursery
from pipelines.local.faults import StepFault
from pipelines.local.job import JobSpec
from pipelines.local.launcher import WarmLauncher

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="nursery-", dir="/tmp") as place:
        monkeypatch.setenv("XDG_RUNTIME_DIR", place)
        yield
        nursery.stop()


def wait_for_parent() -> None:
    ends_at = time.monotonic() + 60
    while not list(nursery.parents()):
        assert time.monotonic() < ends_at
        time.sleep(0.05)


def spec(folder: Path, name: str, program: str) -> JobSpec:
    (folder / "opt/ml").mkdir(parents=True, exist_ok=True)
    (folder / "tmp").mkdir(exist_ok=True)
    (folder / "opt/ml/job.py").write_text(program)
    return JobSpec(name, folder, ("python3", "/opt/ml/job.py"), {"OWN": name})


@pytest.mark.slow
def test_runs_share_the_libraries_and_nothing_else(kept: None, tmp_path: Path):
    nursery.keep(1.0)
    wait_for_parent()
    seen = []
    for number in range(2):
        launcher = WarmLauncher(keep_minutes=1.0)
        program = "import os, sys\nprint('xgboost' in sys.modules, os.environ['OWN'], os.environ.get('LEAK'))\nos.environ['LEAK'] = 'yes'\n"
        result = launcher.run(spec(tmp_path / str(number), f"job-{number}", program))
        launcher.close()
        assert result.exit_code == 0
        seen.append((tmp_path / str(number) / "log.txt").read_text().split())
    assert seen == [["True", "job-0", "None"], ["True", "job-1", "None"]]
    assert len(list(nursery.parents())) == 1


@pytest.mark.slow
def test_a_run_that_ends_takes_its_jobs_with_it_and_leaves_the_parent(kept: None, tmp_path: Path):
    import threading

    nursery.keep(1.0)
    wait_for_parent()
    launcher = WarmLauncher(keep_minutes=1.0)
    started = threading.Event()
    pids: list[int] = []

    def begun(pid: int) -> None:
        pids.append(pid)
        started.set()

    def run() -> None:
        with contextlib.suppress(StepFault):  # that the launcher is gone may be heard first
            launcher.run(spec(tmp_path, "sleeper", "import time\ntime.sleep(600)\n"), begun)

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(60)
    launcher.close()
    thread.join(30)
    assert not thread.is_alive()
    assert not Path(f"/proc/{pids[0]}").exists()
    assert len(list(nursery.parents())) == 1
    assert nursery.stop() == 1
    assert list(nursery.parents()) == []


def test_the_name_of_a_parent_stands_for_every_file_of_ours_that_it_imports():
    names = (*libraries.FIRST, *libraries.XGBOOST, "pipelines.local.kept_parent")
    program = f"import importlib, sys\nsys.path.append({nursery.ROOT!r})\nfor name in {names!r}:\n    importlib.import_module(name)\n"
    program += "print(*(module.__file__ for name, module in sys.modules.items() if name.partition('.')[0] == 'pipelines'), sep='\\n')"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(found) > 20 and {*map(Path, found)} <= {*nursery.files()}


def test_without_a_parent_nobody_answers(kept: None):
    assert nursery.ask() is None
    assert list(nursery.parents()) == []


def test_a_folder_that_others_may_look_into_is_refused(kept: None):
    place = nursery.folder()
    os.chmod(place, 0o755)
    with pytest.raises(PermissionError, match="not a folder of yours alone"):
        nursery.folder()
    os.chmod(place, 0o700)


def test_a_socket_that_nobody_listens_on_is_cleared_away(kept: None):
    import socket

    dead = nursery.folder() / "0000.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(dead))
    assert list(nursery.parents()) == []
    assert not dead.exists()
