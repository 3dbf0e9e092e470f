"""Every mistake is one line with file, line, dotted key, got, expected and the nearest key; none hides another."""

from __future__ import annotations

import pytest

from pipelines.config.gate import BARS
from pipelines.config.loader import load
from pipelines.config.problems import known_keys
from pipelines.errors import ConfigError

BASE = "name: h\ndata: {input: d.csv}\nlabel: {column: y}\n"


@pytest.fixture
def told(tmp_path):
    def tell(text: str, base: str = BASE, **options) -> list[str]:
        path = tmp_path / "p.yaml"
        path.write_text(base + text)
        with pytest.raises(ConfigError) as caught:
            load(path, **options)
        lines = [line.strip().replace(f"{path}:", "") for line in str(caught.value).splitlines()]
        return lines[1:] if len(lines) > 1 else lines

    return tell


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("recipe: [{step: impute, columns: [a, no]}]", "4: recipe[0].columns[1]: wrong type; got False (bool), expected text. YAML reads yes, no, on and off"),
        ("recipe: [{step: one_hot, columns: all}]", "4: recipe[0].columns: wrong type; got 'all' (str), expected 'auto' or a list."),
        ("recipe: [{step: one_hot, columns: [no]}]", "4: recipe[0].columns[0]: wrong type; got False (bool), expected text."),
        ("recipe: [drop]", "4: recipe[0]: wrong type; got 'drop' (str), expected keys and values."),
        (
            "recipe: [{step: impute, columns: [a], stratgy: mode}]",
            "4: recipe[0].stratgy: unknown key; expected one of: columns, fitted, indicator, step, strategy, value. Did you",
        ),
        ("recipe: [{step: impute, columns: [a], value: 3}]", "4: recipe[0].value: has no effect; got strategy median"),
        ("recipe: [{step: outliers, columns: [a], method: quantile, threshold: 4.0}]", "4: recipe[0].threshold: out of range for method quantile; got 4"),
        ("gate: [5]", "4: gate[0]: wrong type; got 5 (int), expected a bar such as {metric: accuracy"),
        ("gate: [{metrc: auc, at_least: 0.5}]", f"4: gate[0]: a bar holds one of {', '.join(BARS)}; got metrc, at_least. Did you mean metric?"),
        ("gate: [{metric: f1, cell: true_positive, at_least: 1}]", f"4: gate[0]: a bar holds one of {', '.join(BARS)}; got metric, cell, at_least."),
        ("gate: [{metric: f1, at_least: 0.1, at_most: 0.2}]", "4: gate[0]: a bar has one bound; got at_least and at_most"),
        ('gate: [{metric: f1, at_least: "0.3"}]', "4: gate[0].at_least: wrong type; got '0.3' (str), expected a number. Write 0.3 without quotes."),
        ("gate: [{metric: f1, at_lest: 0.3}]", "4: gate[0].at_lest: unknown key; expected one of: at_least, at_most, bound, group, metric"),
        ("gate: [{cell: false_positive, at_most: 0.3}]", "4: gate[0].at_most: wrong type; got 0.3 (float), expected a whole number."),
        ("seed: true", "4: seed: wrong type; got True (bool), expected a whole number."),
        ("seed: -1", "4: seed: out of range; got -1, expected at least 0."),
        ("recipe:", "4: recipe: wrong type; got nothing, expected a list."),
        ("description: 2015-01-02", "4: description: wrong type; got datetime.date(2015, 1, 2) (date), expected text. YAML reads this as a date"),
        (
            "training: {version: 3.2}",
            "4: training.version: not allowed; got 3.2, expected '1.5-1', '1.7-1', '3.0-5', '3.2-0', '1.2-1', '1.4-2' or '1.9-0'. Did you mean 3.2-0? YAML",
        ),
        ("training: {instance_type: m5.large}", "4: training.instance_type: the wrong form; got 'm5.large', expected a SageMaker instance type such as"),
        ("training: {hyperparameters: {str: [1]}}", "4: training.hyperparameters.str: wrong type; got [1] (a list), expected true or false, a whole number,"),
        ("training: {hyperparameters: {impute: .nan}}", "4: training.hyperparameters.impute: wrong type; got nan (float)"),
        ("preprocess: {environment: {A: 1}}", "4: preprocess.environment.A: wrong type; got 1 (int), expected text."),
        ("evaluation: {instance_type: ml.m5.4xlarge}", "4: evaluation.instance_type: has no effect: both processing jobs run on preprocess.instance_type"),
        ("aws: {role_arn: me}", "4: aws.role_arn: the wrong form; got 'me', expected the ARN of an IAM role"),
        ("parameters: {Seed: abc}", "4: parameters.Seed: the value has the wrong type; got 'abc' (str), expected Integer"),
        ("parameters: {DecisionThreshold: 7}", "4: parameters.DecisionThreshold: out of range; got 7.0, expected less than 1."),
        ("cache: {expire_after: month}", "4: cache.expire_after: the wrong form; got 'month', expected an ISO 8601 duration"),
        ("1: 2", "4: 1: unknown key"),
    ],
)
def test_a_mistake_is_one_line(told, text, line):
    lines = told(text)
    assert len(lines) == 1 and lines[0].startswith(line)


def test_mistakes_of_data_are_named_with_an_example(told):
    base = 'name: h\nlabel: {column: y}\ndata: {input: d.csv, encoding: utf-99, delimiter: "ab"}\n'
    lines = told("", base)
    assert "3: data.delimiter: out of range; got 'ab', expected at most 1 characters." in lines
    assert any(line.startswith("3: data.encoding: there is no such text encoding; got 'utf-99'") for line in lines)


def test_a_needed_section_that_is_missing_does_not_hide_the_rest(told):
    lines = told("gate: [{metric: rmse, at_least: 0.5}]\nsplit: {train: 0.9, validation: 0.2}\n", base="name: h\ndata: {input: d.csv}\n")
    assert [line.split(": ")[-2 if "label" in line else 1].split(": ")[0] for line in lines][1:] == ["gate[0].metric", "split"]
    assert "label: missing; this key is needed." in lines[0]


def test_an_impossible_combination_is_told_beside_a_wrong_type_with_the_index_of_the_file(told):
    lines = told("gate:\n- 5\n- {metric: rmse, at_least: 0.5}\nrecipe:\n- {step: imput}\n- {step: drop_columns, columns: [y]}\n")
    keys = [line.split(": ")[1] for line in lines]
    assert keys == ["gate[0]", "gate[1].metric", "recipe[0]", "recipe[1].columns"]


def test_problems_come_in_the_order_of_the_lines(told):
    lines = told("seed: x\nsplit: {train: 2}\naws: {region: moon}\ngate: {}\n")
    assert [line.split(":")[0] for line in lines] == ["4", "5", "6", "7"]


def test_a_parameter_of_a_bar_that_is_wrong_itself_is_not_called_unknown(told):
    lines = told("gate: [{metric: auc, at_lest: 0.5}]\nparameters: {MinAuc: 0.6}\n")
    assert len(lines) == 1 and "at_lest" in lines[0]


@pytest.mark.parametrize(
    ("location", "key"),
    [(("trainning",), "training"), (("recipe", 0, "impute", "x"), "strategy"), (("gate", 1, "cell", "x"), "cell"), (("aws", "x"), "bucket")],
)
def test_the_keys_beside_a_location_are_those_of_its_section(location, key):
    assert key in known_keys(location)
