"""The monitoring job as a whole: the container's environment, our arguments, the files it leaves, scripts, and the page."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from evaluation import monitor
from jobkit.failure import JobError
from jobkit.monitor import report
from tests.unit.jobs.monitored import Job
from tests.unit.jobs.test_monitor_captured import line, side, truth
from tests.unit.jobs.test_profile_page import Reader

BEFORE = "n,s\n" + "".join(f"{place % 7},{'xy'[place % 2]}\n" for place in range(120))
SHIFTED = "n,s\n" + "".join(f"{place % 7 + 40},{'xy'[place % 2]}\n" for place in range(120))
CAPTURE = '{"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput"]}}'
MERGED = '{"sagemakerMergeJson": {"captureIndexNames": ["endpointOutput"]}}'


@pytest.fixture
def job(tmp_path, monkeypatch):
    return Job(tmp_path / "ml", monkeypatch)


def baselined(job, text=BEFORE):
    """Leave a baseline in the job's folder `baseline`."""
    source = job.put("input/baseline_dataset_input/a.csv", text)
    assert monitor.main(["--dataset-source", source, "--output-path", "/opt/ml/processing/baseline"]) == 0
    return "/opt/ml/processing/baseline"


def test_the_containers_environment_alone_makes_a_baseline(job, monkeypatch, capsys):
    job.put("input/baseline_dataset_input/a.csv", BEFORE)
    monkeypatch.setenv("dataset_source", "/opt/ml/processing/input/baseline_dataset_input")
    monkeypatch.setenv("dataset_format", '{"csv": {"header": true, "output_columns_position": "START"}}')
    monkeypatch.setenv("output_path", "/opt/ml/processing/output")
    monkeypatch.setenv("publish_cloudwatch_metrics", "Enabled")
    summary = job.run()
    assert summary == {"counts": {}, "message": "Completed: Job completed successfully with no violations.", "violations": 0}
    assert sorted(path.name for path in (job.root / "processing/output").iterdir()) == ["constraints.json", "statistics.json", "summary.json"]
    assert (job.root / "output/message").read_text() == summary["message"]
    assert "publish_cloudwatch_metrics: it has no effect here" in capsys.readouterr().out


def test_a_shifted_data_set_completes_with_violations_that_name_feature_and_metric(job, capsys):
    baseline = baselined(job)
    summary = job.run("--baseline", baseline, "--dataset-source", job.put("input/now/a.csv", SHIFTED))
    assert summary["message"].startswith("n baseline_drift_check: Numerical distance: ")
    assert (job.root / "output/message").read_text() == "CompletedWithViolations: Job completed successfully with 1 violations."
    assert job.read("constraint_violations.json")["violations"] == [
        {
            "feature_name": "n",
            "constraint_check_type": "baseline_drift_check",
            "description": "Numerical distance: 0.767620999227555 exceeds numerical threshold: 0.1",
        }
    ]
    assert "n: baseline_drift_check: Numerical distance" in capsys.readouterr().out


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes_in_another_process(job):
    baseline, now = baselined(job), job.put("input/now/a.csv", SHIFTED)
    command = [sys.executable, "-m", "evaluation.monitor", "--baseline", baseline, "--dataset-source", now, "--report", "drift.html", "--output-path"]
    made = []
    for seed in ("1", "2"):
        subprocess.run([*command, f"/opt/ml/processing/{seed}"], check=True, env={"SAGEMAKER_BASE_DIR": str(job.root), "PYTHONHASHSEED": seed, "PATH": ""})
        made.append({path.name: path.read_bytes() for path in (job.root / "processing" / seed).iterdir()})
    assert made[0] == made[1] and len(made[0]) == 5


def test_constraints_alone_are_checked_without_distributions(job, capsys):
    baseline = baselined(job)
    summary = job.run("--baseline-constraints", baseline, "--dataset-source", job.put("input/now/a.csv", SHIFTED))
    assert summary["violations"] == 0
    assert "distributions are not compared" in capsys.readouterr().out


def test_captured_records_are_held_against_the_columns_of_the_baseline(job, capsys):
    baseline = baselined(job)
    lines = [line(side(f"{place % 7},x\n{place % 7},y")) for place in range(60)] + ["{", line(side("1", "AVRO"))]
    source = job.put("input/capture/e/v/2026/01/01/00/a.jsonl", "\n".join(lines))
    summary = job.run("--baseline", baseline, "--dataset-source", source.partition("/e/")[0], "--dataset-format", CAPTURE)
    assert summary["counts"] == {"records": 61, "records_shadow": 0, "records_unusable": 2}
    assert job.read("statistics.json")["dataset"] == {"item_count": 120}
    assert summary["violations"] == 0
    assert "e/v/2026/01/01/00/a.jsonl: line 61: not used: this is no JSON" in capsys.readouterr().out


def test_no_usable_record_is_an_error_and_not_a_clean_bill(job):
    source = job.put("input/capture/a.jsonl", "{\n")
    with pytest.raises(JobError, match="none of 1 lines can be used: a.jsonl: line 1"):
        job.run("--dataset-source", source, "--dataset-format", CAPTURE)


def test_model_quality_is_judged_on_captures_merged_with_truth(job):
    captures = [line(side("1"), side(f"{place % 10 / 10}"), f"e{place}") for place in range(50)]
    source = job.put("input/capture/a.jsonl", "\n".join(captures))
    truths = job.put("input/truth/2026/01/01/00/t.jsonl", "\n".join(truth(str(int(place % 10 >= 5)), f"e{place}") for place in range(40)))
    asked = ["--analysis-type", "MODEL_QUALITY", "--problem-type", "BinaryClassification", "--dataset-format", MERGED, "--probability-attribute", "0"]
    summary = job.run(*asked, "--dataset-source", source, "--ground-truth", truths)
    assert summary["counts"]["records_without_truth"] == 10
    assert job.read("statistics.json")["binary_classification_metrics"]["accuracy"]["value"] == 1.0
    limits = job.read("constraints.json")
    limits["binary_classification_constraints"]["accuracy"]["threshold"] = 1.5
    stricter = job.put("strict/constraints.json", json.dumps(limits))
    assert job.run(*asked, "--dataset-source", source, "--ground-truth", truths, "--baseline-constraints", stricter)["violations"] == 1


def test_a_preprocessor_makes_the_rows_and_a_postprocessor_runs_last(job, capsys):
    script = "def preprocess_handler(inference_record, logger):\n    logger.info('x')\n    data = inference_record.endpoint_input.data\n"
    script += "    if data == 'skip':\n        return None\n"
    script += "    return {'n': float(data), 'who': inference_record.event_metadata.event_id}\n"
    before = job.put("code/preprocessor.py", script)
    after = job.put("code2/postprocessor.py", "def postprocess_handler():\n    print('the end')\n")
    source = job.put("input/capture/a.jsonl", "\n".join([line(side("1.5")), line(side("skip")), line(side("2.5"))]))
    asked = ["--dataset-format", CAPTURE, "--dataset-source", source]
    job.run(*asked, "--record-preprocessor-script", before, "--post-analytics-processor-script", after)
    assert [(feature["name"], feature["inferred_type"]) for feature in job.read("statistics.json")["features"]] == [("n", "Fractional"), ("who", "String")]
    assert capsys.readouterr().out.rstrip().endswith("the end")


def test_a_preprocessor_of_csv_gets_lines_and_one_of_json_documents(job):
    script = job.put("code/p.py", "def preprocess_handler(raw):\n    return {'n': raw.split(',')[0]} if isinstance(raw, str) else [raw, raw]\n")
    job.run("--dataset-source", job.put("input/a.csv", "n,s\n1,x\n2,y\n"), "--record-preprocessor-script", script)
    assert job.read("statistics.json")["features"][0]["numerical_statistics"]["sum"] == 3.0
    job.run("--dataset-source", job.put("input/a.json", '{"n": 5}\n'), "--record-preprocessor-script", script, "--dataset-format", '{"json": {}}')
    assert job.read("statistics.json")["dataset"] == {"item_count": 2}


def test_a_failing_preprocessor_fails_the_job_and_says_where(job, capsys):
    script = job.put("code/p.py", "def preprocess_handler(raw):\n    return {'n': int(raw)}\n")
    with pytest.raises(ValueError, match="invalid literal"):
        job.run("--dataset-source", job.put("input/a.csv", "n\n1\nx\n"), "--record-preprocessor-script", script)
    assert "a.csv: line 3: the record preprocessor script failed here" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("x = 1\n", "there is no function preprocess_handler"),
        ("def preprocess_handler(raw):\n    return 5\n", "returned int; expected a dict"),
        ("def preprocess_handler(raw):\n    return {'n': [1]}\n", "returned for 'n' a list"),
    ],
)
def test_a_preprocessor_that_does_not_keep_the_contract_is_refused(job, script, words):
    source, code = job.put("input/a.csv", "n\n1\n"), job.put("code/p.py", script)
    with pytest.raises(JobError, match=words):
        job.run("--dataset-source", source, "--record-preprocessor-script", code)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--analysis-type", "BIAS"], "analysis_type: got 'BIAS'; expected one of DATA_QUALITY, MODEL_QUALITY"),
        (["--analysis-type", "MODEL_QUALITY"], "problem_type: got ''"),
        (["--dataset-format", "csv"], "dataset_format: got 'csv', which is no JSON"),
        (["--dataset-format", "[]"], "expected an object"),
        (["--baseline-constraints", "/opt/ml/processing/none"], "got 0 files constraints.json below it"),
        (["--probability-threshold-attribute", "2"], "got '2'; expected a number from 0 to 1"),
        (["--probability-threshold-attribute", "x"], "got 'x'"),
        (["--categorical-drift-method", "Cosine"], "got 'Cosine'; expected one of LInfinity, ChiSquared"),
        (["--dataset-source", "/opt/ml/processing/none"], "the data set: there is no file in"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(job, argv, words):
    with pytest.raises(JobError, match=words):
        job.run(*argv)


def test_a_baseline_that_cannot_be_read_is_said(job):
    source, broken = job.put("input/a.csv", "n\n1\n"), job.put("b/constraints.json", "{")
    with pytest.raises(JobError, match="constraints.json: it cannot be read"):
        job.run("--dataset-source", source, "--baseline-constraints", broken)


def test_the_method_for_texts_is_written_down_and_used(job):
    before = "s\n" + "x\n" * 60 + "y\n" * 40
    source = job.put("input/baseline_dataset_input/a.csv", before)
    job.run("--dataset-source", source, "--categorical-drift-method", "ChiSquared")
    assert job.read("constraints.json")["monitoring_config"]["distribution_constraints"]["categorical_drift_method"] == "ChiSquared"
    baseline = baselined(job, before)
    now = job.put("input/now/a.csv", "s\n" + "x\n" * 40 + "y\n" * 60)
    job.run("--baseline", baseline, "--dataset-source", now, "--categorical-drift-method", "ChiSquared")
    assert "p-value" in job.read("constraint_violations.json")["violations"][0]["description"]


# The page


def test_the_page_is_well_formed_asks_for_nothing_and_takes_no_text_of_the_data_for_markup(job):
    evil = "<script>alert('x')</script>&"
    baseline = baselined(job, f'"{evil}",n,empty\n' + f'"{evil}",1,\n' * 30)
    now = job.put("input/now/a.csv", f'"{evil}",n,new\n' + "z,9,1\n" * 30)
    job.run("--baseline", baseline, "--dataset-source", now, "--report", "drift.html")
    text = (job.root / "processing/output/drift.html").read_text()
    reader = Reader()
    reader.feed(text)
    assert not reader.wrong and not reader.open and "script" not in reader.tags
    assert all(link.startswith("#") for link in reader.links)
    assert "Not there any more: empty." in text and "nan" not in text.lower().replace("nance", "")


def test_the_page_shows_model_quality_then_and_now_and_the_missed_threshold():
    def told(accuracy):
        return {"version": 0.0, "dataset": {"item_count": 9}, "x_metrics": {"accuracy": {"value": accuracy, "standard_deviation": "NaN"}}}

    limits = {"x_constraints": {"accuracy": {"threshold": 0.9, "comparison_operator": "LessThanThreshold"}}}
    violated = [{"constraint_check_type": "LessThanThreshold", "description": "d", "metric_name": "accuracy"}]
    text = report.page([report.Part("Model quality", told(0.9), told(0.7), limits, violated, {"records_unusable": 2})])
    assert "0.9000" in text and "0.7000" in text and "-0.2000" in text and "missed" in text and "records unusable" in text


def test_without_a_baseline_the_page_says_so():
    told = {"dataset": {"item_count": 1}, "features": [{"name": "a", "inferred_type": "Unknown", "string_statistics": {"common": {}}}]}
    text = {"common": {"num_present": 2}, "distribution": {"categorical": {"buckets": [{"value": "x", "count": 2}]}}}
    told["features"].append({"name": "b", "inferred_type": "String", "string_statistics": text})
    page = report.page([report.Part("Data quality", None, told, None, (), {})])
    assert "There is no baseline" in page and ">100 %<" in page
    assert not any(words in page for words in (">0 %</text>", "not in the baseline", "have drifted", ">baseline<"))
