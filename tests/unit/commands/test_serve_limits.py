"""The limits of the process that serves."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import resource, sys
from pipelines.commands.serve import allow_descriptors
soft, hard = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
allow_descriptors()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("given", "left"), [((100, 400), "400 400"), ((300, 300), "300 300")])
def test_a_server_takes_as_many_descriptors_as_it_may(given, left):
    done = subprocess.run([sys.executable, "-c", CODE, *map(str, given)], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == left
