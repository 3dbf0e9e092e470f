"""How rows become requests and answers become scores: templates, formats, an endpoint over HTTP, a package."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from jobkit.clarify import answers, predictor, templates
from jobkit.clarify.answers import Wanted
from jobkit.clarify.config import parse
from jobkit.clarify.dataset import Dataset
from jobkit.failure import JobError

CSV, LINES, JSON = "text/csv", "application/jsonlines", "application/json"


def dataset(**columns: list) -> Dataset:
    made = {}
    for name, values in columns.items():
        numeric = all(value is None or isinstance(value, (int, float)) for value in values)
        made[name] = np.array([np.nan if v is None else v for v in values], dtype=float) if numeric else np.array(values, dtype=object)
    return Dataset(tuple(made), made, len(next(iter(made.values()))), True)


AB = dataset(A=[0, 3], B=[1, 4])


def bodies(rows, content_type=CSV, header=False, largest=templates.LARGEST_BYTES, **given):
    form = templates.form(content_type, rows.names, given, header)
    return [(body.decode(), count) for body, count in templates.requests(form, rows, largest)]


@pytest.mark.parametrize(
    ("content", "record", "expected"),
    [
        ('{"instances": $records, "feature_names": $feature_names}', "$features", {"instances": [[0, 1], [3, 4]], "feature_names": ["A", "B"]}),
        ("$records", "$features_kvp", [{"A": 0, "B": 1}, {"A": 3, "B": 4}]),
        ("$records", '{"A": "${A}", "B": "${B}"}', [{"A": 0, "B": 1}, {"A": 3, "B": 4}]),
        ("$records", '{"x": $features, "names": $feature_names}', [{"x": [0, 1], "names": ["A", "B"]}, {"x": [3, 4], "names": ["A", "B"]}]),
    ],
)
def test_the_examples_of_the_developer_guide_come_out_as_it_says(content, record, expected):
    ((body, count),) = bodies(AB, JSON, content_template=content, record_template=record)
    assert (json.loads(body), count) == (expected, 2)


def test_record_sends_one_row_a_request():
    found = bodies(AB, JSON, content_template="$record", record_template="$features_kvp")
    assert [(json.loads(body), count) for body, count in found] == [({"A": 0, "B": 1}, 1), ({"A": 3, "B": 4}, 1)]


def test_json_lines_have_a_line_a_row():
    ((body, _),) = bodies(AB, LINES, content_template='{"data":{"features":$features}}')
    assert body == '{"data":{"features":[0, 1]}}\n{"data":{"features":[3, 4]}}\n'


def test_cells_of_csv_are_quoted_where_they_must_be_and_missing_ones_empty():
    rows = dataset(t=["a,b", 'say "x"', None, "", " pad"], n=[1.0, 0.1, None, -2.5e300, float("inf")])
    ((body, _),) = bodies(rows, header=True)
    assert body == 't,n\n"a,b",1\n"say ""x""",0.1\n,\n"",-2.5e+300\n" pad",\n'


def test_missing_cells_are_null_in_json():
    ((body, _),) = bodies(dataset(t=["é", None], n=[None, 2.0]), LINES)
    assert [json.loads(line)["features"] for line in body.splitlines()] == [["é", None], [None, 2]]


def test_a_missing_cell_alone_is_a_row_too():
    ((body, count),) = bodies(dataset(n=[None, 1.0]))
    assert (body, count) == ('""\n1\n', 2)


def test_requests_stay_below_the_limit_of_the_service():
    rows = dataset(t=["x" * 90] * 100, n=list(range(100)))
    found = bodies(rows, largest=1000)
    assert sum(count for _, count in found) == 100
    assert max(len(body) for body, _ in found) <= 1000
    assert len(found) == 10


@pytest.mark.parametrize(
    ("content_type", "given", "told"),
    [
        (LINES, {"content_template": "$records"}, r"content_template: got '\$records', expected exactly one of \$features"),
        (JSON, {"content_template": '{"a": 1}'}, r"expected exactly one of \$record, \$records"),
        (JSON, {"record_template": '{"a": "${nothing}"}'}, "there is no feature 'nothing'; got A, B"),
        (JSON, {"record_template": 5}, "record_template: got 5"),
        ("image/png", {}, "content_type: got 'image/png'"),
    ],
)
def test_templates_that_cannot_be_filled_are_refused(content_type, given, told):
    with pytest.raises(JobError, match=told):
        bodies(AB, content_type, **given)


# Answers


@pytest.mark.parametrize(
    ("body", "wanted", "rows", "scores", "labels"),
    [
        ("0.6\n0.3\n", Wanted(CSV), 2, [[0.6], [0.3]], None),
        ("0.6,0.3", Wanted(CSV), 2, [[0.6], [0.3]], None),
        ("0.1,0.6,0.3", Wanted(CSV), 1, [[0.1, 0.6, 0.3]], None),
        ("0.1,0.6,0.3\n0.2,0.5,0.3", Wanted(CSV), 2, [[0.1, 0.6, 0.3], [0.2, 0.5, 0.3]], None),
        ("0,0.028\n1,0.825", Wanted(CSV, 1, 0), 2, [[0.028], [0.825]], ["0", "1"]),
        ("0,0.028\n1,0.825", Wanted(CSV, None, 0), 2, [[0.028], [0.825]], ["0", "1"]),
        ("\"['a', 'b']\",\"[0.1, 0.9]\"", Wanted(CSV, 1, 0), 1, [[0.1, 0.9]], [["a", "b"]]),
        ('"[0.1, 0.9]"\n"[0.7, 0.3]"', Wanted(CSV), 2, [[0.1, 0.9], [0.7, 0.3]], None),
        ("0.8,yes\n0.1,no", Wanted(CSV), 2, [[0.8], [0.1]], ["yes", "no"]),
        ("yes\nno", Wanted(CSV, None, 0), 2, None, ["yes", "no"]),
        ('{"score": 0.6}\n{"score": 0.3}', Wanted(LINES, "score"), 2, [[0.6], [0.3]], None),
        ('{"p": [0.1, 0.9], "label": "b"}', Wanted(LINES, "p", "label"), 1, [[0.1, 0.9]], ["b"]),
        ('{"predictions": [{"p": 0.6}, {"p": 0.3}]}', Wanted(JSON, "predictions[*].p"), 2, [[0.6], [0.3]], None),
        ("[0.6, 0.3]", Wanted(JSON), 2, [[0.6], [0.3]], None),
        ('{"scores": [0.1, 0.9]}', Wanted(JSON, "scores"), 1, [[0.1, 0.9]], None),
        ('{"all": [{"a": 0.1, "b": 0.9}]}', Wanted(JSON, "all"), 1, [[0.1, 0.9]], None),
    ],
)
def test_scores_and_labels_are_found_where_the_configuration_says(body, wanted, rows, scores, labels):
    found = answers.read(body.encode(), wanted, rows)
    assert (found.scores is None) == (scores is None)
    if scores is not None:
        assert found.scores.tolist() == scores
    assert found.labels is None if labels is None else list(found.labels) == labels


@pytest.mark.parametrize(
    ("body", "wanted", "told"),
    [
        (b"0.6\n0.3\n0.1", Wanted(CSV), "got 3 rows of CSV for the 2 that were sent"),
        (b"0.6,1\n0.3", Wanted(CSV), "different lengths"),
        (b"0.6\n0.3", Wanted(CSV, 1), "got 1 columns of CSV, expected predictor.probability 1"),
        (b"high\nlow", Wanted(CSV, 0), "no finite number"),
        (b"nan\n0.2", Wanted(CSV, 0), "no finite number"),
        (b"<html>", Wanted(JSON, "x"), "got no JSON, expected it. It begins with '<html>'"),
        (b"{}", Wanted(JSON, "x"), "got no list where predictor.probability points"),
        (b'{"x": [1]}', Wanted(JSON, "x"), "got 1 entries where predictor.probability points for the 2 rows"),
        (b'{"x": 1}\n{"y": 1}', Wanted(LINES, "x"), "no finite number"),
        (b"1", Wanted(LINES), "got 1 JSON Lines for the 2 rows"),
        (b"\xff\xfe", Wanted(CSV), "not UTF-8"),
        (b"", Wanted(CSV), "got 0 rows"),
        (b"1\n2", Wanted("image/png"), "accept_type: got 'image/png'"),
        (b"1\n2", Wanted(CSV, "score"), "expected the place of a column of CSV"),
    ],
)
def test_another_answer_is_one_clear_error(body, wanted, told):
    with pytest.raises(JobError, match=told):
        answers.read(body, wanted, 2)


# The endpoint


@contextmanager
def endpoint(answer):
    """Serve `answer` (a function from the handler and a body to status and text); yield the address and what was asked."""
    asked: list = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.client_address, self.path, dict(self.headers), body))
            status, text = answer(self, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    monkeypatch.delenv(predictor.ADDRESS, raising=False)
    return monkeypatch


def config(**given):
    return parse({"dataset_type": CSV, "label": "y", "predictor": {"model_name": "my model", **given}})


def halves(handler, body):
    return 200, b"".join(b"%r\n" % (float(line.split(b",")[0]) / 2) for line in body.splitlines())


def test_the_endpoint_is_asked_over_one_connection_by_the_services_api(alone):
    with endpoint(halves) as (address, asked):
        alone.setenv(predictor.ADDRESS, address)
        with predictor.predictor(config(custom_attributes="a=b", target_model="m.tar.gz")) as model:
            assert model.predict(AB).tolist() == [0.0, 1.5]
            assert model.predict(AB).tolist() == [0.0, 1.5]
            assert (model.calls, model.asked) == (2, 4)
    assert len({address for address, *_ in asked}) == 1
    _, path, headers, body = asked[0]
    assert (path, body) == ("/endpoints/my%20model/invocations", b"0,1\n3,4\n")
    assert (headers["Content-Type"], headers["Accept"]) == (CSV, CSV)
    assert headers["X-Amzn-SageMaker-Target-Model"] == "m.tar.gz"
    assert headers["X-Amzn-SageMaker-Custom-Attributes"] == "a=b"


def test_an_answer_with_an_error_tells_status_and_beginning(alone):
    with endpoint(lambda handler, body: (500, b"the model is " + b"broken " * 200)) as (address, _):
        alone.setenv(predictor.ADDRESS, address)
        with predictor.predictor(config()) as model, pytest.raises(JobError, match="my model: got status 500, expected 200.*'the model is broken") as caught:
            model.predict(AB)
    assert len(str(caught.value)) < 500


def test_a_connection_that_the_endpoint_closed_is_opened_again(alone):
    def once(handler, body):
        handler.close_connection = True
        return halves(handler, body)

    with endpoint(once) as (address, asked):
        alone.setenv(predictor.ADDRESS, address)
        with predictor.predictor(config()) as model:
            assert [model.predict(AB).tolist() for _ in range(3)] == [[0.0, 1.5]] * 3
    assert len(asked) == 3


def test_an_endpoint_that_is_not_there_is_said(alone):
    alone.setenv(predictor.ADDRESS, "http://127.0.0.1:9")
    with predictor.predictor(config()) as model, pytest.raises(JobError, match="the endpoint my model: no answer"):
        model.predict(AB)


def test_no_model_at_all_is_said(alone):
    with pytest.raises(JobError, match="there is no model to ask"):
        predictor.predictor(config())


@pytest.mark.parametrize(
    ("answer", "given", "expected"),
    [
        (b"0,0.2\n1,0.7\n", {"label": 0, "probability": 1}, [0.0, 1.0]),
        (b"0,0.2\n1,0.7\n", {"probability": 1}, [0.2, 0.7]),
        (b"no,0.2\nyes,0.7\n", {"label": 0}, ["no", "yes"]),
        (b"no\nyes\n", {}, ["no", "yes"]),
        (b"\"['a','b']\",\"[0.1,0.9]\"\n\"['a','b']\",\"[0.8,0.2]\"\n", {"label": 0, "probability": 1}, ["b", "a"]),
    ],
)
def test_bias_is_measured_on_labels_where_the_configuration_names_them(alone, answer, given, expected):
    with endpoint(lambda handler, body: (200, answer)) as (address, _):
        alone.setenv(predictor.ADDRESS, address)
        if not given:
            given = {"label": 0}
        with predictor.predictor(config(**given)) as model:
            assert model.predicted(AB).tolist() == expected
