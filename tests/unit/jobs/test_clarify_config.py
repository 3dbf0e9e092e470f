"""analysis_config.json and the data it names."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from clarify_case import REFERENCE, as_csv, lay_out, needs_reference, parsed, run, settings

from evaluation import clarify
from jobkit import failure
from jobkit.clarify import config, dataset, json_path
from jobkit.failure import JobError


@needs_reference
@pytest.mark.parametrize("name", ["all", "bias", "post_training", "pre_training", "shap"])
def test_configurations_that_the_sdk_wrote_are_read(name):
    read = config.read(REFERENCE / f"analysis_config.{name}.json")
    assert read.label == "approved" and len(read.headers) == 13
    assert bool(read.pre_training) is (name in ("all", "bias", "pre_training")) and read.explains is (name in ("all", "shap"))
    assert name == "shap" or [(facet.name_or_index, facet.values) for facet in read.facets] == [("gender", (0,)), ("self_employed", (1,))]


@needs_reference
def test_configurations_that_checks_upload_are_read():
    for raw in parsed(REFERENCE / "uploaded_configs.json").values():
        assert config.parse(raw).headers


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset_type": "text/xml"}, r'dataset_type: got "text/xml", expected one of text/csv'),
        ({"facets": []}, r"key: 'facets' is unknown; .* Did you mean 'facet'"),
        ({"facet": [{"name": "x"}]}, r"facet: got .*, expected a list of \{name_or_index"),
        ({"facet": []}, "facet: got nothing, expected it because methods.pre_training_bias is there"),
        ({"label": None}, "label: got nothing, expected it"),
        ({"label": True}, "label: got true, expected the name of a column"),
        ({"label_values_or_threshold": None}, "label_values_or_threshold: got nothing"),
        ({"probability_threshold": 2}, "probability_threshold: got 2, expected a number from 0 to 1"),
        ({"methods": {"pre_training": {}}}, "methods: 'pre_training' is unknown; .*Did you mean 'pre_training_bias'"),
        ({"methods": {"pre_training_bias": {"methods": ["KLL"]}}}, "methods.pre_training_bias.methods: 'KLL' is unknown; .*Did you mean 'KL'"),
        ({"methods": {"pre_training_bias": {"methods": 3}}}, 'got 3, expected "all" or a list'),
        ({"methods": {"pre_training_bias": 3}}, "methods.pre_training_bias: got 3, expected an object"),
        ({"methods": {"asymmetric_shapley_value": {}}}, "time series are not supported"),
        ({"time_series_data_config": {}}, "time_series_data_config: time series are not supported"),
    ],
)
def test_what_the_service_would_not_take_is_refused_by_its_key(changes, words):
    with pytest.raises(JobError, match=words):
        config.parse(settings(**changes))


def test_a_configuration_that_is_no_json_or_not_there_is_refused(tmp_path):
    with pytest.raises(JobError, match="there is no analysis_config.json"):
        config.read(tmp_path / "analysis_config.json")
    (tmp_path / "analysis_config.json").write_text("{")
    with pytest.raises(JobError, match="this is not JSON"):
        config.read(tmp_path / "analysis_config.json")
    with pytest.raises(JobError, match=r"got \[1\], expected an object"):
        config.parse([1])


def test_a_facet_that_is_not_there_is_named_with_the_nearest(tmp_path):
    given = settings(facet=[{"name_or_index": "grup", "value_or_threshold": ["b"]}])
    with pytest.raises(JobError, match=r"facet\[0\].name_or_index: there is no column 'grup'; got 2 columns: group, label. Did you mean 'group'"):
        run(tmp_path, given, as_csv({"group": ["a", "b"], "label": [1, 0]}))


def test_no_method_is_an_error(tmp_path):
    with pytest.raises(JobError, match="methods: got none, expected any of pre_training_bias"):
        run(tmp_path, settings(methods={"report": {"name": "report"}}), as_csv({"group": ["a"], "label": [1]}))


# The same rows in every format

ROWS = {"x": [1.5, 2.0, math.nan, 4.0] * 15, "group": ["a", "b", None, "b"] * 15, "label": [1.0, 0.0, 1.0, 0.0] * 15}


def plain(value):
    return None if isinstance(value, float) and math.isnan(value) else value


def records():
    return [dict(zip(ROWS, map(plain, row), strict=True)) for row in zip(*ROWS.values(), strict=True)]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def written(folder, kind):
    """Write the rows in one format and return the configuration's keys for it."""
    nested = [{"in": {"values": [row["x"], row["group"]]}, "y": row["label"]} for row in records()]
    csv_text = as_csv({name: ["" if plain(value) is None else value for value in values] for name, values in ROWS.items()})
    headers = {"headers": list(ROWS)}
    texts = {
        "csv": (csv_text, {}),
        "csv_with_headers": (csv_text, headers),
        "csv_without_header": (csv_text.split("\n", 1)[1], headers),
        "lines": (lines(records()), {"dataset_type": "application/jsonlines"}),
        "lines_of_features": (lines(nested), {"dataset_type": "application/jsonlines", "features": "in.values", "label": "y", **headers}),
        "json": (json.dumps(records()), {"dataset_type": "application/json"}),
        "json_of_features": (
            json.dumps({"all": records()}),
            {"dataset_type": "application/json", "features": "all[*].[x, group]", "label": "all[*].label", **headers},
        ),
    }
    if kind == "parquet":
        parquet.write_table(pa.table({name: [plain(value) for value in values] for name, values in ROWS.items()}), folder / "data")
        return {"dataset_type": "application/x-parquet"}
    text, keys = texts[kind]
    (folder / "data").write_text(text)
    return keys


@pytest.mark.parametrize("kind", ["csv", "csv_with_headers", "csv_without_header", "lines", "lines_of_features", "json", "json_of_features", "parquet"])
def test_the_same_rows_are_read_from_every_format(tmp_path, kind):
    given = config.parse(settings(**written(tmp_path, kind)))
    rows = dataset.read(given, tmp_path / "data")
    assert rows.names == tuple(ROWS) and rows.rows == 60
    assert rows.columns["group"].dtype == object and rows.columns["group"].tolist() == ROWS["group"]
    for name in ("x", "label"):
        np.testing.assert_array_equal(rows.columns[name], ROWS[name])
    roles = dataset.roles(given, rows)
    assert (roles.label, roles.facets, roles.features) == ("label", ("group",), ("x", "group"))


def test_columns_are_called_by_their_place_where_there_is_no_header(tmp_path):
    (tmp_path / "d.csv").write_text("1,a,0\n0,b,1\n")
    given = config.parse(settings(label=0, facet=[{"name_or_index": 1, "value_or_threshold": ["b"]}]))
    rows = dataset.read(given, tmp_path)
    assert rows.names == ("column_0", "column_1", "column_2") and not rows.header
    assert dataset.roles(given, rows)[:4] == ("column_0", None, None, ("column_1",))


@pytest.mark.slow
@pytest.mark.parametrize("value", [True, "True", "true", 1])
def test_a_column_of_true_and_false_is_matched_however_it_is_written(tmp_path, value):
    text = as_csv({"group": ["True", "False"] * 40, "label": [1, 0] * 40})
    made = run(tmp_path, settings(facet=[{"name_or_index": "group", "value_or_threshold": [value]}]), text)
    (found,) = made["pre_training_bias_metrics"]["facets"]["group"]
    assert {metric["name"]: metric["value"] for metric in found["metrics"]}["DPL"] == -1.0


def test_files_of_a_folder_are_appended_and_text_in_one_makes_text_of_all(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,y\nu,3\n")
    rows = dataset.read_folder(config.Config(), tmp_path)
    assert rows.columns["x"].tolist() == ["1", "u"] and rows.columns["y"].tolist() == [2.0, 3.0]
    (tmp_path / "c.csv").write_text("x,z\n1,2\n")
    with pytest.raises(JobError, match="a.csv and c.csv have different columns"):
        dataset.read_folder(config.Config(), tmp_path)


@pytest.mark.parametrize(
    ("keys", "text", "words"),
    [
        ({}, "", "is empty|there is no|no rows"),
        ({}, "group,label\n", "no rows to analyse"),
        ({"headers": ["a"]}, "x,y\n1,2\n", "headers: got 1 names, expected 2, as many as"),
        ({"headers": ["a", "a"]}, "1,2\n", "'a' stands twice"),
        ({"dataset_type": "application/x-parquet"}, "x,y\n", "this is not Parquet"),
        ({"dataset_type": "application/jsonlines"}, "{\n", "line 1: this is not JSON"),
        ({"dataset_type": "application/jsonlines"}, "[1]\n", "record 1 is no object"),
        ({"dataset_type": "application/jsonlines", "features": "f"}, '{"f": [1]}\n{"f": [1, 2]}\n', "record 2 has 2 features, expected 1"),
        ({"dataset_type": "application/jsonlines", "features": "f", "headers": ["a"]}, '{"f": [1], "label": 1}\n', "headers: got 1 names, expected 2"),
        ({"dataset_type": "application/json", "features": "f"}, "{}", "features: 'f' finds nothing"),
        ({"dataset_type": "application/json", "features": "f[?x]"}, "{}", r"the path .*: got '\[\?x\]'"),
    ],
)
def test_data_that_does_not_fit_is_refused(tmp_path, keys, text, words):
    (tmp_path / "data").write_text(text)
    with pytest.raises(JobError, match=words):
        dataset.read(config.parse(settings(**keys)), tmp_path / "data")


def test_paths_are_jmespaths_on_what_they_know():
    jmespath = pytest.importorskip("jmespath")
    value = {"a": {"b": [1, 2, {"c d": 3}]}, "rows": [{"x": 1, "y": [5]}, {"x": 2, "y": [6]}]}
    for path in ("a.b", "a.b[0]", "a.b[-1]", 'a.b[2]."c d"', "rows[*].x", "rows[*].y[0]", "rows[*].[x, y[0]]", "rows[0].nothing", "a[0]", "rows[*].y"):
        assert json_path.search(path, value) == jmespath.search(path, value), path


# Columns from other files, and parts that columns play


def joined(tmp_path, side, **changes):
    inputs = lay_out(tmp_path, {}, "id,x,label\n1,5,1\n2,6,0\n")
    (inputs / "predicted_label").mkdir()
    (inputs / "predicted_label/p.csv").write_text(side)
    given = config.parse(settings(facet=[{"name_or_index": "x", "value_or_threshold": [5]}], predicted_label_dataset_uri="s3://b/p", **changes))
    return given, dataset.read(given, inputs / "data", inputs / "facet", inputs / "predicted_label")


def test_predicted_labels_in_a_file_of_their_own_are_joined_by_order_or_by_a_column(tmp_path):
    given, rows = joined(tmp_path / "order", "0\n1\n", predicted_label_headers=["said"])
    assert rows.columns["said"].tolist() == [0.0, 1.0]
    assert dataset.roles(given, rows).predicted == "said" and dataset.roles(given, rows).features == ("id", "x")
    given, rows = joined(tmp_path / "id", "id,said\n2,1\n1,0\n", joinsource_name_or_index="id", predicted_label="said")
    assert rows.columns["said"].tolist() == [0.0, 1.0] and dataset.roles(given, rows).features == ("x",)


@pytest.mark.parametrize(
    ("side", "keys", "words"),
    [
        ("said\n1\n", {}, "predicted_label_dataset_uri: got 1 rows, expected 2"),
        ("id,said\n1,0\n3,1\n", {"joinsource_name_or_index": "id"}, "there is no row with id = '2'"),
        ("id,said\n1,0\n1,1\n", {"joinsource_name_or_index": "id"}, "holds a value twice"),
        ("x,said\n1,0\n1,1\n", {}, "its column 'x' stands in the data, too"),
    ],
)
def test_files_that_do_not_join_are_refused(tmp_path, side, keys, words):
    with pytest.raises(JobError, match=words):
        joined(tmp_path, side, **keys)


def test_excluded_columns_and_the_predicted_label_are_not_sent_to_the_model(tmp_path):
    (tmp_path / "d.csv").write_text("id,x,group,label,said\n1,2,a,1,1\n")
    given = config.parse(settings(excluded_columns=["id", 1], predicted_label="said"))
    assert dataset.roles(given, dataset.read(given, tmp_path)).features == ("group",)


def test_the_job_ends_with_one_message_for_the_user(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    lay_out(tmp_path / "processing", settings(label="nothing"), as_csv({"group": ["a", "b"], "label": [1, 0]}))
    assert failure.run(clarify.main, []) == 1
    assert "label: there is no column 'nothing'" in (tmp_path / "output/message").read_text()
    lay_out(tmp_path / "processing", settings(), as_csv({"group": ["a", "b"] * 40, "label": [1, 0, 0, 0] * 20}))
    assert failure.run(clarify.main, []) == 0
    assert "before training, group = b: CDDL –  CI 0.0000  DPL 0.5000" in capsys.readouterr().out
