"""`sagewright lint` as people and CI call it."""

from __future__ import annotations

import json

LEAKY = """import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

df = pd.read_csv("rows.csv")
df[["a"]] = StandardScaler().fit_transform(df[["a"]])
train, test = train_test_split(df)
"""


def test_findings_are_shown_with_their_line_and_end_with_4(sagewright):
    (sagewright.folder / "my prepare.py").write_text(LEAKY)
    done = sagewright("lint", "my prepare.py")
    assert done.code == 4
    assert "my prepare.py:6:13: SW101 fit-before-split (high): StandardScaler.fit_transform() learns from all rows, which are split in line 7" in done.out
    assert "    | df[[" in done.out and "2 findings in 1 script" in done.out
    document = sagewright("lint", "my prepare.py", "--output", "json")
    assert document.code == 4 and [finding["code"] for finding in document.json["findings"]] == ["SW101", "SW201"]
    assert sagewright("lint", ".", "--ignore", "SW1,SW201").code == 0
    github = sagewright("lint", ".", "--select", "SW101", "--output", "github").out
    assert github.startswith("::error file=my prepare.py,line=6,col=13,title=SW101 fit-before-split::StandardScaler") and github.count("\n") == 1


def test_a_notebook_is_told_by_its_cells(sagewright):
    cells = [{"cell_type": "code", "source": [line]} for line in LEAKY.splitlines(keepends=True) if line.strip()]
    (sagewright.folder / "n.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}))
    done = sagewright("lint", "n.ipynb")
    assert done.code == 4 and "n.ipynb:cell 5:1:13: SW101" in done.out and "split in line 1 of cell 6" in done.out


def test_bad_calls_are_explained(sagewright):
    (sagewright.folder / "bad.py").write_text("def (")
    assert "there is nothing to look at" in sagewright("lint").err
    assert "no such file" in sagewright("lint", "nowhere.py").err
    broken = sagewright("lint", "bad.py")
    assert broken.code == 2 and "bad.py:1" in broken.err
    assert "SW101" in sagewright("lint", "bad.py", "--select", "E501").err
    (sagewright.folder / "empty").mkdir()
    assert "no scripts here" in sagewright("lint", "empty").err


def test_rules_are_explained(sagewright):
    one = sagewright("lint", "--explain", "SW103")
    assert one.code == 0 and "levels-before-split" in one.out and "OneHotEncoder" in one.out
    assert len(sagewright("lint", "--explain", "all", "--output", "json").json) >= 15
    assert sagewright("lint", "--explain", "XX").code == 2
