"""Data quality in Model Monitor's formats: the published fixture, byte for byte, and the rules behind it."""

from __future__ import annotations

import csv
import itertools
import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobkit.failure import JobError
from jobkit.monitor import constraints, distance, java_json, kll, rows, statistics, violations
from tests.unit.jobs.monitored import CHECKS, REFERENCE, features, of_text, published

FIXTURE = CHECKS / "data_quality"
LOAN = REFERENCE.parent / "data/loan/loan_data.csv"


def of_fixture():
    return rows.rows(rows.read([FIXTURE / "baseline_dataset.csv"], {"csv": {"header": False}}))


def held_against(tmp_path, baseline, current, **changes):
    """Return the violations of a CSV text against another; `changes` are merged into the suggested constraints."""
    before = of_text(tmp_path, baseline)
    limits = {**constraints.constraints(before), **changes}
    now = of_text(tmp_path, current)
    return violations.violations(now, statistics.statistics(now), limits, statistics.statistics(before))


@published
def test_the_published_statistics_come_out_byte_for_byte():
    assert java_json.dumps(statistics.statistics(of_fixture())).encode() == (FIXTURE / "statistics.json").read_bytes()


@published
def test_the_published_constraints_come_out_up_to_the_final_newline():
    assert java_json.dumps(constraints.constraints(of_fixture())).encode() == (FIXTURE / "good_cases/constraints.json").read_bytes().rstrip(b"\n")


@pytest.mark.skipif(not LOAN.is_file(), reason="the loan data are not here")
@published
def test_statistics_of_mixed_columns_are_those_of_the_prototype(tmp_path):
    with open(LOAN, newline="") as source, open(tmp_path / "400.csv", "w", newline="") as made:
        csv.writer(made).writerows([row[1:] for row in itertools.islice(csv.reader(source), 401)])
    data = rows.rows(rows.read([tmp_path / "400.csv"], {"csv": {"header": True}}))
    wanted = REFERENCE / "local"
    assert java_json.dumps(statistics.statistics(data)) == (wanted / "data_quality_statistics.json").read_text().rstrip("\n")
    assert java_json.dumps(constraints.constraints(data)) == (wanted / "data_quality_constraints.json").read_text().rstrip("\n")


@published
@pytest.mark.parametrize(("case", "features_found"), [("good_cases", []), ("bad_cases", ["_c5"])])
def test_the_published_cases_pass_and_fail_as_they_are_named(case, features_found):
    data = of_fixture()
    limits = json.loads((FIXTURE / case / "constraints.json").read_text())
    found = violations.violations(data, statistics.statistics(data), limits, json.loads((FIXTURE / "statistics.json").read_text()))
    assert [(entry["feature_name"], entry["constraint_check_type"]) for entry in found] == [(name, "data_type_check") for name in features_found]


@published
def test_every_published_file_of_the_service_is_written_again_with_the_same_bytes():
    files = [path for path in CHECKS.rglob("*.json")]
    assert len(files) == 6
    for path in files:
        assert java_json.dumps(json.loads(path.read_text())) == path.read_text().rstrip("\n")


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2", "+3", "- 4"], "Integral"),
        (["1", "2.0"], "Fractional"),
        (["1e5", "1.5E-3"], "Fractional"),
        (["1", "x"], "String"),
        ([".5"], "String"),
        (["NaN"], "String"),
        (["true", "false"], "String"),
        (["0x1F"], "String"),
        (["", ""], "Unknown"),
    ],
)
def test_the_type_of_a_column_is_what_its_cells_allow(tmp_path, cells, kind):
    data = of_text(tmp_path, "a,b\n" + "".join(f"{cell},1\n" for cell in cells))
    assert data.columns[0].kind == kind
    entry = statistics.statistics(data)["features"][0]
    counted = (entry.get("numerical_statistics") or entry["string_statistics"])["common"]
    assert counted == {"num_present": sum(map(bool, cells)), "num_missing": cells.count("")}


def test_quotes_line_breaks_and_commas_in_cells_are_part_of_their_text(tmp_path):
    data = of_text(tmp_path, 'name,n\n"a ""b"", c\nd",1\nplain,2\n')
    buckets = statistics.statistics(data)["features"][0]["string_statistics"]["distribution"]["categorical"]["buckets"]
    assert [bucket["value"] for bucket in buckets] == ['a "b", c\nd', "plain"]
    assert json.loads(java_json.dumps(buckets)) == buckets


def test_columns_of_the_same_name_get_their_places_and_nameless_ones_what_spark_calls_them(tmp_path):
    assert of_text(tmp_path, "a,b,A,\n1,2,3,4\n").names == ("a0", "b", "A2", "_c3")
    assert of_text(tmp_path, "1,2\n", header=False).names == ("_c0", "_c1")


def test_numbers_beyond_a_double_are_written_as_the_texts_that_java_has_for_them(tmp_path):
    data = of_text(tmp_path, "n\n{}\n1\n".format("9" * 400))
    text = java_json.dumps(statistics.statistics(data))
    assert '"max" : "Infinity"' in text
    assert '"std_dev" : "NaN"' in text
    json.loads(text, parse_constant=lambda word: pytest.fail(word))


def test_a_constant_column_has_all_of_its_values_in_the_last_bucket(tmp_path):
    kll_ = statistics.statistics(of_text(tmp_path, "n\n7\n7\n7\n"))["features"][0]["numerical_statistics"]["distribution"]["kll"]
    assert [bucket["count"] for bucket in kll_["buckets"]] == [0.0] * 9 + [3.0]


@pytest.mark.parametrize("text", ["", "a,b\n", "\n\n"])
def test_a_data_set_without_rows_is_refused(tmp_path, text):
    with pytest.raises(JobError, match="has no rows"):
        of_text(tmp_path, text)


def test_parquet_says_its_types_itself_and_its_nan_is_missing(tmp_path):
    table = pa.table({"i": [1, None, 3], "f": [1.0, math.nan, 2.0], "b": [True, False, None], "s": pa.array(["1", "x", None]).dictionary_encode()})
    pq.write_table(table, tmp_path / "a.parquet")
    data = rows.rows(rows.read([tmp_path / "a.parquet"], {"parquet": {}}))
    assert [(column.kind, column.missing) for column in data.columns] == [("Integral", 1), ("Fractional", 1), ("String", 1), ("String", 1)]


def test_json_lines_are_read_and_nested_values_are_refused(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": 1, "b": "x"}\n{"a": 2.5, "b": null}\n')
    assert [column.kind for column in rows.rows(rows.read([path], {"json": {"lines": True}})).columns] == ["Fractional", "String"]
    path.write_text('{"a": [1, 2]}\n')
    with pytest.raises(JobError, match="'a' holds list"):
        rows.rows(rows.read([path], {"json": {}}))


def test_files_with_other_columns_and_unknown_formats_are_refused(tmp_path):
    one, two = tmp_path / "1.csv", tmp_path / "2.csv"
    one.write_text("a\n1\n")
    two.write_text("b\n1\n")
    with pytest.raises(JobError, match=r"1.csv and 2.csv: got different columns: a"):
        rows.read([one, two], {"csv": {"header": True}})
    with pytest.raises(JobError, match="dataset_format: got"):
        rows.read([one], {"xml": {}})


def test_a_line_with_too_many_cells_and_bytes_that_are_no_text_are_refused(tmp_path):
    with pytest.raises(JobError, match="rows.csv: this is not csv: .*Expected 2 columns, got 3"):
        of_text(tmp_path, "a,b\n1,2,3\n")
    (tmp_path / "x.csv").write_bytes(b"a,b\n1,\xff\n")
    with pytest.raises(JobError, match="x.csv: this is not csv"):
        rows.read([tmp_path / "x.csv"], {"csv": {"header": True}})


def test_ids_have_no_domain_and_too_many_values_no_distribution(tmp_path):
    data = of_text(tmp_path, "id,level\n" + "".join(f"id{place},l{place % 3}\n" for place in range(1200)))
    told, limits = statistics.statistics(data), constraints.constraints(data)
    assert features(told)["id"]["string_statistics"] == {"common": {"num_present": 1200, "num_missing": 0}, "distinct_count": 1200.0}
    assert "string_constraints" not in features(limits)["id"]
    assert features(limits)["level"]["string_constraints"] == {"domains": ["l0", "l1", "l2"]}


# The sketch


def test_up_to_2050_values_the_sketch_is_the_values_in_their_order():
    values = np.random.default_rng(0).normal(size=2050)
    assert [level.tolist() for level in kll.sketch(values)] == [values.tolist()]


@pytest.mark.parametrize("rows_", [2051, 5000, 100_003])
def test_a_longer_sketch_stands_for_every_value_and_is_near_the_truth(rows_):
    values = np.random.default_rng(1).normal(size=rows_)
    levels = kll.sketch(values)
    assert sum(len(level) * 2**height for height, level in enumerate(levels)) == rows_
    assert all(np.array_equal(one, two) for one, two in zip(levels, kll.sketch(values), strict=True))
    found, below = kll.weighted(levels)
    truth = np.searchsorted(np.sort(values), found, side="right")
    assert np.abs(truth - below).max() / rows_ < 0.01


def test_long_columns_have_the_deviation_of_short_ones():
    values = np.random.default_rng(2).normal(1e6, 1, size=70_000)
    told = statistics._numerical(values)
    assert told["std_dev"] == pytest.approx(values.std(), rel=1e-12)
    assert sum(bucket["count"] for bucket in told["distribution"]["kll"]["buckets"]) == 70_000


# Distances


def test_distances_are_those_of_kolmogorov_and_smirnov():
    from scipy.stats import ks_2samp

    one, two = np.random.default_rng(3).normal(size=(2, 900))
    two = two[:700] + 0.3
    simple = distance.numeric([one.tolist()], [two.tolist()], "Simple")
    assert simple == pytest.approx(ks_2samp(one, two).statistic, abs=1e-12)
    assert distance.numeric([one.tolist()], [two.tolist()], "Robust") == pytest.approx(simple - 1.8 * math.sqrt(1600 / 630_000))


def test_categorical_distances_are_of_shares_or_a_p_value():
    from scipy.stats import chisquare

    before, now = {"a": 60, "b": 40}, {"a": 45, "b": 45, "c": 10}
    assert distance.shares(before, now, "Simple") == pytest.approx(0.15)
    assert distance.shares(before, now, "Robust") == 0.0
    assert distance.chi_squared(before, now) == pytest.approx(chisquare([45, 45], [54, 36]).pvalue)
    assert distance.chi_squared({"a": 99, "b": 1}, {"a": 10}) is None


def test_rare_values_are_put_together_before_they_are_tested():
    before = {"a": 500, "b": 480, "c": 10, "d": 6, "e": 4}
    assert distance.chi_squared(before, {"a": 50, "b": 50}) is not None
    assert distance.chi_squared(before, {"a": 50, "b": 50}) == distance.chi_squared(dict(reversed(before.items())), {"b": 50, "a": 50})


# Violations

ROWS = "".join(f"{place},{'xy'[place % 2]},{place / 2}\n" for place in range(100))


def test_all_six_checks_are_found_with_the_words_of_the_service(tmp_path):
    before = "n,s,f,gone\n" + "".join(f"{place},{'xy'[place % 2]},{place % 10},1\n" for place in range(100))
    now = "n,s,f,new\n" + "".join(f"{place + 0.5 if place < 10 else place},{'xyz'[place % 3]},{90 if place > 4 else ''},1\n" for place in range(100))
    found = held_against(tmp_path, before, now)
    assert [(entry["feature_name"], entry["constraint_check_type"]) for entry in found] == [
        ("Missing columns", "missing_column_check"),
        ("Extra columns", "extra_column_check"),
        ("n", "data_type_check"),
        ("s", "categorical_values_check"),
        ("f", "completeness_check"),
        ("f", "baseline_drift_check"),
    ]
    told = [entry["description"] for entry in found]
    assert told[0].endswith("gone. Number of columns in current dataset: 4, Number of columns in baseline constraints: 4")
    assert told[2] == "Data type match requirement is not met. Expected data type: Integral, Expected match: 100.0%. Observed: Only 90.0% of data is Integral."
    assert told[3] == "Value: 0.67 does not meet the constraint requirement! "
    assert told[4] == "Data completeness requirement is not met. Expected completeness: 100.0%. Observed: Only 95.0% of data is complete."
    assert told[5].startswith("Numerical distance: 0.74") and told[5].endswith(" exceeds numerical threshold: 0.1")


def test_a_data_set_does_not_violate_its_own_constraints(tmp_path):
    mixed = "a,b,c\n" + "".join(f"{place if place % 2 else 'x'},,{place}\n" for place in range(50))
    assert held_against(tmp_path, mixed, mixed) == []


def test_whole_numbers_are_welcome_where_fractional_ones_are_expected(tmp_path):
    assert held_against(tmp_path, "f\n1.5\n2\n", "f\n1\n2\n") == []


def test_a_domain_that_looks_like_numbers_is_found_in_a_column_of_numbers(tmp_path):
    before = "a\n" + "1\n" * 30 + "x\n" * 30
    found = held_against(tmp_path, before, "a\n" + "1\n" * 9 + "5\n", monitoring_config={"distribution_constraints": {"perform_comparison": "Disabled"}})
    assert [entry["description"] for entry in found if entry["constraint_check_type"] == "categorical_values_check"] == [
        "Value: 0.9 does not meet the constraint requirement! "
    ]


@pytest.mark.parametrize(
    "config",
    [
        {"evaluate_constraints": "Disabled"},
        {"distribution_constraints": {"perform_comparison": "Disabled"}},
        {"distribution_constraints": {"enable_comparisons": False}},
        {"distribution_constraints": {"comparison_threshold": 0.99}},
    ],
)
def test_the_configuration_switches_checks_off(tmp_path, config):
    before, now = "n\n" + "1\n2\n" * 50, "n\n" + "2\n3\n" * 50
    assert [entry["constraint_check_type"] for entry in held_against(tmp_path, before, now)] == ["baseline_drift_check"]
    assert held_against(tmp_path, before, now, monitoring_config=config) == []


@pytest.mark.parametrize("spelling", ["monitoring_config_overrides", "monitoringConfigOverrides"])
@pytest.mark.parametrize("place", ["feature", "string_constraints"])
def test_a_feature_may_override_the_configuration(tmp_path, spelling, place):
    data = of_text(tmp_path, "a,b\n" + "x,x\n" * 40)
    limits = constraints.constraints(data)
    first = limits["features"][0]
    (first if place == "feature" else first["string_constraints"])[spelling] = {"domain_content_threshold": 0.5}
    now = of_text(tmp_path, "a,b\n" + "x,x\n" * 30 + "y,y\n" * 10)
    found = violations.violations(now, statistics.statistics(now), limits, None)
    assert [entry["feature_name"] for entry in found] == ["b"]


def test_a_chi_squared_test_says_its_p_value(tmp_path):
    drift = {"categorical_drift_method": "ChiSquared", "categorical_comparison_threshold": 0.05}
    before, now = "a\n" + "x\n" * 60 + "y\n" * 40, "a\n" + "x\n" * 20 + "y\n" * 80
    found = held_against(tmp_path, before, now, monitoring_config={"distribution_constraints": drift})
    assert found[0]["description"].startswith("Chi-squared p-value: ") and found[0]["description"].endswith(" is below the threshold: 0.05")


def test_the_violations_of_the_prototype_have_the_same_members_in_the_same_order(tmp_path):
    found = held_against(tmp_path, "n,s,f\n" + ROWS, "n,s\n1,x\n")
    assert all(list(entry) == ["feature_name", "constraint_check_type", "description"] for entry in found)
