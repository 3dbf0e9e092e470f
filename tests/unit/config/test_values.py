"""Values for one run: typed, held to what the configuration allows, all mistakes at once; the stronger layer wins."""

from __future__ import annotations

import json

import pytest

from pipelines.config.explain import explain
from pipelines.config.loader import load, parameter_values
from pipelines.config.parameters import PipelineParameter, pipeline_parameters
from pipelines.config.values import converted
from pipelines.errors import ConfigError

TEXT = """name: h
data: {input: d.csv}
label: {column: y}
gate: [{metric: accuracy, at_least: 0.8}, {cell: false_negative, at_most: 9}]
registration: {model_package_group: g}
"""


@pytest.fixture
def loaded(tmp_path):
    (tmp_path / "pipeline.yaml").write_text(TEXT)
    return load(tmp_path / "pipeline.yaml")


def parameter(kind: str, *enum: str) -> PipelineParameter:
    return PipelineParameter("P", kind, None, "", "", enum)


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("Integer", "7", 7),
        ("Integer", " -7 ", -7),
        ("Integer", 7, 7),
        ("Float", "1e-3", 0.001),
        ("Float", ".5", 0.5),
        ("Float", 1, 1.0),
        ("Boolean", "True", True),
        ("Boolean", False, False),
        ("String", "no", "no"),
        ("String", "", ""),
    ],
)
def test_a_value_is_read_by_its_type(kind, given, value):
    found = converted(parameter(kind), given)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("Integer", "1.0"),
        ("Integer", "1_000"),
        ("Integer", "٣"),
        ("Integer", ""),
        ("Integer", True),
        ("Integer", 1.5),
        ("Integer", "9" * 5000),
        ("Float", "nan"),
        ("Float", "inf"),
        ("Float", "1e999"),
        ("Float", "1_0"),
        ("Float", True),
        ("Boolean", "yes"),
        ("Boolean", 1),
        ("String", 5),
        ("String", False),
    ],
)
def test_a_value_of_another_type_is_refused(kind, given):
    with pytest.raises(ValueError, match=f"expected {kind}"):
        converted(parameter(kind), given)


def test_a_value_outside_the_enum_names_the_nearest():
    with pytest.raises(ValueError, match="Did you mean Approved"):
        converted(parameter("String", "Approved", "Rejected"), "approved")


def test_a_value_that_its_configuration_key_forbids_is_refused(loaded):
    wrong = {"DecisionThreshold": "1.5", "MinAccuracy": "2", "TrainingInstanceType": "m5.large", "Seed": "-1", "Sed": "1", "MaxFalseNegative": "-3"}
    with pytest.raises(ConfigError) as caught:
        parameter_values(loaded, wrong, None)
    told = str(caught.value)
    assert "6 problems" in told and "Did you mean Seed?" in told and "-p DecisionThreshold: out of range; got 1.5, expected less than 1." in told
    assert "such as ml.m5.xlarge" in told


def test_values_and_origins_come_from_file_and_flags(loaded, tmp_path):
    (tmp_path / "p.yaml").write_text("MinAccuracy: 1\nSeed: 3\n")
    values, origins = parameter_values(loaded, {"Seed": "4"}, tmp_path / "p.yaml")
    assert values == {"MinAccuracy": 1.0, "Seed": 4} and isinstance(values["MinAccuracy"], float)
    assert (origins["MinAccuracy"].source, origins["MinAccuracy"].file, origins["MinAccuracy"].line) == ("params file", str(tmp_path / "p.yaml"), 1)
    assert (origins["Seed"].source, origins["Seed"].place) == ("flag", "-p Seed")


def test_a_parameters_file_holds_scalars(loaded, tmp_path):
    (tmp_path / "p.json").write_text(json.dumps({"Seed": [1], "InputData": None}))
    with pytest.raises(ConfigError, match="2 problems"):
        parameter_values(loaded, {}, tmp_path / "p.json")


def project(tmp_path, yaml: str = "", profile: str = ""):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "pipeline.yaml").write_text(TEXT + yaml)
    (tmp_path / "profiles/p.yaml").write_text(profile)
    return tmp_path / "pipeline.yaml"


def default(loaded, name: str):
    return {made.name: made for made in pipeline_parameters(loaded.config)}[name].default


def test_an_entry_of_parameters_wins_over_its_key_in_the_same_layer(tmp_path):
    path = project(tmp_path, "seed: 1\nparameters: {Seed: 2, MinAccuracy: 1}\n")
    assert default(load(path), "Seed") == 2
    assert isinstance(default(load(path), "MinAccuracy"), float)


def test_a_set_flag_wins_over_an_entry_of_parameters_in_a_profile(tmp_path):
    loaded = load(project(tmp_path, profile="parameters: {MinAccuracy: 0.9, Seed: 5}\n"), profile="p", sets={"gate[0].at_least": "0.7"})
    assert (default(loaded, "MinAccuracy"), default(loaded, "Seed")) == (0.7, 5)
    rows = {row.key: (row.value, row.source) for row in explain(loaded, {}, None)}
    assert rows["-p MinAccuracy"] == ("0.7", "flag") and rows["-p Seed"] == ("5", "profile")


def test_a_profile_of_comments_changes_nothing(tmp_path):
    path = project(tmp_path, profile="# as it is\n")
    assert load(path, profile="p").config == load(path).config


@pytest.mark.parametrize("key", ["a..b", "[0].x", "gate[", "gate[x]", "", "gate[0]x", "gate[99999999].at_least"])
def test_a_malformed_key_of_a_set_flag_is_refused(tmp_path, key):
    with pytest.raises(ConfigError, match="leads nowhere"):
        load(project(tmp_path), sets={key: "1"})
