"""The profile of a table: what it measures, what it finds, and that what it proposes mends it."""

from __future__ import annotations

import json
import typing

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter

from jobkit import recipe
from jobkit.failure import JobError
from jobkit.profile import DEFAULTS, KINDS, SEVERITIES, profile
from jobkit.profile.fields import table_of
from jobkit.profile.leakage import auc
from jobkit.profile.relations import correlation_ratio, cramers_v
from jobkit.steps.base import Context
from pipelines.config.profile import Kind, Profile, Severity
from pipelines.config.recipe import RecipeStep

STEP = TypeAdapter(RecipeStep)


def chance(seed: int = 0) -> np.random.RandomState:
    return np.random.RandomState(seed)


def flawed(rows: int = 600) -> pd.DataFrame:
    """Return rows with one flaw of every kind that a recipe can mend."""
    r = chance()
    label = r.randint(0, 2, rows)
    frame = pd.DataFrame(
        {
            "y": label,
            "outcome": np.where(label == 1, "gone", "here"),
            "plain": r.normal(size=rows),
            "key": [f"u{n:05d}" for n in range(rows)],
            "same": "x",
            "holes": np.where(r.rand(rows) < 0.2, np.nan, r.normal(size=rows)),
            "word": np.where(r.rand(rows) < 0.1, None, r.choice(list("abc"), rows)),
            "money": [f"{n:,}.50" for n in r.randint(500, 90000, rows)],
            "price": [f"$ {n}.25" for n in r.randint(5, 90, rows)],
            "dirty": np.where(r.rand(rows) < 0.02, "n/a", r.randint(0, 50, rows).astype(str)),
            "stray": np.where(r.rand(rows) < 0.02, "abc", r.randint(0, 50, rows).astype(str)),
            "when": [f"{n % 12 + 1}/{n % 28 + 1}/2020" for n in range(rows)],
            "town": [f"town {n}" for n in r.randint(0, 200, rows)],
            "yes": r.choice(["Yes", "yes ", "no"], rows),
            "far": np.where(r.rand(rows) < 0.01, 1e4, r.rand(rows)),
        }
    )
    frame["twin"] = frame["plain"] * 2 + 1
    return pd.concat([frame, frame.head(30)], ignore_index=True)


@pytest.fixture(scope="module")
def found() -> dict:
    return profile(flawed(), "y")


def kinds(report: dict) -> set:
    return {(finding["kind"], *finding["columns"][:2]) for finding in report["findings"]}


def test_every_flaw_is_found_under_its_name(found):
    assert kinds(found) >= {
        ("leaking-feature", "outcome"),
        ("duplicate-rows",),
        ("constant-column", "same"),
        ("id-like", "key"),
        ("missing-values", "holes"),
        ("missing-values", "word"),
        ("numbers-as-text", "money"),
        ("numbers-as-text", "price"),
        ("null-words", "dirty"),
        ("mixed-types", "stray"),
        ("dates-as-text", "when"),
        ("high-cardinality", "town"),
        ("uneven-spelling", "yes"),
        ("outliers", "far"),
        ("skewed", "far"),
        ("correlated-features", "plain", "twin"),
    }
    assert [finding["columns"] for finding in found["findings"] if finding["kind"] == "leaking-feature"] == [["outcome"]]


def test_findings_are_ranked_by_severity_and_have_known_kinds(found):
    places = [SEVERITIES.index(finding["severity"]) for finding in found["findings"]]
    assert places == sorted(places) and {finding["kind"] for finding in found["findings"]} <= set(KINDS)


def test_every_proposed_step_is_valid_and_runs_on_the_data(found):
    rows, _ = table_of(flawed())
    tried = [finding["step"] for finding in found["findings"] if finding["step"]]
    assert len(tried) >= 14
    for step in tried:
        settings = STEP.validate_python(step).model_dump(mode="json")
        _, after = recipe.run(rows, [settings], Context(label="y", training=True, seed=0, others={}))
        assert len(after), step


def test_the_yaml_line_says_the_same_as_the_step(found):
    import yaml

    for finding in found["findings"]:
        if finding["step"]:
            assert yaml.safe_load(finding["yaml"]) == [finding["step"]]


def test_odd_column_names_survive_the_yaml_line():
    import yaml

    for name in ("no", "12", "a: b", "#x", "é\n", "- d", "", "null", '"q"', "{x}"):
        step = profile(pd.DataFrame({name: [1] * 30, "b": range(30)}))["findings"]
        line = next(finding for finding in step if finding["kind"] == "constant-column")
        assert yaml.safe_load(line["yaml"]) == [{"step": "drop_columns", "columns": [name]}]


def test_the_names_in_the_configuration_are_those_of_the_library():
    assert typing.get_args(Kind) == KINDS and typing.get_args(Severity) == SEVERITIES
    assert {**Profile().settings(), "recipe": []} == json.loads(json.dumps(DEFAULTS))


def test_the_same_seed_gives_the_same_report_and_it_is_plain_json(found):
    assert json.dumps(profile(flawed(), "y"), sort_keys=True, allow_nan=False) == json.dumps(found, sort_keys=True, allow_nan=False)


def test_duplicates_count_every_member_and_repeats_only_later_ones():
    report = profile(pd.DataFrame({"a": [1, 1, 1, 2, None, None], "b": ["x", "x", "x", "y", "z", "z"]}))["duplicates"]
    assert report["share"] == pytest.approx(5 / 6, abs=1e-6) and report["repeated_share"] == 0.5


def test_rows_that_differ_in_the_label_only_are_conflicting():
    report = profile(pd.DataFrame({"a": [1, 1, 2, 3] * 10, "y": [0, 1, 0, 1] * 10}), "y")
    assert report["duplicates"]["conflicting_share"] == 0.5


def test_summary_statistics_are_those_of_pandas_and_scipy():
    from scipy import stats

    values = chance().gamma(2, size=500)
    facts = profile(pd.DataFrame({"a": values}))["fields"][0]["statistics"]
    wanted = {"mean": values.mean(), "sd": values.std(ddof=1), "q1": np.percentile(values, 25), "skew": stats.skew(values)}
    wanted["kurtosis"] = stats.kurtosis(values, fisher=False)
    assert {key: facts[key] for key in wanted} == pytest.approx(wanted, rel=1e-5)


def test_correlations_are_those_of_pandas_and_scipy():
    r = chance()
    frame = pd.DataFrame({"a": r.rand(300), "c": r.rand(300)})
    frame["b"] = frame["a"] ** 3 + r.rand(300)
    frame.loc[::7, "a"] = np.nan
    report = profile(frame)["correlation"]
    assert report["linear"]["columns"] == ["a", "c", "b"]
    assert np.array(report["linear"]["values"]) == pytest.approx(frame[["a", "c", "b"]].corr().to_numpy(), abs=1e-5)


def test_cramers_v_and_the_correlation_ratio_know_their_extremes():
    left = np.array([0, 1, 2] * 100)
    assert cramers_v(left, 3, left, 3) == pytest.approx(1.0)
    assert cramers_v(left, 3, np.repeat([0, 1], 150), 2) == pytest.approx(0.0, abs=0.05)
    assert correlation_ratio(left, 3, left * 5.0) == pytest.approx(1.0)
    assert np.isnan(correlation_ratio(left, 3, np.ones(300)))


def test_the_area_under_the_curve_is_that_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    r = chance()
    label, score = r.randint(0, 2, 200), r.randint(0, 9, 200)
    assert auc(score.astype(float), label, 1 - label) == pytest.approx(roc_auc_score(label, score))


@pytest.mark.parametrize("problem", ["binary_classification", "multiclass_classification", "regression"])
def test_a_leak_is_found_for_every_problem_and_noise_is_not_one(problem):
    r = chance()
    label = {"binary_classification": r.randint(0, 2, 800), "multiclass_classification": r.choice(list("abcd"), 800), "regression": r.gamma(1, size=800)}[
        problem
    ]
    leak = pd.factorize(label)[0] if problem != "regression" else label * 3 + 1
    report = profile(pd.DataFrame({"y": label, "leak": leak, "noise": r.rand(800), "texts": r.choice(list("xyz"), 800)}), "y", problem)
    assert {entry["name"]: entry["class"] for entry in report["leakage"]} == {"leak": "leaking", "noise": "redundant", "texts": "redundant"}
    assert report["problem"] == problem and report["quick_model"]["left_out"] == ["leak"]


def test_an_id_of_many_texts_is_no_leak():
    r = chance()
    frame = pd.DataFrame({"y": r.randint(0, 2, 3000), "code": [f"c{n}" for n in r.randint(0, 2500, 3000)]})
    assert profile(frame, "y")["leakage"][0]["score"] < 0.6


def test_a_leak_that_is_not_monotone_is_found():
    x = chance().rand(2000)
    report = profile(pd.DataFrame({"x": x, "y": ((x > 0.3) & (x < 0.6)).astype(int)}), "y")
    assert report["leakage"][0]["class"] == "leaking"


def test_the_problem_is_guessed_from_the_label():
    r = chance()
    labels = {"two": r.choice(["a", "b"], 90), "few": r.randint(0, 5, 90), "words": r.choice(list("abcd"), 90), "amount": r.rand(90)}
    frame = pd.DataFrame({**labels, "x": r.rand(90)})
    guessed = {name: profile(frame, name)["problem"] for name in labels}
    many = {"few": "multiclass_classification", "words": "multiclass_classification"}
    assert guessed == {"two": "binary_classification", **many, "amount": "regression"}


def test_the_quick_model_beats_a_constant_where_there_is_something_to_learn():
    x = chance().rand(1500, 3)
    quick = profile(pd.DataFrame(x, columns=list("abc")).assign(y=(x.sum(axis=1) > 1.5).astype(int)), "y")["quick_model"]
    assert quick["scores"]["auc"] > 0.9 and quick["constant"]["auc"] == 0.5
    assert sum(map(sum, quick["confusion_matrix"]["counts"])) == quick["test_rows"] == 300


def test_an_odd_row_is_the_most_anomalous_and_its_odd_values_are_named():
    frame = pd.DataFrame(chance().normal(size=(400, 4)), columns=list("abcd")).assign(e="usual")
    frame.loc[123, ["a", "b", "e"]] = [50.0, -60.0, "odd"]
    worst = profile(frame)["anomalies"]["most_anomalous"][0]
    assert worst["row"] == 124 and {value["column"] for value in worst["values"][:3]} == {"a", "b", "e"}


def test_findings_can_be_ignored_by_kind_and_by_column():
    report = profile(flawed(), "y", settings={"ignore": ["duplicate-rows", "leaking-feature:outcome", "redundant-feature:plain"]})
    assert not {("duplicate-rows",), ("leaking-feature", "outcome")} & kinds(report)
    weak = next(finding for finding in report["findings"] if finding["kind"] == "redundant-feature")
    assert "plain" not in weak["columns"] and "plain" not in weak["step"]["columns"]


def test_the_verdict_counts_what_fail_on_names_and_the_recipe_does_not_mend():
    settings = {"fail_on": ["leaking-feature", "constant-column"]}
    open_ = profile(flawed(), "y", settings=settings)["verdict"]
    assert open_["findings"] == 2 and "outcome" in open_["message"] and "same" in open_["message"]
    mended = profile(flawed(), "y", settings={**settings, "recipe": [{"step": "drop_columns", "columns": ["outcome", "same"]}]})
    assert mended["verdict"]["findings"] == 0 and {f["mended_by"] for f in mended["findings"][:1]} == {"recipe[0] drop_columns"}


ODD = {
    "nothing": pd.DataFrame(),
    "no rows": pd.DataFrame({"a": [], "y": []}),
    "one row": pd.DataFrame({"a": ["x"], "y": [1]}),
    "all missing": pd.DataFrame({"a": [None] * 40, "b": [np.nan] * 40, "y": [0, 1] * 20}),
    "no label value": pd.DataFrame({"a": range(40), "y": [None] * 40}),
    "mixed": pd.DataFrame({"a": [1, "x", 2.5, None, True] * 20, "b": [[1], {2: 3}, b"x", pd.Timestamp(0), "z"] * 20, "y": [0, 1] * 50}),
    "huge": pd.DataFrame({"a": [np.inf, -np.inf, 1e300, -1e300, 1e308] * 20, "y": [1, 2, 3, 4, 5.5] * 20}),
    "same names": pd.DataFrame(np.arange(90).reshape(30, 3) % 7, columns=["a", "a", "y"]),
    "10,000 levels": pd.DataFrame({"a": [f"k{n}" for n in range(10000)], "b": [f"v{n // 2}" for n in range(10000)], "y": [0, 1] * 5000}),
    "one of a class": pd.DataFrame({"a": range(300), "y": [0] * 299 + [1]}),
    "zones": pd.DataFrame({"a": pd.date_range("2020", periods=40, tz="Asia/Tokyo"), "b": pd.Categorical(list("ab") * 20), "y": [0, 1] * 20}),
    "unicode": pd.DataFrame({"名前 \u202e": ["é", "\u200d", "💥", ""] * 20, "y": [0, 1] * 40}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_no_data_makes_it_fail(name):
    frame = ODD[name]
    for label in (None, "y") if "y" in frame else (None,):
        report = profile(frame, label)
        assert report["columns"] == frame.shape[1] and report["rows"] == len(frame)
        json.dumps(report, allow_nan=False)


def test_a_column_that_is_not_there_is_named_with_the_nearest():
    frame = pd.DataFrame({"lead_time": [1], "y": [0]})
    with pytest.raises(JobError, match=r"label.column: there is no column 'yy'.*Did you mean 'y'"):
        profile(frame, "yy")
    with pytest.raises(JobError, match=r"profile.scatters\[0\].facet_by: there is no column 'leadtime'.*Did you mean 'lead_time'"):
        profile(frame, settings={"scatters": [{"x": "y", "y": "y", "facet_by": "leadtime"}]})
    with pytest.raises(JobError, match="no problem 'magic'"):
        profile(frame, "y", "magic")


def test_more_rows_than_the_sample_are_sampled_but_counted_whole():
    frame = pd.DataFrame({"a": np.arange(3000) % 50, "y": np.arange(3000) % 2})
    report = profile(frame, "y", settings={"sample_rows": 500})
    assert (report["rows"], report["sampled_rows"], report["anomalies"]["rows"]) == (3000, 500, 500)
    assert sum(report["fields"][0]["histogram"]["counts"][0]) + sum(report["fields"][0]["histogram"]["counts"][1]) == 3000


def test_codes_with_leading_zeros_are_not_numbers():
    report = profile(pd.DataFrame({"zip": ["01234", "02345", "13456", "04567"] * 60}))
    assert not [finding for finding in report["findings"] if finding["columns"] == ["zip"]]


def test_the_date_format_that_fits_more_values_wins():
    days = pd.date_range("2020-01-01", periods=300)
    report = profile(pd.DataFrame({"us": days.strftime("%m/%d/%Y"), "eu": days.strftime("%d/%m/%Y"), "iso": days.strftime("%Y-%m-%d")}))
    formats = {finding["columns"][0]: finding["step"].get("formats") for finding in report["findings"] if finding["kind"] == "dates-as-text"}
    assert formats == {"us": ["%m/%d/%Y"], "eu": ["%d/%m/%Y"], "iso": None}
