"""Every leak is found in data made to have it, and none where there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobkit import leakage
from jobkit.columns import from_frame
from jobkit.steps import custom
from pipelines.config.leakage import CHECKS, KINDS, Leakage
from processing import preprocess
from tests.unit.jobs.recipes import job, step

ROWS = 1200


def frame(seed: int = 0, **columns) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    a, b = generator.normal(size=ROWS), generator.normal(size=ROWS)
    y = np.where(a + b + generator.normal(size=ROWS) > 0, "yes", "no")
    made = pd.DataFrame({"a": a, "b": b, "y": y})
    return made.assign(**{name: values(made, generator) for name, values in columns.items()})


def report(rows: pd.DataFrame, steps=(), problem="binary_classification", settings=None, **split):
    settings = {**Leakage().model_dump(mode="json"), **(settings or {})}
    members = {**job(list(steps), split=split), "problem": problem}
    members["label"] = {"column": "y", "positive": "yes", "classes": sorted(rows.y.unique()) if problem.startswith("multi") else []}
    prepared = preprocess.prepare(from_frame(rows), members, 0, {})
    return leakage.check(leakage.Case(prepared.raw, prepared.features, prepared.labels, prepared.origins, members, prepared.recipe, 0), settings)


def kinds(*args, **options) -> list[str]:
    return [finding["kind"] for finding in report(*args, **options)["findings"]]


def test_kinds_and_checks_are_those_of_the_configuration():
    assert sorted(leakage.KINDS) == sorted(KINDS) and tuple(leakage.CHECKS) == CHECKS


@pytest.mark.parametrize("seed", range(5))
def test_honest_data_has_no_finding(seed):
    assert kinds(frame(seed)) == []


def test_honest_amounts_and_classes_have_no_finding():
    rows = frame()
    assert kinds(rows.assign(y=rows.a + np.random.default_rng(1).normal(size=ROWS)), problem="regression") == []
    assert kinds(rows.assign(y=np.where(rows.a > 1.5, "high", rows.y)), problem="multiclass_classification") == []


def test_copies_on_both_sides_of_the_split_are_counted():
    rows = pd.concat([frame(), frame().head(300)], ignore_index=True)
    (found,) = report(rows)["findings"]
    assert (found["kind"], found["severity"]) == ("row-overlap", "high") and 0.05 < found["value"] < 0.5 and "drop_duplicates" in found["advice"]
    assert kinds(rows, [step("drop_duplicates")]) == []


def test_rows_that_became_equal_are_told_from_copies():
    rows = frame(c=lambda made, generator: generator.integers(0, 3, ROWS))
    assert kinds(rows, [step("drop_columns", columns=["a", "b"])]) == ["twin-rows"]


def test_a_large_table_is_sampled_by_content(monkeypatch):
    from jobkit.leakage import rows as module

    copies = pd.concat([frame(), frame().head(400)], ignore_index=True)
    whole = report(copies)["findings"][0]["value"]
    monkeypatch.setattr(module, "ROWS", 400)
    assert report(copies)["findings"][0]["value"] == pytest.approx(whole, abs=0.12)


def test_a_feature_that_knows_the_label_is_named_with_its_column():
    rows = frame(status=lambda made, generator: np.where(made.y == "yes", "gone", "here"))
    findings = report(rows, [step("one_hot")])["findings"]
    assert {finding["kind"] for finding in findings} == {"leaking-feature"} and "(from column 'status')" in findings[0]["message"]


def test_an_id_that_predicts_and_a_sorted_file_are_found():
    rows = frame().sort_values("y", ignore_index=True).assign(booking_number=range(ROWS))
    assert {"row-order-predicts"} < set(kinds(rows))
    noisy = frame()
    order = np.argsort((noisy.y == "yes") * 1.0 + np.random.default_rng(2).normal(scale=0.8, size=ROWS))
    noisy = noisy.iloc[order].reset_index(drop=True).assign(serial=np.arange(ROWS))
    assert {"identifier-predicts", "row-order-predicts"} <= set(kinds(noisy))


def test_an_entity_on_both_sides_asks_for_a_split_by_group():
    rows = frame(customer_id=lambda made, generator: generator.integers(0, 150, ROWS))
    (found,) = report(rows)["findings"]
    assert found["kind"] == "shared-entity" and "method: group, column: 'customer_id'" in found["advice"]
    assert kinds(rows, method="group", column="customer_id") == []


def test_a_date_after_the_time_of_the_split_is_found():
    rows = frame(
        booked=lambda made, generator: pd.Timestamp("2020-01-01") + pd.to_timedelta(generator.integers(0, 700, ROWS), unit="D"),
    ).assign(closed=lambda made: made.booked + pd.Timedelta(days=9))
    steps = [step("dates", columns=["booked", "closed"], parts=["month"])]
    assert kinds(rows, steps, method="time", column="booked") == ["later-date"]


@pytest.fixture
def function(tmp_path, monkeypatch):
    def write(body: str):
        (tmp_path / "own.py").write_text(body)
        monkeypatch.setattr(custom, "CODE_ROOT", tmp_path)
        return [step("python", function="own.py:make")]

    return write


def test_a_python_step_that_looks_at_other_rows_is_found(function):
    steps = function("def make(frame):\n    return frame.assign(share=frame['a'] / frame['a'].sum())\n")
    assert kinds(frame(), steps) == ["dependent-rows"]


def test_a_python_step_that_treats_each_row_alone_is_fine(function):
    assert kinds(frame(), function("def make(frame):\n    return frame.assign(twice=frame['a'] * 2)\n")) == []


def test_a_recipe_that_peeks_at_the_label_learns_from_shuffled_ones(monkeypatch):
    from jobkit.leakage import trials

    rows = frame()
    real = trials.recipes.features

    def peeking(part, fitted):
        return {**real(part, fitted), "peek": part["y"].values.astype(np.float32)}

    monkeypatch.setattr(trials.recipes, "features", peeking)
    assert "shuffled-label" in kinds(rows, settings={"checks": ["shuffled_label"]})


@pytest.mark.parametrize(("settings", "stopping"), [({}, 0), ({"fail_on": ["high"]}, 1), ({"fail_on": ["row-overlap"]}, 1), ({"fail_on": ["time-travel"]}, 0)])
def test_findings_that_stop_are_counted(settings, stopping):
    verdict = report(pd.concat([frame(), frame().head(300)], ignore_index=True), settings=settings)["verdict"]
    assert verdict["findings"] == stopping and ("row-overlap" in verdict["message"]) == bool(stopping)


def test_what_is_ignored_or_not_checked_is_not_reported():
    rows = pd.concat([frame(), frame().head(300)], ignore_index=True)
    assert kinds(rows, settings={"ignore": ["row-overlap"]}) == [] and kinds(rows, settings={"checks": []}) == []
    leak = frame(status=lambda made, generator: (made.y == "yes") * 1.0)
    assert kinds(leak, settings={"ignore": ["leaking-feature:status"]}) == []
