"""The model card is what the service's schema allows, says what the SDK's reports say, and is always the same bytes."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from evaluation import model_card
from jobkit import package
from jobkit.card import content, entries, limits, metrics
from jobkit.card.page import page
from jobkit.failure import JobError
from tests.unit.jobs.conftest import ROOT
from tests.unit.jobs.test_profile_page import EVIL
from tests.unit.jobs.test_profile_page import read as read_page

GIVEN = Path(__file__).parent / "card"
SCHEMA = json.loads((ROOT / "pipelines/local/model_packages/model_card_schema.json").read_text())

DETAILS = {
    "format": "sagewright.evaluation",
    "version": 1,
    "problem": "binary_classification",
    "rows": 100,
    "confidence": {"level": 0.95, "resamples": 1000, "metrics": {"auc": {"value": 0.8, "lower": 0.75, "upper": 0.85}}},
    "slices": {"gender": {"values": {"f": {"rows": 40, "metrics": {"auc": 0.7}}, "m": {"rows": 60, "metrics": {"auc": 0.9}}}, "lowest": {}, "highest": {}}},
    "calibration": {
        "brier": 0.1,
        "expected_calibration_error": 0.02,
        "bins": [{"lower": 0.1 * n, "upper": 0.1 * n + 0.1, "rows": 10 * n, "mean_probability": 0.1 * n, "share_positive": 0.1 * n} for n in range(10)],
    },
    "threshold": {"used": 0.5, "chosen": 0.4, "chosen_on": "validation", "costs": None, "cost_per_row": None, "curve": []},
    "lift": {
        "constant": {"metrics": {"auc": {"model": 0.8, "other": 0.5, "difference": 0.3, "lower": 0.2, "upper": 0.4, "p_value": 0.001}}},
        "approved": {"compared": False, "why": "nothing is approved yet", "metrics": {"auc": {"difference": 0.0}}},
    },
}
PRIVACY = {
    "attack": {
        "loss_threshold": {"auc": 0.52, "lower": 0.5, "upper": 0.54, "tpr_at_1pct_fpr": 0.01},
        "shadow_models": {"auc": 0.53, "lower": 0.51, "upper": 0.55, "tpr_at_1pct_fpr": 0.012, "models": 4},
    },
    "gap": {"train": 0.3, "test": 0.33, "metric": "log_loss"},
    "memorises": False,
    "verdict": {"findings": 0, "message": "the model does not tell its training rows from others"},
}
TOLD = {
    "model_name": "Loan approval",
    "description": "Says whether a loan is likely to be paid back.",
    "intended_uses": {"purpose": "Rank applications", "factors_affecting_efficiency": "Inflation", "risk_rating": "Medium"},
    "business_details": {"business_problem": "Losses"},
    "training": {"objective": {"function": "Maximize", "facet": "AUC", "notes": "on the validation split"}, "observations": "Stopped early."},
    "caveats": "Not for mortgages.",
    "ethical_considerations": "See the bias section.",
    "custom_details": {"ticket": "ML-7"},
}
JOB = {"problem": "binary_classification", "algorithm": "XGBoost", "hyperparameters": {"eta": 0.1, "max_depth": 4}, "model_card": TOLD}
PACKED = {
    "package.json": json.dumps({"label": "approved", "classes": ["N", "Y"], "threshold": 0.5, "features": ["a", "b"], "versions": {"xgboost": "3.0"}}).encode(),
    "recipe.json": json.dumps({"steps": [{"step": "impute"}, {"step": "one_hot"}]}).encode(),
}


def given(name):
    return json.loads((GIVEN / f"{name}.json").read_text())


def validate(card):
    jsonschema = pytest.importorskip("jsonschema", reason="the image of the jobs has no jsonschema")
    jsonschema.validate(card, SCHEMA)


@pytest.fixture
def ml(tmp_path, monkeypatch):
    """Return /opt/ml/processing with every input, and job.json beside the script."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    folder = tmp_path / "processing"
    files = {
        "evaluation/evaluation.json": given("evaluation"),
        "evaluation/evaluation_details.json": DETAILS,
        "bias/analysis.json": {"post_training_bias_metrics": given("bias")["post_training_bias_metrics"]},
        "pre_bias/analysis.json": {"pre_training_bias_metrics": given("bias")["pre_training_bias_metrics"]},
        "explanations/analysis.json": given("explanations"),
        "privacy/privacy.json": PRIVACY,
    }
    for name, document in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(document))
    (folder / "package").mkdir()
    (folder / "package/model.tar.gz").write_bytes(package.pack(PACKED))
    (tmp_path / "code").mkdir()
    monkeypatch.setattr(model_card, "__file__", str(tmp_path / "code/model_card.py"))
    write_job(tmp_path)
    return folder


def write_job(tmp_path, **changes):
    (tmp_path / "code/job.json").write_text(json.dumps({**JOB, "model_card": {**TOLD, **changes}}))


ARGUMENTS = [
    *("--parameter", "eta=0.3", "--parameter", "note=a=b", "--metric", "validation:auc=0.81", "--training-job-name", "train-1", "--image", "x:1.7"),
    *("--model-data-url", "s3://b/model.tar.gz", "--training-dataset", "s3://b/train"),
]


def test_groups_are_those_that_the_sdk_makes():
    expected = {part["name"]: part["metric_groups"] for part in given("expected")["evaluation_details"]}
    assert metrics.bias(given("bias")) == expected["bias"]
    assert metrics.quality(given("evaluation")) == expected["quality"]


def test_shap_values_and_partial_dependences_are_groups():
    pdp = {"feature_name": "age", "data_type": "numerical", "data_distribution": [0.2, 0.8], "feature_values": [1, 2], "label_headers": ["y"]}
    room = {**pdp, "feature_name": "room", "data_type": "categorical", "feature_values": ["A", "B"], "model_predictions": [[0.1, 0.2]]}
    document = given("explanations")
    document["explanations"]["pdp"] = [{**pdp, "model_predictions": [[0.3, 0.4]]}, room]
    shap, dependence = metrics.explanations(document)
    assert shap["name"] == "explanations - global_shap_values, label=label0" and {"name": "term", "type": "number"}.items() <= shap["metric_data"][8].items()
    assert [(entry["type"], entry["value"]) for entry in dependence["metric_data"]] == [
        ("linear_graph", [[1, 0.2], [2, 0.8]]),
        ("linear_graph", [[1, 0.3], [2, 0.4]]),
        ("bar_chart", [0.2, 0.8]),
        ("bar_chart", [0.1, 0.2]),
    ]
    validate({"evaluation_details": [{"name": "x", "metric_groups": [shap, dependence]}]})


def test_a_card_of_everything_is_valid_and_says_where_each_number_comes_from(ml):
    assert model_card.main(ARGUMENTS) == 0
    card = json.loads((ml / "model_card/model_card.json").read_text())
    validate(card)
    assert [part["name"] for part in card["evaluation_details"]] == ["quality", "details", "bias", "explanations", "privacy"]
    assert card["intended_uses"] == {"purpose_of_model": "Rank applications", "factors_affecting_model_efficiency": "Inflation", "risk_rating": "Medium"}
    job = card["training_details"]["training_job_details"]
    assert job["hyper_parameters"] == [{"name": "eta", "value": "0.3"}, {"name": "max_depth", "value": "4"}, {"name": "note", "value": "a=b"}]
    assert job["training_metrics"] == [{"name": "validation:auc", "value": 0.81}] and job["training_arn"] == "train-1"
    assert card["training_details"]["objective_function"]["function"] == {"function": "Maximize", "facet": "AUC"}
    custom = card["additional_information"]["custom_details"]
    assert custom["ticket"] == "ML-7" and custom["recipe"] == "impute, one_hot" and custom["classes"] == "N, Y" and len(custom["package sha256"]) == 64
    names = [group["name"] for group in card["evaluation_details"][1]["metric_groups"]]
    assert names == ["confidence_intervals", "calibration", "threshold", "lift - against constant", "slices - gender"]


def test_the_same_inputs_make_the_same_bytes_and_the_registry_gets_the_card_as_one_text(ml):
    model_card.main(ARGUMENTS)
    first = {path.name: path.read_bytes() for path in (ml / "model_card").iterdir()}
    model_card.main(ARGUMENTS)
    assert {path.name: path.read_bytes() for path in (ml / "model_card").iterdir()} == first
    registry = json.loads(first["registry.json"])
    assert registry["status"] == "Draft" and len(registry["content"]) <= 100_000 and ": " not in registry["content"][:20]
    validate(json.loads(registry["content"]))


def test_a_card_in_a_model_package_has_creator_and_artifact_in_its_overview_and_the_rest_beside(ml):
    model_card.main(ARGUMENTS)
    card = json.loads((ml / "model_card/model_card.json").read_text())
    packed = json.loads(json.loads((ml / "model_card/registry.json").read_text())["content"])
    assert packed["model_overview"] == {"model_artifact": ["s3://b/model.tar.gz"]}
    custom = packed["additional_information"]["custom_details"]
    assert (custom["model description"], custom["problem type"], custom["algorithm type"]) == (TOLD["description"], "Binary Classification", "XGBoost")
    assert content.whole(packed) == card and content.whole(card) == card and page(packed) == page(card)


def test_only_the_evaluation_is_needed(ml):
    for name in ("bias", "pre_bias", "explanations", "privacy", "package"):
        (ml / name).rename(ml / f"no_{name}")
    (ml.parent / "code/job.json").write_text(json.dumps({"problem": "regression"}))
    (ml / "evaluation/evaluation.json").write_text(json.dumps({"version": 0.0, "dataset": {"item_count": 3}, "regression_metrics": {"r2": {"value": 0.5}}}))
    (ml / "evaluation/evaluation_details.json").unlink()
    assert model_card.main([]) == 0
    card = json.loads((ml / "model_card/model_card.json").read_text())
    validate(card)
    assert card["evaluation_details"][0]["metadata"] == {"rows": "3"} and card["model_overview"] == {"problem_type": "Regression"}
    (ml / "evaluation/evaluation.json").unlink()
    with pytest.raises(JobError, match="there is no evaluation.json"):
        model_card.main([])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"intended_uses": {"risk_rating": "Huge"}}, "model_card.intended_uses.risk_rating: .* got 'Huge', expected one of: High, Medium, Low, Unknown"),
        ({"description": "x" * 1025}, "model_card.model_overview.model_description: this is too long; got 1025 characters, expected at most 1024"),
        ({"caveats": "x" * 2049}, "caveats_and_recommendations: this is too long"),
        ({"custom_details": {"k": "x" * 1025}}, "custom_details.k: this is too long"),
        ({"custom_details": {"k": 3}}, "custom_details.k: this is no text; got 3"),
        ({"training": {"objective": {"function": "Win"}}}, "got 'Win', expected one of: Maximize, Minimize"),
        ({"training": {"objektive": 1}}, "model_card.training: there is no key 'objektive'"),
        ({"descripton": ""}, "model_card: there is no key 'descripton'"),
        ({"status": "Done"}, "model_card.status: .* expected one of: Draft, PendingReview, Approved, Archived"),
    ],
)
def test_what_the_service_would_refuse_is_refused_with_its_place(ml, tmp_path, changes, words):
    write_job(tmp_path, **changes)
    with pytest.raises(JobError, match=words):
        model_card.main([])


@pytest.mark.parametrize("arguments", [["--parameter", "eta"], ["--metric", "auc=high"], ["--parameter", "=1"]])
def test_arguments_that_are_no_pairs_are_refused(ml, arguments):
    with pytest.raises(JobError, match="expected"):
        model_card.main(arguments)


def test_names_of_data_are_cut_kept_apart_and_on_one_line():
    facets = {"facets": {"f" * 80: [{"value_or_threshold": str(n), "metrics": [{"name": "CI", "value": 0.1}]} for n in range(3)]}, "label": "y"}
    names = [group["name"] for group in metrics.bias({"pre_training_bias_metrics": facets})]
    assert len(set(names)) == 3 and max(map(len, names)) <= 63 and names[1].endswith(" #2")
    assert entries.number("a\nb" + "c" * 300, 1)[0]["name"].startswith("a b") and len(entries.number("c" * 300, 1)[0]["name"]) == 255


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "NaN", True])
def test_what_is_no_number_of_json_is_left_out(value):
    assert entries.number("x", value) == [] and entries.curve("x", ("a", "b"), [0], [value]) == [] and entries.bars("x", ["a"], [value], "y") == []


def test_a_matrix_of_more_classes_than_the_service_takes_is_left_out():
    cells = {str(row): {str(column): 1 for column in range(21)} for row in range(21)}
    assert metrics.quality({"multiclass_classification_metrics": {"confusion_matrix": cells, "accuracy": {"value": 1.0}}})[0]["metric_data"] == [
        {"name": "accuracy", "value": 1.0, "type": "number"}
    ]


def test_curves_are_thinned_and_groups_left_out_until_the_card_fits_and_one_that_never_does_is_refused():
    points = [[n / 9999, n / 9999] for n in range(9999)]
    groups = [{"name": "g", "metric_data": [{"name": "c", "type": "linear_graph", "value": points}] * 20}]
    text = limits.content({"evaluation_details": [{"name": "quality", "metric_groups": groups}]})
    thin = json.loads(text)["evaluation_details"][0]["metric_groups"][0]["metric_data"][0]["value"]
    assert len(text) <= 100_000 and thin[0] == points[0] and thin[-1] == points[-1] and len(thin) in limits.CURVE_POINTS
    many = [{"name": f"facet = {place}", "metric_data": [{"name": "CI", "type": "number", "value": 0.5}] * 10} for place in range(600)]
    bias = json.loads(limits.content({"evaluation_details": [{"name": "bias", "evaluation_observation": "Groups.", "metric_groups": many}]}))
    assert bias["evaluation_details"][0]["metric_groups"] == many[:100]
    assert bias["evaluation_details"][0]["evaluation_observation"] == "500 of 600 groups of metrics did not fit in here. Groups."
    with pytest.raises(JobError, match="it does not fit into a model package; got 1[0-9]+ characters, expected at most 100000"):
        limits.content({"x": ["y" * 100_000]})


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("bias", {"pre_training_bias_metrics": {"facets": {"f": [{"value_or_threshold": "1"}]}}}),
        ("explanations", {"explanations": {"pdp": [{}]}}),
        ("explanations", {"explanations": {"kernel_shap": ["x"]}}),
        ("evaluation", {"regression_metrics": {"confusion_matrix": 3}}),
        ("details", {"slices": {"a": None}}),
        ("privacy", {"attack": {"loss_threshold": 3}}),
    ],
)
def test_a_result_of_another_layout_is_an_error_that_names_it(name, document):
    with pytest.raises(JobError, match="this file has another layout than expected"):
        content.evaluations({name: document})


ODD = ["", "\n", "a\nb", "x" * 300, "é<&>", " - ", "auc - lower"]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_names_and_numbers_come_the_card_is_valid_and_can_be_drawn(seed):
    dice = random.Random(seed)

    def name():
        return dice.choice(ODD)

    def value():
        return dice.choice([None, float("nan"), float("inf"), 0, -1.5, 1e300, "NaN", True])

    def slices():
        return {name(): {"rows": value(), "metrics": {name(): value(), "auc": value()}} for _ in range(4)}

    facet = [{"value_or_threshold": name(), "metrics": [{"name": name(), "value": value()} for _ in range(3)]} for _ in range(3)]
    results = {
        "evaluation": {"dataset": {"item_count": 3}, "x_metrics": {name(): value(), "y": {"value": value(), "standard_deviation": value()}}},
        "details": {"slices": {name(): {"values": slices()} for _ in range(3)}, "confidence": {"metrics": {name(): {"value": value(), "lower": value()}}}},
        "bias": {"pre_training_bias_metrics": {"label": name(), "label_value_or_threshold": name(), "facets": {name(): facet, name(): facet}}},
        "explanations": {"explanations": {"kernel_shap": {name(): {"global_shap_values": {name(): value() for _ in range(4)}}}}},
        "privacy": {"attack": {name(): {"auc": value()}}, "gap": {"metric": name(), "train": value()}, "verdict": {"message": name() * 9}},
    }
    card = content.card({"hyperparameters": {name(): name()}, "algorithm": name()}, content.Known(), results)
    limits.check(card)
    validate(json.loads(limits.content(card)))
    html = read_page(page(card))
    assert not html.wrong and html.open == []


def test_the_page_is_well_formed_asks_for_nothing_and_takes_no_text_for_markup(ml, tmp_path):
    write_job(tmp_path, model_name=EVIL, description=EVIL, custom_details={EVIL: EVIL})
    model_card.main(ARGUMENTS)
    text = (ml / "model_card/model_card.html").read_text()
    html = read_page(text)
    assert not html.wrong and html.open == [] and not {"script", "link", "img", "iframe"} & html.tags
    assert all(link.startswith("#") for link in html.links) and "<script" not in text and "risk: Medium" in text


def test_a_page_of_a_card_that_others_wrote_is_drawn_too():
    card = {"evaluation_details": [{"name": "other", "metric_groups": [{"name": "g", "metric_data": [entry for entry in OTHERS]}]}]}
    validate(card)
    html = read_page(page(card))
    assert not html.wrong and read_page(page({})).tags


OTHERS = [
    {"name": "b", "type": "boolean", "value": True},
    {"name": "s", "type": "string", "value": "x"},
    {"name": "m", "type": "matrix", "value": [[1, 2], [0, 0]]},
    {"name": "l", "type": "linear_graph", "value": [[5, 5]]},
    {"name": "bars", "type": "bar_chart", "value": [1, -2]},
]


def test_content_takes_known_from_arguments_only_when_there_is_something():
    assert content.card({}, content.Known(), {}) == {}
