"""A worker: one process with one model, which answers one request after the other."""

from __future__ import annotations

import gc
import json
import os
import re
import socket
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipelines.local.images import paths
from pipelines.local.images.serving import frames
from pipelines.local.images.serving.answer import Answer, Asked, Handler

CANNOT_LOAD = 3
REASON_CHARACTERS = 4000
# What may not be in a header of HTTP.
CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")


def _xgboost() -> Handler:
    from pipelines.local.images.serving.xgboost_handler import XGBoostHandler

    return XGBoostHandler()


def _xgboost_script() -> Handler:
    from pipelines.local.images.serving.script_handler import ScriptHandler
    from pipelines.local.images.serving.xgboost_handler import XGBOOST_DEFAULTS

    return ScriptHandler(XGBOOST_DEFAULTS)


def _scikit_learn() -> Handler:
    from pipelines.local.images.serving.script_handler import ARRAY_DEFAULTS, ScriptHandler

    return ScriptHandler(ARRAY_DEFAULTS)


def _algorithm() -> Handler:
    from pipelines.local.images.serving.algorithm_handler import AlgorithmHandler

    return AlgorithmHandler()


HANDLERS: Mapping[str, Callable[[], Handler]] = {
    "xgboost": _xgboost,
    "xgboost-script": _xgboost_script,
    "scikit-learn": _scikit_learn,
    "script": _scikit_learn,
    "algorithm": _algorithm,
}
# What the master imports before it forks; it never calls them, since a fork after that could hang.
LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "xgboost": ("numpy", "xgboost"),
    "xgboost-script": ("numpy", "xgboost"),
    "scikit-learn": ("numpy", "pandas", "sklearn"),
    "script": (),
    "algorithm": ("numpy",),
}


def connect(base: Path) -> socket.socket:
    """Return a connection to the container's socket; its folder is entered meanwhile, since a socket's path may have 107 bytes at most."""
    connection, before = socket.socket(socket.AF_UNIX), os.getcwd()
    os.chdir(base)
    try:
        connection.connect(frames.SOCKET)
    finally:
        os.chdir(before)
    return connection


def work(kind: str, model: str, folder: str, workers: int, loading: int) -> None:
    """Load a model, say so, and answer requests until the server hangs up; exits with CANNOT_LOAD, the reason being told, when it cannot be loaded."""
    handler = HANDLERS[kind]()
    connection = connect(paths.base())
    hello = {"role": "worker", "model": model, "pid": os.getpid(), "loading": loading}
    try:
        handler.load(paths.located(folder))
        hello["parameters"] = handler.execution_parameters(workers)
    except BaseException as error:  # noqa: BLE001  the boundary to the user's own code
        traceback.print_exc()
        hello["error"] = f"{type(error).__name__}: {error}"[:REASON_CHARACTERS]
        connection.sendall(frames.packed(hello))
        sys.stderr.flush()
        os._exit(CANNOT_LOAD)
    connection.sendall(frames.packed(hello))
    gc.collect()
    gc.freeze()  # what is loaded stays: later collections do not look at it
    incoming = frames.Incoming()
    while (received := frames.receive(connection, incoming)) is not None:
        _send(connection, _answer(handler, Asked(received[1], received[0])))


def _answer(handler: Handler, asked: Asked) -> Answer:
    try:
        return handler.invoke(asked)
    except Exception as error:  # noqa: BLE001  the boundary to the user's own code: one request fails, the worker goes on
        traceback.print_exc()
        return Answer(500, f"{error}\n{traceback.format_exc()}".encode("utf-8", "replace"))


def _send(connection: socket.socket, answer: Answer) -> None:
    told = {"content-type": answer.content_type, **answer.headers}
    items = tuple([(name, str(value)) for name, value in told.items()])
    if isinstance(answer.body, bytes):
        connection.sendall(frames.framed(_head(answer.status, items), answer.body))
        return
    _stream(connection, json.loads(_head(answer.status, items)), answer.body)


@lru_cache(frames.KEPT)
def _head(status: int, items: tuple[tuple[str, str], ...]) -> bytes:
    return json.dumps({"status": status, "headers": {name: CONTROLS.sub(" ", value) for name, value in items}}).encode()


def _stream(connection: socket.socket, head: Mapping[str, Any], parts: Iterable[bytes]) -> None:
    """Send a body part by part; what goes wrong meanwhile ends it, and the last frame says what."""
    try:
        for part in parts:
            connection.sendall(frames.packed({**head, "more": True}, part))
        connection.sendall(frames.packed({**head, "more": False}))
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001  the boundary to the user's own code
        traceback.print_exc()
        connection.sendall(frames.packed({**head, "more": False, "error": f"{type(error).__name__}: {error}"[:REASON_CHARACTERS]}))
