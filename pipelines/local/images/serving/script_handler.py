"""A user's script as a server: model_fn, input_fn, predict_fn, output_fn or transform_fn, as the inference toolkit calls them.

Source of the semantics: aws/sagemaker-inference-toolkit, `transformer.py`: a function may take the context as one more argument; text bodies come as
str; an answer may be a pair of body and content type; an exception is answered with 500, its message and the traceback.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import io
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pipelines.local.images import paths
from pipelines.local.images.serving.answer import CSV, JSON, Answer, Asked, media_type

NPY = "application/x-npy"
AS_TEXT = (JSON, CSV)
PARTS = ("input_fn", "predict_fn", "output_fn")


class Unsupported(Exception):
    """Carry a content type that a default function does not know, and the status that says so."""

    def __init__(self, status: int, content_type: str) -> None:
        super().__init__(f"Content type {content_type} is not supported by this framework.")
        self.status = status


class Context:
    """Be what a function gets that takes the context: the properties of the model and the headers of the request."""

    def __init__(self, folder: Path) -> None:
        self.system_properties = {"model_dir": str(folder), "gpu_id": None}
        self.headers: Mapping[str, str] = {}

    def get_request_header(self, position: int, name: str) -> str | None:
        """Return a header of the request, by a name in any case."""
        return self.headers.get(name.lower())


class ScriptHandler:
    """Serve a script; what it does not define is done by `defaults`, by name."""

    def __init__(self, defaults: Mapping[str, Any]) -> None:
        self._defaults = defaults
        self._functions: dict[str, Callable[..., Any]] = {}
        self._taken: dict[str, int] = {}
        self._model: Any = None
        self._context: Any = None
        self._accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", JSON)

    def load(self, folder: Path) -> None:
        """Import the script and load the model with its `model_fn(model_dir)`.

        Raises:
            ValueError: `transform_fn` comes with one of the functions that it replaces.
        """
        module = _imported(folder)
        found = {name: getattr(module, name) for name in ("model_fn", "transform_fn", *PARTS) if hasattr(module, name)}
        if "transform_fn" in found and any(name in found for name in PARTS):
            raise ValueError("Cannot use transform_fn implementation in conjunction with input_fn, predict_fn, and/or output_fn implementation")
        self._functions = {**self._defaults, **found}
        self._taken = {name: _takes(function) for name, function in self._functions.items()}
        self._context = Context(folder)
        self._model = self._call("model_fn", str(folder))

    def execution_parameters(self, workers: int) -> None:
        """Return None: the toolkit's server has no such path."""

    def invoke(self, asked: Asked) -> Answer:
        """Answer by the script's functions; an exception with a `status` (or the toolkit's `status_code`) is answered with that."""
        kind = asked.content_type or JSON
        accept = asked.accept or self._accept
        self._context.headers = asked.headers
        try:
            body = asked.body.decode("utf-8") if media_type(kind) in AS_TEXT else asked.body
            result = self._transform(body, kind, accept)
        except Exception as error:  # noqa: BLE001  the boundary to the user's own code
            return _failed(error)
        answered, kind = result if isinstance(result, tuple) else (result, accept)
        return Answer(200, _body(answered), str(kind))

    def _transform(self, body: str | bytes, kind: str, accept: str) -> Any:
        if "transform_fn" in self._functions:
            return self._call("transform_fn", self._model, body, kind, accept)
        rows = self._call("input_fn", body, kind)
        return self._call("output_fn", self._call("predict_fn", rows, self._model), accept)

    def _call(self, name: str, *given: Any) -> Any:
        function = self._functions[name]
        if self._taken[name] == len(given) + 1:
            return function(*given, self._context)
        return function(*given)


def _takes(function: Callable[..., Any]) -> int:
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return -1
    return len([each for each in found if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)])


def _imported(folder: Path) -> ModuleType | None:
    """Import the script that SAGEMAKER_PROGRAM names, `inference.py` without it; None when there is no such file, so that the defaults serve."""
    program = os.environ.get("SAGEMAKER_PROGRAM") or "inference.py"
    code = _code(folder)
    if not (code / program).is_file():
        if os.environ.get("SAGEMAKER_PROGRAM"):
            found = ", ".join(sorted(path.name for path in code.glob("*") if path.name != "__pycache__"))[:200] or "nothing"
            place = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", "the code folder")
            raise FileNotFoundError(f"SAGEMAKER_PROGRAM {program!r} is not in {place}; it holds {found}")
        return None
    sys.path.insert(0, str((code / program).parent))
    for name in [name for name in sys.modules if name.partition(".")[0] == "jobkit"]:
        del sys.modules[name]
    return _module(Path(program).stem, code / program)


def _module(name: str, file: Path) -> ModuleType:
    """Import this very file, whatever else has its name; pickles find it under that name unless it is one of the standard library."""
    if name not in sys.stdlib_module_names:
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(f"inference_{name}", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _code(folder: Path) -> Path:
    """Return where the code lies: of one of many models beside it, else where SAGEMAKER_SUBMIT_DIRECTORY says."""
    given = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    if os.environ.get("SAGEMAKER_MULTI_MODEL", "").lower() == "true" or not given:
        return folder / "code"
    if given.startswith("s3://"):
        return paths.base() / "code"
    return paths.located(given) if given.startswith("/opt/ml/") else Path(given)  # the shim has put the real place there


def _body(answered: Any) -> bytes | Iterator[bytes]:
    if isinstance(answered, (bytes, bytearray, memoryview)):
        return bytes(answered)
    if isinstance(answered, Iterator):
        return (part.encode() if isinstance(part, str) else bytes(part) for part in answered)
    return b"" if answered is None else str(answered).encode()


def _failed(error: Exception) -> Answer:
    status = getattr(error, "status", None)
    if isinstance(status, int) and 400 <= status < 600:
        return Answer(status, str(error).encode("utf-8", "replace"))
    code = getattr(error, "status_code", 500)
    traceback.print_exception(error)
    text = f"{getattr(error, 'message', error)}\n{''.join(traceback.format_exception(error))}"
    return Answer(code if isinstance(code, int) and 400 <= code < 600 else 500, text.encode("utf-8", "replace"))


# What scikit-learn's container does where a script has no function of its own.


def _no_model(folder: str) -> Any:
    raise NotImplementedError("Please provide a model_fn implementation: define model_fn(model_dir) in your script")


def decode(body: str | bytes, content_type: str) -> Any:
    """Return a body of JSON, CSV or NPY as an array of float32; one row gets a second dimension.

    Raises:
        Unsupported: the content type is another.
    """
    import numpy

    kind = media_type(content_type)
    if kind not in DECODERS:
        raise Unsupported(415, content_type)
    found = numpy.asarray(DECODERS[kind](body)).astype(numpy.float32)
    return found.reshape(1, -1) if found.ndim == 1 else found


def encode(answers: Any, accept: str) -> tuple[bytes, str]:
    """Return answers as JSON, CSV or NPY.

    Raises:
        Unsupported: something else is asked for.
    """
    import numpy

    kind = media_type(accept)
    if kind not in ENCODERS:
        raise Unsupported(406, accept)
    return ENCODERS[kind](numpy.asarray(answers)), kind


def _from_csv(body: Any) -> Any:
    import numpy

    text = body if isinstance(body, str) else body.decode("utf-8")
    return numpy.genfromtxt(io.StringIO(text), dtype=numpy.float32, delimiter=",")


def _from_npy(body: Any) -> Any:
    import numpy

    return numpy.load(io.BytesIO(body), allow_pickle=False)


def _to_csv(answers: Any) -> bytes:
    import numpy

    buffer = io.StringIO()
    numpy.savetxt(buffer, answers, delimiter=",", fmt="%s")
    return buffer.getvalue().encode()


def _to_npy(answers: Any) -> bytes:
    import numpy

    buffer = io.BytesIO()
    numpy.save(buffer, answers, allow_pickle=False)
    return buffer.getvalue()


DECODERS: Mapping[str, Callable[[Any], Any]] = {JSON: json.loads, CSV: _from_csv, NPY: _from_npy}
ENCODERS: Mapping[str, Callable[[Any], bytes]] = {JSON: lambda answers: json.dumps(answers.tolist()).encode(), CSV: _to_csv, NPY: _to_npy}
ARRAY_DEFAULTS: Mapping[str, Any] = {
    "model_fn": _no_model,
    "input_fn": decode,
    "predict_fn": lambda rows, model: model.predict(rows),
    "output_fn": encode,
}
