"""Bars of a gate: what they may be held to, how they combine, and what is told of those that make no sense."""

from __future__ import annotations

import pytest

from pipelines.config.gate import before_training, leaves
from pipelines.config.model import PipelineConfig
from pipelines.config.parameters import bar_words, pipeline_parameters
from pipelines.config.rules import impossible

HERE = {
    "name": "gated",
    "data": {"input": "data.csv"},
    "label": {"column": "y"},
    "evaluation": {"slices": ["town"]},
    "bias": {"facets": [{"column": "gender", "values": [0]}]},
    "quality": {"data": {}},
    "profile": {},
    "privacy": {},
    "registration": {"model_package_group": "group"},
}


def config(*bars: dict, **changes) -> PipelineConfig:
    return PipelineConfig(**{**HERE, "gate": list(bars), **changes})


def refused(*bars: dict, **changes) -> dict[str, str]:
    return dict(impossible(config(*bars, **changes)))


@pytest.mark.parametrize(
    ("bar", "parameter", "words"),
    [
        ({"metric": "accuracy", "at_least": 0.5}, "MinAccuracy", "accuracy"),
        ({"metric": "auc", "bound": "lower", "at_least": 0.5}, "MinAucLower", "the lower limit of auc"),
        ({"metric": "recall", "slice": "town", "at_least": 0.5}, "MinRecallTown", "recall in the worst group of town"),
        ({"metric": "recall", "slice": "town", "group": "Bath Spa", "at_least": 0.5}, "MinRecallTownBathSpa", "recall where town is Bath Spa"),
        ({"metric": "auc", "not_worse_by": 0.01}, "MaxLossAuc", "the loss of auc against the approved model"),
        ({"cell": "false_negative", "at_most": 5}, "MaxFalseNegative", "false negative rows"),
        ({"bias": "DPL", "facet": "gender", "within": 0.1}, "MaxAbsDplGender", "the size of DPL of gender"),
        ({"bias": "DI", "facet": "gender", "at_least": 0.8}, "MinDiGender", "DI of gender"),
        ({"quality": "data"}, "MaxDataQualityViolations", "violations of the data's quality"),
        ({"profile": "high"}, "MaxProfileHighFindings", "high findings of the profile"),
        ({"privacy": "shadow_models", "at_most": 0.6}, "MaxShadowModelsAttack", "the AUC of the shadow models attack"),
    ],
)
def test_every_bar_has_a_parameter_and_words(bar, parameter, words):
    made = config(bar)
    assert not refused(bar)
    declared = {p.name: p for p in pipeline_parameters(made)}
    assert parameter in declared and words in declared[parameter].description
    assert [bar_words(leaf) for _, leaf in leaves(made.gate)] == [words]


def test_bars_combine_and_every_leaf_knows_its_place():
    made = config(
        {"any": [{"metric": "auc", "at_least": 0.8}, {"all": [{"metric": "f1", "at_least": 0.5}, {"none": [{"cell": "false_positive", "at_least": 9}]}]}]}
    )
    assert [where for where, _ in leaves(made.gate)] == ["gate[0].any[0]", "gate[0].any[1].all[0]", "gate[0].any[1].all[1].none[0]"]
    assert {"MinAuc", "MinF1", "MinFalsePositive"} <= {p.name for p in pipeline_parameters(made)}


def test_parameters_of_bars_are_told_apart_by_numbers():
    slices = {"evaluation": {"slices": ["性别", "年龄"]}}
    sliced = [{"metric": "auc", "slice": name, "at_least": 0.5} for name in slices["evaluation"]["slices"]]
    bars = [{"metric": "auc", "at_least": 0.8}, {"any": [{"metric": "auc", "at_least": 0.9}, {"metric": "f1", "at_least": 0.5}]}, *sliced]
    assert not refused(*bars, **slices)
    made = {p.name: (p.default, p.config_key) for p in pipeline_parameters(config(*bars, **slices)) if p.name.startswith("MinAuc")}
    assert made == {
        "MinAuc": (0.8, "gate[0].at_least"),
        "MinAuc2": (0.9, "gate[1].any[0].at_least"),
        "MinAuc3": (0.5, "gate[2].at_least"),
        "MinAuc4": (0.5, "gate[3].at_least"),
    }


def test_a_bar_on_the_data_is_known_before_training():
    bars = [{"bias": "CI", "facet": "gender", "within": 1}, {"bias": "DI", "facet": "gender", "at_least": 0}, {"quality": "data"}, {"profile": "low"}]
    assert [before_training(bar) for _, bar in leaves(config(*bars).gate)] == [True, False, True, False]


@pytest.mark.parametrize(
    ("bars", "changes", "key", "told"),
    [
        ([{"metric": "recall", "slice": "city", "at_least": 0.5}], {}, "gate[0].slice", "expected one of evaluation.slices: town"),
        ([{"metric": "recall", "group": "x", "at_least": 0.5}], {}, "gate[0].group", "without slice"),
        ([{"metric": "recall", "slice": "town", "bound": "lower", "at_least": 0.5}], {}, "gate[0].slice", "of the value only"),
        ([{"metric": "recall", "slice": "o'hare", "at_least": 0.5}], {"evaluation": {"slices": ["o'hare"]}}, "gate[0].slice", "a quote"),
        ([{"metric": "auc", "not_worse_by": 0.1}], {"registration": None, "quality": {}}, "gate[0].not_worse_by", "needs registration"),
        ([{"bias": "DPL", "facet": "age", "within": 0.1}], {}, "gate[0].facet", "expected one of bias.facets: gender"),
        ([{"bias": "DPL", "facet": "gender", "within": 0.1}], {"bias": None}, "gate[0].bias", "needs the section bias"),
        ([{"bias": "DI", "facet": "gender", "within": 0.1}], {"bias": {**HERE["bias"], "post_training": False}}, "gate[0].bias", "is not computed"),
        ([{"bias": "KS", "facet": "gender", "within": 0.1}], {"bias": {**HERE["bias"], "pre_training": ["CI"]}}, "gate[0].bias", "KS is not computed"),
        ([{"bias": "KS", "facet": "gender", "within": 0.1}], {"bias": {**HERE["bias"], "runner": "clarify"}}, "gate[0].bias", "a condition cannot read"),
        ([{"quality": "model"}], {}, "gate[0].quality", "needs quality.model"),
        ([{"quality": "data"}], {"quality": {"data": {"runner": "model-monitor"}}}, "gate[0].quality", "a condition cannot read"),
        ([{"quality": "data"}], {"quality": {"data": {"drift": {"compare": False}}}}, "gate[0].quality", "drift.compare is false"),
        ([{"profile": "high"}], {"profile": None}, "gate[0].profile", "needs the section profile"),
        ([{"privacy": "shadow_models", "at_most": 0.6}], {"privacy": {"shadow_models": 0}}, "gate[0].privacy", "no such attack"),
        ([{"privacy": "loss_threshold", "at_most": 0.6}], {"privacy": None}, "gate[0].privacy", "needs the section privacy"),
        (
            [{"any": [{"bias": "CI", "facet": "gender", "within": 1}, {"metric": "auc", "at_least": 0.5}]}],
            {},
            "gate[0]",
            "mixes metrics of the data before training",
        ),
        ([{"metric": "auc", "at_least": 0.5}, {"metric": "auc", "at_least": 0.6}], {}, "gate[1]", "bounds auc as an earlier bar does"),
        ([{"bias": "DI", "facet": "gender", "within": 0.1}], {}, "gate[0].within", "is a ratio"),
        ([], {"evaluation": {"slices": ["town", "town"]}}, "evaluation.slices", "'town' stands twice"),
        ([], {"bias": {**HERE["bias"], "pre_training": ["CI", "CI"]}}, "bias.pre_training", "'CI' stands twice"),
        ([], {"explainability": {"pdp": {"columns": ["a", "b", "a"]}}}, "explainability.pdp.columns", "'a' stands twice"),
        ([{"any": [{"metric": "rmse", "at_most": 5}]}], {}, "gate[0].any[0].metric", "has no such metric"),
    ],
)
def test_bars_that_make_no_sense_are_told(bars, changes, key, told):
    found = refused(*bars, **changes)
    assert told in found[key]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"bias": {"facets": [{"column": "g"}, {"column": "g"}]}}, "bias.facets[1].column"),
        ({"bias": {"facets": [{"column": "y"}]}}, "bias.facets[0].column"),
        ({"bias": {"facets": [{"column": "g"}], "pre_training": False, "post_training": False}}, "bias"),
        ({"package": {"enabled": False}, "explainability": {}}, "explainability"),
        ({"package": {"enabled": False}}, "bias"),
        ({"training": {"script": "train.py"}}, "bias.predictor"),
        ({"training": {"script": "train.py"}, "explainability": {}}, "explainability.predictor"),
        ({"training": {"script": "train.py"}}, "privacy"),
        (
            {"training": {"script": "train.py"}, "explainability": {"runner": "clarify", "predictor": {"content_type": "application/json"}}},
            "explainability.predictor.record_template",
        ),
        ({"bias": {"facets": [{"column": "g"}], "predictor": {"label": 0}}}, "bias.predictor"),
        ({"evaluation": {"script": "mine.py", "slices": ["town"]}}, "evaluation.slices"),
        ({"evaluation": {"script": "mine.py"}, "gate": [{"metric": "auc", "bound": "lower", "at_least": 0.5}]}, "gate[0]"),
        ({"evaluation": {"script": "mine.py"}, "quality": {"model": {}}}, "quality.model"),
        ({"problem": "multiclass_classification", "label": {"column": "y", "classes": ["a", "b", "c"]}}, "bias.favourable"),
    ],
)
def test_checks_that_make_no_sense_are_told(changes, key):
    assert key in refused(**changes)


def test_costs_where_an_error_costs_less_than_being_right_are_refused():
    with pytest.raises(ValueError, match="an error costs more than being right"):
        config(evaluation={"costs": {"false_positive": 0, "true_negative": 1}})
