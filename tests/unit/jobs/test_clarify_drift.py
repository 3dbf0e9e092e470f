"""Drift against a baseline: the service's published cases and its real violations."""

from __future__ import annotations

import copy
import re

import pytest
from clarify_case import CHECK_STEP, REFERENCE, as_csv, needs_reference, parsed, run, settings

from jobkit.clarify import drift
from jobkit.failure import JobError

REAL = ("archjl", "batch_transform_json", "for_endpoint_json")


@needs_reference
@pytest.mark.parametrize(("case", "failing"), [("good_cases", []), ("bad_cases", ["KS"])])
def test_the_published_cases_of_clarify_checks_pass_and_fail_as_named(tmp_path, case, failing):
    given = settings(
        headers=["Label", "F1", "F2", "F3", "F4"], label="Label", facet=[{"name_or_index": "F1", "value_or_threshold": [0.5]}], group_variable="F2"
    )
    run(tmp_path, given, (CHECK_STEP / "dataset.csv").read_text(), baseline=parsed(CHECK_STEP / "data_bias" / case / "analysis.json"))
    found = parsed(tmp_path / "output/constraint_violations.json")
    assert [entry["metric_name"] for entry in found["violations"]] == failing


@needs_reference
@pytest.mark.parametrize("name", REAL)
def test_the_services_real_violations_are_found_with_its_words_and_nothing_else(tmp_path, name):
    """The files hold the current values in their texts, so the current analysis is the baseline with these put in."""
    baseline = parsed(REFERENCE / f"real_{name}_baseline_analysis.json")
    real = parsed(REFERENCE / f"real_{name}_constraint_violations.json")
    now = copy.deepcopy(baseline)
    for entry in real["violations"]:
        value = re.match(r"Metric value (\S+) doesn't", entry["description"])[1]
        metrics = now["post_training_bias_metrics"]["facets"][entry["facet"]][0]["metrics"]
        next(metric for metric in metrics if metric["name"] == entry["metric_name"])["value"] = value if value == "Infinity" else float(value)
    found = drift.violations(baseline, now)
    assert found == real
    path = tmp_path / "constraint_violations.json"
    drift_file = (REFERENCE / f"real_{name}_constraint_violations.json").read_bytes()
    from jobkit.clarify.analysis import write_like_the_service

    write_like_the_service(found, path)
    assert path.read_bytes() == drift_file


@needs_reference
def test_there_are_25_real_violations():
    assert sum(len(parsed(REFERENCE / f"real_{name}_constraint_violations.json")["violations"]) for name in REAL) == 25


def analysis(**metrics):
    made = [{"name": name, "description": "", "value": value} for name, value in metrics.items()]
    return {"version": "1.0", "pre_training_bias_metrics": {"facets": {"f": [{"value_or_threshold": "1", "metrics": made}]}}}


@pytest.mark.parametrize(
    ("name", "before", "now", "worse"),
    [
        ("DPL", 0.1, 0.2, True),
        ("DPL", 0.1, -0.2, True),
        ("DPL", -0.2, 0.1, False),
        ("DPL", 0.1, 0.1 + 1e-10, False),
        ("DPL", 0.1, "Infinity", True),
        ("DPL", "Infinity", "-Infinity", False),
        ("DPL", None, 0.3, False),
        ("DPL", 0.3, None, False),
        ("DI", 0.9, 1.05, False),
        ("DI", 0.9, 0.8, True),
        ("DI", 1.1, 0.8, True),
        ("DI", 0.5, 1.0, False),
    ],
)
def test_a_metric_violates_when_it_is_farther_from_its_ideal(name, before, now, worse):
    assert bool(drift.bias_violations(analysis(**{name: before}), analysis(**{name: now}))) is worse


def test_intervals_are_the_same_group_when_their_threshold_is_the_same():
    before, now = analysis(KS=0.1), analysis(KS=0.2)
    for made, value in ((before, "(0.5, 0.99]"), (now, "(0.5, 0.97]")):
        made["pre_training_bias_metrics"]["facets"]["f"][0]["value_or_threshold"] = value
    assert [entry["facet_value"] for entry in drift.bias_violations(before, now)] == ["(0.5, 0.97]"]
    before["pre_training_bias_metrics"]["facets"]["f"][0]["value_or_threshold"] = "(0.4, 0.99]"
    assert drift.bias_violations(before, now) == []


def test_what_stands_on_one_side_only_is_no_violation():
    assert drift.bias_violations(analysis(DPL=0.1), analysis(KS=0.9)) == []
    assert drift.violations({"version": "1.0"}, analysis(KS=0.9)) == {"version": "1.0", "violations": []}


def shap(**values):
    return {"explanations": {"kernel_shap": {"label0": {"global_shap_values": values, "expected_value": 0.5}}}}


def test_the_guides_example_of_attribution_drift_scores_0_69():
    before, now = {"SAT": 0.70, "GPA": 0.50, "rank": 0.05}, {"SAT": 0.10, "GPA": 0.20, "rank": 0.70}
    assert drift.ndcg(before, now) == pytest.approx(0.6876, abs=5e-5)
    (found,) = drift.explanation_violations(shap(**before), shap(**now))
    assert list(found) == ["constraint_check_type", "description", "label", "metric_name"]
    assert re.fullmatch(r"Feature attribution drift 0\.6876\d+ exceeds threshold 0\.9", found["description"])
    assert (found["label"], found["metric_name"]) == ("label0", "shap")
    assert drift.explanation_violations(shap(**before), shap(**before)) == []


@pytest.mark.parametrize("seed", range(4))
def test_ndcg_is_scikit_learns_with_ties_and_without(seed):
    import numpy as np
    from sklearn.metrics import ndcg_score

    dice = np.random.default_rng(seed)
    before, now = dice.random(8), np.round(dice.random(8), seed)
    names = [f"f{place}" for place in range(8)]
    ours = drift.ndcg(dict(zip(names, before, strict=True)), dict(zip(names, now, strict=True)))
    assert ours == pytest.approx(ndcg_score([before], [now]), abs=1e-12)
    assert drift.ndcg(dict.fromkeys(names, 0.0), dict(zip(names, now, strict=True))) == 1.0


def test_a_shifted_data_set_violates_and_names_facet_and_metric(tmp_path):
    before = {"group": ["a", "b"] * 40, "label": [1, 1, 0, 0] * 20}
    now = {**before, "label": [1, 0, 1, 0, 1, 0, 0, 1] * 10}
    baseline = run(tmp_path / "before", settings(), as_csv(before))
    said = []
    run(tmp_path / "now", settings(), as_csv(now), baseline=baseline, say=said.append)
    found = parsed(tmp_path / "now/output/constraint_violations.json")["violations"]
    assert ("group", "b", "DPL") in {(entry["facet"], entry["facet_value"], entry["metric_name"]) for entry in found}
    assert any(line.startswith("violation: group = b: DPL: Metric value 0.5 ") for line in said)


def test_a_baseline_that_is_no_analysis_is_refused(tmp_path):
    with pytest.raises(JobError, match="the input baseline: analysis.json is no analysis of Clarify"):
        run(tmp_path, settings(), as_csv({"group": ["a", "b"] * 40, "label": [1, 0] * 40}), baseline=[1])
