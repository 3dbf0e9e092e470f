"""Custom pandas code: the known snippets become steps, other code only with leave, and nothing of it runs during the import."""

from __future__ import annotations

import pandas as pd
import pytest

from pipelines.config.loader import load
from pipelines.flow import import_flow
from pipelines.flow.importing import NOT, TRANSLATED
from pipelines.flow.writing import code_text
from tests.unit.flow.flows import chain, imported, node, steps


def snippet(code, name="Snippet"):
    given = {"operator": "Python (Pandas)", "pandas_parameters": {"code": code}, "pyspark_parameters": {"code": "stale"}, "name": name}
    return node("t", "TRANSFORM", "sagemaker.spark.custom_code", "types", parameters=given)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("df.insert(0,'record_id',range(1, 1 + len(df)))", {"step": "row_number", "column": "record_id", "start": 1, "position": 0}),
        ('df.insert(2, "n", range(len(df)))', {"step": "row_number", "column": "n", "start": 0, "position": 2}),
        ("df.insert(0, 'n', range(5, len(df) + 5))", {"step": "row_number", "column": "n", "start": 5, "position": 0}),
        ("import time\ndf.insert(0, 't', time.time())", {"step": "timestamp", "column": "t", "position": 0}),
        ('import pandas as pd\nnow = pd.to_datetime("now").timestamp()\ndf.insert(1,"t",now)', {"step": "timestamp", "column": "t", "position": 1}),
    ],
)
def test_snippets_that_number_or_date_the_rows_become_steps(code, expected):
    made = imported(chain(snippet(code)))
    assert made.complete and steps(made) == [expected]


@pytest.mark.parametrize(
    "code",
    [
        "df.insert(0, 'n', range(2, 1 + len(df)))",
        "df.insert(-1, 'n', range(len(df)))",
        "df.insert(True, 'n', range(len(df)))",
        "df['z'] = df['a'] * 2",
        "df.insert(0, 'n', range(len(df)))\ndf['z'] = 1",
        "import os\nos.remove('x')\ndf.insert(0, 'n', range(len(df)))",
    ],
)
def test_other_code_is_told_and_left_out(code):
    made = imported(chain(snippet(code)))
    assert made.outcomes[-1].status == NOT and "--allow-code" in made.outcomes[-1].lost[0] and not made.code


@pytest.mark.parametrize("code", ["df = (", "from x import *\ndf = df", "yield df\nawait df", "(" * 500 + ")" * 500, "return df\nfoo(", "x\0"])
def test_code_that_cannot_stand_in_a_function_is_told(code):
    made = imported(chain(snippet(code)), allow_code=True)
    assert made.outcomes[-1].status == NOT and "cannot" in made.outcomes[-1].lost[0]


def test_allowed_code_becomes_a_function_that_does_the_same():
    made = imported(chain(snippet("# note\nimport numpy as np\ndf['z'] = np.sqrt(df['b'])\ndf = df.assign(q='''two\n lines''')", "2 Roots!")), allow_code=True)
    assert made.outcomes[-1].status == TRANSLATED and steps(made)[0]["function"] == "flow_steps.py:step_2_roots_t0"
    space: dict = {}
    exec(code_text(made), space)
    frame = space["step_2_roots_t0"](pd.DataFrame({"b": [4.0]}))
    assert frame.values.tolist() == [[4.0, 2.0, "two\n lines"]]


def test_the_file_with_the_code_is_written_only_with_leave(tmp_path):
    import json

    (tmp_path / "x.flow").write_text(json.dumps({"nodes": chain(snippet("df['z'] = df['b'] * 2"))}))
    refused = import_flow(tmp_path / "x.flow", tmp_path / "one", "y")
    assert not refused.complete and not (tmp_path / "one/flow_steps.py").exists()
    assert "Not translated" in (tmp_path / "one/pipeline.yaml").read_text()
    allowed = import_flow(tmp_path / "x.flow", tmp_path / "two", "y", allow_code=True)
    assert allowed.complete and (tmp_path / "two/flow_steps.py").is_file()
    assert load(tmp_path / "two/pipeline.yaml").config.recipe[1].function == "flow_steps.py:snippet_t0"
