"""What every other operator becomes, and what is said about what it cannot become."""

from __future__ import annotations

import pandas as pd
import pytest

from jobkit import recipe
from jobkit.columns import from_frame, to_frame
from jobkit.steps.base import Context
from pipelines.flow.fitting import validated
from pipelines.flow.importing import NOT, PARTLY, TRANSLATED
from tests.unit.flow.flows import chain, imported, model, node, source, steps, transform, types

COLUMNS = ["y", "a", "b", "c", "d", "when"]


def only(operator, kind, parameters, trained=None, **flags):
    """Return the outcome of one transform after the types, and its steps."""
    made = imported(chain(transform(operator, kind, parameters, trained)), **flags)
    return next(outcome for outcome in made.outcomes if outcome.node.id == "t0"), steps(made)


@pytest.mark.parametrize(
    ("operator", "kind", "parameters", "expected"),
    [
        ("manage_columns", "Drop column", {"column_to_drop": "a"}, {"step": "drop_columns", "columns": ["a"]}),
        ("manage_columns", "Drop column", {"column_to_drop": ["a", "c"]}, {"step": "drop_columns", "columns": ["a", "c"]}),
        ("manage_columns", "Rename column", {"input_column": "a", "new_name": "z"}, {"step": "rename_columns", "columns": {"a": "z"}}),
        ("manage_columns", "Duplicate column", {"input_column": "a", "new_name": "z"}, {"step": "derive", "columns": {"z": "`a`"}}),
        (
            "manage_columns",
            "Rename column",
            {"columns_to_rename": [{"input_column": "a", "new_name": "z"}, {"input_column": "b", "new_name": "q"}]},
            {"step": "rename_columns", "columns": {"a": "z", "b": "q"}},
        ),
        ("manage_rows", "Drop duplicates", {}, {"step": "drop_duplicates"}),
        ("handle_missing", "Drop missing", {"input_column": "a"}, {"step": "drop_missing", "columns": ["a"]}),
        ("handle_missing", "Drop missing", {}, {"step": "drop_missing", "columns": []}),
        (
            "handle_missing",
            "Drop missing",
            {"dimension": "Drop Rows", "drop_rows_parameters": {"input_column": ["a"]}},
            {"step": "drop_missing", "columns": ["a"]},
        ),
        ("handle_missing", "Fill missing", {"input_column": "a", "fill_value": "7"}, {"step": "impute", "columns": ["a"], "strategy": "constant", "value": 7}),
        (
            "handle_missing",
            "Fill missing",
            {"input_column": ["c"], "fill_value": "7"},
            {"step": "impute", "columns": ["c"], "strategy": "constant", "value": "7"},
        ),
        (
            "handle_missing",
            "Add indicator for missing",
            {"input_column": "a"},
            {"step": "derive", "columns": {"a_indicator": "is_missing(`a`)"}},
        ),
        (
            "handle_outliers",
            "Min-max numeric outliers",
            {"input_column": ["a"], "lower_threshold": "1", "upper_threshold": 9.5, "fix_method": "Clip"},
            {"step": "outliers", "columns": ["a"], "method": "min_max", "low": 1, "high": 9.5, "action": "clip"},
        ),
        ("cast_single_data_type", "", {"column": "c", "data_type": "long"}, {"step": "cast", "columns": {"c": "integer"}, "on_error": "null"}),
        (
            "cast_single_data_type",
            "",
            {"column": "c", "data_type": "date", "date_formatting": "dd-MM-yyyy", "non_castable_data_handling_method": "drop_rows"},
            {"step": "cast", "columns": {"c": "date"}, "on_error": "drop", "formats": ["%d-%m-%Y"]},
        ),
        ("format_string", "Lower case", {"input_column": "c"}, {"step": "text", "columns": ["c"], "case": "lower"}),
        ("custom_formula", "", {"formula": "a * 2 + `b`", "output_column": "z"}, {"step": "derive", "columns": {"z": "a * 2 + `b`"}}),
        (
            "featurize_date_time",
            "Extract columns",
            {"input_column": "when", "output_mode": "Ordinal", "output_format": "Columns", "year": True, "week_of_year": True, "day": False},
            {"step": "dates", "columns": ["when"], "parts": ["year", "week"], "keep": True},
        ),
        (
            "process_numeric",
            "Scale values",
            {"scaler": "Min-max scaler", "min_max_scaler_parameters": {"input_column": "a", "min": 0, "max": 1}},
            {"step": "scale", "columns": ["a"], "method": "min_max"},
        ),
    ],
)
def test_a_transform_becomes_the_step_that_does_the_same(operator, kind, parameters, expected):
    outcome, found = only(operator, kind, parameters)
    assert (outcome.status, found) == (TRANSLATED, [expected])
    assert validated(found[0]).step == expected["step"]


@pytest.mark.parametrize(
    ("kind", "parameters", "expected"),
    [
        ("Move to start", {"column_to_move": "c"}, ["c", "y", "a", "b", "d", "when"]),
        ("Move to end", {"column_to_move": "a"}, ["y", "b", "c", "d", "when", "a"]),
        ("Move to index", {"column_to_move": "d", "index": 2}, ["y", "a", "d", "b", "c", "when"]),
        ("Move to index", {"column_to_move": "d", "index": 0}, ["d", "y", "a", "b", "c", "when"]),
        ("Move after", {"column_to_move": "a", "target_column": "c"}, ["y", "b", "c", "a", "d", "when"]),
        ("Move before", {"column_to_move": "when", "target_column": "a"}, ["y", "when", "a", "b", "c", "d"]),
        ("Move before", {"column_to_move": "when", "target_column": "y"}, ["when", "y", "a", "b", "c", "d"]),
    ],
)
def test_columns_move_to_where_the_flow_puts_them(kind, parameters, expected):
    name = kind.lower().replace(" ", "_") + "_parameters"
    outcome, found = only("manage_columns", "Move column", {"move_type": kind, name: parameters})
    rows = from_frame(pd.DataFrame({column: [1.0] for column in COLUMNS}))
    _, moved = recipe.run(rows, [validated(step).model_dump(mode="json") for step in found], Context())
    assert outcome.status == TRANSLATED and list(moved.columns) == expected


@pytest.mark.parametrize(
    ("kind", "method", "given"),
    [
        ("Standard deviation numeric outliers", "standard_deviation", {"standard_deviations": 3}),
        ("Robust standard deviation numeric outliers", "robust", {"standard_deviations": 3}),
        ("Quantile numeric outliers", "quantile", {"lower_quantile": 0.05, "upper_quantile": 0.95}),
    ],
)
def test_trained_bounds_are_kept_and_refitting_leaves_them_out(kind, method, given):
    parameters = {"input_column": ["a", "b"], "fix_method": "Invalidate", **given}
    trained = [{"input_column": "b", "lower_threshold": -1, "upper_threshold": 2.5}, {"input_column": "a", "lower_threshold": 0, "upper_threshold": 9}]
    outcome, found = only("handle_outliers", kind, parameters, trained)
    assert outcome.status == TRANSLATED
    assert (found[0]["method"], found[0]["action"], found[0]["fitted"]) == (method, "null", {"a": [0, 9], "b": [-1, 2.5]})
    _, again = only("handle_outliers", kind, parameters, trained, refit=True)
    assert "fitted" not in again[0]


def test_bounds_that_are_no_numbers_are_fitted_again_and_that_is_told():
    given = {"input_column": ["a"], "standard_deviations": 3}
    outcome, found = only("handle_outliers", "Standard deviation numeric outliers", given, {"lower_threshold": float("nan"), "upper_threshold": 1})
    assert "fitted" not in found[0] and any("no trained state for a" in note for note in outcome.notes)


def test_uneven_quantiles_are_told_when_they_would_be_fitted():
    outcome, _ = only("handle_outliers", "Quantile numeric outliers", {"input_column": ["a"], "lower_quantile": 0.05, "upper_quantile": 0.99})
    assert outcome.status == PARTLY and "0.05 and 0.99" in outcome.lost[0]


def test_the_absolute_threshold_of_rare_values_is_told():
    given = {"input_column": "c", "replacement_string": "rare", "absolute_threshold": 10, "fraction_threshold": 0.02}
    outcome, found = only("handle_outliers", "Replace rare values", given)
    assert found == [{"step": "replace_rare", "columns": ["c"], "min_share": 0.02, "name": "rare"}]
    assert outcome.status == PARTLY and "absolute_threshold 10" in outcome.lost[0]


@pytest.mark.parametrize(("policy", "unknown"), [("Keep", "last"), ("Error", "fail"), ("Replace with NaN", "null")])
def test_ordinal_labels_are_decoded_into_the_order(policy, unknown):
    given = {"input_column": "c", "invalid_handling_strategy": policy}
    outcome, found = only("encode_categorical", "Ordinal encode", given, {"string_indexer_model": model(["x", "z", "y"])})
    assert (outcome.status, found) == (TRANSLATED, [{"step": "ordinal", "columns": ["c"], "unknown": unknown, "order": {"c": ["x", "z", "y"]}}])


def test_skipping_unknown_levels_is_told_because_no_row_is_dropped():
    outcome, _ = only("encode_categorical", "Ordinal encode", {"input_column": "c", "invalid_handling_strategy": "Skip"})
    assert outcome.status == PARTLY and "Skip" in outcome.lost[0]


def test_one_hot_without_its_last_level():
    given = {"input_column": "c", "invalid_handling_strategy": "Keep", "drop_last": True, "output_style": "Vector"}
    outcome, found = only("encode_categorical", "One-hot encode", given, [{"input_column": "c", "string_indexer_model": model(["x", "y", "z"])}])
    assert found[0]["fitted"] == {"c": ["x", "y"]} and outcome.status == TRANSLATED
    assert any("vector" in note for note in outcome.notes)


@pytest.mark.parametrize(
    ("damaged", "told"),
    [
        ("not base85 \x7f", "not base85"),
        ("", "not a ZIP"),
        (7, "holds no string_indexer_model"),
        (model(["x"], rows=3), "not that of a StringIndexer"),
        (model(["x"], column="other"), "holds no labelsArray"),
    ],
)
def test_a_model_that_cannot_be_read_is_told_and_its_levels_are_fitted(damaged, told):
    given = {"input_column": "c", "invalid_handling_strategy": "Keep"}
    outcome, found = only("encode_categorical", "One-hot encode", given, [{"input_column": "c", "string_indexer_model": damaged}])
    assert outcome.status == PARTLY and told in outcome.lost[0] and "fitted" not in found[0]


def test_stale_parameters_of_other_kinds_do_not_count():
    made = transform("manage_columns", "Rename column", {"input_column": "a", "new_name": "z"})
    made["parameters"]["drop_column_parameters"] = {"column_to_drop": "b"}
    assert steps(imported(chain(made))) == [{"step": "rename_columns", "columns": {"a": "z"}}]


def test_a_result_in_another_column_is_a_copy_that_is_changed():
    outcome, found = only("handle_missing", "Fill missing", {"input_column": "a", "output_column": "filled", "fill_value": 0})
    assert [step["step"] for step in found] == ["derive", "impute"]
    assert (found[0]["columns"], found[1]["columns"], outcome.status) == ({"filled": "`a`"}, ["filled"], TRANSLATED)


@pytest.mark.parametrize(
    ("operator", "kind", "parameters", "told"),
    [
        ("custom_pyspark", "", {"code": "df = df"}, "no equivalent"),
        ("manage_rows", "Sort", {}, "no equivalent"),
        ("custom_formula", "", {"formula": "CASE WHEN a > 1 THEN 1 END", "output_column": "z"}, "SQL"),
        ("custom_formula", "", {"formula": "a % 2", "output_column": "z"}, "more than arithmetic"),
        ("custom_formula", "", {"formula": "y + 1", "output_column": "z"}, "reads or makes the label"),
        ("custom_formula", "", {"formula": "gone + 1", "output_column": "z"}, "'gone', which no step before makes"),
        ("manage_columns", "Drop column", {"column_to_drop": 7}, "names no columns"),
        ("manage_columns", "Drop column", {}, "column_to_drop is missing"),
        ("manage_columns", "Drop column", {"column_to_drop": "y"}, "the label 'y'"),
        ("manage_columns", "Rename column", {"input_column": "y", "new_name": "z"}, "the label 'y'"),
        ("handle_missing", "Impute", {"column_type": "Numeric", "numeric_parameters": []}, "not an object"),
        ("handle_missing", "Impute", {"column_type": "Numeric", "numeric_parameters": {"input_column": "a", "strategy": "Guess"}}, "'guess' has no equivalent"),
        ("handle_outliers", "Min-max numeric outliers", {"input_column": "a", "lower_threshold": "x", "upper_threshold": 1}, "lower_threshold is not a number"),
        ("handle_outliers", "Standard deviation numeric outliers", {"input_column": "a", "standard_deviations": -1}, "would not be valid"),
        ("process_numeric", "Scale values", {"scaler": "Standard scaler", "standard_scaler_parameters": {"input_column": "a", "center": False}}, "center"),
        ("featurize_date_time", "Extract columns", {"input_column": "when", "output_mode": "Cyclic", "year": True}, "Cyclic"),
        ("cast_single_data_type", "", {"column": "c", "data_type": "date", "date_formatting": "w yyyy"}, "date pattern"),
        ("join_tables", "", {"left_column": "a", "right_column": "a"}, "1 inputs; expected two"),
    ],
)
def test_what_has_no_equivalent_is_told_and_makes_no_step(operator, kind, parameters, told):
    outcome, found = only(operator, kind, parameters)
    assert (outcome.status, found) == (NOT, []) and told in " ".join(outcome.lost)


def joined(**parameters):
    """Return a flow that joins two sources and then drops a column."""
    side = [source("other", "s3://bucket/more.csv"), types("other-types", "other", {"a": "long", "c": "string", "extra": "float"})]
    join = node("join", "TRANSFORM", "sagemaker.spark.join_tables", "types", "other-types", parameters={"left_column": "a", "right_column": "a", **parameters})
    dropped = transform("manage_columns", "Drop column", {"column_to_drop": "extra"}, key="drop", after="join")
    return [source(), types(), *side, join, dropped]


def test_a_join_comes_first_and_its_input_stands_in_the_data():
    made = imported(joined(join_type="leftouter"))
    assert [outcome.status for outcome in made.outcomes] == [TRANSLATED] * 6
    assert [step.step["step"] for _, step in made.steps][:4] == ["join", "cast", "rename_columns", "cast"]
    assert made.steps[0][1].step == {"step": "join", "other": "input_2", "columns": ["a"], "how": "left", "suffix": "_1"}
    assert made.others["input_2"]["input"] == "s3://bucket/more.csv"
    assert "c_0" in made.columns and "c_1" in made.columns and "extra" not in made.columns


def test_a_joined_recipe_gives_the_columns_of_the_flow():
    steps_made = [validated(step.step).model_dump(mode="json") for _, step in imported(joined(join_type="inner")).steps[:-1]]
    left = from_frame(pd.DataFrame({"y": [1, 0], "a": [1, 2], "b": [0.5, 1.5], "c": ["p", "q"], "d": ["r", "s"], "when": ["2020-01-01", "1/2/2020"]}))
    right = from_frame(pd.DataFrame({"a": [2, 3], "c": ["u", "v"], "extra": [9.0, 8.0]}))
    _, rows = recipe.run(left, steps_made, Context(label="y", training=True, others={"input_2": right}))
    frame = to_frame(rows)
    assert list(frame) == ["y", "a", "b", "c_0", "d", "when", "c_1"]
    assert frame[["a", "c_0", "c_1"]].values.tolist() == [[2.0, "q", "u"]]


def test_a_join_after_other_transforms_is_told():
    nodes = joined()
    nodes.insert(2, transform("manage_rows", "Drop duplicates", {}, key="dedupe", after="types"))
    next(entry for entry in nodes if entry["node_id"] == "join")["inputs"][0]["node_id"] = "dedupe"
    outcome = next(outcome for outcome in imported(nodes).outcomes if outcome.node.id == "join")
    assert outcome.status == NOT and "combined first" in outcome.lost[0]


def test_concatenated_rows_are_appended():
    side = [source("other", "s3://bucket/more.csv")]
    made = imported([source(), types(), *side, node("both", "TRANSFORM", "sagemaker.spark.concatenate", "types", "other")])
    assert made.steps[0][1].step == {"step": "concat", "other": "input_2"} and made.complete


def test_another_branch_is_told():
    nodes = [*chain(transform("manage_rows", "Drop duplicates", {}), transform("manage_columns", "Drop column", {"column_to_drop": "a"}))]
    nodes.append(transform("manage_columns", "Drop column", {"column_to_drop": "b"}, key="side", after="types"))
    outcome = imported(nodes).outcomes[-1]
    assert {entry.node.id: entry.status for entry in imported(nodes).outcomes}["side"] == NOT and outcome is not None
    assert "another branch" in next(entry for entry in imported(nodes).outcomes if entry.node.id == "side").lost[0]


IMPUTE = {"column_type": "Numeric", "numeric_parameters": {"input_column": "a", "strategy": "Mean"}}


def test_rows_after_a_trained_step_keep_their_place():
    learnt = transform("handle_missing", "Impute", IMPUTE)
    learnt["trained_parameters"] = {"impute_parameters": {"numeric_parameters": {"impute_value": 2.5}}}
    made = imported(chain(learnt, transform("manage_rows", "Drop duplicates", {})))
    assert made.complete and [step["step"] for step in steps(made)] == ["impute", "drop_duplicates"]
    assert steps(made)[0]["fitted"] == {"a": 2.5}


def test_rows_after_a_step_to_be_fitted_are_told():
    made = imported(chain(transform("handle_missing", "Impute", IMPUTE), transform("manage_rows", "Drop duplicates", {})), refit=True)
    assert [step["step"] for step in steps(made)] == ["impute"]
    assert made.outcomes[-1].status == NOT and "before the split" in made.outcomes[-1].lost[0]


def test_a_chart_of_what_a_transform_made_is_told():
    renamed = transform("manage_columns", "Rename column", {"input_column": "a", "new_name": "z"})
    charts = [
        node(name, "VISUALIZATION", "sagemaker.visualizations.histogram", "t0", parameters={"x_axis": column}) for name, column in (("h1", "z"), ("h2", "b"))
    ]
    found = {outcome.node.id: outcome for outcome in imported([*chain(renamed), *charts]).outcomes}
    assert found["h1"].status == NOT and "raw rows only" in found["h1"].lost[0]
    assert found["h2"].status == TRANSLATED and "raw rows" in found["h2"].notes[0]


def test_two_kinds_of_correlation_are_both():
    charts = [
        node(kind, "VISUALIZATION", "sagemaker.visualizations.feature_correlation", "types", parameters={"correlation_type": kind})
        for kind in ("linear", "non-linear")
    ]
    assert imported([*chain(), *charts]).profile["correlation"] == "both"


@pytest.mark.parametrize(
    "written", ["2020-03-02", "3/2/2020", "03/02/2020 00:00:00", "2020/03/02", "2020-03-02T00:00:00", "2020-03-02T00:00:00.000Z", "2020-03-02 00:00:00.0"]
)
def test_inferred_dates_are_read_however_they_are_usually_written(written):
    cast = validated(imported(chain()).steps[0][1].step).model_dump(mode="json")
    frame = pd.DataFrame({"a": ["1"], "b": ["x"], "c": ["p"], "d": ["q"], "when": [written]})
    _, rows = recipe.run(from_frame(frame), [cast], Context())
    assert str(to_frame(rows)["when"][0]).startswith("2020-03-02") and to_frame(rows)["b"].isna().all()
