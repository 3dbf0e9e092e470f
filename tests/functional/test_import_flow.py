"""`import-flow`, then `run`, as a stranger does it."""

from __future__ import annotations

import json

import pytest

from tests.functional.conftest import REAL_DATA
from tests.unit.flow.flows import chain, node, transform

REAL_FLOW = REAL_DATA.parent / "HotelBookingFlow.flow"
real = pytest.mark.skipif(not REAL_FLOW.is_file(), reason=f"{REAL_FLOW} is not here")


@real
@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["--refit"]], ids=["trained", "refitted"])
def test_the_real_flow_is_imported_and_runs_on_the_real_bookings(sagewright, flags):
    done = sagewright("import-flow", REAL_FLOW, *flags)
    assert done.code == 0, done.err
    assert "21 of 21 nodes translated whole" in done.out and "LEAK" in done.out
    done = sagewright("run", "-p", f"InputData={REAL_DATA}", "--output", "json", "--quiet")
    assert done.code == 0, done.err
    assert done.json["status"] == "Succeeded" and done.json["model_package_arn"]
    assert 0.75 <= done.json["metrics"]["Evaluate.accuracy"] <= 0.95  # near 1 the leak would be a feature
    fitted = json.loads(next(sagewright.store.rglob("recipe.json")).read_text())
    kept = {state["step"]: state for state in fitted["steps"]}
    assert fitted["rows"]["train"] < 0.71 * 15697 and "reservation_status" not in fitted["columns"]
    trained = [-1.905816566248971, 2.254927861400911]
    assert (kept["outliers"]["bounds"]["children"] == trained) is (not flags)


@real
def test_importing_twice_changes_nothing_and_other_content_is_left_alone(sagewright):
    first = sagewright("import-flow", REAL_FLOW, "--output", "json")
    again = sagewright("import-flow", REAL_FLOW, "--output", "json")
    assert len(first.json["written"]) == 2 and again.json["written"] == [] and first.json["nodes"] == again.json["nodes"]
    other = sagewright("import-flow", REAL_FLOW, "--refit")
    assert other.code == 2 and "left alone" in other.err


def test_what_is_not_translated_is_told_and_ends_with_one(sagewright):
    nodes = chain(transform("custom_pyspark", "", {"code": "x"}), transform("manage_columns", "Drop column", {"column_to_drop": "a"}))
    (sagewright.folder / "x.flow").write_text(json.dumps({"nodes": nodes}))
    done = sagewright("import-flow", "x.flow", "--target", "y", "-d", "out")
    assert done.code == 1 and "NOT TRANSLATED" in done.out and "out/pipeline.yaml" in done.out
    assert sagewright("validate", "out/pipeline.yaml").code == 0


def test_control_characters_of_a_flow_do_not_reach_the_terminal(sagewright):
    chart = node("h", "VISUALIZATION", "sagemaker.visualizations.histogram", "types", parameters={"x_axis": "a", "name": "x\n\x1b[31my"})
    (sagewright.folder / "x.flow").write_text(json.dumps({"nodes": [*chain(), chart]}))
    done = sagewright("import-flow", "x.flow", "--target", "y")
    assert done.code == 0 and "x\\n\\x1b[31my" in done.out and "\x1b" not in done.out
    assert "\x1b" not in (sagewright.folder / "pipeline.yaml").read_text()


def test_what_is_no_flow_is_one_error(sagewright):
    (sagewright.folder / "x.flow").write_text("a,b\n1,2\n")
    done = sagewright("import-flow", "x.flow", "--output", "json")
    assert done.code == 2 and done.json["error"] == "UsageError" and "not JSON" in done.err
    assert not (sagewright.folder / "pipeline.yaml").exists()
