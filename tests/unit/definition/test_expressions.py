from __future__ import annotations

import pytest

from pipelines.definition.conditions import evaluate_conditions, label
from pipelines.definition.expressions import ExpressionError, evaluate, json_get, parse_path, references


class Scope:
    """Answer from plain dictionaries."""

    parameters = {"N": 3, "F": 0.5, "B": True, "S": "text", "Empty": ""}
    steps = {
        "Prep": {
            "ProcessingOutputConfig": {
                "Outputs": [{"OutputName": "train", "S3Output": {"S3Uri": "s3://b/train"}}, {"OutputName": "a.b", "S3Output": {"S3Uri": "s3://b/ab"}}]
            }
        },
        "Train": {"FinalMetricDataList": [{"MetricName": "validation:auc", "Value": 0.9}], "Tags": {"key": "v"}},
    }
    files = {("Eval", "Report"): {"m": {"accuracy": {"value": 0.8}, "1": {"0": 7}, "a.b": [10, 20]}}}

    def parameter(self, name):
        return self.parameters[name]

    def execution(self, name):
        return {"PipelineName": "p"}[name]

    def step(self, name):
        return self.steps[name]

    def property_file(self, step, name):
        return self.files[step, name]

    def s3_json(self, uri):
        return {"s3://b/f.json": {"x": 1}}[uri]


def json_get_of(path):
    return {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Eval.PropertyFiles.Report"}, "Path": path}}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Get": "Parameters.N"}, 3),
        ({"Get": "Steps.Prep.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}, "s3://b/train"),
        ({"Get": "Steps.Prep.ProcessingOutputConfig.Outputs['a.b'].S3Output.S3Uri"}, "s3://b/ab"),
        ({"Get": "Steps.Prep.ProcessingOutputConfig.Outputs[0].S3Output.S3Uri"}, "s3://b/train"),
        ({"Get": "Steps.Train.FinalMetricDataList['validation:auc'].Value"}, 0.9),
        ({"Get": "Steps.Train.Tags['key']"}, "v"),
        ({"Get": "Execution.PipelineName"}, "p"),
        ({"Std:Join": {"On": "/", "Values": ["a", {"Get": "Parameters.N"}, {"Std:Join": {"On": "-", "Values": [{"Get": "Parameters.F"}, 1]}}]}}, "a/3/0.5-1"),
        ({"Std:Join": {"On": "", "Values": [{"Get": "Parameters.B"}, {"Get": "Parameters.Empty"}]}}, "true"),
        ({"Std:Join": {"Values": []}}, ""),
        (json_get_of("m.accuracy.value"), 0.8),
        (json_get_of("$.m.accuracy.value"), 0.8),
        (json_get_of("m.1.0"), 7),
        (json_get_of("m['a.b'][1]"), 20),
        ({"Std:JsonGet": {"S3Uri": {"Std:Join": {"On": "/", "Values": ["s3://b", "f.json"]}}, "Path": "x"}}, 1),
        ({"deep": [{"Get": "Parameters.S"}, 1]}, {"deep": ["text", 1]}),
        ({"Get": "Parameters.N", "Other": 1}, {"Get": "Parameters.N", "Other": 1}),
    ],
)
def test_an_expression_stands_for_its_value(expression, value):
    assert evaluate(expression, Scope()) == value


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ({"Get": "Parameters.None"}, "no value"),
        ({"Get": "Steps.Prep.Nope"}, "there is no 'Nope'"),
        ({"Get": "Steps.Prep.ProcessingOutputConfig.Outputs['x']"}, "there is no 'x'"),
        ({"Get": "Steps.Later.X"}, "no value"),
        ({"Get": "Nowhere.X"}, "leads nowhere"),
        ({"Get": "Steps.A..B"}, "cannot read"),
        ({"Get": 3}, "path as text"),
        ({"Std:Join": "x"}, "Values"),
        (json_get_of("m.recall.value"), "no 'recall'"),
        (json_get_of("m[*]"), "cannot read"),
        (json_get_of("m..x"), "cannot read"),
        ({"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Eval.X"}, "Path": "m"}}, "another form"),
    ],
)
def test_an_expression_without_a_value_says_why(expression, words):
    with pytest.raises(ExpressionError, match=words):
        evaluate(expression, Scope())


def test_references_are_found_wherever_they_stand():
    found = references({"a": [json_get_of("m"), {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.N"}]}}]})
    assert [(r.kind, r.name, r.property_file) for r in found] == [("Steps", "Eval", "Report"), ("Parameters", "N", None)]


def test_paths_are_taken_apart():
    assert parse_path("Steps.A-b_1.X['k.l'][3]").segments == ("A-b_1", "X", "k.l", 3)
    assert json_get([{"a": 1}], "[0].a") == 1


def compare(kind, left, right):
    return {"Type": kind, "LeftValue": left, "RightValue": right}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (compare("Equals", {"Get": "Parameters.S"}, "text"), True),
        (compare("NotEquals", 1, 1), False),
        (compare("GreaterThan", 2, 1), True),
        (compare("GreaterThanOrEqualTo", 1, 1.0), True),
        (compare("LessThan", json_get_of("m.accuracy.value"), {"Get": "Parameters.F"}), False),
        (compare("LessThanOrEqualTo", "0.4", 0.5), True),
        ({"Type": "In", "QueryValue": 3, "Values": [1, {"Get": "Parameters.N"}]}, True),
        ({"Type": "In", "Value": "x", "In": ["y"]}, False),
        ({"Type": "NotIn", "Value": "x", "In": ["y"]}, True),
        ({"Type": "Not", "Condition": compare("Equals", 1, 1)}, False),
        ({"Type": "Or", "Conditions": [compare("Equals", 1, 2), compare("Equals", 1, 1)]}, True),
        ({"Type": "And", "Conditions": [compare("Equals", 1, 2), compare("Equals", 1, 1)]}, False),
    ],
)
def test_a_condition_holds_or_not(condition, holds):
    assert evaluate_conditions([condition], Scope())[0] is holds


def test_what_stands_below_not_is_told_the_other_way_round():
    bar, several = compare("GreaterThan", 1, 0.5), {"Type": "In", "QueryValue": 1, "Values": [1, 2]}
    for condition, times, told in ((bar, 1, "1: 1 <= 0.5"), (bar, 2, "1: 1 > 0.5"), (bar, 3, "1: 1 <= 0.5"), (several, 1, "1: 1 not in [1, 2]")):
        for _ in range(times):
            condition = {"Type": "Not", "Expression": condition}
        (check,) = evaluate_conditions([condition], Scope())[1]
        assert check.text == told and check.holds is (times == 2)


def test_a_number_of_violations_is_told_with_the_step_that_counted_them():
    value = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.DataQuality.PropertyFiles.Report"}, "Path": "violations"}}
    assert label(value) == "violations of DataQuality" and label({"Std:JsonGet": {"Path": "violations"}}) == "violations"


def test_every_comparison_is_told_even_after_one_that_failed():
    holds, checks = evaluate_conditions([compare("Equals", 1, 2), compare("GreaterThan", json_get_of("m.accuracy.value"), 0.5)], Scope())
    assert not holds and [(c.text, c.holds) for c in checks] == [("1: 1 == 2", False), ("accuracy: 0.8 > 0.5", True)]


@pytest.mark.parametrize("condition", [compare("GreaterThan", "a", 1), {"Type": "Almost"}, {"Type": "Not"}])
def test_a_condition_that_cannot_be_evaluated_says_why(condition):
    with pytest.raises(ExpressionError):
        evaluate_conditions([condition], Scope())
