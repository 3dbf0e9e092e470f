"""`init`, `profile`, `run` on tables as nobody wants to get them: a sensible pipeline or a clear error, and never a traceback."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.functional.hostile_tables import hostile_format, hostile_names, hostile_values

TABLES = {
    "names": (hostile_names, "rows.csv", "did it churn?", 0.9),
    "values": (hostile_values, "rows.csv", "target", 0.75),
    "format": (hostile_format, "rows.csv.gz", "Kündigung", 0.7),
}


def made(sagewright, make, file, **options):
    folder = sagewright.folder / "my, data"
    folder.mkdir()
    return make(folder / file, **options).relative_to(sagewright.folder)


@pytest.mark.parametrize("table", TABLES)
def test_a_hostile_table_becomes_a_pipeline_that_runs_and_learns(sagewright, table):
    make, name, target, least = TABLES[table]
    file = made(sagewright, make, name, **({"twice": "X"} if table == "names" else {}))
    done = sagewright("init", file, "--target", target)
    assert done.code == 0, done.err
    profiled = sagewright("profile", "--output", "json", "--quiet")
    assert profiled.code == 0, profiled.err
    run = sagewright("run", "--output", "json", "--quiet")
    assert run.code == 0, run.err + sagewright("logs").out
    assert run.json["metrics"]["Evaluate.auc"] >= least
    recipe = json.loads(sagewright.folder.joinpath(".sagewright", "s3", run.json["outputs"]["Preprocess.recipe"].split("/s3/")[-1], "recipe.json").read_text())
    features = recipe["features"]
    assert len(set(features)) == len(features)
    assert all(name and name.replace("_", "a").isalnum() and name.isascii() for name in features)


def test_a_name_that_stands_twice_is_said_and_nothing_is_written(sagewright):
    file = made(sagewright, hostile_names, "rows.csv")
    done = sagewright("init", file, "--target", "did it churn?")
    assert done.code == 2 and "rows.csv: the column 'x' stands twice in the header; give every column a name of its own" in done.err
    assert not (sagewright.folder / "pipeline.yaml").exists()


def test_hostile_values_are_read_as_they_are_meant(sagewright):
    file = made(sagewright, hostile_values, "rows.csv")
    assert sagewright("init", file, "--target", "target").code == 0
    text = (sagewright.folder / "pipeline.yaml").read_text()
    steps = yaml.safe_load(text)["recipe"]
    dates = {name: step.get("formats") for step in steps if step["step"] == "dates" for name in step["columns"]}
    assert dates["one_format"] is None and len(dates["when"]) == 5
    casts = {name: step for step in steps if step["step"] == "cast" for name in step["columns"]}
    assert casts["amount"]["thousands"] == "," and {"price_amount", "share_amount", "mixed"} <= set(casts)
    assert [step["columns"] for step in steps if step["step"] == "drop_columns"] == [["nothing", "constant"]]
    assert any(step["step"] == "frequency_encode" and "many" in step["columns"] for step in steps)
    findings = sagewright("profile", "--output", "json", "--quiet").json["findings"]
    weak = next(finding for finding in findings if finding["kind"] == "redundant-feature")
    assert "amount" not in weak["columns"]


def test_the_label_that_means_yes_is_positive(sagewright):
    file = made(sagewright, hostile_format, "rows.csv.gz")
    assert sagewright("init", file, "--target", "Kündigung").code == 0
    config = yaml.safe_load((sagewright.folder / "pipeline.yaml").read_text())
    assert config["label"]["positive"] == "ja" and config["data"]["encoding"] == "latin-1" and config["data"]["delimiter"] == ";"
