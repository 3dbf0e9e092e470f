"""The best layer is found by trying, and the reason why a better one is not possible is told."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.local.isolation import LAYERS, choose, probe
from pipelines.local.namespace import _below_tmp

ROOT = Path(__file__).parents[3]
NO_UNSHARE = ROOT / "tests/functional/no_unshare.py"
FILTERED = pytest.mark.skipif(sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="the filter knows two machines")


def told_without_namespaces(program: str) -> str:
    command = [sys.executable, str(NO_UNSHARE), sys.executable, "-c", f"import sys; sys.path[:0] = [{str(ROOT)!r}]; {program}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_best_layer_comes_first():
    found = probe()
    assert found.kind == next(kind for kind, (attempt, _) in LAYERS.items() if not attempt())


@FILTERED
def test_auto_takes_the_next_layer_when_the_kernel_refuses_and_says_why():
    kind, reason = told_without_namespaces("from pipelines.local.isolation import probe; p = probe(); print(p.kind, p.reason, sep='|')").strip().split("|")
    assert kind in ("symlink", "shim") and "no namespace: the kernel refuses it: unshare: Operation not permitted" in reason


@FILTERED
def test_a_layer_that_is_forced_and_not_possible_is_refused():
    program = "from pipelines.local.isolation import choose\ntry: choose('namespace')\nexcept Exception as error: print(type(error).__name__, error)"
    told = told_without_namespaces(f"exec({program!r})")
    assert told.startswith("UsageError --isolation namespace: this isolation is not possible here; got the kernel refuses it")


def test_a_layer_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="expected auto, namespace, symlink, shim"):
        choose("docker")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_trying_a_namespace_leaves_the_host_as_it_was():
    before = sorted(os.listdir("/opt")) if os.path.isdir("/opt") else []
    LAYERS["namespace"][0]()
    assert (sorted(os.listdir("/opt")) if os.path.isdir("/opt") else []) == before


def test_folders_to_keep_below_tmp_do_not_nest():
    assert _below_tmp(["/tmp/no-such/venv", "/usr", "/tmp/no-such/venv/lib", "/tmp/other"]) == ["/tmp/no-such/venv", "/tmp/other"]
