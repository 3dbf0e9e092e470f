from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.local.transform import formats
from pipelines.local.transform.bad_data import BadData
from pipelines.local.transform.exchange import Exchange
from pipelines.local.transform.json_path import parse
from pipelines.local.transform.settings import Processing, Settings

CSV, JSON, LINES = formats.CSV, formats.JSON, formats.JSON_LINES


def exchange(body, reply, *, given=None, wanted=None, join=False, kind=CSV, accept=None, marked=False, split="Line", single=False, lines=True):
    paths = [parse(path, "x") if path else None for path in (given, wanted)]
    settings = Settings(split, single, lines, content_type=kind, accept=accept or kind, processing=Processing(*paths, join), marked=marked)
    seen = []

    def invoke(payload):
        seen.append(payload)
        return reply(payload) if callable(reply) else reply

    return seen, Exchange(settings, "2026-01-02T03:04:05Z", lambda: "an-id")(body, invoke)


def test_without_processing_nothing_is_parsed():
    body = b'not "csv\nat all'
    seen, out = exchange(body, b"1\n2\n")
    assert seen[0] is body and out == b"1\n2\n"


@pytest.mark.parametrize(
    ("answer", "out"),
    [(b"1", b"1\n"), (b"1\n", b"1\n"), (b"1\n\n", b"1\n"), (b"1\r\n", b"1\n"), (b"", b""), (b"\n", b"\n"), (b"\n\n", b""), (b"1\n2", b"1\n2\n")],
)
def test_a_mini_batch_ends_with_one_newline(answer, out):
    assert exchange(b"x", answer)[1] == out
    assert exchange(b"x", answer, lines=False)[1] == answer


def test_an_id_column_is_kept_from_the_model_and_joined_to_its_answer():
    seen, out = exchange(b"7,1,2\n8,3,4\n", b"0.5\n0.25\n", given="$[1:]", wanted="$[0,-1]", join=True)
    assert seen == [b"1,2\n3,4\n"] and out == b"7,0.5\n8,0.25\n"


def test_all_input_columns_come_before_the_answer():
    assert exchange(b"1,2,3\n", b"1\n", join=True)[1] == b"1,2,3,1\n"


def test_a_single_record_is_filtered_without_a_newline():
    seen, out = exchange(b"7,1", b"0.5", given="$[1:]", join=True, single=True)
    assert seen == [b"1"] and out == b"7,1,0.5\n"


def test_quoted_fields_stay_whole():
    seen, out = exchange(b'7,"a,b","say ""hi"""\r\n8,c,d\n', b"x\ny\n", given="$[1:]", wanted="$[1,2,-1]", join=True)
    assert seen == [b'"a,b","say ""hi"""\nc,d\n'] and out == b'"a,b","say ""hi""",x\nc,d,y\n'


def test_bytes_that_are_no_utf8_come_back_as_they_were():
    assert exchange(b"\xff\xe9,1\n", lambda payload: payload, wanted="$[0]", join=False)[1] == b"\xff\xe9\n"


def test_a_newline_within_a_field_is_refused():
    with pytest.raises(BadData, match="no newline within a field"):
        exchange(b'1,"a\nb",2\n', b"1\n", given="$[1:]")


fields = st.lists(st.text(st.characters(blacklist_characters="\r\n\x00", blacklist_categories=("Cs",)), max_size=5), min_size=2, max_size=4)


@given(st.lists(fields, min_size=1, max_size=6))
def test_filtering_everything_changes_no_field(rows):
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    seen, _ = exchange(buffer.getvalue().encode(), b"", given="$[*]")
    assert list(csv.reader(io.StringIO(seen[0].decode()))) == rows


def test_an_index_outside_fails():
    with pytest.raises(BadData, match="index 3 is outside"):
        exchange(b"1,2\n", b"1\n", wanted="$[3]", join=True)


def test_json_lines_get_the_answer_as_an_attribute():
    body = b'{"id":1,"features":[1,2]}\n{"id":2,"features":[3,4]}\n'
    seen, out = exchange(body, b'{"label":0}\n{"label":1}\n', given="$.features", wanted="$['id','SageMakerOutput']", join=True, kind=LINES)
    assert seen == [b"[1,2]\n[3,4]\n"]
    assert out == b'{"id":1,"SageMakerOutput":{"label":0}}\n{"id":2,"SageMakerOutput":{"label":1}}\n'


def test_what_is_no_object_becomes_the_member_of_one():
    assert exchange(b"[1,2]\n", b"0.5\n", join=True, kind=JSON)[1] == b'{"SageMakerInput":[1,2],"SageMakerOutput":0.5}\n'


def test_a_json_document_may_go_over_many_lines():
    body = json.dumps({"key": 1}, indent=2).encode()
    _, out = exchange(body, b'{\n "label": 1}', join=True, kind=JSON, split="None", lines=False)
    assert out == b'{"key":1,"SageMakerOutput":{"label":1}}'


def test_csv_goes_in_and_json_is_filtered_on_its_way_out():
    seen, out = exchange(b"1,2,9\n", b'{"class":"yes","score":0.9}\n', given="$[:2]", wanted="$['class']", kind=CSV, accept=LINES)
    assert seen == [b"1,2\n"] and out == b'"yes"\n'


def test_a_count_of_answers_that_is_not_that_of_the_records_fails():
    with pytest.raises(BadData, match="Fail to join data: mismatched line count between the input and the output: 2 input records, 1 answers"):
        exchange(b"1\n2\n", b"0.5\n", join=True)


def test_an_answer_of_another_format_fails_in_the_words_of_the_service():
    with pytest.raises(BadData, match="Failed to parse output from the algorithm as JSON: this is no JSON"):
        exchange(b'{"a":1}\n', b"<html>", join=True, kind=LINES)
    with pytest.raises(BadData, match="Failed to parse output from the algorithm as CSV"):
        exchange(b"1\n", b'"open\n', join=True)


def test_inference_ids_and_the_start_go_with_every_record():
    assert exchange(b"1\n2\n", b"0\n1\n", marked=True)[1] == b"0,an-id,2026-01-02T03:04:05Z\n1,an-id,2026-01-02T03:04:05Z\n"
    out = exchange(b"{}\n{}\n", b'{"output":0}\n1\n', marked=True, kind=LINES)[1]
    mark = b'"SageMakerInferenceId":"an-id","SageMakerInferenceTime":"2026-01-02T03:04:05Z"}\n'
    assert out == b'{"output":0,' + mark + b'{"SageMakerOutput":1,' + mark
