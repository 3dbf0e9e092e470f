from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.config.explain import explain
from pipelines.config.loader import load, parameter_values
from pipelines.config.parameters import pipeline_parameters
from pipelines.config.training_rules import framework_version
from pipelines.errors import ConfigError

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples/hotel-bookings/pipeline.yaml"
BASE = "name: h\ndata: {input: d.csv}\nlabel: {column: y}\n"


@pytest.fixture
def project(tmp_path):
    def write(text: str = "", **profiles: str) -> Path:
        (tmp_path / "pipeline.yaml").write_text(BASE + text)
        for name, body in profiles.items():
            (tmp_path / "profiles").mkdir(exist_ok=True)
            (tmp_path / f"profiles/{name}.yaml").write_text(body)
        return tmp_path / "pipeline.yaml"

    return write


def message(path: Path, **options) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, **options)
    return str(caught.value)


def test_the_example_and_its_profiles_load():
    for profile in (None, "local", "dev", "prod"):
        assert load(EXAMPLE, profile=profile).config.name == "hotel-bookings"


def test_three_keys_are_enough(project):
    config = load(project()).config
    assert (framework_version(config), config.split.train, config.gate) == ("3.2-0", 0.7, ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("traning: {}\n", "pipeline.yaml:4: traning: unknown key; expected one of: aws, batch_transform, bias, cache, .* Did you mean training?"),
        ("training: {versoin: x}\n", "training.versoin: unknown key.* Did you mean version?"),
        ("training: {version: 3.2}\n", "training.version: not allowed; got 3.2, expected '1.5-1'"),
        ("seed: high\n", "seed: wrong type; got 'high' \\(str\\), expected a whole number"),
        ("recipe: [{step: imput, columns: [a]}]\n", "recipe\\[0\\]: got step 'imput'.*Did you mean impute?"),
        ("recipe: [{step: impute, columns: [a], strategy: avg}]\n", "recipe\\[0\\].strategy: not allowed; got 'avg'"),
        ("recipe: [{columns: [a]}]\n", "recipe\\[0\\]: got no step"),
        ("gate: [{metric: rmse, at_least: 0.5}]\n", "gate\\[0\\].metric: binary_classification has no such metric; got 'rmse'"),
        ("recipe: [{step: outliers, columns: [a], method: min_max, low: 5, high: 1}]\n", "recipe\\[0\\].*low: above high; got 5 and 1"),
        ("recipe: [{step: ordinal, columns: [a], order: {a: [x, x]}}]\n", "'x' stands twice in the order of 'a'"),
        ("recipe: [{step: ordinal, columns: [a], order: {b: [x]}}]\n", "'b' is not among the columns"),
        ("recipe: [{step: move_columns, columns: [a], after: a}]\n", "'a' is one of the columns that are moved"),
        ("split: {method: group, column: y}\n", "split.column: is the label 'y'"),
        ("leakage: {checks: [], fail_on: [high]}\n", "leakage.fail_on: never stops anything"),
        ("tuning: {ranges: {}}\n", "tuning.ranges"),
        ("tuning: {ranges: {max_dept: {low: 1, high: 3}}}\n", "no hyperparameter 'max_dept' to search. Did you mean max_depth?"),
        ("tuning: {ranges: {eta: {low: 1}}}\n", "a range has both bounds, low and high, or values"),
        ("tuning: {ranges: {eta: {low: 3, high: 1}}}\n", "the wrong way round; got low 3 and high 1"),
        ("tuning: {ranges: {eta: {values: [1], scaling: Linear}}}\n", "kind and scaling have no effect on values"),
        ("tuning: {ranges: {eta: {low: 0.0, high: 1.0, scaling: Logarithmic}}}\n", "Logarithmic scaling takes values above 0 only; got low 0.0"),
        ("tuning: {ranges: {eta: {low: 0.0, high: 1.0, scaling: ReverseLogarithmic}}}\n", "below 1 only; got 0.0 to 1.0"),
        ("tuning: {strategy: Grid, ranges: {eta: {low: 0.1, high: 0.2}}}\n", "tuning.ranges.eta: strategy Grid takes values only"),
        ("tuning: {strategy: Grid, jobs: 3, ranges: {eta: {values: [0.1, 0.2]}}}\n", "tuning.jobs: has no effect with strategy Grid, which tries all 2"),
        ("tuning: {strategy: Hyperband, early_stopping: true, ranges: {eta: {low: 0.1, high: 0.2}}}\n", "tuning.early_stopping: has no effect"),
        ("tuning: {hyperband: {max_resource: 9}, ranges: {eta: {low: 0.1, high: 0.2}}}\n", "tuning.hyperband: has no effect with strategy Bayesian"),
        ("tuning: {metric: auc, ranges: {eta: {low: 0.1, high: 0.2}}}\n", "tuning.metric: got 'auc', expected a metric of a channel"),
        ("tuning: {metric_regex: x, ranges: {eta: {low: 0.1, high: 0.2}}}\n", "tuning.metric_regex: has no effect"),
        ("gate: [{metric: accuracy}]\n", "gate\\[0\\]: a bar has one bound"),
        ("gate: [{metric: accuracy, at_least: 75}]\n", "gate\\[0\\].at_least: out of range; got 75"),
        ("gate: [{cell: false_negativ, at_most: 5}]\n", "gate\\[0\\].cell: not allowed.*Did you mean false_negative?"),
        ("gate: [{metric: auc, at_least: 0.5}, {metric: auc, at_least: 0.6}]\n", "gate\\[1\\]: bounds auc as an earlier bar does"),
        ("recipe: [{step: drop_columns, columns: [y]}]\n", "recipe\\[0\\].columns: the label 'y' would be dropped"),
        ("recipe: [{step: one_hot, columns: [y]}]\n", "the label 'y' would be changed by step one_hot"),
        ("recipe: [{step: drop_columns, columns: [a]}, {step: impute, columns: [a]}]\n", "the column 'a' was dropped by an earlier step"),
        ("recipe: [{step: one_hot}, {step: drop_duplicates}]\n", "recipe\\[1\\].step: drop_duplicates comes after"),
        ("recipe: [{step: impute, columns: [a], strategy: constant}]\n", "recipe\\[0\\].value: missing"),
        ("recipe: [{step: derive, columns: {twice: y * 2}}]\n", "recipe\\[0\\].columns.twice: reads the label 'y'"),
        ("recipe: [{step: derive, columns: {twice: a +}}]\n", "recipe\\[0\\].columns.twice: expression 'a \\+'"),
        ("recipe: [{step: filter_rows, where: \"__import__('os')\"}]\n", "recipe\\[0\\].where: .*there is no function '__import__'"),
        ("recipe: [{step: filter_rows, where: a.b > 1}]\n", "recipe\\[0\\].where: .*Attribute is not part of the language"),
        ("recipe: [{step: join, other: rates, columns: [a]}]\n", "recipe\\[0\\].other: there is no such input; got 'rates', and data.others is empty"),
        ("problem: regression\ngate: [{metric: auc, at_least: 0.5}]\n", "gate\\[0\\].metric: regression has no such metric; got 'auc', expected one of: mae"),
        ("problem: regression\ngate: [{cell: false_negative, at_most: 5}]\n", "gate\\[0\\].cell: regression has no such cell"),
        ("problem: regression\ngate: [{metric: rmse, at_most: -1}]\n", "gate\\[0\\].at_most: out of range; got -1, expected 0 to inf"),
        ("problem: regression\nevaluation: {threshold: 0.4}\n", "evaluation.threshold: has no effect with problem regression"),
        ("problem: multiclass_classification\n", "label.classes: missing"),
        ("problem: multiclass_classification\nrecipe: [{step: target_encode, columns: [a]}]\n", "recipe\\[0\\].step: target_encode has no meaning"),
        ("problem: multiclass\n", "problem: not allowed; got 'multiclass'"),
        ("split: {train: 0.9, validation: 0.1}\n", "split: nothing is left for the test split"),
        ("training: {hyperparameters: {objective: reg:squarederror}}\n", "not for binary_classification; got 'reg:squarederror'"),
        ("parameters: {MinAcuracy: 0.5}\n", "parameters.MinAcuracy: the pipeline has no such parameter"),
        ("preprocess: {instance_type: m5.large}\n", "preprocess.instance_type"),
        ("name: again\n", "the key 'name' stands twice"),
        ("a: [1\n", "this is not YAML"),
        ("x:\n\ty: 1\n", "spaces, never tabs"),
        ("b: &b {c: *b}\n", "grows beyond|is not YAML"),
        ("b: {<<: {a: 1}}\n", "Merge keys"),
    ],
)
def test_a_wrong_configuration_says_where_what_and_what_to_do(project, text, words):
    import re

    assert re.search(words, message(project(text)).replace("\n", " "))


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ("bias: {facets: [gender]}\ngate: [{bias: DI, facet: gender, at_least: 0.8}]\n", "bias.facets[0]: wrong type"),
        ("bias: {facets: [{column: g, values: [1], threshold: 2}]}\n", "bias.facets[0]: a facet has values or a threshold; got both."),
        ("bias: {runner: x, facets: [{column: g}]}\ngate: [{any: [{bias: DI, facet: g, at_least: 0.8}]}]\n", "bias.runner: not allowed"),
        ("evaluation: {slices: town}\ngate: [{metric: auc, slice: town, at_least: 0.8}]\n", "evaluation.slices: wrong type"),
        ("profile: {x: 1}\ngate: [{profile: high}]\n", "profile.x: unknown key"),
    ],
)
def test_what_follows_from_another_mistake_is_not_told(project, text, only):
    told = message(project(text))
    assert only in told and "problems" not in told


def test_a_further_input_must_be_used_and_be_named_right(project):
    file = project()
    file.write_text(BASE.replace("{input: d.csv}", "{input: d.csv, others: {rates: {input: r.csv}}}") + "recipe: [{step: concat, other: rate}]\n")
    told = message(file)
    assert "got 'rate', expected one of: rates. Did you mean rates?" in told and "data.others.rates: no step uses this input" in told


@pytest.mark.parametrize(
    ("label", "problem", "words"),
    [
        ("{column: y, positive: 1}", "regression", "label.positive: has no effect with problem regression"),
        ("{column: y, classes: [a, b]}", "binary_classification", "label.classes: has no effect"),
        ("{column: y, classes: [a, a]}", "multiclass_classification", "'a' stands twice"),
        ("{column: y, classes: [a]}", "multiclass_classification", "needs every class"),
    ],
)
def test_what_a_label_says_must_fit_the_problem(project, label, problem, words):
    file = project()
    file.write_text(BASE.replace("{column: y}", label) + f"problem: {problem}\n")
    assert words in message(file)


def test_the_label_may_be_kept_and_its_missing_values_dropped(project):
    assert load(project("recipe: [{step: keep_columns, columns: [a, y]}, {step: drop_missing, columns: [y]}]\n")).config.recipe


def test_all_problems_come_at_once(project):
    told = message(project("seed: x\nfoo: 1\ntraining: {version: '9'}\n"))
    assert "3 problems" in told and all(key in told for key in ("seed:", "foo:", "training.version:"))


def test_an_alias_bomb_is_refused_quickly(project):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "grows beyond 20000 values" in message(project("\n".join(lines)))


@pytest.mark.parametrize(
    ("body", "words"), [(b"", "empty file"), (b"- a\n", "list"), (b"name: \xff\n", "not UTF-8"), (b"a: 1\n" * 300_000, "too large"), (b"[" * 5000, "YAML|deep")]
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, body, words):
    import re

    (tmp_path / "p.yaml").write_bytes(body)
    assert re.search(words, message(tmp_path / "p.yaml"))


def test_flags_win_over_profile_over_yaml_over_defaults(project):
    path = project("seed: 1\ntraining: {hyperparameters: {num_round: 10, eta: 0.1}}\n", dev="seed: 2\ntraining: {hyperparameters: {num_round: 20}}\n")
    loaded = load(path, profile="dev", sets={"training.hyperparameters.num_round": "30"})
    assert (loaded.config.seed, loaded.config.training.hyperparameters) == (2, {"num_round": 30, "eta": 0.1})
    rows = {row.key: (row.value, row.source) for row in explain(loaded, {"Seed": "5"}, None)}
    assert rows["seed"] == ("2", "profile") and rows["training.hyperparameters.num_round"] == ("30", "flag")
    assert rows["training.hyperparameters.eta"] == ("0.1", "yaml") and rows["training.algorithm"] == ("xgboost", "default")
    assert rows["-p Seed"] == ("5", "flag")


def test_explain_names_every_key_and_parameter_with_file_and_line(project):
    loaded = load(project("gate: [{metric: accuracy, at_least: 0.8}]\n"))
    rows = {row.key: row for row in explain(loaded, {}, None)}
    assert rows["gate[0].at_least"].place.endswith("pipeline.yaml:4") and rows["-p MinAccuracy"].value == "0.8"
    assert {f"-p {parameter.name}" for parameter in pipeline_parameters(loaded.config)} <= set(rows)


def test_the_parameters_file_lies_between_profile_and_flags(project, tmp_path):
    loaded = load(project("gate: [{metric: accuracy, at_least: 0.8}]\n"))
    (tmp_path / "params.json").write_text(json.dumps({"MinAccuracy": 0.6, "Seed": 4}))
    values, _ = parameter_values(loaded, {"Seed": "9"}, tmp_path / "params.json")
    assert values == {"MinAccuracy": 0.6, "Seed": 9}


@pytest.mark.parametrize(
    ("flags", "words"),
    [({"Sed": "1"}, "Did you mean Seed"), ({"Seed": "1.5"}, "expected Integer"), ({"MinAccuracy": "x"}, "expected Float")],
)
def test_a_wrong_parameter_is_refused(project, flags, words):
    assert words in message(project("gate: [{metric: accuracy, at_least: 0.8}]\n"), flags=flags)


def test_a_profile_that_is_not_there_is_named_with_those_that_are(project):
    path = project(dev="seed: 2\n")
    assert "expected one of: dev" in message(path, profile="prod")
    assert "no such profile" in message(path, profile="../dev")


def test_a_set_flag_changes_one_entry_of_a_list(project):
    path = project("gate: [{metric: accuracy, at_least: 0.8}, {metric: auc, at_least: 0.7}]\n")
    bars = load(path, sets={"gate[1].at_least": "0.9"}).config.gate
    assert [bar.at_least for bar in bars] == [0.8, 0.9]
    assert "leads nowhere" in message(path, sets={"gate[7].at_least": "1"})


def test_the_reference_is_what_the_model_says():
    from pipelines.config.document import markdown

    assert (ROOT / "docs/configuration.md").read_text() == markdown()


@pytest.mark.slow
def test_the_schema_for_editors_is_what_the_model_says():
    from pipelines.config.schema import schema, schema_text

    assert {file.read_text() for file in ROOT.glob("examples/*/pipeline.schema.json")} == {schema_text()}
    jsonschema = pytest.importorskip("jsonschema")
    import yaml

    jsonschema.validate(yaml.safe_load(EXAMPLE.read_text()), schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"name": "h", "traning": 1}, schema())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("images: {map: {x: {pyhton: a}}}\n", "images.map.x.pyhton: unknown key; expected one of: environment, process, python"),
        ("data: {input: d.csv, others: {rates: {inptu: r.csv}}}\n", "data.others.rates.inptu: unknown key; expected one of: delimiter"),
    ],
)
def test_an_unknown_key_below_a_name_of_the_users_own_is_named(tmp_path, more, words):
    """Naming the known keys raised KeyError there."""
    file = tmp_path / "pipeline.yaml"
    file.write_text((BASE.replace("data: {input: d.csv}\n", "") if more.startswith("data") else BASE) + more)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert words in str(caught.value)
