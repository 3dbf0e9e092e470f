"""The job that holds captured data against the baseline of training: what it reads, what it leaves out, what it says."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath

import pytest

from jobkit.drift import history_page, job, trend, window
from jobkit.drift.found import NOT_POSSIBLE
from jobkit.failure import JobError

SCHEMA = [{"name": "age", "kind": "number"}, {"name": "town", "kind": "text"}, {"name": "sex", "kind": "text"}]
SOURCE = ["id", "age", "town", "sex", "paid"]
LIMITS = {
    "version": 0.0,
    "features": [
        {"name": "id", "inferred_type": "Integral", "completeness": 1.0},
        {"name": "age", "inferred_type": "Integral", "completeness": 1.0},
        {"name": "town", "inferred_type": "String", "completeness": 1.0, "string_constraints": {"domains": ["north", "south"]}},
        {"name": "sex", "inferred_type": "String", "completeness": 1.0},
        {"name": "paid", "inferred_type": "String", "completeness": 1.0},
    ],
}
BIAS = {"label": "paid", "label_values_or_threshold": ["yes"], "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}], "group_variable": "town"}


def metric(name: str, value: float) -> dict:
    return {"name": name, "description": name, "value": value}


def bias_baseline(**values: float) -> dict:
    groups = [{"value_or_threshold": "f", "metrics": [metric(name, value) for name, value in values.items()]}]
    return {"version": "1.0", "post_training_bias_metrics": {"label": "paid", "facets": {"sex": groups}}}


class Place:
    """Lay out the inputs of the job and run it."""

    def __init__(self, root: Path) -> None:
        self.root, self.said = root / "processing", []
        about = {"problem": "binary_classification", "classes": ["no", "yes"], "threshold": 0.5}
        recipe = {"schema": SCHEMA, "source": {"columns": SOURCE}, "label": {"column": "paid"}}
        self.put("input/model/model.tar.gz", packed({"package.json": json.dumps(about), "recipe.json": json.dumps(recipe)}))
        self.put("input/baseline/constraints/constraints.json", json.dumps(LIMITS))

    def put(self, name: str, body: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body if isinstance(body, bytes) else body.encode())

    def captured(self, *records: str, name: str = "2026/05/01/10/a.jsonl") -> None:
        self.put(f"input/captured/{name}", "".join(f"{each}\n" for each in records))

    def run(self, kind: str, *argv: str) -> dict:
        self.said.clear()
        job.run(["--kind", kind, *argv], self.said.append)
        return self.read("drift.json")

    def read(self, name: str) -> dict:
        return json.loads((self.root / "output" / name).read_text(), parse_constant=pytest.fail)


def packed(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb") as stream, tarfile.open(fileobj=stream, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    return Place(tmp_path)


def record(given: str, answer: str = "0.9,yes", key: str = "e", time: str = "2026-05-01T10:00:00Z", **changes) -> str:
    kinds = {"input_type": "text/csv", "encoding": "CSV", "output_encoding": "CSV", **changes}
    sides = {
        "endpointInput": {"observedContentType": kinds["input_type"], "mode": "INPUT", "data": given, "encoding": kinds["encoding"]},
        "endpointOutput": {"observedContentType": "text/csv", "mode": "OUTPUT", "data": answer, "encoding": kinds["output_encoding"]},
    }
    return json.dumps({"captureData": sides, "eventMetadata": {"eventId": key, "inferenceTime": time, **kinds.get("metadata", {})}, "eventVersion": "0"})


def truth(key: str, value: str) -> str:
    return json.dumps({"groundTruthData": {"data": value, "encoding": "CSV"}, "eventMetadata": {"eventId": key}, "eventVersion": "0"}) + "\n"


# The rows


def test_rows_are_read_with_and_without_names_many_in_a_record_and_as_json(place):
    place.captured(
        record("30,north,f"),
        record("31,south,m\n32,north,f", "0.9,yes\n0.1,no"),
        record("Town,AGE,sex\nnorth,33,m", input_type="text/csv; header=present"),
        record('{"age": 34, "town": "south", "sex": "f"}', '{"probability": 0.2, "label": "no"}', encoding="JSON", output_encoding="JSON"),
        record("7,35,north,m,yes"),  # as in the training file
    )
    found = place.run("data-quality")
    assert found["rows"] == 6 and found["counts"] == {"records": 5}
    assert {each["name"] for each in place.read("statistics.json")["features"]} == {"id", "age", "town", "sex", "paid"} - {"paid"}


def test_what_cannot_be_used_is_counted_and_told_with_its_place(place):
    shadow = record("30,north,f", metadata={"invocationSource": "ShadowExperiment"})
    place.captured(record("30,north,f"), "{", record("30,north,f", "0.1,no\n0.2,no"), shadow, record("30,north,f", time="2026-05-02T10:00:00Z"))
    found = place.run("data-quality", "--from", "2026-05-01", "--to", "2026-05-02")
    assert found["rows"] == 1 and found["counts"] == {"records": 1, "records_outside": 1, "records_shadow": 1, "records_unusable": 2}
    assert any("a.jsonl: line 2: not used" in note for note in found["notes"]) and any("1 rows in and 2 out" in note for note in found["notes"])


def test_the_label_and_columns_that_nobody_needs_are_not_compared_and_that_is_told(place):
    place.captured(record("30,north,f"), record("x,west,m"))
    found = place.run("data-quality")
    kinds = {(each["feature_name"], each["constraint_check_type"]) for each in place.read("constraint_violations.json")["violations"]}
    assert kinds == {("age", "data_type_check"), ("town", "categorical_values_check")}
    assert any("the label paid is not compared" in note for note in found["notes"]) and any("no request has them: id" in note for note in found["notes"])
    assert place.read("summary.json")["violations"] == 2 and "age: data_type_check" in place.read("summary.json")["message"]


def test_a_span_without_a_usable_row_says_what_was_there(place):
    place.captured(record("30,north,f"), name="a.jsonl")
    with pytest.raises(JobError, match="no captured row of 2026-05-03T00:00:00Z to 2026-05-04T00:00:00Z can be used: got 1 records outside"):
        place.run("data-quality", "--from", "2026-05-03", "--to", "2026-05-04")


def test_without_a_package_the_columns_are_those_of_the_baseline(place):
    (place.root / "input/model/model.tar.gz").unlink()
    place.captured(record("1,30,north,f,yes", "0.7"))
    assert place.run("data-quality")["rows"] == 1 and not place.read("constraint_violations.json")["violations"]


# Model quality


def quality_limits(place, threshold: float) -> None:
    limit = {"accuracy": {"threshold": threshold, "comparison_operator": "LessThanThreshold"}}
    place.put("input/baseline/constraints/constraints.json", json.dumps({"version": 0.0, "binary_classification_constraints": limit}))


def test_truth_is_merged_by_inference_id_else_event_id_as_lines_or_csv(place):
    quality_limits(place, 0.6)
    place.captured(
        record("30,north,f", key="a"),
        record("30,north,f", key="b", metadata={"inferenceId": "mine"}),
        record("30,north,f\n31,north,f", "0.9,yes\n0.2,no", key="c"),
        record("30,north,f", key="d"),
    )
    place.put("input/ground_truth/a.jsonl", truth("a", "no") + truth("a", "yes") + truth("c", "yes\nyes"))
    place.put("input/ground_truth/b.csv", "id,label\nmine,no\n")
    found = place.run("model-quality")
    assert found["rows"] == 4 and found["counts"]["records_without_truth"] == 1 and found["counts"]["truths_replaced"] == 1
    assert found["measures"]["accuracy"] == {"limit": 0.6, "value": 0.5, "violated": True}
    assert place.run("model-quality", "--slack", "0.2")["measures"]["accuracy"]["violated"] is False


def test_without_ground_truth_model_quality_is_not_possible(place):
    quality_limits(place, 0.6)
    place.captured(record("30,north,f", key="a"))
    with pytest.raises(JobError, match=f"^{NOT_POSSIBLE}model quality needs ground truth"):
        place.run("model-quality")
    place.put("input/ground_truth/a.jsonl", truth("other", "yes"))
    with pytest.raises(JobError, match=f"^{NOT_POSSIBLE}of 1 records in the span none has ground truth"):
        place.run("model-quality")


@pytest.mark.parametrize(
    ("answer", "options", "accuracy"),
    [("0.9", (), 1.0), ("yes", (), 1.0), ("0.4", (), 0.0), ("x,0.1,0.9", ("--probability-attribute", "2"), 1.0), ("1", ("--inference-attribute", "0"), 1.0)],
)
def test_answers_are_read_where_they_usually_stand_or_where_the_attributes_say(place, answer, options, accuracy):
    quality_limits(place, 0.5)
    place.captured(record("30,north,f", answer, key="a"))
    place.put("input/ground_truth/a.jsonl", truth("a", "yes"))
    assert place.run("model-quality", *options)["measures"]["accuracy"]["value"] == accuracy


# Bias


def answers(place, women: float, men: float, rows: int = 400) -> None:
    """Capture answers that are yes for so many of the women and of the men."""
    dice = random.Random(1)
    records = []
    for number in range(rows):
        sex = "fm"[number % 2]
        said = dice.random() < (women if sex == "f" else men)
        records.append(record(f"{20 + number % 40},{'north' if number % 3 else 'south'},{sex}", f"{0.9 if said else 0.1},{'yes' if said else 'no'}"))
    place.captured(*records)
    place.put("input/baseline/config/analysis_config.json", json.dumps(BIAS))
    place.put("input/baseline/post_rows/statistics.json", json.dumps({"dataset": {"item_count": 500}}))


def test_bias_that_chance_explains_is_no_violation_and_other_bias_is(place):
    place.put("input/baseline/post_training/analysis.json", json.dumps(bias_baseline(DPPL=0.0, DI=1.0, AD=0.0)))
    answers(place, 0.5, 0.55)
    found = place.run("bias")
    assert found["measures"]["sex=f DPPL"]["value"] > 0 and not any(each["violated"] for each in found["measures"].values())
    answers(place, 0.3, 0.7)
    found = place.run("bias")
    named = {(each["facet"], each["metric_name"]) for each in place.read("constraint_violations.json")["violations"]}
    assert named == {("sex", "DPPL"), ("sex", "DI")} and any("without ground truth only DI, DPPL are measured" in note for note in found["notes"])


def test_facets_that_are_not_captured_are_told_and_without_any_it_is_not_possible(place):
    place.put("input/baseline/post_training/analysis.json", json.dumps(bias_baseline(DPPL=0.0)))
    answers(place, 0.5, 0.5)
    two = {**BIAS, "facet": [*BIAS["facet"], {"name_or_index": "faith"}], "group_variable": "club"}
    place.put("input/baseline/config/analysis_config.json", json.dumps(two))
    notes = " ".join(place.run("bias")["notes"])
    assert "the facet faith is not among the captured columns" in notes and "the group variable club is not" in notes
    place.put("input/baseline/config/analysis_config.json", json.dumps({**BIAS, "facet": [{"name_or_index": "faith"}]}))
    with pytest.raises(JobError, match=f"^{NOT_POSSIBLE}bias needs the facets faith"):
        place.run("bias")


def test_a_missing_baseline_says_what_to_add(place):
    place.captured(record("30,north,f"))
    with pytest.raises(JobError, match="Add `bias:` with facets to pipeline.yaml"):
        place.run("bias")
    with pytest.raises(JobError, match="Add `explainability:`"):
        place.run("explainability")


# Time


def test_times_are_utc_and_spans_are_checked():
    assert window.parse("2026-05-01T12:00:00+02:00", "x") == datetime(2026, 5, 1, 10, tzinfo=timezone.utc) == window.parse("2026-05-01T10:00:00.123Z", "x")
    span = window.of(None, "2026-05-01T12:00:00Z", 2)
    assert span.told() == "2026-05-01T10:00:00Z to 2026-05-01T12:00:00Z"
    kept = {hour: span.may_hold(PurePosixPath(f"v/2026/05/01/{hour}/a.jsonl")) for hour in ("09", "10", "12", "13")}
    assert kept == {"09": False, "10": True, "12": True, "13": False} and span.may_hold(PurePosixPath("a.jsonl"))
    for given in (("2026-05-02", "2026-05-01", None), (None, None, 2), ("yesterday", None, None)):
        with pytest.raises(JobError):
            window.of(*given)


# The page


def execution(time: str, value: float, words: str = "") -> dict:
    found = {"rows": 10, "measures": {"<b>income": {"value": value, "limit": 0.1, "violated": bool(words)}}}
    done = {"kind": "data-quality", "status": "CompletedWithViolations" if words else "Completed", "violations": [words] if words else [], "rows": 10}
    return {"time": time, "version": "g/1", "window": {}, "analyses": [{**done, "found": found}, {"kind": "bias", "status": "Skipped", "reason": "no <facet>"}]}


def test_the_page_shows_the_newest_violations_first_with_ways_to_their_executions_and_escapes_names():
    listed = [execution("20260501T100000Z", 0.3, "a: old"), execution("20260502T100000Z", 0.4, "<b>income: too far")]
    page = history_page.page("<loans>", listed)
    assert page == history_page.page("<loans>", listed) and "<b>income" not in page and "no <facet>" not in page
    assert page.index("too far") < page.index("old") and 'href="20260502T100000Z/data-quality/drift.html"' in page
    assert "2026-05-02 10:00" in page and "2 executions" in page
    assert 'href="&lt;loans&gt;/report.html"' in history_page.index({"<loans>": listed})


@pytest.mark.parametrize("values", [(0.0,), (0.0, 0.0), (-1.0, 2.0), (1e9, 1e9)])
def test_a_chart_can_be_drawn_of_any_numbers(values):
    drawn = trend.draw("x", [trend.Point("t", value, None, False) for value in values])
    assert drawn.startswith("<svg") and "nan" not in drawn
