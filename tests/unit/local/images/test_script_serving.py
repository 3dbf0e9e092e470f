"""A user's script as a server: which functions are called with what, what may be answered, and what goes wrong."""

from __future__ import annotations

import io
import json
import sys

import numpy
import pytest

from pipelines.local.images.serving.answer import Asked
from pipelines.local.images.serving.script_handler import ARRAY_DEFAULTS, ScriptHandler
from pipelines.local.images.serving.xgboost_handler import XGBOOST_DEFAULTS

FOUR = """
def model_fn(folder): return {"folder": folder}
def input_fn(body, content_type): return body, content_type
def predict_fn(rows, model): return rows, sorted(model)
def output_fn(answers, accept): return repr((answers, accept))
"""
LINEAR = """
class Model:
    def predict(self, rows): return rows.sum(axis=1)
def model_fn(folder): return Model()
"""


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Return a handler of a script's text; the modules of `jobkit` that it forgets are there again for the tests that follow in this process."""
    ours = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "jobkit"}

    def make(text, program="inference.py", defaults=ARRAY_DEFAULTS, folder=None, **environment):
        told = {"SAGEMAKER_PROGRAM": program, "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code", "SAGEMAKER_BASE_DIR": str(tmp_path), **environment}
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        code = folder or tmp_path / "model/code"
        (code / program).parent.mkdir(parents=True, exist_ok=True)
        (code / program).write_text(text)
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.delitem(sys.modules, "inference", raising=False)
        handler = ScriptHandler(defaults)
        handler.load(tmp_path / "model")
        return handler

    yield make
    sys.modules.pop("inference", None)
    sys.modules.update(ours)


def ask(handler, body=b"[[1, 2]]", kind="application/json", accept="", **headers):
    return handler.invoke(Asked(body, {"content-type": kind, **({"accept": accept} if accept else {}), **headers}))


def test_the_four_functions_are_called_one_after_the_other(serve):
    answer = ask(serve(FOUR), accept="text/plain")
    assert answer.body.decode() == repr(((("[[1, 2]]", "application/json"), ["folder"]), "text/plain"))
    assert (answer.status, answer.content_type) == (200, "text/plain")


@pytest.mark.parametrize(("kind", "expected"), [("application/json", str), ("text/csv", str), ("text/csv; charset=utf-8", str), ("application/x-npy", bytes)])
def test_text_comes_as_str_and_all_else_as_bytes(serve, kind, expected):
    handler = serve("def model_fn(d): pass\ndef transform_fn(model, body, kind, accept): return type(body).__name__")
    assert ask(handler, b"1", kind).body.decode() == expected.__name__


def test_without_content_type_and_accept_it_is_json(serve):
    handler = serve("def model_fn(d): pass\ndef transform_fn(model, body, kind, accept): return f'{kind} {accept}'")
    assert handler.invoke(Asked(b"1", {})).body == b"application/json application/json"


def test_the_environment_says_what_is_accepted(serve):
    handler = serve("def model_fn(d): pass\ndef transform_fn(m, b, k, accept): return accept", SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/csv")
    assert ask(handler).body == b"text/csv"
    assert ask(handler, accept="*/*").body == b"text/csv"


def test_every_function_may_take_the_context(serve):
    handler = serve("""
def model_fn(folder, context): return context.system_properties["model_dir"] == folder
def input_fn(body, kind, context): return context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes")
def predict_fn(rows, model, context): return rows, model, context.system_properties["gpu_id"]
def output_fn(answers, accept, context): return repr(answers)
""")
    assert ask(handler, **{"x-amzn-sagemaker-custom-attributes": "mine"}).body.decode() == repr(("mine", True, None))


def test_a_pair_is_body_and_content_type(serve):
    handler = serve("def model_fn(d): pass\ndef transform_fn(m, b, k, accept): return b'x', 'image/png'")
    assert (ask(handler).body, ask(handler).content_type) == (b"x", "image/png")


def test_a_generator_is_a_streamed_body(serve):
    answer = ask(serve("def model_fn(d): pass\ndef transform_fn(m, b, k, accept):\n    yield 'a'\n    yield b'b'\n    yield bytearray(b'c')"))
    assert list(answer.body) == [b"a", b"b", b"c"]


@pytest.mark.parametrize(("answer", "expected"), [("None", b""), ("''", b""), ("12", b"12"), ("memoryview(b'x')", b"x"), ("'é'", "é".encode())])
def test_other_answers_are_their_text(serve, answer, expected):
    assert ask(serve(f"def model_fn(d): pass\ndef transform_fn(m, b, k, a): return {answer}")).body == expected


def test_an_exception_is_500_with_its_message_and_traceback(serve, capsys):
    answer = ask(serve("def model_fn(d): pass\ndef transform_fn(m, b, k, a): raise ValueError('row 3 is wrong')"))
    assert answer.status == 500
    assert answer.body.decode().startswith("row 3 is wrong\n")
    assert "inference.py" in answer.body.decode()
    assert "row 3 is wrong" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "status"), [("status", 404, 404), ("status_code", 413, 413), ("status", 99, 500), ("status", "x", 500), ("status_code", 200, 500)]
)
def test_an_exception_may_have_a_status(serve, name, value, status, capsys):
    text = f"class Odd(Exception):\n    {name} = {value!r}\ndef model_fn(d): pass\ndef transform_fn(m, b, k, a): raise Odd('odd')"
    assert ask(serve(text)).status == status


def test_one_failure_is_no_other_requests(serve, capsys):
    handler = serve("def model_fn(d): return []\ndef transform_fn(m, b, k, a):\n    m.append(1)\n    if len(m) == 1: raise KeyError('x')\n    return 'fine'")
    assert [ask(handler).status, ask(handler).status] == [500, 200]


@pytest.mark.parametrize("name", ["input_fn", "predict_fn", "output_fn"])
def test_transform_fn_with_another_function_is_an_error(serve, name):
    with pytest.raises(ValueError, match="transform_fn implementation in conjunction"):
        serve(f"def model_fn(d): pass\ndef transform_fn(m, b, k, a): pass\ndef {name}(a, b): pass")


def test_a_missing_program_says_where_and_what_is_there(serve, tmp_path, monkeypatch):
    serve(FOUR)
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "other.py")
    with pytest.raises(FileNotFoundError, match=r"'other.py' is not in /opt/ml/model/code; it holds inference.py"):
        ScriptHandler(ARRAY_DEFAULTS).load(tmp_path / "model")


def test_a_script_that_cannot_be_imported_or_a_model_that_cannot_be_loaded_raises(serve):
    with pytest.raises(SyntaxError):
        serve("def model_fn(:")
    with pytest.raises(RuntimeError, match="no such file"):
        serve("def model_fn(d): raise RuntimeError('no such file')")


@pytest.mark.parametrize("defaults", [ARRAY_DEFAULTS, XGBOOST_DEFAULTS])
def test_model_fn_is_needed(serve, defaults):
    with pytest.raises(NotImplementedError, match="model_fn"):
        serve("x = 1", defaults=defaults)


def test_a_program_may_lie_in_a_folder_and_import_what_lies_beside_it(serve, tmp_path):
    (tmp_path / "model/code/part").mkdir(parents=True)
    (tmp_path / "model/code/part/beside_it.py").write_text("ANSWER = 'from beside'")
    handler = serve("import beside_it\ndef model_fn(d): pass\ndef transform_fn(m, b, k, a): return beside_it.ANSWER", program="part/inference.py")
    assert ask(handler).body == b"from beside"


def test_a_program_called_like_a_module_of_the_library_is_still_the_program(serve):
    handler = serve("def model_fn(d): pass\ndef transform_fn(m, b, k, a): return 'mine'", program="json.py")
    assert ask(handler).body == b"mine"
    assert json.loads("1") == 1


def test_the_code_of_one_of_many_models_lies_beside_it(serve, tmp_path):
    handler = serve(FOUR, folder=tmp_path / "model/code", SAGEMAKER_MULTI_MODEL="true", SAGEMAKER_SUBMIT_DIRECTORY="/opt/ml/elsewhere")
    assert ask(handler).status == 200


def test_code_of_its_own_lies_below_opt_ml(serve, tmp_path):
    handler = serve(FOUR, folder=tmp_path / "code", SAGEMAKER_SUBMIT_DIRECTORY="s3://bkt/code.tar.gz")
    assert ask(handler).status == 200


def test_the_defaults_read_json_csv_and_npy(serve):
    handler = serve(LINEAR)
    buffer = io.BytesIO()
    numpy.save(buffer, numpy.array([[1, 2], [3, 4]]))
    for body, kind in ((b"[[1, 2], [3, 4]]", "application/json"), (b"1,2\n3,4\n", "text/csv"), (buffer.getvalue(), "application/x-npy")):
        assert json.loads(ask(handler, body, kind).body) == [3, 7]


def test_one_row_becomes_a_table(serve):
    handler = serve(LINEAR)
    assert [json.loads(ask(handler, body, kind).body) for body, kind in ((b"[1, 2]", "application/json"), (b"1,2", "text/csv"))] == [[3], [3]]


def test_the_defaults_write_json_csv_and_npy(serve):
    handler = serve(LINEAR)
    assert ask(handler, accept="text/csv").body == b"3.0\n"
    found = ask(handler, accept="application/x-npy")
    assert numpy.load(io.BytesIO(found.body)).tolist() == [3]
    assert found.content_type == "application/x-npy"


def test_the_defaults_refuse_other_types(serve, capsys):
    handler = serve(LINEAR)
    assert ask(handler, b"x", "text/plain").status == 415
    assert ask(handler, accept="image/png").status == 406


@pytest.mark.parametrize(
    ("body", "kind"), [(b"[[1, 2], [3]]", "application/json"), (b"{", "application/json"), (b"\xff", "text/csv"), (b"x", "application/x-npy")]
)
def test_wrong_bodies_are_errors_of_one_request(serve, body, kind, capsys):
    handler = serve(LINEAR)
    assert ask(handler, body, kind).status in (400, 500)
    assert ask(handler).status == 200


def test_a_pickled_npy_is_not_opened(serve, capsys):
    buffer = io.BytesIO()
    numpy.save(buffer, numpy.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert ask(serve(LINEAR), buffer.getvalue(), "application/x-npy").status == 500


def test_xgboosts_defaults_read_csv_and_predict(serve, tmp_path):
    import xgboost

    rows = numpy.random.default_rng(0).normal(size=(50, 2))
    (tmp_path / "model").mkdir()
    xgboost.train({"nthread": 1}, xgboost.DMatrix(rows, rows.sum(axis=1)), 2).save_model(tmp_path / "model/m.ubj")
    text = "import xgboost\ndef model_fn(d):\n    b = xgboost.Booster()\n    b.load_model(d + '/m.ubj')\n    return b"
    answer = ask(serve(text, defaults=XGBOOST_DEFAULTS), b"1,2\n3,4\n", "text/csv", "text/csv")
    assert len([float(line) for line in answer.body.splitlines()]) == 2
