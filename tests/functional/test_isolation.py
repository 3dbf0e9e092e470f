"""Jobs have an /opt/ml of their own, under each layer, as root and as an ordinary user, and nothing of them is left."""

from __future__ import annotations

import http.server
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipelines.local.faults import StepFault
from pipelines.local.isolation import LAYERS
from pipelines.local.job import JobSpec
from pipelines.local.launcher import ColdLauncher, WarmLauncher
from tests.functional.conftest import ROOT, definition, processing

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


@pytest.fixture(scope="module")
def warm():
    launchers = {}

    def get(layer: str) -> WarmLauncher:
        problem = LAYERS[layer][0]()
        if problem:
            pytest.skip(f"no {layer} here: {problem}")
        if layer not in launchers:
            launchers[layer] = WarmLauncher(layer)
        return launchers[layer]

    yield get
    for launcher in launchers.values():
        launcher.close()


def job(folder: Path, name: str, code: str, **changes) -> JobSpec:
    place = folder / "jobs" / name
    (place / "opt/ml/code").mkdir(parents=True)
    (place / "tmp").mkdir()
    (place / "opt/ml/code/x.py").write_text(code)
    return JobSpec(name, place, ("python3", "/opt/ml/code/x.py", "--n", "1"), {"GIVEN": "yes"}, **changes)


def log(spec: JobSpec) -> str:
    return (spec.job_dir / "log.txt").read_text()


@pytest.mark.parametrize("layer", LAYERS)
def test_literal_paths_reach_the_jobs_own_folder(warm, tmp_path, layer):
    code = (
        "import os, pathlib, pandas, shutil, sys, json\n"
        "open('/opt/ml/model/a', 'w').write('a')\n"
        "pathlib.Path('/opt/ml/model/b').write_text('b')\n"
        "os.makedirs('/opt/ml/output/data', exist_ok=True)\n"
        "pandas.DataFrame({'x': [1.0]}).to_csv('/opt/ml/output/data/c.csv')\n"
        "pandas.DataFrame({'x': [1.0]}).to_parquet('/opt/ml/output/data/d.parquet')\n"
        "shutil.copy('/opt/ml/model/a', '/opt/ml/model/e')\n"
        "print(sorted(os.listdir('/opt/ml/model')), pandas.read_parquet('/opt/ml/output/data/d.parquet').x[0], os.environ['GIVEN'])"
    )
    spec = job(tmp_path, "a", code)
    (spec.job_dir / "opt/ml/model").mkdir()
    result = warm(layer).run(spec)
    assert (result.exit_code, result.isolation) == (0, layer), log(spec)
    assert "['a', 'b', 'e'] 1.0 yes" in log(spec)
    assert sorted(path.name for path in (spec.job_dir / "opt/ml").rglob("*") if path.is_file()) == ["a", "b", "c.csv", "d.parquet", "e", "x.py"]


@pytest.mark.parametrize("layer", LAYERS)
def test_xgboost_and_child_processes_reach_it_too(warm, tmp_path, layer):
    code = (
        "import subprocess, sys, numpy, xgboost\n"
        "m = xgboost.train({'nthread': 1}, xgboost.DMatrix(numpy.eye(4), [0, 1, 0, 1], nthread=1), 2)\n"
        "m.save_model('/opt/ml/code/m.ubj'); xgboost.Booster().load_model('/opt/ml/code/m.ubj')\n"
        "subprocess.run([sys.executable, '-c', \"open('/opt/ml/code/child', 'w').write('c')\"], check=True)"
    )
    spec = job(tmp_path, "a", code)
    assert warm(layer).run(spec).exit_code == 0, log(spec)
    assert {"m.ubj", "child"} <= {path.name for path in (spec.job_dir / "opt/ml/code").iterdir()}


@LINUX
def test_jobs_side_by_side_see_only_their_own_files(warm, tmp_path):
    specs = [
        job(
            tmp_path,
            f"j{n}",
            f"import os, time\nopen('/opt/ml/mine', 'w').write('{n}')\ntime.sleep(0.3)\nprint(open('/opt/ml/mine').read(), os.listdir('/tmp'))",
        )
        for n in range(4)
    ]
    launcher = warm("namespace")
    threads = [threading.Thread(target=launcher.run, args=(spec,)) for spec in specs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [log(spec).split()[0] for spec in specs] == ["0", "1", "2", "3"]


def test_a_script_starts_as_in_a_fresh_interpreter(warm, tmp_path):
    code = (
        "import sys, os, random, atexit\n"
        "atexit.register(lambda: print('left'))\n"
        "assert __name__ == '__main__' and sys.argv == ['/opt/ml/code/x.py', '--n', '1'], sys.argv\n"
        "assert sys.path[0] == '/opt/ml/code', sys.path\n"
        "assert not any(name.startswith('AWS_') for name in os.environ), os.environ\n"
        "import numpy; print('random', random.random(), numpy.random.random())\n"
        "sys.exit('a message')"
    )
    if LAYERS["namespace"][0]():
        pytest.skip("needs namespaces")
    os.environ["AWS_SECRET_ACCESS_KEY"] = "mine"
    try:
        cold = ColdLauncher("namespace")
        specs = [job(tmp_path, "warm1", code), job(tmp_path, "warm2", code), job(tmp_path, "cold", code)]
        results = [warm("namespace").run(specs[0]), warm("namespace").run(specs[1]), cold.run(specs[2])]
    finally:
        del os.environ["AWS_SECRET_ACCESS_KEY"]
    assert [result.exit_code for result in results] == [1, 1, 1], [log(spec) for spec in specs]
    assert all("a message" in log(spec) and "left" in log(spec) for spec in specs)
    drawn = {line for spec in specs for line in log(spec).splitlines() if line.startswith("random")}
    assert len(drawn) == 3


@pytest.mark.parametrize("launcher", ["warm", "cold"])
@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("import sys; sys.exit(3)", 3), ("raise ValueError('x')", 1), ("import os; os.abort()", 134), ("import os; os.kill(os.getpid(), 9)", 137), ("pass", 0)],
)
def test_exit_codes_are_those_of_a_container(warm, tmp_path, launcher, code, exit_code):
    runner = warm("shim") if launcher == "warm" else ColdLauncher("shim")
    assert runner.run(job(tmp_path, "a", code)).exit_code == exit_code


@LINUX
def test_a_supervisor_that_is_killed_is_a_fault_and_not_a_hang(tmp_path):
    launcher = WarmLauncher("shim")
    try:
        spec = job(tmp_path, "a", "import os\nopen('/opt/ml/code/parent', 'w').write(str(os.getppid()))\nimport time; time.sleep(60)")
        told = []
        thread = threading.Thread(target=lambda: told.append(_fault_of(launcher, spec)))
        thread.start()
        place = spec.job_dir / "opt/ml/code/parent"
        _wait_until(lambda: place.is_file() and place.read_text())
        os.kill(int(place.read_text()), 9)
        thread.join(20)
        assert told == ["SageMaker.JOB_INTERNAL_ERROR"]
    finally:
        launcher.close()


def _fault_of(launcher, spec) -> str:
    try:
        return str(launcher.run(spec))
    except StepFault as fault:
        return fault.kind


def test_a_stop_that_comes_before_the_job_has_started_still_stops_it(tmp_path):
    launcher = WarmLauncher("shim")
    try:
        launcher.stop_all(kill=False)
        assert launcher.run(job(tmp_path, "a", "import time; time.sleep(60)", stop_grace_s=1)).reason == "stopped"
    finally:
        launcher.close()


def test_a_traceback_shows_only_the_jobs_own_frames(warm, tmp_path):
    spec = job(tmp_path, "a", "def f():\n    raise ValueError('why')\nf()")
    warm("shim").run(spec)
    assert "ValueError: why" in log(spec) and "runpy" not in log(spec) and "zygote" not in log(spec)


@LINUX
def test_processes_that_detach_themselves_end_with_the_job(warm, tmp_path):
    code = "import os, time\nfor _ in range(3):\n  if os.fork() == 0:\n    os.setsid()\nopen(f'/opt/ml/code/{os.getpid()}', 'w')\ntime.sleep(99)"
    result = warm("shim").run(job(tmp_path, "a", code, timeout_s=0.5, stop_grace_s=0.2))
    assert result.reason == "timeout" and result.seconds < 20
    assert _processes_in(tmp_path) == []


def _processes_in(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            found += [str(entry)] if os.readlink(entry).startswith(str(folder)) else []
        except OSError:
            continue
    return found


@LINUX
def test_an_isolated_network_reaches_nothing(warm, tmp_path):
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    code = f"import socket\nsocket.create_connection(('127.0.0.1', {server.server_port}), 2).close()"
    open_, closed = job(tmp_path, "open", code), job(tmp_path, "closed", code, network_isolation=True)
    try:
        assert warm("namespace").run(open_).exit_code == 0
        assert warm("namespace").run(closed).exit_code == 1 and "Error" in log(closed)
    finally:
        server.server_close()


@LINUX
def test_jobs_die_with_an_engine_that_is_killed(sagewright):
    sagewright.put("s3://bkt/code/x.py", "import time, os\nif os.fork() == 0: os.setsid()\ntime.sleep(999)")
    (sagewright.folder / "p.json").write_text(json.dumps(definition(processing("A", "x.py"))))
    for flags in (["--cold"], []):
        engine = subprocess.Popen(
            [sys.executable, "-m", "pipelines", "run", "p.json", "-q", *flags], cwd=sagewright.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        _wait_until(lambda: any("jobs" in os.path.realpath(p) or "opt/ml" in os.path.realpath(p) for p in _job_processes(sagewright.folder)))
        engine.kill()
        engine.wait()
        _wait_until(lambda: _job_processes(sagewright.folder) == [])


def _job_processes(folder: Path) -> list[str]:
    """Return the working directories of processes whose environment or working directory names a job of this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder / ".sagewright").encode() in (entry / "mountinfo").read_bytes() or os.readlink(entry / "cwd").startswith(str(folder / ".sagewright")):
                found.append(str(entry / "cwd"))
        except OSError:
            continue
    return found


def _wait_until(condition, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _nobody_can_import() -> bool:
    """Tell whether an ordinary user can start our interpreter; through a shell, since the first program keeps root's rights until it starts another."""
    test = [*AS_NOBODY, "sh", "-c", f"'{sys.executable}' -c 'import pipelines, pandas'"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    return subprocess.run(test, cwd="/", env=environment, capture_output=True, check=False).returncode == 0


SHOW = "import os; open('/opt/ml/processing/out/x', 'w').write('made'); print(os.getuid())"


@LINUX
@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="the filter knows two machines")
@pytest.mark.parametrize("user", ["me", "nobody"])
@pytest.mark.parametrize("unshare", [True, False])
def test_a_run_succeeds_for_root_and_others_with_and_without_namespaces(sagewright, user, unshare):
    if user == "nobody" and (os.geteuid() != 0 or not shutil.which("setpriv")):
        pytest.skip("changing the user needs root and setpriv")
    if user == "nobody" and not _nobody_can_import():
        pytest.skip("another user cannot read this checkout or its interpreter")
    sagewright.put("s3://bkt/code/x.py", SHOW)
    (sagewright.folder / "p.json").write_text(json.dumps(definition(processing("A", "x.py", outputs=("out",)))))
    if user == "nobody":
        subprocess.run(["chown", "-R", str(NOBODY), str(sagewright.folder)], check=True)
        for parent in list(sagewright.folder.parents)[:3]:
            parent.chmod(0o755) if parent != Path("/tmp") else None
    become = AS_NOBODY if user == "nobody" else []
    refuse = [] if unshare else [sys.executable, str(ROOT / "tests/functional/no_unshare.py")]
    command = [*become, *refuse, sys.executable, "-m", "pipelines", "run", "p.json", "--output", "json", "-q"]
    done = subprocess.run(
        command,
        cwd=sagewright.folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(sagewright.folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    told = json.loads(done.stdout)
    described = json.loads(next(Path(told["run_dir"]).glob("jobs/*/describe.json")).read_text())
    assert (described["LocalExecution"]["Isolation"] == "namespace") is (unshare and not LAYERS["namespace"][0]())
    assert Path(told["outputs"]["A.out"], "x").read_text() == "made"
