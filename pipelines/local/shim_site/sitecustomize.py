"""Install the path shim in a Python process that a job starts; Python imports this module by itself at start-up."""

import importlib.util
import os
import sys

_ROOT = os.environ.get("SAGEWRIGHT_SHIM_ROOT")
if _ROOT:
    _FILE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "shim.py")
    _SPEC = importlib.util.spec_from_file_location("sagewright_shim", _FILE)
    assert _SPEC and _SPEC.loader
    _SHIM = importlib.util.module_from_spec(_SPEC)
    sys.modules["sagewright_shim"] = _SHIM
    _SPEC.loader.exec_module(_SHIM)
    _SHIM.install(_ROOT)
