"""The lint: finds what is wrong in scripts as people write them, at the line, and nothing in those that are right."""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.lint.check import check
from pipelines.lint.rules import RULES, chosen
from pipelines.lint.sources import Script, read, script_files

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests/lint_corpus"
WRONG, CORRECT = (sorted((CORPUS / kind).glob("*.py")) for kind in ("wrong", "correct"))
EXPECT = re.compile(r"# expect ([SW\d ]+)")


def expected(path):
    return {(code, number) for number, line in enumerate(path.read_text().splitlines(), 1) if (found := EXPECT.search(line)) for code in found[1].split()}


def found(text, **members):
    script = Script("script.py", tuple(text.splitlines()), ast.parse(text), **members)
    return [(finding.rule.code, finding.line) for finding in check(script)]


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_what_is_wrong_is_found_at_its_line_and_nothing_else(path):
    assert expected(path)
    assert {(finding.rule.code, finding.line) for finding in check(read(path))} == expected(path)


@pytest.mark.parametrize("path", CORRECT, ids=lambda path: path.stem)
def test_nothing_is_found_in_what_is_right(path):
    assert [f"{finding.where} {finding.rule.code} {finding.message}" for finding in check(read(path))] == []


def test_every_rule_has_a_script_that_breaks_it():
    assert len(WRONG) >= 25 and len(CORRECT) >= 15
    assert {code for path in WRONG for code, _ in expected(path)} == set(RULES)


def test_our_own_scripts_are_clean():
    paths = [ROOT / folder for folder in ("jobkit", "processing", "training", "evaluation")]
    assert [finding.where for file in script_files(paths) for finding in check(read(file))] == []


def test_a_comment_leaves_a_line_out():
    body = CORPUS / "wrong/unseeded_split.py"
    text = body.read_text()
    assert found(text) == [("SW201", 5)]
    assert found(text.replace("# expect SW201", "# sagewright: ignore")) == []
    assert found(text.replace("# expect SW201", "# sagewright: ignore[sw101, SW201]")) == []
    assert found(text.replace("# expect SW201", "# sagewright: ignore[SW101]")) == [("SW201", 5)]


def test_rules_are_chosen_by_how_their_codes_begin():
    assert chosen([], []) == set(RULES)
    assert chosen(["SW1"], ["SW101", "sw102"]) == {code for code in RULES if code.startswith("SW1")} - {"SW101", "SW102"}
    with pytest.raises(UsageError, match="SW999"):
        chosen(["SW999"], [])
    with pytest.raises(UsageError, match="there is no such rule"):
        chosen([], ["X"])


def notebook(*cells, kind="code"):
    return json.dumps({"cells": [{"cell_type": kind, "source": cell.splitlines(keepends=True)} for cell in cells], "nbformat": 4})


def test_a_notebook_is_read_by_cells_without_magics(tmp_path):
    path = tmp_path / "a b.ipynb"
    split = "from sklearn.model_selection import train_test_split\ntrain, test = train_test_split(df)"
    path.write_text(notebook("%matplotlib inline\nimport pandas as pd", "!pip install x\ndf = pd.read_csv('a.csv')", "%%bash\nrm -rf {", split))
    (finding,) = check(read(path))
    assert (finding.rule.code, finding.cell, finding.line) == ("SW201", 4, 2)
    assert finding.where == f"{path}:cell 4:2:15"


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("a.py", b"def (", "a.py:1"),
        ("a.py", b"\xff\xfe", "no text in the encoding"),
        ("a.py", b"x = 1\0", "not Python"),
        ("a.ipynb", b"[]", "no Jupyter notebook"),
        ("a.ipynb", b'{"cells": [{"cell_type": "code"}]}', "no Jupyter notebook"),
        ("a.ipynb", notebook("x = 1", "y = (").encode(), "cell 2:1"),
    ],
)
def test_what_is_no_script_is_said_with_its_place(tmp_path, name, body, says):
    (tmp_path / name).write_bytes(body)
    with pytest.raises(UsageError, match=says):
        read(tmp_path / name)


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "+".join(["1"] * 3000),
        "x = " + "(" * 150 + ")" * 150,
        "\n".join(f"def f{n}():\n    f{n + 1}(); f{n + 1}(); f{n + 1}(); f{n + 1}()" for n in range(9)) + "\ndef f9(): pass\nf0()",
        "def f(): return f()\nf()",
        "x[()] = 1\ndel x[0]\nimport a.b.c as d, e\nfrom . import f\n*a, b = []\nfor x[0] in y: pass",
        "class A:\n    def f(self, *a, **k): self.x = self.f(*a, **k)\nA().f(A)",
        "match x:\n    case [1, *_]: pass\nasync def f():\n    async for x in y: await z\n    async with a as b: pass",
        "import pandas as pd\ndf = pd.read_csv('a')\n"
        + "\n".join(f"df{what}" for what in (".drop()", ".pop()", ".loc[:]", "[[]]", "[df]", ".groupby()[0].agg()")),
        "import pandas as pd\ndf = pd.read_csv('a')\ndf.iloc[:, 1:2]\ndf.drop(columns=x)\nlen()\nlist()\ndf.sort_values()\ndf.merge()\ndf.columns.drop()",
    ],
)
def test_odd_scripts_are_followed_or_refused_but_never_crash(tmp_path, text):
    (tmp_path / "a.py").write_text(text)
    try:
        check(read(tmp_path / "a.py"))
    except UsageError as error:
        assert "nested too deeply" in str(error) or "recursion" in str(error)


def test_the_documentation_lists_every_rule():
    path = ROOT / "docs/lint.md"
    rows = "\n".join(f"| {rule.code} | {rule.name} | {rule.severity} | {rule.why} |" for rule in RULES.values())
    table = f"<!-- rules -->\n| code | name | severity | why |\n|---|---|---|---|\n{rows}\n<!-- end of rules -->"
    text = path.read_text()
    wanted = re.sub(r"<!-- rules -->.*<!-- end of rules -->", lambda match: table, text, flags=re.DOTALL)
    if os.environ.get("SAGEWRIGHT_UPDATE_GOLDEN"):
        path.write_text(wanted)
    assert path.read_text() == wanted


@pytest.mark.parametrize(
    "cell",
    [
        "try:\n    import xgboost\nexcept ImportError:\n    !pip install xgboost",
        "files = !ls\nfirst, rest = %timeit -o 1+1",
        "df.head?\n?df",
        "!pip install \\\n    pandas \\\n    numpy\nx = 1",
        "ls -l\ncd ..",
        "print('hello %s'\n      % 'x')",
        "%%time\nx = 1",
    ],
)
def test_what_only_ipython_understands_is_passed_over(tmp_path, cell):
    path = tmp_path / "n.ipynb"
    path.write_text(notebook(cell, "import pandas as pd\ndf = pd.read_csv('a').sample(frac=1)"))
    assert [(finding.cell, finding.line) for finding in check(read(path))] == [(2, 2)]


@pytest.mark.parametrize("body", [b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "x = '\u2028'\ny = '\x0c'\n".encode(), b"\xef\xbb\xbfx = 1\r\ny = 2\r"])
def test_scripts_are_read_as_python_reads_them(tmp_path, body):
    (tmp_path / "a.py").write_bytes(body)
    assert check(read(tmp_path / "a.py")) == []


@pytest.mark.parametrize("text", ["x = (1, 2)\n" + "x = (x, x)\n" * 40, "import pandas as pd\nx = [pd.read_csv('a')]\n" + "x = [x, x]\n" * 40 + "pd.concat(x)"])
def test_lists_of_lists_take_no_more_than_their_lines(text):
    assert found(text) == []


def test_a_comment_on_any_line_of_the_expression_counts():
    text = (CORPUS / "wrong/unseeded_split.py").read_text().replace("train_test_split(df, test_size=0.2)", "train_test_split(\n    df, test_size=0.2)")
    assert found(text.replace("# expect SW201", "# sagewright: ignore[SW201]")) == []
