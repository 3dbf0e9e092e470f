"""XGBoost without scikit-learn and pyarrow without pandas: complete once somebody asks, and then as after a usual import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# Describes every name of every module of XGBoost, by what it is and where it comes from, and uses what builds on scikit-learn.
DESCRIBE = """
import pickle, sys, types
import numpy, xgboost.plotting
import xgboost as package
from sklearn.base import BaseEstimator
from sklearn.model_selection import cross_val_score

def described(value):
    if isinstance(value, type):
        return value.__module__, value.__qualname__, [f"{base.__module__}.{base.__qualname__}" for base in value.__mro__]
    if isinstance(value, types.FunctionType):
        return value.__module__, value.__qualname__, value.__globals__ is vars(sys.modules.get(value.__module__, types))
    if isinstance(value, types.ModuleType):
        return value.__name__, sys.modules.get(value.__name__) is value
    return type(value).__name__, value if isinstance(value, (bool, int, str)) else ""

for module in sorted(name for name in sys.modules if name.partition(".")[0] == "xgboost"):
    for name, value in sorted(vars(sys.modules[module]).items()):
        print(module, name, described(value))
assert issubclass(package.XGBClassifier, BaseEstimator) and sys.modules["xgboost.sklearn"].XGBClassifier is package.XGBClassifier
x = numpy.random.RandomState(0).rand(60, 3)
y = (x[:, 0] > 0.5).astype(int)
model = package.XGBClassifier(n_estimators=3).fit(x, y)
assert (pickle.loads(pickle.dumps(model)).predict(x) == model.predict(x)).all()
print(cross_val_score(package.XGBClassifier(n_estimators=3), x, y).mean())
print(package.cv({"objective": "binary:logistic"}, package.DMatrix(x, y), 3, stratified=True, seed=1))
"""
LIGHT = """
import sys
sys.path.append({root!r})
from pipelines.local import light_xgboost
light_xgboost.begin()
import xgboost
assert "sklearn" not in sys.modules and "XGBClassifier" not in vars(xgboost)
booster = xgboost.Booster
try:
    xgboost.nothing_of_that_name
except AttributeError:
    pass
"""
ASKS = {
    "a class": "from xgboost import XGBClassifier",
    "all names": "from xgboost import *",
    "scikit-learn": "import sklearn",
    "a part of scikit-learn": "from sklearn.base import clone",
    "the module": "import xgboost.sklearn",
    "the module as a name": "xgboost.sklearn.XGBRegressor",
    "plots": "from xgboost.plotting import plot_importance",
    "cross validation": "xgboost.cv",
    "cross validation of the module": "from xgboost.training import cv",
    "what there is": "from xgboost.compat import SKLEARN_INSTALLED\nassert SKLEARN_INSTALLED",
    "a module that was looked for": "from importlib.util import find_spec\nassert find_spec('xgboost.sklearn').origin and find_spec('xgboost.compat')",
    "what is listed": "assert {'XGBClassifier', 'cv', 'sklearn'} < {*dir(xgboost)} and 'cv' in dir(xgboost.training)",
    "another import": "import importlib\nimportlib.reload(xgboost)",
    "a pickle": "import pickle\nassert pickle.loads(b'cxgboost.sklearn\\nXGBClassifier\\n.') is xgboost.XGBClassifier",
}


def printed(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def usual() -> list[str]:
    lines = printed("import sys\n" + f"sys.path.append({str(ROOT)!r})\nimport pipelines.local.light_xgboost\n" + DESCRIBE)
    assert len(lines) > 800
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("asks", ASKS, ids=lambda name: name.replace(" ", "-"))
def test_what_completes_xgboost_makes_it_what_a_usual_import_gives(asks: str, usual: list[str]):
    found = printed(LIGHT.format(root=str(ROOT)) + ASKS[asks] + "\nassert booster is xgboost.Booster\n" + DESCRIBE)
    assert found == usual


THREADS = """
import threading
ASKS = ["from xgboost import XGBClassifier", "import xgboost.sklearn as s; s.XGBClassifier", "xgboost.plot_tree; xgboost.cv"]
ASKS += ["from xgboost.plotting import plot_tree", "from xgboost.compat import SKLEARN_INSTALLED as there; assert there"]
ASKS += ["from xgboost.training import cv", "from sklearn.linear_model import Ridge"]
failed, together = [], threading.Barrier(len(ASKS))
def ask(text):
    together.wait()
    try:
        exec(text)
    except BaseException as error:
        failed.append((text, error))
threads = [threading.Thread(target=ask, args=(text,), daemon=True) for text in ASKS]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(30)
assert not failed and not any(thread.is_alive() for thread in threads), failed
print("done")
"""


@pytest.mark.slow
def test_threads_that_ask_at_once_wait_for_each_other_and_not_for_ever():
    assert printed(LIGHT.format(root=str(ROOT)) + "from xgboost import core\n" + THREADS) == ["done"]


@pytest.mark.slow
def test_xgboost_that_is_forgotten_is_imported_as_usual(usual: list[str]):
    assert printed(LIGHT.format(root=str(ROOT)) + "light_xgboost.forget()\nimport xgboost\nassert booster is not xgboost.Booster\n" + DESCRIBE) == usual


def test_the_light_one_trains_and_predicts_as_ever():
    program = LIGHT.format(root=str(ROOT)) + (
        "import numpy\nx = numpy.random.RandomState(0).rand(50, 3)\nrows = xgboost.DMatrix(x, x[:, 0] > 0.5, nthread=1)\n"
        "model = xgboost.train({'objective': 'binary:logistic', 'nthread': 1}, rows, 3, evals=[(rows, 'train')], verbose_eval=False)\n"
        "print(model.predict(rows).sum() > 0, 'sklearn' in sys.modules, 'pandas' in sys.modules)\n"
    )
    assert printed(program) == ["True False False"]


WITHOUT_PANDAS = """
import sys
sys.path.append({root!r})
from pipelines.local import light_pyarrow
light_pyarrow.begin()
import numpy, pyarrow, pyarrow.compute, pyarrow.parquet
array = pyarrow.array(numpy.arange(3.0))
pyarrow.compute.fill_null(pyarrow.array(numpy.array([1.0, numpy.nan]), from_pandas=True), 0.0)
assert "pandas" not in sys.modules
"""
KNOWS = """
import pandas
known = pyarrow.lib._pandas_api
assert known.have_pandas and known.pd is pandas
frame = pandas.DataFrame({"n": pandas.array([1, None], dtype="Int64"), "c": pandas.Categorical(["a", None])})
assert pyarrow.table(frame).column("n").null_count == 1 and pyarrow.Table.from_pandas(frame).num_columns == 2
assert pyarrow.array(frame["c"]).type == pyarrow.dictionary(pyarrow.int8(), pyarrow.large_string()) or pyarrow.array(frame["c"]).null_count == 1
assert pyarrow.table(frame).to_pandas(types_mapper={pyarrow.int64(): pandas.Int64Dtype()}.get)["n"].dtype == "Int64"
print("known")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "asks",
    [
        "import pandas",
        "import pandas.api.types",
        "pyarrow.table({'a': array}).to_pandas()",
        "array.to_pandas()",
        "import importlib.util\nimportlib.util.find_spec('pandas')",
        "import xgboost\nxgboost.DMatrix(numpy.ones((2, 2)), numpy.ones(2), nthread=1)",
    ],
)
def test_pyarrow_knows_pandas_once_it_is_there(asks: str):
    assert printed(WITHOUT_PANDAS.format(root=str(ROOT)) + asks + KNOWS) == ["known"]


def test_a_module_of_the_jobs_own_may_be_called_pandas(tmp_path: Path):
    (tmp_path / "pandas.py").write_text("MINE = 'mine'\n")
    program = WITHOUT_PANDAS.format(root=str(ROOT)) + f"sys.path.insert(0, {str(tmp_path)!r})\nimport pandas\nprint(pandas.MINE, pyarrow.array([1.5])[0])\n"
    assert printed(program) == ["mine 1.5"]


def test_the_job_code_of_a_usual_pipeline_imports_no_library_that_takes_long():
    scripts = [*(ROOT / "processing").glob("*.py"), ROOT / "training/inference.py", *(ROOT / "evaluation").glob("*.py")]
    assert len(scripts) > 8
    program = f"import runpy, sys\nsys.path.insert(0, {str(ROOT)!r})\n"
    program += "".join(f"runpy.run_path({str(script)!r}, run_name='looked_at')\n" for script in scripts)
    program += "print(sorted({'pandas', 'scipy', 'sklearn', 'xgboost', 'matplotlib'} & set(sys.modules)))"
    assert printed(program) == ["[]"]


OTHER_XGBOOST = {
    "__init__": "from . import compat, training, dask\nfrom .sklearn import Model\n",
    "compat": "try:\n    from sklearn.base import BaseEstimator as Base\n    SKLEARN_INSTALLED = True\nexcept ImportError:\n    SKLEARN_INSTALLED = False\n"
    "    class Base: pass\n",
    "training": "from .compat import SKLEARN_INSTALLED\ndef cv(): return SKLEARN_INSTALLED\n",
    "sklearn": "from .compat import Base\nclass Model(Base): pass\n",
    "plotting": "from .sklearn import Model\n",
    "dask": "from .plotting import Model\nclass Far(Model): pass\n",
}


def test_an_xgboost_that_is_made_otherwise_is_imported_as_usual(tmp_path: Path):
    for name, text in OTHER_XGBOOST.items():
        (tmp_path / "xgboost").mkdir(exist_ok=True)
        (tmp_path / "xgboost" / f"{name}.py").write_text(text)
    program = (
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nsys.path.append({str(ROOT)!r})\nfrom pipelines.local import light_xgboost\nlight_xgboost.begin()\n"
        "import xgboost\nfrom sklearn.base import BaseEstimator\n"
        "print(xgboost.__file__, issubclass(xgboost.dask.Far, BaseEstimator), xgboost.training.cv(), len(vars(xgboost.Model)) > 0)\n"
    )
    assert printed(program) == [f"{tmp_path}/xgboost/__init__.py True True True"]
