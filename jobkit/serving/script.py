"""Answer by a script's own functions: transform_fn, or input_fn, predict_fn and output_fn, as SageMaker's framework containers call them.

Source of the semantics: aws/sagemaker-inference-toolkit, `transformer.py`: text bodies come as str. What a script does not define is done as in scikit-learn's
container: arrays of float32 from CSV or JSON, `model.predict`, CSV or JSON back. A function that takes the context as one more argument gets None.
"""

from __future__ import annotations

import io
import json
from typing import Any, Callable, Mapping

CSV, JSON = "text/csv", "application/json"
TEXTS = (CSV, JSON)


class Missing(Exception):
    """Say which function a script lacks."""


def answerer(code: Mapping[str, Any], folder: str) -> Callable[[bytes, str, str], Any]:
    """Return a function from body, content type and accept to the answer; `code` holds the names that the script defines, `folder` the unpacked model.

    Raises:
        Missing: there is no `model_fn`.
        Exception: what the script's own code raises.
    """
    if "model_fn" not in code:
        raise Missing("the script defines no model_fn(model_dir), which loads the model")
    model = _called(code["model_fn"], folder)
    if "transform_fn" in code:
        return lambda body, kind, accept: _called(code["transform_fn"], model, _text(body, kind), kind, accept)
    parts = {**DEFAULTS, **{name: code[name] for name in DEFAULTS if name in code}}

    def answer(body: bytes, kind: str, accept: str) -> Any:
        rows = _called(parts["input_fn"], _text(body, kind), kind)
        return _told(_called(parts["output_fn"], _called(parts["predict_fn"], rows, model), accept))

    return answer


def _called(function: Callable[..., Any], *given: Any) -> Any:
    import inspect

    try:
        taken = [each for each in inspect.signature(function).parameters.values() if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        return function(*given)
    return function(*given, None) if len(taken) == len(given) + 1 else function(*given)


def _bare(kind: str) -> str:
    return (kind or JSON).split(";")[0].strip().lower()


def _text(body: bytes, kind: str) -> Any:
    return body.decode("utf-8") if _bare(kind) in TEXTS else body


def _told(answered: Any) -> Any:
    """Return a body that can be sent, in a pair with its content type where the script says it."""
    if isinstance(answered, tuple):
        return (_told(answered[0]), *answered[1:])
    return answered if isinstance(answered, (str, bytes)) else str(answered)


def _rows(body: Any, kind: str) -> Any:
    import numpy as np

    cells = json.loads(body) if _bare(kind) == JSON else np.genfromtxt(io.StringIO(body), dtype=np.float32, delimiter=",")
    found = np.asarray(cells).astype(np.float32)
    return found.reshape(1, -1) if found.ndim == 1 else found


def _predicted(rows: Any, model: Any) -> Any:
    if type(model).__module__.startswith("xgboost.core"):
        import xgboost

        return model.predict(xgboost.DMatrix(rows))
    return model.predict(rows)


def _written(answers: Any, accept: str) -> Any:
    import numpy as np

    found = np.asarray(answers)
    if _bare(accept) == JSON:
        return json.dumps(found.tolist()), JSON
    buffer = io.StringIO()
    np.savetxt(buffer, found, delimiter=",", fmt="%s")
    return buffer.getvalue(), CSV


DEFAULTS: Mapping[str, Callable[..., Any]] = {"input_fn": _rows, "predict_fn": _predicted, "output_fn": _written}
