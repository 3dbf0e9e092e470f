"""Explanations as Clarify's job gives them: from the configuration and rows to analysis.json's member and the files beside it."""

from __future__ import annotations

import csv
import json

import numpy as np
import pandas as pd
import pytest

from jobkit.clarify import baseline, explanations, owners, pdp
from jobkit.clarify.config import parse
from jobkit.clarify.dataset import Dataset
from jobkit.failure import JobError
from tests.unit.jobs import packages
from tests.unit.jobs.recipes import learn, step
from tests.unit.jobs.served_in_process import predictor


def dataset(frame: pd.DataFrame) -> Dataset:
    columns = {}
    for name in frame:
        values = frame[name]
        numeric = pd.api.types.is_numeric_dtype(values)
        columns[str(name)] = values.to_numpy(float) if numeric else np.array([None if pd.isna(v) else str(v) for v in values], dtype=object)
    return Dataset(tuple(columns), columns, len(frame), True)


def config(methods, **more):
    return parse({"dataset_type": "text/csv", "label": "y", "methods": methods, "predictor": {"model_name": "m"}, **more})


class Fixed:
    """Answer by a function of the columns; there is no package."""

    package = None

    def __init__(self, function):
        self.function = function
        self.caller = self

    def scores(self, rows):
        return np.asarray(self.function(rows), dtype=float).reshape(rows.rows, -1)


def explained(methods, frame, tmp_path, model, **more):
    return explanations.explain(config(methods, **more), dataset(frame), model, tmp_path)


def table(path):
    with path.open(encoding="utf-8", newline="") as stream:
        head, *rows = csv.reader(stream)
    return head, np.array(rows, dtype=float)


NUMBERS = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [0.0, 1.0, 0.0, 1.0], "y": [0, 1, 0, 1]})
LINEAR = Fixed(lambda rows: 0.1 * rows.columns["a"] + 0.2 * rows.columns["b"])


def test_the_member_has_the_structure_of_the_services_own(tmp_path):
    methods = {"shap": {"baseline": [[0, 0]], "save_local_shap_values": True}, "pdp": {"grid_resolution": 3}}
    found = explained(methods, NUMBERS, tmp_path, LINEAR)
    assert list(found) == ["kernel_shap", "pdp"]
    assert list(found["kernel_shap"]) == ["label0"]
    label = found["kernel_shap"]["label0"]
    assert list(label) == ["global_shap_values", "expected_value"]
    assert label["global_shap_values"] == pytest.approx({"a": 0.25, "b": 0.1})
    assert label["expected_value"] == 0.0
    entry = found["pdp"][0]
    assert list(entry) == ["feature_name", "data_type", "data_distribution", "feature_values", "model_predictions", "label_headers"]
    assert (entry["feature_name"], entry["data_type"], entry["label_headers"]) == ("a", "numerical", ["label0"])
    assert entry["feature_values"] == pytest.approx([1.5, 2.5, 3.5])
    assert entry["data_distribution"] == [0.25, 0.25, 0.5]
    assert entry["model_predictions"] == [pytest.approx([0.25, 0.35, 0.45])]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_local_values_are_a_column_for_each_feature_and_label(tmp_path):
    explained({"shap": {"baseline": [[0, 0]], "save_local_shap_values": True}}, NUMBERS, tmp_path, LINEAR)
    head, values = table(tmp_path / "explanations_shap/out.csv")
    assert head == ["a_label0", "b_label0"]
    assert values == pytest.approx(np.column_stack([0.1 * NUMBERS["a"], 0.2 * NUMBERS["b"]]))
    assert not (tmp_path / "explanations_shap/baseline.csv").exists()


def test_our_summary_ranks_the_features_with_their_shares(tmp_path):
    explained({"shap": {"baseline": [[0, 0]]}}, NUMBERS, tmp_path, LINEAR)
    told = json.loads((tmp_path / "explanations.json").read_text())
    assert list(told) == ["features", "rows", "method", "expected_value"]
    assert [entry["name"] for entry in told["features"]] == ["a", "b"]
    assert told["features"][0]["share"] == pytest.approx(0.25 / 0.35)
    assert (told["rows"], told["method"], told["expected_value"]) == (4, "kernel_shap", 0.0)
    assert not (tmp_path / "explanations_shap").exists()


@pytest.mark.parametrize(("method", "expected"), [("mean_abs", 2.0), ("median", 0.0), ("mean_sq", 5.5)])
def test_values_are_aggregated_as_asked(tmp_path, method, expected):
    frame = pd.DataFrame({"a": [-1.0, 1.0, 2.0, -4.0], "y": 0})
    found = explained({"shap": {"baseline": [[0]], "agg_method": method}}, frame, tmp_path, Fixed(lambda rows: rows.columns["a"]))
    assert found["kernel_shap"]["label0"]["global_shap_values"] == {"a": pytest.approx(expected)}


def test_features_to_explain_are_the_only_ones_reported(tmp_path):
    methods = {"shap": {"baseline": [[0, 0]], "features_to_explain": ["b"], "save_local_shap_values": True}}
    found = explained(methods, NUMBERS, tmp_path, LINEAR)
    assert list(found["kernel_shap"]["label0"]["global_shap_values"]) == ["b"]
    assert table(tmp_path / "explanations_shap/out.csv")[0] == ["b_label0"]


def test_the_column_that_joins_stands_before_the_local_values_and_is_no_feature(tmp_path):
    frame = NUMBERS.assign(id=[7, 8, 9, 10])
    methods = {"shap": {"baseline": [[0, 0]], "save_local_shap_values": True}}
    explained(methods, frame, tmp_path, LINEAR, joinsource_name_or_index="id")
    head, values = table(tmp_path / "explanations_shap/out.csv")
    assert head == ["id", "a_label0", "b_label0"]
    assert values[:, 0].tolist() == [7, 8, 9, 10]


def test_several_outputs_are_label0_label1_or_by_their_names(tmp_path):
    model = Fixed(lambda rows: np.column_stack([rows.columns["a"] / 10, 1 - rows.columns["a"] / 10]))
    methods = {"shap": {"baseline": [[0, 0]], "save_local_shap_values": True}, "pdp": {"features": ["a"]}}
    found = explained(methods, NUMBERS, tmp_path, model)
    assert list(found["kernel_shap"]) == ["label0", "label1"]
    assert table(tmp_path / "explanations_shap/out.csv")[0] == ["a_label0", "b_label0", "a_label1", "b_label1"]
    assert json.loads((tmp_path / "explanations.json").read_text())["expected_value"] == [0.0, 1.0]
    assert [len(row) for row in found["pdp"][0]["model_predictions"]] == [4, 4]
    named = explained(methods, NUMBERS, tmp_path, model, predictor={"model_name": "m", "label_headers": ["bird", "cat"]})
    assert list(named["kernel_shap"]) == ["bird", "cat"]
    assert named["pdp"][0]["label_headers"] == ["bird", "cat"]


# Edge cases


MIXED = pd.DataFrame({"n": [1.0, np.nan, 3.0, 5.0], "t": ["x", None, "y", "x"], "k": [2.0] * 4, "empty": [np.nan] * 4, "y": [0, 1, 0, 1]})


def counting(rows):
    texts = np.array([0.0 if value is None else len(value) for value in rows.columns["t"]])
    return 0.01 * np.nan_to_num(rows.columns["n"], nan=-5.0) + 0.1 * texts


@pytest.mark.parametrize("start", [None, [[None, None, 2, None]], [["", "z", 1, None], [4, None, None, 0]]])
@pytest.mark.parametrize("logit", [False, True])
def test_missing_cells_texts_and_constant_columns_give_finite_values_that_add_up(tmp_path, start, logit):
    model = Fixed(lambda rows: 1 / (1 + np.exp(-counting(rows))))
    settings = {"use_logit": logit, "save_local_shap_values": True, **({} if start is None else {"baseline": start})}
    found = explained({"shap": settings, "pdp": {}}, MIXED, tmp_path, model)["kernel_shap"]["label0"]
    _, values = table(tmp_path / "explanations_shap/out.csv")
    scores = model.scores(explanations.features(config({}), dataset(MIXED)))[:, 0]
    expected = np.log(scores / (1 - scores)) if logit else scores
    assert values.sum(axis=1) + found["expected_value"] == pytest.approx(expected)
    assert np.isfinite(values).all()


def test_one_row_is_enough(tmp_path):
    found = explained({"shap": {}, "pdp": {}}, NUMBERS.iloc[:1], tmp_path, LINEAR)
    assert found["kernel_shap"]["label0"]["global_shap_values"] == {"a": 0.0, "b": 0.0}
    assert [entry["feature_values"] for entry in found["pdp"]] == [[1.0], [0.0]]


def test_a_model_that_ignores_everything_gives_zeros(tmp_path):
    found = explained({"shap": {"use_logit": True, "baseline": [[0, 0]]}}, NUMBERS, tmp_path, Fixed(lambda rows: np.full(rows.rows, 1.0)))
    assert found["kernel_shap"]["label0"]["global_shap_values"] == {"a": 0.0, "b": 0.0}
    assert [entry["share"] for entry in json.loads((tmp_path / "explanations.json").read_text())["features"]] == [0.0, 0.0]


def test_what_it_costs_is_said_before(tmp_path, capsys):
    explained({"shap": {"baseline": [[0, 2]], "num_samples": 15}, "pdp": {}}, NUMBERS, tmp_path, LINEAR)
    told = capsys.readouterr().out
    assert "4 rows, 2 columns, baseline rows: 1, at most 15 coalitions a row: the model is asked about 8 made-up rows" in told
    assert "partial dependence: 2 columns of 4 rows: the model is asked about 24 made-up rows" in told


@pytest.mark.parametrize(
    ("methods", "told"),
    [
        ({"shap": {"agg_method": "max"}}, 'methods.shap.agg_method: got "max", expected one of mean_abs, median, mean_sq'),
        ({"shap": {"num_samples": 0}}, "methods.shap.num_samples: got 0, expected a whole number from 1"),
        ({"shap": {"text_config": {}}}, "methods.shap.text_config: this job explains tables"),
        ({"shap": {"num_sample": 4}}, "methods.shap: 'num_sample' is unknown.*Did you mean 'num_samples'"),
        ({"shap": {"features_to_explain": ["c"]}}, "features_to_explain: there is no column 'c'"),
        ({"shap": {"baseline": [[1]]}}, "baseline: row 0 has 1 values, expected 2"),
        ({"shap": {"baseline": [[1, "x"]]}}, "expected numbers for the feature 'b'"),
        ({"shap": {"baseline": []}}, "expected a list of rows"),
        ({"shap": {"baseline": "s3://bucket/base.csv"}}, "baseline: got 's3://bucket/base.csv', expected its file in the input `shap_baseline`"),
        ({"pdp": {}}, "methods.pdp.features: got nothing"),
        ({"pdp": {"features": ["y2"]}}, "methods.pdp.features: there is no column 'y2'"),
        ({"shap": {"use_logit": True, "baseline": [[0, 0]]}}, "use_logit: got true and the score 10.0, expected probabilities"),
    ],
)
def test_settings_that_cannot_be_are_one_clear_error(tmp_path, monkeypatch, methods, told):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    with pytest.raises(JobError, match=told):
        explained(methods, NUMBERS, tmp_path, Fixed(lambda rows: rows.columns["a"] + 9))


# The baseline


def test_without_a_baseline_it_is_the_mean_and_the_most_frequent_and_is_kept(tmp_path):
    explained({"shap": {}}, MIXED, tmp_path, Fixed(counting))
    assert (tmp_path / "explanations_shap/baseline.csv").read_text() == "n,t,k,empty\n3,x,2,\n"


def test_clusters_find_the_groups_there_are():
    dice = np.random.default_rng(0)
    frame = pd.DataFrame({"n": np.concatenate([dice.normal(0, 1, 60), dice.normal(50, 1, 40)]), "t": ["a"] * 60 + ["b"] * 40})
    found = baseline.computed(dataset(frame), 2, 0)
    order = np.argsort(found.columns["n"])
    assert found.columns["n"][order] == pytest.approx([0, 50], abs=1)
    assert found.columns["t"][order].tolist() == ["a", "b"]
    assert baseline.computed(dataset(frame.iloc[:2]), 12, 0).rows == 2


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ([[1, "x"], [2.5, None]], {}),
        ([{"n": 1, "t": "x"}, {"n": 2.5, "t": None}], {}),
        ([{"f": [1, "x"]}, {"f": [2.5, None]}], {"dataset_type": "application/jsonlines", "features": "f"}),
        ({"rows": [[1, "x"], [2.5, None]]}, {"dataset_type": "application/json", "features": "rows"}),
    ],
    ids=["rows", "objects", "lines", "document"],
)
def test_a_baseline_is_given_in_the_format_of_the_data(given, more):
    rows = dataset(pd.DataFrame({"n": [5.0], "t": ["q"]}))
    found = baseline.given(parse({"methods": {}, **more}), given, rows)
    assert found.columns["n"].tolist() == [1, 2.5]
    assert found.columns["t"].tolist() == ["x", None]


def test_a_baseline_file_lies_in_an_input_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    folder = tmp_path / "processing/input/shap_baseline"
    folder.mkdir(parents=True)
    (folder / "base.csv").write_text("1,007\n,x\n")
    rows = dataset(pd.DataFrame({"n": [5.0], "t": ["q"]}))
    found = baseline.given(parse({"methods": {}}), "s3://bucket/some/base.csv", rows)
    assert np.array_equal(found.columns["n"], [1, np.nan], equal_nan=True)
    assert found.columns["t"].tolist() == ["007", "x"]


def test_the_centre_of_whole_numbers_is_one_that_occurs():
    rows = dataset(pd.DataFrame({"flag": [0.0, 1.0, 1.0], "amount": [0.5, 1.0, 1.5]}))
    found = baseline.computed(rows, 1, 0)
    assert found.columns["flag"].tolist() == [1.0] and found.columns["amount"].tolist() == [1.0]


# Partial dependence


def test_the_grid_of_a_column_covers_its_range_or_its_texts():
    assert pdp.grid(np.array([0.0, 1.0, 2.5, 3.0, np.nan]), 3) == pdp.Grid("numerical", (0.5, 1.5, 2.5), (0.2, 0.2, 0.4))
    assert pdp.grid(np.array([1.0, 0.0, 1.0, np.nan]), 3) == pdp.Grid("numerical", (0.0, 1.0), (0.25, 0.5))
    assert pdp.grid(np.array(["b", "a", None, "b"], dtype=object), 3) == pdp.Grid("categorical", ("a", "b"), (0.25, 0.5))
    assert pdp.grid(np.array([2.0, 2.0]), 9) == pdp.Grid("numerical", (2.0,), (1.0,))
    assert pdp.grid(np.array([np.nan]), 9) == pdp.Grid("numerical", (), ())
    assert all(np.isfinite(pdp.grid(np.array([-1.7e308, 1.7e308]), 4).values))
    assert len(pdp.grid(np.array([str(place) for place in range(200)], dtype=object), 5).values) == pdp.LARGEST_GRID


# Packages


def compared(files, methods, tmp_path, **more):
    """Return the explanations of a package by its trees and by asking it, with their local values."""
    frame = packages.rows(40, seed=5)
    found = []
    for place, hidden in enumerate((False, True)):
        model = predictor(config(methods, **more), files, tmp_path / "model")
        if hidden:
            model.package = None
        told = explanations.explain(config(methods, **more), dataset(frame), model, tmp_path / str(place))
        values = table(tmp_path / str(place) / "explanations_shap/out.csv")[1]
        found.append((told["kernel_shap"], values, json.loads((tmp_path / str(place) / "explanations.json").read_text())["method"]))
    return found


def test_log_odds_of_raw_columns_come_exactly_from_the_trees_as_from_asking(tmp_path):
    (told, values, method), (asked, other, way) = compared(
        packages.package(), {"shap": {"use_logit": True, "save_local_shap_values": True, "baseline": [[4, "A", "x", 90, "2024-05-05"]]}}, tmp_path
    )
    assert (method, way) == ("tree_shap", "kernel_shap")
    assert np.abs(values - other).max() < 1e-5
    assert told["label0"]["expected_value"] == pytest.approx(asked["label0"]["expected_value"], abs=1e-6)
    assert np.abs(values).sum(axis=0).min() > 0


def test_probabilities_of_trees_are_always_asked_for(tmp_path):
    (_, values, method), (_, other, _) = compared(packages.package(), {"shap": {"save_local_shap_values": True}}, tmp_path)
    assert method == "kernel_shap"
    assert np.array_equal(values, other)


def test_log_odds_against_several_baseline_rows_are_asked_for_since_they_are_no_mean_of_margins(tmp_path):
    methods = {"shap": {"use_logit": True, "num_clusters": 3, "save_local_shap_values": True}}
    assert compared(packages.package(), methods, tmp_path)[0][2] == "kernel_shap"


def test_a_regression_comes_from_the_trees_against_any_number_of_baseline_rows(tmp_path):
    methods = {"shap": {"num_clusters": 3, "save_local_shap_values": True}}
    (told, values, method), (asked, other, _) = compared(packages.package("regression"), methods, tmp_path)
    assert method == "tree_shap"
    assert np.abs(values - other).max() < 1e-5
    assert told["label0"]["expected_value"] == pytest.approx(asked["label0"]["expected_value"], abs=1e-6)


def test_classes_of_a_package_are_label0_to_label2(tmp_path):
    (told, values, method), _ = compared(packages.package("multiclass_classification"), {"shap": {"save_local_shap_values": True}}, tmp_path)
    assert list(told) == ["label0", "label1", "label2"]
    assert method == "kernel_shap"
    assert np.abs(values.reshape(40, 3, 5).sum(axis=1)).max() < 1e-6  # the probabilities of the classes sum to one


@pytest.mark.parametrize("content_type", ["text/csv", "application/jsonlines", "application/json"])
@pytest.mark.parametrize("problem", list(packages.PROBLEMS))
def test_a_package_is_asked_in_every_format_and_answers_the_same(tmp_path, content_type, problem):
    files, rows = packages.package(problem), explanations.features(config({}), dataset(packages.rows(30)))
    usual = predictor(config({}), files, tmp_path / "model")
    model = predictor(config({}, predictor={"content_type": content_type}), files, tmp_path / "model")
    assert model.content_type == content_type
    assert np.array_equal(model.scores(rows), usual.scores(rows))
    assert model.scores(rows).shape == (30, 3 if problem.startswith("multi") else 1)
    assert (usual.answers(rows).labels is None) == (problem == "regression")


def test_trees_that_do_not_add_up_to_the_answers_are_not_trusted(tmp_path, capsys):
    settings = config({"shap": {"use_logit": True}})
    model = predictor(settings, packages.package(), tmp_path / "model")
    answered = model.scores
    model.scores = lambda rows: answered(rows) * 0.5
    explanations.explain(settings, dataset(packages.rows(20)), model, tmp_path)
    assert "do not add up" in capsys.readouterr().out
    assert json.loads((tmp_path / "explanations.json").read_text())["method"] == "kernel_shap"


# Which raw column a feature comes from


def fitted(*steps):
    frame = packages.rows()
    recipe, _ = learn(frame.assign(arrival=pd.to_datetime(frame["arrival"])), list(steps), label="y", target=frame["y"].to_numpy())
    return recipe, owners.of_features(recipe)


def test_every_feature_has_the_raw_column_it_is_made_of():
    recipe, found = fitted(
        step("impute", columns=["nights"], strategy="median", indicator=True),
        step("text", columns=["room"], measures=["length"], keep=True),
        step("rename_columns", columns={"agent": "who"}),
        step("one_hot", columns=["room", "who"]),
        step("dates", columns=["arrival"], parts=["month"], since="2024-01-01"),
        step("derive", columns={"half": "price / 2"}),
        step("scale", columns=["price"], method="standard"),
    )
    assert found is not None
    expected = {"nights": "nights", "nights_missing": "nights", "room_length": "room", "arrival_month": "arrival", "arrival_elapsed": "arrival"}
    expected.update(half="price", price="price")
    made = dict(zip(recipe["columns"], found, strict=True))
    assert {name: made[name] for name in expected} == expected
    assert {owner for name, owner in made.items() if name.startswith("who_")} == {"agent"}
    assert {owner for name, owner in made.items() if name.startswith("room_")} == {"room"}


@pytest.mark.parametrize(
    "shared",
    [
        step("derive", columns={"total": "nights * price"}),
        step("derive", columns={"nights": "nights + price"}),
    ],
)
def test_a_feature_of_two_raw_columns_has_no_owner(shared):
    frame_steps = [shared, step("one_hot", columns=["room", "agent"]), step("drop_columns", columns=["arrival"])]
    assert fitted(*frame_steps)[1] is None
