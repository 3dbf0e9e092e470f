"""With the shim, literal /opt/ml paths in Python reach the job's folder, in a fresh interpreter and in one that has its modules loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.local.shim import environment, translate

# Each must leave the file /opt/ml/out/<name>, or fail; `it` is that path.
OPERATIONS = {
    "open": "open(it, 'w').write('x')",
    "pathlib": "pathlib.Path(it).write_text('x'); assert pathlib.Path(it).exists() and list(pathlib.Path('/opt/ml/out').glob('path*'))",
    "pathlib_mkdir": "pathlib.Path(it + '.d/e').mkdir(parents=True); pathlib.Path(it).touch(); assert pathlib.Path('/opt/ml/out').is_dir()",
    "glob": "open(it, 'w').close(); assert glob.glob('/opt/ml/out/gl*') == [it] and glob.glob('/opt/ml/**/glob', recursive=True) == [it]",
    "walk": "open(it, 'w').close(); assert 'walk' in [f for _, _, files in os.walk('/opt/ml') for f in files]",
    "os_open": "os.close(os.open(it, os.O_CREAT | os.O_WRONLY))",
    "rename": "open(it + '1', 'w').close(); os.rename(it + '1', it); os.stat(it)",
    "bytes": "open(it.encode(), 'wb').close()",
    "shutil": "open('/opt/ml/out/_', 'w').close(); shutil.copy('/opt/ml/out/_', it); shutil.copytree('/opt/ml/out', '/opt/ml/tree', dirs_exist_ok=True)",
    "rmtree": "os.makedirs('/opt/ml/gone/a'); shutil.rmtree('/opt/ml/gone'); assert not os.path.exists('/opt/ml/gone'); open(it, 'w').close()",
    "tarfile": "open('/opt/ml/t', 'w').close(); tarfile.open(it, 'w:gz').add('/opt/ml/t', 't'); tarfile.open('/opt/ml/t.tar', 'w').close()",
    "zipfile": "zipfile.ZipFile(it, 'w').writestr('a', 'b')",
    "bz2": "bz2.open(it, 'wb').write(b'x')",
    "gzip": "gzip.open(it, 'wb').write(b'x')",
    "sqlite": "sqlite3.connect(it).execute('create table t (x)')",
    "tempfile": "tempfile.mkstemp(dir='/opt/ml/out'); open(it, 'w').close()",
    "import": "open('/opt/ml/out/mod_x.py', 'w').write('y = 1'); sys.path.append('/opt/ml/out'); import mod_x; open(it, 'w').close()",
    "child": "open('/opt/ml/c.py', 'w').write('import sys; open(sys.argv[1], chr(119)).close()')\n"
    "subprocess.run([sys.executable, '/opt/ml/c.py', it], check=True)",
    "chdir": "os.chdir('/opt/ml/out'); open('chdir', 'w').close()",
    "environ": "open(os.environ['SM_OUT'] + '/environ', 'w').close()",
}
MODULES = "bz2, glob, gzip, os, pathlib, shutil, sqlite3, subprocess, sys, tarfile, tempfile, zipfile"


def run_under_shim(folder: Path, name: str, *, loaded_before: bool) -> subprocess.CompletedProcess[str]:
    """Run one operation, with the shim installed at start-up or after the modules are loaded."""
    (folder / "opt/ml/out").mkdir(parents=True)
    act = f"it = '/opt/ml/out/{name}'; {OPERATIONS[name]}"
    root = str(Path(__file__).parents[3])
    load = f"import {MODULES}; sys.path.append({root!r}); from pipelines.local.shim import install; install({str(folder)!r}); " if loaded_before else ""
    variables = {"SM_OUT": "/opt/ml/out", "PATH": os.environ["PATH"]}
    given = environment(str(folder), variables)
    if loaded_before:
        given = {name: value for name, value in given.items() if name != "SAGEWRIGHT_SHIM_ROOT"}
    return subprocess.run([sys.executable, "-c", f"{load}import {MODULES}\n{act}"], env=given, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("loaded_before", [False, True], ids=["fresh", "warm"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_literal_path_reaches_the_jobs_folder(tmp_path, name, loaded_before):
    if name == "child" and loaded_before:
        pytest.skip("a child gets the shim from the environment")
    done = run_under_shim(tmp_path, name, loaded_before=loaded_before)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "opt/ml/out" / name).exists()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/opt/ml", "/r/opt/ml"),
        ("/opt/ml/a", "/r/opt/ml/a"),
        ("/opt/mlx", "/opt/mlx"),
        ("opt/ml/a", "opt/ml/a"),
        (b"/opt/ml/a", b"/r/opt/ml/a"),
        (3, 3),
        (None, None),
    ],
)
def test_only_paths_below_opt_ml_are_translated(path, expected):
    assert translate(path, "/r") == expected


def test_a_jobs_own_search_path_is_kept():
    assert environment("/r", {"PYTHONPATH": "/opt/ml/code:/lib"})["PYTHONPATH"].endswith(":/r/opt/ml/code:/lib")


@pytest.mark.slow
def test_pyarrow_xgboost_and_numpy_reach_it_through_native_code(tmp_path):
    (tmp_path / "opt/ml").mkdir(parents=True)
    code = (
        "import numpy, pandas, pyarrow.parquet, pyarrow.csv, xgboost, joblib\n"
        "frame = pandas.DataFrame({'y': [0.0, 1.0], 'x': [1.0, 2.0]})\n"
        "frame.to_parquet('/opt/ml/f.parquet'); assert len(pandas.read_parquet('/opt/ml/f.parquet')) == 2\n"
        "assert pyarrow.parquet.read_table('/opt/ml/f.parquet').num_rows == 2\n"
        "frame.to_csv('/opt/ml/f.csv', index=False, header=False); assert pyarrow.csv.read_csv('/opt/ml/f.csv').num_rows == 1\n"
        "numpy.save('/opt/ml/n.npy', frame.x); assert numpy.load('/opt/ml/n.npy', mmap_mode='r')[1] == 2\n"
        "numpy.ones(2).tofile('/opt/ml/n.bin'); assert numpy.fromfile('/opt/ml/n.bin').sum() == 2\n"
        "joblib.dump(frame, '/opt/ml/j'); joblib.load('/opt/ml/j')\n"
        "m = xgboost.train({'nthread': 1}, xgboost.DMatrix('/opt/ml/f.csv?format=csv&label_column=0', nthread=1), 1)\n"
        "m.save_model('/opt/ml/m.ubj'); xgboost.Booster(model_file='/opt/ml/m.ubj')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment(str(tmp_path), {"PATH": os.environ["PATH"]}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "opt/ml").iterdir()} == {"f.parquet", "f.csv", "n.npy", "n.bin", "j", "m.ubj"}


def test_a_class_that_an_older_version_lacks_is_passed_over(tmp_path):
    """XGBoost 1.5 has no QuantileDMatrix; importing it under the shim failed."""
    (tmp_path / "xgboost").mkdir()
    (tmp_path / "xgboost/__init__.py").write_text("from . import core\n")
    (tmp_path / "xgboost/core.py").write_text("class DMatrix:\n    def __init__(self, data): self.data = data\n")
    code = f"from pipelines.local import shim; shim.install({str(tmp_path)!r}); import xgboost.core; print(xgboost.core.DMatrix('/opt/ml/a').data)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[3]}"}, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == f"{tmp_path}/opt/ml/a", done.stderr
