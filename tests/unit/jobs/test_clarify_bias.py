"""The bias metrics against the service's own numbers, against other libraries, and on data where they are hard to define."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest
from clarify_case import CHECK_STEP, LOAN, REFERENCE, SHARED, as_csv, needs_reference, parsed, run, settings, studied, values

from jobkit.clarify import bias, config, dataset, facets, flip
from jobkit.clarify.predictions import of_column, of_model
from jobkit.clarify.study import study
from jobkit.failure import JobError

# Computed by the service's open definitions on the loan data; predicted is Y where credit_history is 1.
POST = {
    "gender": {
        "AD": 0.060362210259540916,
        "DAR": 0.05403959336543607,
        "DCA": 0.026724113654923776,
        "DCR": 0.011363636363636465,
        "DI": 0.9786402944297682,
        "DPPL": 0.017500046247479473,
        "DRR": -0.09090909090909094,
        "FT": -0.13513513513513514,
        "GE": 0.07792465763293802,
        "RD": 0.036956521739130443,
        "SD": -0.050185343598517285,
        "TE": 0.06234817813765184,
        "CDDPL": {"property_area": 0.02024025803282409, "education": 0.021435091903012987},
    },
    "self_employed": {
        "AD": 0.25576923076923075,
        "DAR": 0.3440448113207547,
        "DCA": 0.3779481132075472,
        "DCR": 1.7514880952380951,
        "DI": 1.0062893081761006,
        "DPPL": -0.00512820512820511,
        "DRR": 0.1473214285714286,
        "FT": -0.1794871794871795,
        "GE": 0.07792465763293802,
        "RD": -0.025162488393686178,
        "SD": -0.19500517598343686,
        "TE": -0.21561461794019932,
        "CDDPL": {"property_area": -0.006945348340828645, "education": -0.0007647610797658343},
    },
}
SCORES = [[0.9, 0.1], [0.3, 0.7], [0.2, 0.8]]
FACETS = {"gender": 0, "self_employed": 1}


def encoded(columns):
    """Return text columns as the places of their sorted values, as the reference run did for the flip test."""
    places = {name: np.unique(column.astype(str), return_inverse=True)[1].astype(float) for name, column in columns.items() if column.dtype.kind != "f"}
    return {**columns, **places}


@pytest.fixture(scope="module")
def loan():
    plain = dataset.read_folder(config.Config(), LOAN)
    predicted = np.where(plain.columns["credit_history"] == 1, "Y", "N").astype(object)
    columns = {**encoded(plain.columns), "approved": plain.columns["approved"], "predicted": predicted}
    return plain._replace(names=(*plain.names, "predicted"), columns=columns)


def loan_study(loan, group, **changes):
    wanted = settings(
        label="approved",
        label_values_or_threshold=["Y"],
        facet=[{"name_or_index": name, "value_or_threshold": [value]} for name, value in FACETS.items()],
        predicted_label="predicted",
        excluded_columns=["loan_id"],
        group_variable=group,
        methods={"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}},
        **changes,
    )
    given = config.parse(wanted)
    said = of_column(loan.columns["predicted"], loan.columns["approved"], given)
    return study(given, loan, dataset.roles(given, loan), said, lambda line: None)


def told(found):
    """Return metrics by name, with -999 for none."""
    named = found if isinstance(found, dict) else values(found)
    return {name: -999.0 if value is None else value for name, value in named.items()}


@needs_reference
@pytest.mark.parametrize("group", ["property_area", "education", None])
def test_every_metric_of_the_loan_data_is_the_services_to_1e_9(loan, group):
    reference = parsed(SHARED / "data/reference.json")["clarify_loan"]
    found = loan_study(loan, group)
    assert [entry.facet for entry in found.pre] == [entry.facet for entry in found.post] == list(FACETS)
    for before, after in zip(found.pre, found.post, strict=True):
        expected = reference[f"{before.facet}=={before.value}"]
        expected = {**{name: value for name, value in expected.items() if "(" not in name}, "CDDL": expected[f"CDDL({group})"] if group else None}
        assert told(before) == pytest.approx(told(expected), rel=0, abs=1e-9)
        expected = POST[after.facet]
        assert told(after) == pytest.approx(told({**expected, "CDDPL": expected["CDDPL"][group] if group else None}), rel=0, abs=1e-9)
    if group is None:
        missing = [metric for entry in found.pre + found.post for metric in entry.metrics if metric.value is None]
        assert {(metric.name, metric.error) for metric in missing} == {(name, "Group variable is empty or not provided") for name in ("CDDL", "CDDPL")}


@needs_reference
def test_performance_and_the_matrix_of_the_loan_data_are_the_services(loan):
    found = loan_study(loan, None)
    expected = {"accuracy": 0.7608695652, "recall": 0.9434447301, "specificity": 0.4210526316, "precision": 0.7520491803, "f1": 0.8369441277}
    assert {name: found.performance[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    assert found.matrix == {"N": {"N": 88, "Y": 121}, "Y": {"N": 22, "Y": 367}}


@pytest.mark.slow
@needs_reference
def test_a_quantity_as_facet_gives_the_published_analysis_of_the_service(tmp_path):
    given = settings(
        headers=["Label", "F1", "F2", "F3", "F4"], label="Label", facet=[{"name_or_index": "F1", "value_or_threshold": [0.5]}], group_variable="F2"
    )
    made = run(tmp_path, given, (CHECK_STEP / "dataset.csv").read_text())
    expected = parsed(CHECK_STEP / "data_bias/good_cases/analysis.json")
    found, wanted = (doc["pre_training_bias_metrics"]["facets"]["F1"][0] for doc in (made, expected))
    assert found["value_or_threshold"] == wanted["value_or_threshold"] == "(0.5, 0.9936148802477393]"
    assert {m["name"]: m["value"] for m in found["metrics"]} == pytest.approx({m["name"]: m["value"] for m in wanted["metrics"]}, rel=0, abs=1e-9)


@pytest.fixture(scope="module")
def drawn():
    dice = np.random.default_rng(5)
    facet = np.where(dice.random(400) < 0.3, "b", "a")
    label = (dice.random(400) < np.where(facet == "b", 0.35, 0.6)).astype(float)
    predicted = np.where(dice.random(400) < 0.8, label, 1 - label)
    return {"group": facet.tolist(), "area": dice.choice(["n", "s", "w"], 400).tolist(), "label": label.tolist(), "predicted": predicted.tolist()}


def test_fairlearn_agrees_where_it_defines_the_same(drawn):
    fairlearn = pytest.importorskip("fairlearn.metrics")
    found = values(studied(drawn, "predicted").post[0])
    observed, predicted, group = (np.array(drawn[name]) for name in ("label", "predicted", "group"))
    rates = fairlearn.MetricFrame(
        metrics={"DPPL": fairlearn.selection_rate, "RD": fairlearn.true_positive_rate, "SD": fairlearn.true_negative_rate},
        y_true=observed,
        y_pred=predicted,
        sensitive_features=group,
    ).by_group
    a, d = rates.loc["a"], rates.loc["b"]
    assert found["DPPL"] == pytest.approx(a["DPPL"] - d["DPPL"], abs=1e-12)
    assert found["DI"] == pytest.approx(d["DPPL"] / a["DPPL"], abs=1e-12)
    assert found["RD"] == pytest.approx(a["RD"] - d["RD"], abs=1e-12)
    assert found["SD"] == pytest.approx(d["SD"] - a["SD"], abs=1e-12)


def test_aif360_agrees_where_it_defines_the_same(drawn):
    pytest.importorskip("aif360")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own imports warn about optional parts
        import pandas as pd
        from aif360.datasets import BinaryLabelDataset
        from aif360.metrics import BinaryLabelDatasetMetric, ClassificationMetric

        facet = [float(value == "a") for value in drawn["group"]]
        real, said = (
            BinaryLabelDataset(df=pd.DataFrame({"facet": facet, "y": drawn[name]}), label_names=["y"], protected_attribute_names=["facet"])
            for name in ("label", "predicted")
        )
        sides = {"unprivileged_groups": [{"facet": 0}], "privileged_groups": [{"facet": 1}]}
        data, model = BinaryLabelDatasetMetric(real, **sides), ClassificationMetric(real, said, **sides)
        expected = {"DPL": -data.mean_difference(), "DI": model.disparate_impact(), "GE": model.generalized_entropy_index(alpha=2)}
        expected["RD"] = -model.equal_opportunity_difference()
    found = studied(drawn, "predicted")
    both = {**values(found.pre[0]), **values(found.post[0])}
    assert {name: both[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_every_metric_follows_its_definition_row_by_row(drawn):
    """The definitions once more, in loops over rows."""
    found = studied(drawn, "predicted", group_variable="area")
    rows = list(zip(drawn["group"], drawn["area"], drawn["label"], drawn["predicted"], strict=True))

    def disparity(label):
        total = 0.0
        for area in sorted(set(drawn["area"])):
            inside = [row for row in rows if row[1] == area]
            sides = [[row for row in inside if row[label] == wanted] for wanted in (0, 1)]
            shares = [sum(row[0] == "b" for row in side) / len(side) if side else 0 for side in sides]
            total += len(inside) * (shares[0] - shares[1])
        return total / len(rows)

    assert values(found.pre[0])["CDDL"] == pytest.approx(disparity(2), abs=1e-12)
    assert values(found.post[0])["CDDPL"] == pytest.approx(disparity(3), abs=1e-12)
    benefit = np.array([row[3] - row[2] + 1 for row in rows])
    assert values(found.post[0])["GE"] == pytest.approx(float(np.mean((benefit / benefit.mean()) ** 2 - 1)) / 2, abs=1e-12)


@pytest.mark.parametrize(("known", "neighbours"), [(9, 1), (10, 5)])
def test_the_flip_test_looks_at_five_neighbours_and_at_one_when_rows_are_few(known, neighbours):
    features = np.append(np.arange(known, dtype=float), -1.0)
    disadvantaged = np.arange(known + 1) == known
    predicted = np.append(np.arange(known) == 0, False)  # the nearest one alone is positive
    flips = flip.flip_test({"x": features}, ["x"], disadvantaged, predicted, print)
    assert (flips.favoured, flips.wronged) == ((0, 1) if neighbours == 1 else (0, 0))


@pytest.mark.parametrize(("cell", "told"), [(np.inf, "FlipTest does not support infinite values"), (np.nan, "FlipTest does not support missing values")])
def test_the_flip_test_says_which_numbers_it_cannot_compare(cell, told):
    with pytest.raises(bias.Undefined, match=told):
        flip.flip_test({"x": np.array([0.0, cell])}, ["x"], np.array([True, False]), np.array([True, False]), print)


def test_predicted_labels_that_are_none_of_the_labels_are_told():
    found = studied({"group": ["a", "b"] * 50, "label": [0, 1] * 50, "said": [5, 6] * 50}, predicted="said")
    assert "no predicted label is 1; they are 5, 6, and the label holds 0, 1" in found.notes


def test_the_flip_test_says_how_far_it_is_on_many_rows(monkeypatch):
    monkeypatch.setattr(flip, "CHUNK_ROWS", 10)
    said, half = [], np.arange(50) < 25
    flip.flip_test({"x": np.arange(50.0)}, ["x"], half, half, said.append)
    assert len(said) == 3 and said[1] == "flip test: 10 of 25 rows compared with 25"


# Where definitions are at their edge


def test_nothing_divided_by_nothing_is_0_and_the_rest_is_infinite(tmp_path):
    assert (bias.divide(0, 0), bias.divide(2, 0), bias.divide(-2, 0), bias.divide(1, 2)) == (0.0, math.inf, -math.inf, 0.5)
    columns = {"group": ["a"] * 40 + ["b"] * 40, "label": [1, 0, 1, 0, 1, 1, 0, 0] * 10, "predicted": [1, 0, 1, 1] * 10 + [0] * 40, "x": list(range(80))}
    facet, post = [{"name_or_index": "group", "value_or_threshold": ["b", "c"]}], {"post_training_bias": {"methods": "all"}}
    made = run(tmp_path, settings(methods=post, predicted_label="predicted", facet=facet), as_csv(columns))
    found = made["post_training_bias_metrics"]["facets"]["group"][0]
    measured = {metric["name"]: metric["value"] for metric in found["metrics"]}
    assert found["value_or_threshold"] == "b,c"
    assert (measured["TE"], measured["DCA"], measured["DI"]) == ("Infinity", "-Infinity", 0.0)
    numbers = parsed(tmp_path / "output/bias_metrics.json")["post_training"]["group"]["b,c"]
    assert numbers["TE"] == 1e308 and numbers["DCA"] == -1e308 and "CDDPL" not in numbers


def test_infinite_on_both_sides_is_no_number_and_says_so():
    found = studied({"group": ["a", "b"] * 20, "label": [1] * 40, "predicted": [0] * 40}, "predicted")
    metric = {metric.name: metric for metric in found.post[0].metrics}["DCA"]
    assert (metric.value, metric.error) == (None, "The value is not defined for these counts")
    assert {metric.name: metric for metric in found.post[0].metrics}["GE"].value is None


@pytest.mark.parametrize(("given", "error"), [("c", "Facet set is empty"), ("a", "Negated facet set is empty")])
def test_an_empty_group_has_metrics_without_value_and_a_reason(given, error):
    columns = {"group": ["a"] * 50, "label": [1, 0] * 25}
    found = studied(columns, facet=[{"name_or_index": "group", "value_or_threshold": [given]}])
    assert {(metric.value, metric.error) for metric in found.pre[0].metrics} == {(None, error)}


@pytest.mark.parametrize(("label", "words"), [(0, "no rows of label are positive"), (1, "all rows of label are positive")])
def test_labels_that_are_all_equal_are_measured_and_noted(label, words):
    found = studied({"group": ["a", "b"] * 50, "label": [label] * 100})
    assert values(found.pre[0])["DPL"] == 0 and any(words in note for note in found.notes)


def test_rows_without_facet_or_label_are_left_out_and_counted():
    whole = studied({"group": ["a", "b", "a"] * 20, "label": [1, 0, 0, 1] * 15})
    gaps = studied({"group": [*(["a", "b", "a"] * 20), None, "a"], "label": [*([1, 0, 0, 1] * 15), 1, math.nan]})
    assert values(gaps.pre[0]) == values(whole.pre[0])
    assert gaps.notes == ("1 row without a label is left out", "1 row without a value in the facet group is left out")


def test_a_positive_value_that_does_not_occur_is_refused_with_the_values_there_are():
    with pytest.raises(JobError, match=r"label_values_or_threshold: no row of the label 'label' has yes; got the values N, Y"):
        studied({"group": ["a", "b"], "label": ["Y", "N"]}, label_values_or_threshold=["yes"])
    with pytest.raises(JobError, match="got 'yes', expected a number"):
        studied({"group": ["a", "b"] * 30, "label": [1, 0] * 30}, label_values_or_threshold=["yes"])


def test_labels_of_several_classes_are_positive_or_other():
    columns = {"group": ["a", "b"] * 30, "label": ["x", "y", "z", "x", "y", "z"] * 10}
    two = studied(columns, label_values_or_threshold=["x", "y"])
    plain = studied({**columns, "label": [float(value in "xy") for value in columns["label"]]})
    assert values(two.pre[0]) == values(plain.pre[0]) and two.positive == "x,y"


def test_a_label_that_is_a_quantity_is_positive_above_its_threshold():
    found = studied({"group": ["a", "b"] * 10, "label": list(range(20))}, label_values_or_threshold=[9])
    assert found.positive == "(9, 19]" and values(found.pre[0])["DPL"] == 0
    assert found.pre[0].a.positive == 5


def test_few_rows_make_a_quantity_of_0_and_1_as_at_the_service_and_a_note_says_so():
    facet = [{"name_or_index": "group", "value_or_threshold": [0]}]
    found = studied({"group": [0, 1] * 10, "label": ["Y", "N"] * 10}, label_values_or_threshold=["Y"], facet=facet)
    assert found.pre[0].value == "(0, 1]"
    assert found.notes == ("the facet group is taken for a quantity, since 5 % or more of its values are distinct: the rows in (0, 1] are meant",)


def test_a_facet_without_values_is_measured_for_each_value():
    columns = {"group": ["a", "b", "c"] * 20, "label": [1, 0] * 30}
    found = studied(columns, facet=[{"name_or_index": "group"}])
    assert [entry.value for entry in found.pre] == ["a", "b", "c"]
    with pytest.raises(JobError, match="expected one in value_or_threshold"):
        studied({"group": list(range(60)), "label": [1, 0] * 30}, facet=[{"name_or_index": "group"}])


@pytest.mark.parametrize(
    ("column", "given", "expected"),
    [([0, 1] * 30, [1], False), ([0.5, 1.5] * 30, [1], True), (list(range(20)), [3], True), (list(range(20)), [3, 4], False), (["a", "b"], ["a"], False)],
)
def test_a_column_is_a_quantity_by_the_services_rule(column, given, expected):
    kind = object if isinstance(column[0], str) else float
    assert facets.is_continuous(np.array(column, dtype=kind), given) is expected


@pytest.mark.slow
def test_fifty_facets_are_measured(tmp_path):
    dice = np.random.default_rng(1)
    columns = {f"f{place}": dice.integers(0, 2, 200).tolist() for place in range(50)}
    given = settings(facet=[{"name_or_index": name, "value_or_threshold": [1]} for name in columns])
    made = run(tmp_path, given, as_csv({**columns, "label": dice.integers(0, 2, 200).tolist()}))
    assert list(made["pre_training_bias_metrics"]["facets"]) == list(columns)
    assert "the first 5 of 50 groups" in (tmp_path / "output/report.html").read_text()


def test_only_the_metrics_that_are_named_are_computed():
    found = studied({"group": ["a", "b"] * 30, "label": [1, 0] * 30}, methods={"pre_training_bias": {"methods": ["KS", "CI"]}})
    assert list(values(found.pre[0])) == ["CI", "KS"] and found.post == ()


@pytest.mark.parametrize(
    ("answers", "changes", "label", "expected"),
    [
        ([0.2, 0.5, 0.6], {}, [0, 1, 1], [False, False, True]),
        ([0.2, 0.5, 0.6], {"probability_threshold": 0.4}, [0, 1, 1], [False, True, True]),
        ([0.2, 0.5, 0.6], {"label_values_or_threshold": [0]}, [0, 1, 1], [True, True, False]),
        ([0, 1, 1], {}, [0, 1, 1], [False, True, True]),
        ([0.2, 0.5, 0.6], {"label_values_or_threshold": ["Y"]}, ["N", "Y", "Y"], [False, False, True]),
        (SCORES, {}, [0, 1, 1], [False, True, True]),
        (SCORES, {"label_values_or_threshold": ["Y"], "predictor": {"label_headers": ["Y", "N"]}}, ["N", "Y", "Y"], [True, False, False]),
        (SCORES, {"label_values_or_threshold": ["Y"]}, ["N", "Y", "Y"], [False, True, True]),
        (["N", "Y", "Y"], {"label_values_or_threshold": ["Y"]}, ["N", "Y", "Y"], [False, True, True]),
    ],
)
def test_what_a_model_answers_becomes_labels(answers, changes, label, expected):
    observed = np.array(label * 20, dtype=object if isinstance(label[0], str) else float)
    given = np.array(answers * 20)
    assert of_model(given, observed, config.parse(settings(**changes))).positive[:3].tolist() == expected


@pytest.mark.parametrize(
    ("answers", "label", "changes", "words"),
    [
        ([1.0], [0, 1], {}, "got 1 answers, expected 2"),
        ([math.nan, 0.5], [0, 1], {}, "row 1 is missing or NaN"),
        ([3.0, 1.0], ["a", "b"], {"label_values_or_threshold": ["a"]}, "label_headers"),
        (["a", "b"], [0, 1], {}, "expected numbers, as the label holds"),
        ([[0.1, 0.9], [0.2, 0.8]], [0, 1], {"predictor": {"label_headers": ["x"]}}, "got 1 names, expected 2"),
    ],
)
def test_answers_that_fit_nothing_are_refused(answers, label, changes, words):
    observed = np.array(label, dtype=object if isinstance(label[0], str) else float)
    with pytest.raises(JobError, match=words):
        of_model(np.array(answers), observed, config.parse(settings(**changes)))


@pytest.mark.slow
@needs_reference
@pytest.mark.parametrize("name", ["real_analysis_bias_1.json", "real_analysis_bias_2.json", "real_archjl_baseline_analysis.json"])
def test_analysis_json_has_the_structure_of_real_ones(tmp_path, name):
    real = parsed(REFERENCE / name)
    facet, groups = next(iter(real["pre_training_bias_metrics"]["facets"].items()))
    chosen = {part: [m["name"] for m in real[part + "_metrics"]["facets"][facet][0]["metrics"]] for part in ("post_training_bias", "pre_training_bias")}
    label, positive = (real["pre_training_bias_metrics"][key] for key in ("label", "label_value_or_threshold"))
    grouped = all(metric["value"] is not None for metric in groups[0]["metrics"])
    dice = np.random.default_rng(0)
    columns = {facet: dice.integers(0, 2, 200).tolist(), label: dice.integers(0, 2, 200).tolist(), "p": dice.integers(0, 2, 200).tolist()}
    columns["area"] = dice.integers(0, 3, 200).tolist()
    given = settings(
        label=label,
        label_values_or_threshold=[int(positive)],
        facet=[{"name_or_index": facet, "value_or_threshold": [int(groups[0]["value_or_threshold"])]}],
        predicted_label="p",
        group_variable="area" if grouped else None,
        methods={part: {"methods": names} for part, names in chosen.items()},
    )
    made = run(tmp_path, given, as_csv(columns))

    def shape(value):
        if isinstance(value, dict):
            return [(key, shape(inner) if key not in ("value",) else value[key] is None) for key, inner in value.items()]
        return [shape(inner) for inner in value] if isinstance(value, list) else value

    assert shape(made) == shape(real)
    text = (tmp_path / "output/analysis.json").read_text()
    assert text == json.dumps(made, indent=4) and not text.endswith("\n")
