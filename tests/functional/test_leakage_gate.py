"""LeakageGate: data that leaks is prepared and reported, and nothing is trained on it."""

from __future__ import annotations

import json
import random

YAML = """
name: leaks
data: {input: rows.csv}
label: {column: y, positive: 1}
recipe: [{step: one_hot}]
training: {hyperparameters: {num_round: 5}}
"""


def rows() -> str:
    drawn = random.Random(0)
    made = [(drawn.random(), drawn.randrange(2)) for _ in range(400)]
    return "a,status,y\n" + "".join(f"{a:.6f},{'gone' if y else 'here'},{y}\n" for a, y in made)


def test_a_leak_ends_in_exit_4_and_is_named(sagewright):
    (sagewright.folder / "rows.csv").write_text(rows())
    (sagewright.folder / "pipeline.yaml").write_text(YAML + "leakage: {fail_on: [leaking-feature]}\n")
    done = sagewright("run", "--output", "json", "--quiet")
    assert done.code == 4, done.err
    assert "leaking-feature (status_" in done.json["failure_reason"]
    assert "Train" not in [step["name"] for step in done.json["steps"] if step["status"] == "Succeeded"]
    found = json.loads((sagewright.folder / done.json["outputs"]["Preprocess.leakage"] / "leakage.json").read_text())
    assert {finding["kind"] for finding in found["findings"]} == {"leaking-feature"}
    assert sagewright("run", "--set", "recipe=[{step: drop_columns, columns: [status]}]", "--quiet").code == 0
