"""Monitoring on this machine: whose data, of which hours, against which baseline."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from pipelines.definition.monitoring import KINDS, baselines, missing, summary
from pipelines.definition.shapes import CHECKERS
from pipelines.errors import UsageError
from pipelines.local.home import Home
from pipelines.local.monitoring import captured, executions
from pipelines.local.monitoring.subject import captures, find
from pipelines.local.serving.records import Records

ARN = "arn:aws:sagemaker:us-east-1:000000000000:"


def register(home, group="Loans", status="Approved", **members):
    request = {"ModelPackageGroupName": group, "ModelApprovalStatus": status, **members}
    return Home(home).registry.register(request, arn_prefix=ARN, token=f"t{group}{status}")


def deploy(home, name="loans", model=None, capture=True):
    records = Records(home)
    records.write("model", name, {"ModelName": name, **(model or {"Containers": [{"ModelPackageName": f"{ARN}model-package/loans/1"}]})})
    variants = [{"VariantName": "A", "ModelName": name}, {"VariantName": "B", "ModelName": name}]
    told = {"DataCaptureConfig": {"DestinationS3Uri": "s3://bkt/captured/"}} if capture else {}
    records.write("endpoint configuration", name, {"EndpointConfigName": name, "ProductionVariants": variants, **told})
    records.write("endpoint", name, {"EndpointName": name, "EndpointConfigName": name})


def test_an_endpoint_leads_to_its_version_and_to_what_each_variant_captured(tmp_path):
    register(tmp_path)
    deploy(tmp_path)
    subject = find(tmp_path, "loans")
    assert (subject.version, subject.endpoint) == ("Loans/1", "loans")
    assert subject.captures == ("s3://bkt/captured/loans/A", "s3://bkt/captured/loans/B")
    assert find(tmp_path, "Loans/1").captures == () and captures(tmp_path, "gone") == ()


def test_what_is_not_there_is_told_with_what_is(tmp_path):
    with pytest.raises(UsageError, match="expected one of: none yet"):
        find(tmp_path, "loans")
    register(tmp_path, status="PendingManualApproval")
    with pytest.raises(UsageError, match="no version that is Approved"):
        find(tmp_path, "Loans")
    deploy(tmp_path, model={"PrimaryContainer": {"Image": "x"}})
    with pytest.raises(UsageError, match="a model that no version stands behind"):
        find(tmp_path, "loans")
    deploy(tmp_path, capture=False)
    assert find(tmp_path, "loans").captures == ()


def test_only_files_of_the_hours_that_may_hold_the_span_are_taken(tmp_path):
    store = Home(tmp_path / "home").store
    for hour in ("09", "10", "11", "13"):
        store.put_bytes(f"s3://bkt/captured/loans/A/2026/05/01/{hour}/x.jsonl", b"{}\n")
    store.put_bytes("s3://bkt/captured/loans/A/other.jsonl", b"{}\n")
    start, end = (datetime(2026, 5, 1, hour, tzinfo=timezone.utc) for hour in (10, 12))
    assert captured.gather(store, ["s3://bkt/captured/loans/A"], start, end, tmp_path / "into") == 3
    assert sorted(path.parent.name for path in (tmp_path / "into").rglob("*.jsonl")) == ["0", "10", "11"]
    with pytest.raises(UsageError, match="there is no captured data"):
        captured.gather(store, ["s3://bkt/nothing"], None, None, tmp_path / "into")


@pytest.mark.parametrize("header", ["", "age,town\n"])
def test_a_transform_job_s_manifest_becomes_records_of_its_rows_and_answers(tmp_path, header):
    store = Home(tmp_path / "home").store
    rows = "".join(f"{number},north\n" for number in range(1200))
    store.put_bytes("s3://bkt/in/a.csv", (header + rows).encode())
    store.put_bytes("s3://bkt/out/a.csv.out", ("0.5\n" * 1200).encode())
    manifests = {"input": [{"prefix": "s3://bkt/in/"}, "a.csv"], "output": [{"prefix": "s3://bkt/out/"}, "a.csv.out"]}
    for side, listed in manifests.items():
        store.put_bytes(f"s3://bkt/captured/{side}/2026/05/01/10/job.jsonl", json.dumps(listed).encode())
    assert captured.gather(store, ["s3://bkt/captured"], None, None, tmp_path / "into") == 1
    file = next((tmp_path / "into").rglob("*.jsonl"))
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(records) == 3 and records[0]["eventMetadata"] == {"eventId": "a.csv:0", "inferenceTime": "2026-05-01T10:00:00Z"}
    assert records[2]["captureData"]["endpointInput"]["data"] == header + rows[rows.index("1000,") :]
    store.path("s3://bkt/out/a.csv.out").unlink()
    with pytest.raises(UsageError, match="a manifest of captured data names a file that is not there"):
        captured.gather(store, ["s3://bkt/captured"], None, None, tmp_path / "again")


def test_what_a_version_lacks_is_told_with_the_section_that_adds_it():
    package = {"DriftCheckBaselines": {"ModelDataQuality": {"Constraints": {"S3Uri": "s3://b/c.json"}}}}
    assert missing(baselines(package, KINDS["data-quality"]), KINDS["data-quality"]) == ""
    assert "DriftCheckBaselines.ModelQuality.Constraints; add `quality: {model: {}}`" in missing({}, KINDS["model-quality"])
    assert "Explainability.ConfigFile, Explainability.Constraints" in missing({}, KINDS["explainability"])


@pytest.mark.parametrize("kind", KINDS)
def test_an_execution_has_the_shape_of_the_service_s_summary(kind):
    made = summary(kind, "loans", "job", ("2026-05-01T10:00:00Z", "2026-05-01T10:01:00Z"), "Failed", "x" * 2000, ARN)
    assert list(CHECKERS["structure"]("MonitoringExecutionSummary", made, "$")) == []


def test_executions_of_one_second_have_names_of_their_own_and_damaged_ones_are_left_out(tmp_path):
    folders = [executions.begin(tmp_path, "loans", 0.0) for _ in range(11)]
    assert [folder.name for folder in folders[:2]] == ["19700101T000000Z", "19700101T000000Z-2"]
    for folder in folders:
        executions.write_json(folder / "run.json", {"analyses": [{"kind": "bias", "status": "Skipped"}]})
    (folders[0] / "run.json").write_text("{")
    assert [each["time"] for each in executions.history(tmp_path, "loans")] == [folder.name for folder in folders[1:]]
    assert executions.names(tmp_path) == ["loans"]


def test_a_remembered_baseline_counts_for_the_endpoint_before_the_group(tmp_path):
    assert executions.remembered(tmp_path, "", "Loans") == {}
    for name in ("loans", "Loans"):
        executions.write_json(executions.root(tmp_path, name) / "baseline/constraints.json", {})
    assert executions.remembered(tmp_path, "loans", "Loans") == {"constraints": str(tmp_path / "monitoring/loans/baseline/constraints.json")}
