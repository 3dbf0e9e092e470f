"""Captured data and ground truth: every encoding, every side, and no line lost without a word."""

from __future__ import annotations

import base64
import json

import pytest

from jobkit.failure import JobError
from jobkit.monitor import captured, captured_rows
from jobkit.monitor.captured_rows import Wanted
from tests.unit.jobs.monitored import REFERENCE, published


def side(data, encoding="CSV", kind="text/csv"):
    return {"observedContentType": kind, "mode": "INPUT", "data": data, "encoding": encoding}


def line(given, answered=None, event="e1", **metadata):
    sides = {"endpointInput": given} if given else {}
    sides.update({"endpointOutput": answered} if answered else {})
    return json.dumps({"captureData": sides, "eventMetadata": {"eventId": event, "inferenceTime": "2026-01-01T00:00:00Z", **metadata}, "eventVersion": "0"})


def truth(data, event):
    return json.dumps({"groundTruthData": {"data": data, "encoding": "CSV"}, "eventMetadata": {"eventId": event}, "eventVersion": "0"})


def read(tmp_path, *lines, name="AllTraffic/2026/01/01/00/a.jsonl", wanted=captured.CAPTURE):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return captured.read(tmp_path, wanted)


def table(found, **wanted):
    made, bad = captured_rows.table(found.records, Wanted(**wanted))
    return {name: made.column(name).to_pylist() for name in made.column_names}, bad


@published
def test_the_published_captures_and_truths_are_read_and_merged():
    fixtures = REFERENCE / "service_fixtures/monitor"
    records, truths = captured.read(fixtures / "capture.jsonl"), captured.read(fixtures / "actuals.jsonl", captured.TRUTH)
    assert not records.bad and not truths.bad
    merged = captured.merge(records.records, truths.records)
    assert len(merged.records) == len(records.records) and not merged.without_truth
    columns, bad = table(captured.Read(merged.records, ()), sides=("endpointOutput",), apart=True)
    assert list(columns) == ["endpointOutput_0", "groundTruthData_0"] and not bad
    assert len(columns["endpointOutput_0"]) == len(merged.records)
    json_rows, bad = table(captured.read(fixtures / "captured-data.jsonl"))
    assert json_rows == {"_c0": ["3.5", "4.0", "5.5"] * 2, "_c1": ["1.0", "2.0", "5.0"] * 2} and not bad


@pytest.mark.parametrize(
    "given",
    [
        side("1,x\n2,\n"),
        side('"1","x"\r\n2,""'),
        side('[[1, "x"], [2, null]]', "JSON", "application/json"),
        side('{"instances": [{"features": [1, "x"]}, {"features": [2, null]}]}', "JSON", "application/json"),
        side('[1, "x"]\n[2, null]', "JSON", "application/jsonlines"),
        side(base64.b64encode(b"1,x\n2,\n").decode(), "BASE64", "text/csv; charset=utf-8"),
        side(base64.b64encode(b'[[1,"x"],[2,null]]').decode(), "BASE64", "application/json"),
        side("a,b\n1,x\n2,\n"),
        side('[{"a": 1, "b": "x"}, {"a": 2}]', "JSON", "application/json"),
    ],
)
def test_every_encoding_gives_the_same_rows(tmp_path, given):
    columns, bad = table(read(tmp_path, line(given)), names=("a", "b"))
    assert columns == {"a": ["1", "2"], "b": ["x", None]} and not bad


def test_outputs_stand_before_inputs_unless_the_format_says_otherwise(tmp_path):
    found = read(tmp_path, line(side("1,2"), side("0.5")))
    assert table(found)[0] == {"_c0": ["0.5"], "_c1": ["1"], "_c2": ["2"]}
    assert table(found, position="END", names=("a", "b", "y"))[0] == {"a": ["1"], "b": ["2"], "y": ["0.5"]}
    assert table(found, sides=("endpointInput",), names=("a", "b"))[0] == {"a": ["1"], "b": ["2"]}


def test_unnamed_answers_take_the_name_that_named_inputs_leave(tmp_path):
    found = read(tmp_path, line(side('{"b": 2, "a": 1}', "JSON"), side("0.5")))
    assert table(found, names=("y", "a", "b"))[0] == {"y": ["0.5"], "a": ["1"], "b": ["2"]}


def test_parquet_is_read_out_of_base64(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", None]}), sink)
    body = base64.b64encode(sink.getvalue().to_pybytes()).decode()
    assert table(read(tmp_path, line(side(body, "BASE64", "application/x-parquet"))))[0] == {"a": ["1", "2"], "b": ["x", None]}
    _, bad = table(read(tmp_path, line(side("AAAA", "BASE64", "application/x-parquet"))))
    assert "the Parquet cannot be read" in bad[0].why


def test_objects_in_answers_are_flattened(tmp_path):
    answer = side('{"predictions": [{"label": "yes", "probabilities": {"yes": 0.75, "no": 0.25}}]}', "JSON", "application/json")
    columns, bad = table(read(tmp_path, line(side("1"), answer)), sides=("endpointOutput",), apart=True)
    assert columns == {"endpointOutput_label": ["yes"], "endpointOutput_probabilities_yes": ["0.75"], "endpointOutput_probabilities_no": ["0.25"]} and not bad


def test_a_header_is_known_by_its_content_type_or_by_being_one_row_too_many(tmp_path):
    told = side("probability,label\n0.5,yes", kind="text/csv; header=present")
    assert table(read(tmp_path, line(None, told)), apart=True)[0] == {"endpointOutput_probability": ["0.5"], "endpointOutput_label": ["yes"]}
    both = line(side("a,b\n1,x"), side("probability\n0.5"))
    assert table(read(tmp_path, both), names=("a", "b"), position="END")[0] == {"a": ["1"], "b": ["x"], "probability": ["0.5"]}
    assert table(read(tmp_path, line(side("a,b", kind="text/csv; header=absent"))), names=("a", "b"))[0] == {"a": ["a"], "b": ["b"]}
    assert "got rows" in table(read(tmp_path, line(side("7,8\n1,x"), side("0.5"))))[1][0].why


def test_cells_beyond_the_baseline_are_extra_columns(tmp_path):
    assert table(read(tmp_path, line(side("1,2,3"))), names=("a", "b"))[0] == {"a": ["1"], "b": ["2"], "_c2": ["3"]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "this is no JSON"),
        ("[1]", "manifest of a transform job"),
        ("{}", "there is no object captureData"),
        ('{"captureData": {}, "eventMetadata": 3}', "eventMetadata is no object"),
        ("[" * 100_000, "this is no JSON"),
    ],
)
def test_a_bad_line_is_kept_with_its_place_and_reason(tmp_path, text, words):
    found = read(tmp_path, line(side("1")), "", text)
    assert len(found.records) == 1
    assert [(entry.file, entry.line) for entry in found.bad] == [("AllTraffic/2026/01/01/00/a.jsonl", 3)]
    assert words in found.bad[0].why


@pytest.mark.parametrize(
    ("given", "answered", "words"),
    [
        (side("1\n2"), side("0.5"), "got rows {'endpointOutput': 1, 'endpointInput': 2}"),
        (side("x", "AVRO"), None, "got encoding 'AVRO'"),
        (side("x", ["CSV"]), None, "got encoding ['CSV']"),
        (side("%", "BASE64"), None, "the BASE64 data is no text"),
        (side("AAAA", "BASE64", "image/png"), None, "the content type is 'image/png'"),
        (side('{"a": [1]}', "JSON"), None, "a cell holds a list"),
        (side("{", "JSON"), None, "the JSON cannot be read"),
        (side('"1', "CSV"), None, "the CSV cannot be read"),
        (None, None, "got rows {}"),
    ],
)
def test_a_record_that_cannot_be_taken_apart_is_kept_with_the_reason(tmp_path, given, answered, words):
    columns, bad = table(read(tmp_path, line(given, answered)))
    assert not columns and words in bad[0].why and bad[0].line == 1


def test_shadow_variants_are_passed_over_and_counted(tmp_path):
    found = read(tmp_path, line(side("1")), line(side("2"), invocationSource="ShadowExperiment"))
    assert len(found.records) == 1 and found.shadow == 1


def test_many_files_are_read_in_the_order_of_their_hours(tmp_path):
    read(tmp_path, line(side("2")), name="v/2026/01/01/10/b.jsonl")
    assert table(read(tmp_path, line(side("1")), name="v/2026/01/01/09/c.jsonl"))[0] == {"_c0": ["1", "2"]}


def test_truth_is_found_by_the_inference_id_else_by_the_event(tmp_path):
    records = read(
        tmp_path / "c", line(side("1"), side("0.1"), "e1", inferenceId="mine"), line(side("2"), side("0.2"), "e2"), line(side("3"), side("0.3"), "e3")
    )
    truths = read(tmp_path / "t", truth("9", "mine"), truth("0", "mine"), truth("1", "e2"), truth("1", "nobody"), wanted=captured.TRUTH)
    merged = captured.merge(records.records, truths.records)
    assert (len(merged.records), merged.without_truth, merged.without_record, merged.replaced) == (2, 1, 1, 1)
    assert table(captured.Read(merged.records, ()), sides=("endpointOutput",), apart=True)[0] == {
        "endpointOutput_0": ["0.1", "0.2"],
        "groundTruthData_0": ["0", "1"],
    }
    captured.write(merged.records, tmp_path / "merged.jsonl")
    again = captured.read(tmp_path / "merged.jsonl")
    assert list(again.records[0].document) == ["captureData", "groundTruthData", "eventMetadata", "eventVersion"]


def test_a_folder_without_files_is_refused(tmp_path):
    with pytest.raises(JobError, match="there is no file in"):
        captured.read(tmp_path)


def test_no_more_than_five_bad_lines_are_told():
    told = captured.told([captured.Bad("a", place, "why") for place in range(9)])
    assert len(told) == 6 and told[-1] == "4 more lines were not used"
