"""Jobs end as a container would end them, whatever they do, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.local.faults import StepFault
from pipelines.local.isolation import LAYERS
from pipelines.local.job import JobResult, JobSpec
from pipelines.local.launcher import ColdLauncher, Launcher, WarmLauncher

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="adopting orphans needs Linux")
MAKERS: dict[str, Callable[[str], Launcher]] = {"cold": ColdLauncher, "warm": lambda layer: WarmLauncher(layer, imports=("statistics",))}


def best_layer() -> str:
    return "shim" if LAYERS["namespace"][0]() else "namespace"


@pytest.fixture(params=MAKERS)
def launcher(request) -> Iterator[Launcher]:
    made = MAKERS[request.param](best_layer())
    yield made
    made.close()


@pytest.fixture
def warm() -> Iterator[WarmLauncher]:
    made = WarmLauncher(best_layer(), imports=("statistics",))
    yield made
    made.close()


def job(folder: Path, code: str, name: str = "job", command: tuple[str, ...] = ("python3", "/opt/ml/code/x.py"), **changes) -> JobSpec:
    place = folder / name
    (place / "opt/ml/code").mkdir(parents=True)
    (place / "opt/ml/code/x.py").write_text(code)
    return JobSpec(name, place, command, changes.pop("environment", {}), **{"timeout_s": 60.0, **changes})


def log(spec: JobSpec) -> str:
    return (spec.job_dir / "log.txt").read_text()


def started(launcher: Launcher, spec: JobSpec) -> tuple[threading.Thread, list[JobResult | Exception], list[int]]:
    """Run a job in a thread; return the thread, its one result to be, and the process ids heard, once the script has written `up`."""
    results: list[JobResult | Exception] = []
    pids: list[int] = []

    def run() -> None:
        try:
            results.append(launcher.run(spec, pids.append))
        except StepFault as fault:
            results.append(fault)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: results or (pids and (spec.job_dir / "opt/ml/up").exists()))
    return thread, results, pids


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


UP = "open('/opt/ml/up', 'w').close()\n"
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + UP + "time.sleep(600)"
# Three levels of detached processes, each of which records its id and hangs without the job's output.
DETACHING = """
import os, signal, time
def leave(level):
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.closerange(0, 3)
        open(f'/opt/ml/pid-{os.getpid()}', 'w').close()
        if level:
            leave(level - 1)
        time.sleep(600)
leave(2)
while len([name for name in os.listdir('/opt/ml') if name.startswith('pid-')]) < 3:
    time.sleep(0.01)
"""


def test_on_start_hears_the_process_while_it_runs(launcher, tmp_path):
    thread, results, pids = started(launcher, job(tmp_path, UP + "import time; time.sleep(600)"))
    assert len(pids) == 1 and (sys.platform != "linux" or alive(pids[0]))
    launcher.stop("job")
    thread.join(20)
    assert (results[0].reason, results[0].exit_code) == ("stopped", 143)


def test_a_job_that_ignores_sigterm_is_killed_when_its_grace_is_over(launcher, tmp_path):
    thread, results, _ = started(launcher, job(tmp_path, STUBBORN, stop_grace_s=0.2))
    launcher.stop("job")
    thread.join(20)
    assert (results[0].reason, results[0].exit_code) == ("stopped", 137)


def test_kill_does_not_wait_for_the_grace(launcher, tmp_path):
    thread, results, _ = started(launcher, job(tmp_path, STUBBORN, stop_grace_s=600))
    launcher.stop("job", kill=True)
    thread.join(20)
    assert (results[0].reason, results[0].exit_code) == ("stopped", 137)


def test_a_job_may_clean_up_after_sigterm(launcher, tmp_path):
    code = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: (print('tidy'), sys.exit(0)))\n" + UP + "time.sleep(600)"
    spec = job(tmp_path, code)
    thread, results, _ = started(launcher, spec)
    launcher.stop("job")
    thread.join(20)
    assert (results[0].reason, results[0].exit_code, log(spec)) == ("stopped", 0, "tidy\n")


@pytest.mark.parametrize("delay_s", [0, 0.01, 0.02, 0.04])
def test_a_stop_that_comes_while_the_job_starts_is_not_lost(launcher, tmp_path, delay_s):
    results: list[JobResult] = []
    thread = threading.Thread(target=lambda: results.append(launcher.run(job(tmp_path, "import time; time.sleep(600)"))))
    thread.start()
    time.sleep(delay_s)
    launcher.stop_all(kill=False)
    thread.join(20)
    assert results and results[0].reason == "stopped"


def test_after_stop_all_nothing_starts(launcher, tmp_path):
    launcher.stop_all(kill=False)
    spec = job(tmp_path, "print('ran')")
    assert launcher.run(spec).reason == "stopped" and not (spec.job_dir / "log.txt").exists()


@pytest.mark.slow
def test_the_time_limit_stops_a_job(launcher, tmp_path):
    result = launcher.run(job(tmp_path, STUBBORN, timeout_s=0.5, stop_grace_s=0.1))
    assert (result.reason, result.exit_code) == ("timeout", 137)


@LINUX
@pytest.mark.parametrize(("last", "exit_code"), [("", 0), ("os._exit(137)", 137)])
def test_three_levels_of_detached_processes_end_with_the_job(launcher, tmp_path, last, exit_code):
    spec = job(tmp_path, DETACHING + last)
    result = launcher.run(spec)
    left = [int(path.name.removeprefix("pid-")) for path in (spec.job_dir / "opt/ml").glob("pid-*")]
    assert (result.exit_code, result.reason, len(left)) == (exit_code, "exited", 3)
    assert not any(alive(pid) for pid in left)


@pytest.mark.parametrize(
    ("command", "exit_code", "words"), [(("none-such",), 127, "none-such: No such file"), (("python3", "/opt/ml/no.py"), 2, "can't open file")]
)
def test_what_cannot_be_started_fails_as_in_a_shell(tmp_path, command, exit_code, words):
    layer = best_layer()
    if layer == "shim" and command[0] != "python3":
        pytest.skip("the shim runs only Python")
    with_warm = WarmLauncher(layer, imports=("statistics",))
    try:
        for number, runner in enumerate((ColdLauncher(layer), with_warm)):
            spec = job(tmp_path, "", name=str(number), command=command)
            assert runner.run(spec).exit_code == exit_code and words in log(spec)
    finally:
        with_warm.close()


def test_a_container_that_cannot_be_made_is_a_fault_with_its_reason(launcher, tmp_path):
    spec = job(tmp_path, "")
    (spec.job_dir / "log.txt").mkdir()
    with pytest.raises(StepFault, match="container of job cannot be made: Is a directory"):
        launcher.run(spec)


def test_the_shim_refuses_what_is_not_python(tmp_path):
    with pytest.raises(UsageError, match="only Python programs run here"):
        ColdLauncher("shim").run(job(tmp_path, "", command=("sh", "-c", "true")))


def test_a_shell_command_runs_in_the_container(launcher, tmp_path):
    if best_layer() == "shim":
        pytest.skip("the shim runs only Python")
    spec = job(tmp_path, "", command=("sh", "-c", "echo made > /opt/ml/made; pwd; exit 5"))
    assert launcher.run(spec).exit_code == 5
    assert ((spec.job_dir / "opt/ml/made").read_text(), log(spec)) == ("made\n", "/opt/ml\n")


def test_jobs_run_from_several_threads_at_once(launcher, tmp_path):
    specs = [job(tmp_path, f"import sys; print({n}); sys.exit({n})", name=str(n)) for n in range(6)]
    codes: dict[int, int] = {}
    threads = [threading.Thread(target=lambda n=n: codes.update({n: launcher.run(specs[n]).exit_code})) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert codes == {n: n for n in range(6)} and [log(spec) for spec in specs] == [f"{n}\n" for n in range(6)]


def test_nothing_of_the_users_environment_reaches_a_job(launcher, tmp_path, monkeypatch):
    code = (
        "import os\ntold = str(dict(os.environ)) + (open('/proc/self/environ').read() if os.path.exists('/proc') else '')\n"
        "print('SECRET' in told, os.environ['MINE'])"
    )
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET")
    for layer_launcher in (launcher, MAKERS["warm"](best_layer())):
        spec = job(tmp_path / str(id(layer_launcher)), code, environment={"MINE": "yes"})
        layer_launcher.run(spec)
        layer_launcher.close()
        assert log(spec) == "False yes\n"


def test_files_that_a_script_never_closes_are_written(launcher, tmp_path):
    code = "import gzip\na = open('/opt/ml/a', 'w'); a.write('text')\nb = gzip.open('/opt/ml/b', 'wb'); b.write(b'packed')\ndef f(): return a, b"
    spec = job(tmp_path, code)
    assert launcher.run(spec).exit_code == 0
    import gzip

    assert (spec.job_dir / "opt/ml/a").read_text() == "text" and gzip.decompress((spec.job_dir / "opt/ml/b").read_bytes()) == b"packed"


def test_a_module_beside_the_script_comes_before_one_that_is_loaded_already(launcher, tmp_path):
    spec = job(tmp_path, "import statistics; print(statistics.OWN)")
    (spec.job_dir / "opt/ml/code/statistics.py").write_text("OWN = 'mine'")
    launcher.run(spec)
    assert log(spec) == "mine\n"


def test_variables_that_an_interpreter_reads_at_its_start_count(launcher, tmp_path):
    spec = job(tmp_path, "print(hash('x'))", environment={"PYTHONHASHSEED": "1"})
    launcher.run(spec)
    expected = subprocess.run([sys.executable, "-c", "print(hash('x'))"], env={"PYTHONHASHSEED": "1"}, capture_output=True, text=True, check=True)
    assert log(spec) == expected.stdout


def test_a_module_runs_with_the_search_path_that_the_job_gives(launcher, tmp_path):
    spec = job(tmp_path, "import sys; print(__name__, sys.argv[1:])", command=("python3", "-m", "x", "a b"), environment={"PYTHONPATH": "/opt/ml/code"})
    assert launcher.run(spec).exit_code == 0, log(spec)
    assert log(spec) == "__main__ ['a b']\n"


def test_multiprocessing_works_both_ways(launcher, tmp_path):
    code = (
        "import multiprocessing\ndef double(x): return 2 * x\nif __name__ == '__main__':\n"
        "  for way in ('fork', 'spawn'):\n    with multiprocessing.get_context(way).Pool(2) as pool: print(pool.map(double, [1, 2]))"
    )
    spec = job(tmp_path, code)
    assert launcher.run(spec).exit_code == 0, log(spec)
    assert log(spec) == "[2, 4]\n[2, 4]\n"


def test_a_folder_named_like_our_package_does_not_mislead_us(tmp_path):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/__init__.py").write_text("raise SystemExit('the wrong package')")
    spec = job(tmp_path, "print('right')")
    program = (
        f"import sys; sys.path[:0] = [{str(Path(__file__).parents[3])!r}]\nfrom pathlib import Path\nfrom pipelines.local.launcher import *\n"
        f"spec = JobSpec('a', Path({str(spec.job_dir)!r}), {spec.command!r}, {{}})\n"
        f"for L in (ColdLauncher, WarmLauncher):\n  l = L({best_layer()!r}); l.run(spec); l.close()"
    )
    subprocess.run([sys.executable, "-P" if sys.version_info >= (3, 11) else "-B", "-c", program], cwd=tmp_path, check=True, timeout=60)
    assert log(spec) == "right\nright\n"


@LINUX
def test_when_the_warm_process_dies_its_jobs_fail_and_later_ones_run_cold(warm, tmp_path):
    spec = job(tmp_path, UP + "import time; time.sleep(600)")
    thread, results, pids = started(warm, spec)
    os.kill(parent_of(parent_of(pids[0])), signal.SIGKILL)
    thread.join(20)
    assert isinstance(results[0], StepFault) and not alive(pids[0])
    assert warm.run(job(tmp_path, "import sys; sys.exit(7)", name="later")).exit_code == 7


@LINUX
def test_when_a_supervisor_is_killed_its_job_fails_and_nothing_of_it_is_left(warm, tmp_path):
    spec = job(tmp_path, DETACHING + UP + "time.sleep(600)")
    thread, results, pids = started(warm, spec)
    left = [pids[0], *(int(path.name.removeprefix("pid-")) for path in (spec.job_dir / "opt/ml").glob("pid-*"))]
    os.kill(parent_of(pids[0]), signal.SIGKILL)
    thread.join(20)
    assert isinstance(results[0], StepFault) and "supervisor" in str(results[0])
    wait_until(lambda: not any(alive(pid) for pid in left))
    assert warm.run(job(tmp_path, "", name="next")).exit_code == 0


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def test_close_ends_what_still_runs(launcher, tmp_path):
    thread, results, _ = started(launcher, job(tmp_path, STUBBORN, stop_grace_s=600))
    launcher.close()
    thread.join(20)
    assert len(results) == 1
