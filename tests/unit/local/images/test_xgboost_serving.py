"""What the built-in XGBoost answers when it serves: contracts.md 3.2, each statement of its line on serving."""

from __future__ import annotations

import io
import json
import pickle

import numpy
import pytest
import xgboost
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.datasets import dump_svmlight_file

from pipelines.local.images.serving import xgboost_input
from pipelines.local.images.serving.answer import Asked
from pipelines.local.images.serving.xgboost_handler import XGBoostHandler

MAKER = numpy.random.default_rng(7)
ROWS = MAKER.normal(size=(200, 3)).astype("float32")
LABELS = {"binary": (ROWS[:, 0] > 0).astype(int), "number": ROWS.sum(axis=1), "classes": (ROWS[:, 0] > 0.5).astype(int) + (ROWS[:, 0] > -0.5)}
CSV_BODY = b"0.1,0.2,0.3\n-1,2,3\n"
PAIR = numpy.array([[0.1, 0.2, 0.3], [-1, 2, 3]])


def trained(objective, labels, seed=0, **rest):
    settings = {"objective": objective, "seed": seed, "nthread": 1, "max_depth": 2, **rest}
    return xgboost.train(settings, xgboost.DMatrix(ROWS, LABELS[labels]), 3)


MODELS = {
    "binary:logistic": trained("binary:logistic", "binary"),
    "binary:logitraw": trained("binary:logitraw", "binary"),
    "binary:hinge": trained("binary:hinge", "binary"),
    "reg:squarederror": trained("reg:squarederror", "number"),
    "multi:softprob": trained("multi:softprob", "classes", num_class=3),
    "multi:softmax": trained("multi:softmax", "classes", num_class=3),
    "rank:pairwise": trained("rank:pairwise", "binary"),
}


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Return a handler of models under an environment."""

    def make(*models, image="x/sagemaker-xgboost:3.0-5", **environment):
        for name, value in {"SAGEWRIGHT_IMAGE": image, **environment}.items():
            monkeypatch.setenv(name, value)
        for number, model in enumerate(models):
            (MODELS[model] if isinstance(model, str) else model).save_model(tmp_path / f"xgboost-model-{number}.ubj")
        handler = XGBoostHandler()
        handler.load(tmp_path)
        return handler

    return make


def ask(handler, body=CSV_BODY, kind="text/csv", accept=""):
    return handler.invoke(Asked(body, {"content-type": kind, **({"accept": accept} if accept else {})}))


def scores(model, rows=PAIR):
    return MODELS[model].predict(xgboost.DMatrix(rows))


def test_csv_is_answered_with_one_value_a_line_and_a_last_newline(serve):
    answer = ask(serve("binary:logistic"))
    assert (answer.status, answer.content_type) == (200, "text/csv")
    assert answer.body.endswith(b"\n")
    assert numpy.allclose([float(line) for line in answer.body.splitlines()], scores("binary:logistic"), atol=1e-7)


def test_one_row_is_answered_as_many_are(serve):
    handler = serve("binary:logistic")
    one, two = ask(handler, b"0.1,0.2,0.3").body, ask(handler).body
    assert float(one) == pytest.approx(float(two.splitlines()[0]), abs=1e-7)
    assert one.count(b"\n") == 1


def test_json_is_answered_with_predictions_and_scores(serve):
    answer = ask(serve("binary:logistic"), accept="application/json")
    found = json.loads(answer.body)
    assert list(found) == ["predictions"]
    assert numpy.allclose([row["score"] for row in found["predictions"]], scores("binary:logistic"))


def test_the_environment_says_what_is_answered_without_accept(serve):
    handler = serve("binary:logistic", SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="application/json")
    assert ask(handler).content_type == "application/json"
    assert ask(handler, accept="text/csv").content_type == "text/csv"
    assert ask(handler, accept="*/*").content_type == "application/json"


def test_an_empty_body_is_204(serve):
    assert ask(serve("binary:logistic"), b"").status == 204


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "image/png", "text/csv2"])
def test_another_content_type_is_415(serve, kind):
    answer = ask(serve("binary:logistic"), kind=kind)
    assert answer.status == 415
    assert kind in answer.body.decode()


@pytest.mark.parametrize("body", [b"a,b,c", b"1,2,3\n1,2", b'{"a": 1}', b"\xff\xfe\x00", b"1,x,3", b"1;2,3\n"])
def test_a_body_that_is_no_csv_is_415_with_text(serve, body):
    answer = ask(serve("binary:logistic"), body)
    assert (answer.status, answer.content_type) == (415, "text/plain; charset=utf-8")


@pytest.mark.parametrize("body", [b"0 99999999999999999999:1", b"0 x:1", b"0 -1:1", b"nothing", b"0 1:a"])
def test_a_body_that_is_no_libsvm_is_415(serve, body):
    assert ask(serve("binary:logistic"), body, "text/libsvm").status == 415


def test_another_accept_is_406(serve):
    answer = ask(serve("binary:logistic"), accept="image/png")
    assert answer.status == 406


def test_rows_that_the_model_cannot_take_are_400(serve):
    handler = serve("binary:logistic")
    handler._boosters = [None]
    assert ask(handler).status == 400


def test_too_few_columns_are_accepted_and_an_empty_field_is_missing(serve):
    """Features are not validated; more columns than the model has are refused by XGBoost itself."""
    handler = serve("binary:logistic")
    assert ask(handler, b"0.1,0.2\n").status == 200
    assert ask(handler, b"0.1,0.2,0.3,9,9\n").status == 400
    missing = float(ask(handler, b"0.1,,0.3").body)
    assert missing == pytest.approx(float(scores("binary:logistic", numpy.array([[0.1, numpy.nan, 0.3]]))[0]), abs=1e-7)
    assert float(ask(handler, b"0.1,0.2,").body) == pytest.approx(float(scores("binary:logistic", numpy.array([[0.1, 0.2, numpy.nan]]))[0]), abs=1e-7)


@pytest.mark.parametrize("body", [b"0.1,0.2,0.3\r\n-1,2,3\r\n", b"0.1;0.2;0.3\n-1;2;3", b"0.1\t0.2\t0.3\n-1\t2\t3"])
def test_line_ends_and_delimiters_are_found(serve, body):
    handler = serve("binary:logistic")
    assert ask(handler, body).body == ask(handler).body


def test_an_empty_last_field_before_a_windows_line_end_is_missing(serve):
    handler = serve("binary:logistic")
    assert ask(handler, b"0.1,0.2,\r\n1,2,\r\n").body == ask(handler, b"0.1,0.2,\n1,2,\n").body


@pytest.mark.parametrize("kind", ["text/libsvm", "text/x-libsvm", ""])
def test_libsvm_is_read_and_is_what_a_body_without_content_type_is(serve, kind):
    handler = serve("binary:logistic")
    assert ask(handler, b"0 0:0.1 1:0.2 2:0.3\n1 0:-1 1:2 2:3\n", kind).body == ask(handler).body


def test_libsvm_as_scikit_learn_writes_it_is_read(serve):
    buffer = io.BytesIO()
    dump_svmlight_file(csr_matrix(PAIR), [0, 0], buffer, zero_based=True)
    handler = serve("binary:logistic")
    got = [float(line) for line in ask(handler, buffer.getvalue(), "text/libsvm").body.splitlines()]
    assert numpy.allclose(got, scores("binary:logistic"), atol=1e-6)


def test_recordio_is_read(serve):
    body = recordio(PAIR)
    got = [float(line) for line in ask(serve("binary:logistic"), body, "application/x-recordio-protobuf").body.splitlines()]
    assert numpy.allclose(got, scores("binary:logistic"), atol=1e-6)


def recordio(rows):
    """Return dense Record messages as the SDK writes them (amazon/record.proto): features {key "values", Float32Tensor}."""
    import struct

    def field(number, data):
        return bytes([number << 3 | 2]) + varint(len(data)) + data

    def varint(value):
        out = b""
        while True:
            out += bytes([value & 127 | (128 if value > 127 else 0)])
            value >>= 7
            if not value:
                return out

    frames = b""
    for row in rows:
        tensor = field(1, struct.pack(f"<{len(row)}f", *row))
        record = field(1, field(1, b"values") + field(2, field(2, tensor)))
        frames += struct.pack("<II", 0xCED7230A, len(record)) + record + b"\0" * (-len(record) % 4)
    return frames


def test_a_damaged_recordio_is_415(serve):
    assert ask(serve("binary:logistic"), recordio(PAIR)[:-9], "application/x-recordio-protobuf").status == 415


def test_json_lines_need_selectable_inference(serve, monkeypatch):
    handler = serve("binary:logistic")
    assert ask(handler, accept="application/jsonlines").status == 500


def test_selected_answers_are_written_as_csv_json_and_json_lines(serve):
    handler = serve("binary:logistic", SAGEMAKER_INFERENCE_OUTPUT="predicted_label, probability")
    expected = [{"predicted_label": int(score > 0.5), "probability": score} for score in scores("binary:logistic").tolist()]
    as_csv = ask(handler).body.decode()
    assert as_csv == "".join(f"{row['predicted_label']},{row['probability']}\n" for row in expected)
    assert json.loads(ask(handler, accept="application/json").body) == {"predictions": expected}
    assert [json.loads(line) for line in ask(handler, accept="application/jsonlines").body.splitlines()] == expected
    assert ask(handler, accept="application/x-recordio-protobuf").status == 406


def test_every_key_can_be_selected_of_classes(serve):
    keys = "predicted_label,labels,probability,probabilities,raw_score,raw_scores"
    answer = ask(serve("multi:softprob", SAGEMAKER_INFERENCE_OUTPUT=keys), accept="application/json")
    for row, told in zip(scores("multi:softprob").tolist(), json.loads(answer.body)["predictions"], strict=True):
        best = max(row)
        assert told == {
            "predicted_label": row.index(best),
            "labels": [0, 1, 2],
            "probability": best,
            "probabilities": row,
            "raw_score": best,
            "raw_scores": row,
        }


def test_a_key_that_an_objective_does_not_know_is_nan(serve):
    told = json.loads(ask(serve("reg:squarederror", SAGEMAKER_INFERENCE_OUTPUT="predicted_score,predicted_label"), accept="application/json").body)
    assert told["predictions"][0]["predicted_label"] != told["predictions"][0]["predicted_label"]
    assert told["predictions"][0]["predicted_score"] == pytest.approx(float(scores("reg:squarederror")[0]))


def test_an_objective_without_selectable_inference_is_500(serve):
    assert ask(serve("rank:pairwise", SAGEMAKER_INFERENCE_OUTPUT="probability")).status == 500


def test_batch_transform_gets_plain_lines_whatever_it_accepts(serve):
    handler = serve("binary:logistic", SAGEMAKER_BATCH="true")
    for accept in ("application/json", "text/csv", "image/png", ""):
        answer = ask(handler, accept=accept)
        assert [float(line) for line in answer.body.splitlines()] == pytest.approx(scores("binary:logistic").tolist(), abs=1e-7)
        assert answer.body.endswith(b"\n")


def test_several_classes_are_lists_or_labels(serve):
    probabilities = json.loads("[" + ",".join(ask(serve("multi:softprob")).body.decode().splitlines()) + "]")
    assert numpy.allclose(probabilities, scores("multi:softprob"))


def test_labels_of_classes_are_numbers(serve):
    assert [float(line) for line in ask(serve("multi:softmax")).body.splitlines()] == scores("multi:softmax").tolist()


@pytest.mark.parametrize(("image", "lines"), [("1.5-1", False), ("1.2-1", False), ("1.7-1", True), ("3.0-5", True), ("latest", True)])
def test_images_before_1_7_divide_answers_by_commas(serve, image, lines):
    body = ask(serve("binary:logistic", image=f"x/sagemaker-xgboost:{image}")).body
    assert (b"\n" in body, b"," in body) == (lines, not lines)


def test_several_models_are_averaged(serve):
    other = trained("binary:logistic", "binary", max_depth=1)
    mean = (scores("binary:logistic") + other.predict(xgboost.DMatrix(PAIR))) / 2
    got = [float(line) for line in ask(serve("binary:logistic", other)).body.splitlines()]
    assert numpy.allclose(got, mean, atol=1e-6)


def test_models_of_classes_vote(serve):
    others = [trained("multi:softmax", "classes", num_class=3, max_depth=depth) for depth in (1, 3)]
    votes = [model.predict(xgboost.DMatrix(PAIR)) for model in (MODELS["multi:softmax"], *others)]
    expected = [max(set(column), key=lambda value, c=column: (c.count(value), -value)) for column in map(list, zip(*votes, strict=True))]
    assert [float(line) for line in ask(serve("multi:softmax", *others)).body.splitlines()] == expected


def test_an_ensemble_can_be_switched_off(serve):
    handler = serve("binary:logistic", trained("binary:logistic", "binary", max_depth=1), SAGEMAKER_INFERENCE_ENSEMBLE="false")
    assert [float(line) for line in ask(handler).body.splitlines()] == pytest.approx(scores("binary:logistic").tolist(), abs=1e-7)


def test_a_body_beyond_the_limit_is_413(serve):
    handler = serve("binary:logistic", MAX_CONTENT_LENGTH="1000")
    assert ask(handler, b"1,2,3\n" * 200).status == 413
    assert handler.execution_parameters(3) == {"MaxConcurrentTransforms": 3, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 0}


def test_batch_transform_is_told_the_number_of_workers(serve):
    assert serve("binary:logistic").execution_parameters(2) == {"MaxConcurrentTransforms": 2, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}


def test_a_pickle_is_opened_only_when_the_environment_trusts_it(tmp_path, monkeypatch):
    ran = tmp_path.parent / "ran"
    (tmp_path / "xgboost-model").write_bytes(pickle.dumps(Harmful(str(ran))))
    monkeypatch.delenv("SAGEWRIGHT_ALLOW_PICKLE", raising=False)
    with pytest.raises(ValueError, match="SAGEWRIGHT_ALLOW_PICKLE=true"):
        XGBoostHandler().load(tmp_path)
    assert not ran.exists()
    (tmp_path / "xgboost-model").write_bytes(pickle.dumps(MODELS["binary:logistic"]))
    monkeypatch.setenv("SAGEWRIGHT_ALLOW_PICKLE", "true")
    handler = XGBoostHandler()
    handler.load(tmp_path)
    assert ask(handler).status == 200


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_no_protocol_of_pickle_slips_through(tmp_path, monkeypatch, protocol):
    ran = tmp_path.parent / f"ran-{protocol}"
    (tmp_path / "xgboost-model").write_bytes(pickle.dumps(Harmful(str(ran)), protocol))
    monkeypatch.delenv("SAGEWRIGHT_ALLOW_PICKLE", raising=False)
    with pytest.raises(ValueError, match="pickle|cannot be loaded"):
        XGBoostHandler().load(tmp_path)
    assert not ran.exists()


class Harmful:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_an_archive_without_a_model_says_so(tmp_path):
    with pytest.raises(ValueError, match="holds no file"):
        XGBoostHandler().load(tmp_path)


cells = st.one_of(st.just(""), st.floats(allow_nan=False, allow_infinity=False, width=32).map(repr), st.integers(-9, 9).map(str), st.just("1e5"), st.just(" 2"))


@given(st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=30)))
def test_the_fast_reader_reads_what_the_slow_one_does(rows):
    text = "\n".join(",".join(row) for row in rows).encode()
    if not text.strip() or text.strip() != text:
        return
    fast = xgboost_input._many_rows(text, ",")
    if fast is not None:
        assert numpy.array_equal(fast, xgboost_input._few_rows(text.decode(), ","), equal_nan=True)


@given(st.binary(max_size=300), st.sampled_from(["text/csv", "text/libsvm", "application/x-recordio-protobuf"]))
def test_no_body_is_anything_but_rows_or_wrong_input(body, kind):
    try:
        xgboost_input.read(body, kind)
    except xgboost_input.WrongInput:
        pass


def test_a_row_of_very_many_columns_is_not_given_to_arrow_and_is_read_all_the_same():
    body = b"1," * xgboost_input.MOST_COLUMNS + b"2\n"
    assert xgboost_input._many_rows(body, ",") is None
    assert xgboost_input.read(body, "text/csv").num_col() == xgboost_input.MOST_COLUMNS + 1
