from __future__ import annotations

import pytest

from pipelines.local.faults import ClientFault
from pipelines.local.metrics import confusion_matrix, final_metrics, report_metrics

XGBOOST = {"Name": "validation:auc", "Regex": r".*\[[0-9]+\].*#011validation-auc:(\S+)"}


def test_the_last_value_in_the_log_is_the_final_one():
    assert final_metrics(["loss=2.5", "loss=1.5;", "nothing"], [{"Name": "loss", "Regex": r"loss=([0-9.]+)"}]) == {"loss": 1.5}


def test_a_tab_is_also_seen_as_cloudwatch_shows_it():
    assert final_metrics(["[0]\ttrain-auc:0.9\tvalidation-auc:0.8"], [XGBOOST]) == {"validation:auc": 0.8}


def test_a_group_that_runs_on_over_a_tab_ends_at_it():
    train = {"Name": "train:auc", "Regex": r".*\[[0-9]+\].*#011train-auc:(\S+)"}
    assert final_metrics(["[0]\ttrain-auc:0.9\tvalidation-auc:0.8"], [train, XGBOOST]) == {"train:auc": 0.9, "validation:auc": 0.8}


def test_a_value_that_is_no_number_is_passed_over():
    assert final_metrics(["loss=oops", "loss=nan"], [{"Name": "loss", "Regex": r"loss=(oops)"}]) == {}


def test_a_regex_that_is_none_is_named():
    with pytest.raises(ClientFault, match="metric 'x' is no regular expression"):
        final_metrics([], [{"Name": "x", "Regex": "("}])


def test_a_regex_without_a_group_catches_nothing():
    assert final_metrics(["loss=1"], [{"Name": "loss", "Regex": "loss=1"}]) == {}


def test_report_metrics_are_the_point_values():
    report = {
        "binary_classification_metrics": {"accuracy": {"value": 0.8, "standard_deviation": "NaN"}, "confusion_matrix": {"0": {"0": 1}}, "auc": {"value": "NaN"}}
    }
    assert report_metrics(report) == {"accuracy": 0.8}
    assert confusion_matrix(report) == {"0": {"0": 1}}


def test_a_report_of_another_shape_has_no_metrics():
    assert report_metrics([1, 2]) == {} and report_metrics({"a_metrics": 3}) == {} and confusion_matrix("x") is None
