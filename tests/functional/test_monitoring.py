"""Monitoring from end to end: a pipeline leaves baselines, its endpoint captures requests, and what drifts is named."""

from __future__ import annotations

import csv
import http.client
import io
import json
import random
import shutil
import urllib.parse

import pytest

from pipelines.author.monitoring import compose
from pipelines.definition.monitoring import KINDS, baselines
from pipelines.definition.schedules import Watch
from pipelines.local.home import Home
from tests.functional.conftest import IMAGE, ROLE, Command
from tests.functional.endpoints_here import Server

PIPELINE = """
name: loans
data: {input: data/loan_data.csv}
label: {column: approved, positive: "Y"}
recipe:
  - {step: drop_columns, columns: [loan_id]}
  - {step: one_hot, columns: auto}
training: {hyperparameters: {num_round: 20, max_depth: 3, eta: 0.3}}
bias: {facets: [{column: gender, values: [0]}], pre_training: [CI, DPL], post_training: [DPPL, DI, AD]}
explainability: {rows: 40, samples: 64, pdp: null}
quality: {data: {}, model: {}}
registration: {model_package_group: loans}
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """Return the command in a folder where a version is approved and deployed with capture, and the rows of its data."""
    command = Command(tmp_path_factory.mktemp("monitored"))
    assert command("sample", "loan-approval").code == 0
    (command.folder / "pipeline.yaml").write_text(PIPELINE)
    done = command("run", "--output", "json")
    assert done.code == 0, done.err
    assert command("approve", "loans/1").code == 0
    assert command("deploy", "loans", "--capture", "s3://captured/loans").code == 0
    rows = list(csv.DictReader(io.StringIO((command.folder / "data/loan_data.csv").read_text())))
    return command, rows


def shifted(rows):
    """Return rows of richer applicants, all with a credit history and from the country, half of whom are refused."""
    dice = random.Random(0)
    kept = [row for row in rows if row["property_area"] == "Rural"]
    return [{**row, "applicant_income": str(6 * int(row["applicant_income"])), "credit_history": "1", "approved": dice.choice("YN")} for row in kept]


def send(command, rows, prefix):
    """Send each row by itself, with an inference id; return ground truth in the service's lines."""
    server = Server(command.folder / ".sagewright", cold=True)
    url = urllib.parse.urlsplit(server.url)
    server.status("loans", "InService")
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    truths = []
    for number, row in enumerate(rows):
        body = ",".join(value for name, value in row.items() if name not in ("loan_id", "approved"))
        headers = {"Content-Type": "text/csv", "X-Amzn-SageMaker-Inference-Id": f"{prefix}-{number}"}
        connection.request("POST", "/endpoints/loans/invocations", body, headers)
        assert connection.getresponse().read()
        told = {"data": row["approved"], "encoding": "CSV"}
        truths.append({"groundTruthData": told, "eventMetadata": {"eventId": f"{prefix}-{number}"}, "eventVersion": "0"})
    connection.close()
    assert server.stop() == 0
    return "".join(json.dumps(each) + "\n" for each in truths)


def statuses(done):
    return {each["kind"]: each["status"] for each in done.json["analyses"]}


def test_monitoring_tells_rows_like_those_of_training_from_others_and_names_what_drifted(deployed):
    command, rows = deployed
    home = command.folder / ".sagewright"
    shown = command("monitor", "baseline", "loans").out
    assert "13 columns" in shown and "11 metrics" in shown and "12 features" in shown

    (command.folder / "truth.jsonl").write_text(send(command, rows[:200], "like"))
    same = command("monitor", "run", "loans", "--hours", "1", "--output", "json")
    assert same.code == 0, same.out + same.err
    assert statuses(same) == {"data-quality": "Completed", "model-quality": "Skipped", "bias": "Completed", "explainability": "Completed"}
    summary = json.loads((next((home / "monitoring/loans").glob("*/bias")) / "execution.json").read_text())
    assert summary["MonitoringExecutionStatus"] == "Completed" and summary["EndpointName"] == "loans"

    judged = command("monitor", "run", "loans", "--kind", "model-quality", "--ground-truth", "truth.jsonl", "--slack", "0.2", "--output", "json")
    assert judged.code == 0 and judged.json["analyses"][0]["rows"] == 200, judged.out

    shutil.rmtree(home / "s3/captured")
    (command.folder / "truth.jsonl").write_text(send(command, shifted(rows), "other"))
    other = command("monitor", "run", "loans", "--ground-truth", "truth.jsonl", "--output", "json")
    assert other.code == 4, other.out + other.err
    found = {each["kind"]: " ".join(each["violations"]) for each in other.json["analyses"]}
    assert "applicant_income baseline_drift_check" in found["data-quality"] and "property_area" in found["data-quality"]
    assert "accuracy" in found["model-quality"] and "shap: Feature attribution drift" in found["explainability"]

    reported = command("monitor", "report", "loans")
    page = (home / "monitoring/loans/report.html").read_text()
    assert reported.code == 0 and "applicant_income" in reported.out and "Drift of loans" in page and "applicant_income" in page
    assert "/data-quality/drift.html" in page and len(command("monitor", "report", "--output", "json").json["executions"]["loans"]) == 3

    _scheduled(command, home)
    _edges(command, home)


def _scheduled(command, home):
    """The pipeline of a schedule runs the same job on the same data, and fails with what it found."""
    place = Home(home)
    package = place.registry.version("loans", 1)
    kinds = ("data-quality", "bias")
    kept = {kind: baselines(package, KINDS[kind]) for kind in kinds}
    model = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    captured = "s3://captured/loans/loans/AllTraffic"
    watch = Watch("loans", kinds, "cron(0 0 ? * * *)", ROLE, ROLE, "s3://captured/monitoring", captured, "us-east-1", 24, kept, model)
    composed = compose(watch, IMAGE)
    for uri, body in composed.objects.items():
        place.store.put_bytes(uri, body)
    (command.folder / "watch.json").write_text(composed.definition)
    done = command("run", "watch.json", "--output", "json", "--cold", "--quiet")
    assert done.code == 4, done.err
    assert "Quality of the requests has drifted. applicant_income: baseline_drift_check" in done.json["failure_reason"]


def _edges(command, home):
    nothing = command("monitor", "run", "loans", "--from", "2020-01-01", "--to", "2020-01-02T00:00:00+02:00", "--kind", "data-quality")
    assert nothing.code == 1 and "no captured data in the span from 2020-01-01T00:00:00Z to 2020-01-01T22:00:00Z (UTC)" in nothing.out
    assert command("monitor", "run", "loans", "--kind", "model-quality").code == 1
    assert command("endpoints", "delete", "loans").code == 0
    gone = command("monitor", "run", "loans")
    assert gone.code == 2 and "--captured" in gone.err
    again = command("monitor", "run", "loans/1", "--captured", "s3://captured/loans/loans", "--kind", "data-quality")
    assert again.code == 4 and "applicant_income" in again.out, again.err
