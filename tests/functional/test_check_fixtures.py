"""The good and the bad baselines that the SDK's own integration tests hold check steps against, as supplied baselines."""

from __future__ import annotations

import json

import pytest

from tests.functional.checked import BUCKET, clarify, quality
from tests.functional.conftest import ROOT, definition

FIXTURES = next((folder / "shared/reference/service_fixtures/pipeline" for folder in ROOT.parents if (folder / "shared/reference").is_dir()), None)
pytestmark = pytest.mark.skipif(FIXTURES is None, reason="the reference files are not here")
NO_HEADER = {"dataset_format": '{"csv": {"header": false, "output_columns_position": "START"}}'}
REGRESSION = {"analysis_type": "MODEL_QUALITY", "problem_type": "Regression", "inference_attribute": "Prediction", "ground_truth_attribute": "Label"}
FLAGS = {"SkipCheck": False, "RegisterNewBaseline": False, "ModelPackageGroupName": None}


def supplied(sagewright, case: str, name: str) -> str:
    uri = f"s3://bkt/baselines/{case}/{name}"
    folder = FIXTURES / case
    sagewright.put(uri, (folder / name if (folder / name).is_file() else folder.parent / name).read_bytes())
    return uri


def reason(sagewright, step) -> str | None:
    return sagewright.run(definition({**step, **FLAGS})).json["failure_reason"]


@pytest.mark.parametrize(("case", "violated"), [("good_cases", None), ("bad_cases", "F1=(0.5, 0.9936148802477393] KS: Metric value")])
def test_bias_of_data(sagewright, case, violated):
    config = {
        "dataset_type": "text/csv",
        "headers": ["Label", "F1", "F2", "F3", "F4"],
        "label": "Label",
        "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "F1", "value_or_threshold": [0.5]}],
        "group_variable": "F2",
        "methods": {"pre_training_bias": {"methods": "all"}, "report": {"name": "report", "title": "Analysis Report"}},
    }
    sagewright.put(f"{BUCKET}/pre/analysis_config.json", json.dumps(config))
    sagewright.put(f"{BUCKET}/data.csv", (FIXTURES / "clarify_check_step/dataset.csv").read_bytes())
    baseline = supplied(sagewright, f"clarify_check_step/data_bias/{case}", "analysis.json")
    said = reason(sagewright, clarify("Check", "DATA_BIAS", "pre", SuppliedBaselineConstraints=baseline))
    assert said is None if violated is None else violated in said and "1 violation:" in said


@pytest.mark.parametrize(
    ("folder", "check_type", "environment", "words"),
    [("data_quality", "DATA_QUALITY", NO_HEADER, "_c5 data_type_check"), ("model_quality", "MODEL_QUALITY", REGRESSION, "mse: ")],
)
@pytest.mark.parametrize("case", ["good_cases", "bad_cases"])
def test_quality(sagewright, folder, check_type, environment, words, case):
    sagewright.put(f"{BUCKET}/data.csv", (FIXTURES / f"quality_check_step/{folder}/baseline_dataset.csv").read_bytes())
    place = f"quality_check_step/{folder}/{case}"
    uris = {f"SuppliedBaseline{name.title()}": supplied(sagewright, place, f"{name}.json") for name in ("statistics", "constraints")}
    said = reason(sagewright, quality("Check", check_type, "data.csv", environment=environment, **uris))
    if case == "good_cases":
        assert said is None
    else:
        assert "ClientError: Quality check failed. See violation report" in said and words in said
