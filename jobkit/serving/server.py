"""A small HTTP server over a package's code/inference.py: /ping and /invocations, as SageMaker's containers answer them."""

from __future__ import annotations

import os
import runpy
import socket
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Mapping

from jobkit.serving import script

LARGEST_BODY_BYTES = 100 << 20
TEXT = "text/plain; charset=utf-8"


def forget_jobkit() -> None:
    """Let this process import jobkit anew: it may have that of the job, and the package brings its own."""
    for name in [name for name in sys.modules if name == "jobkit" or name.startswith("jobkit.")]:
        del sys.modules[name]


def loaded(folder: Path, entry: str) -> Any:
    """Return a function from body, content type and accept to (body, content type): the model of an unpacked package, asked through its own entry.

    Raises:
        Exception: what the package's own code raises.
    """
    sys.path.insert(0, str((folder / entry).parent))
    code = runpy.run_path(str(folder / entry), run_name="inference")
    return script.answerer(code, str(folder))


def make_server(answer: Any, listening: socket.socket) -> HTTPServer:
    """Return a server for requests on a socket that is listening already."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            self._reply(200 if self.path == "/ping" else 404, b"", TEXT)

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            if self.path != "/invocations" or size > LARGEST_BODY_BYTES:
                self.close_connection = True
                self._reply(413 if self.path == "/invocations" else 404, b"", TEXT)
                return
            status, body, kind = asked(answer, self.rfile.read(size), self.headers)
            self._reply(status, body, kind)

        def _reply(self, status: int, body: bytes, kind: str) -> None:
            head = "HTTP/1.1 {} \r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n".format(status, kind, len(body))
            self.wfile.write(head.encode("latin-1") + body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing of each request."""

    server = HTTPServer(listening.getsockname(), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    return server


def asked(answer: Any, body: bytes, headers: Mapping[str, str]) -> Any:
    """Return status, body and content type of an answer; a refused request gets the status that the refusal names."""
    try:
        answered = answer(body, headers.get("Content-Type"), headers.get("Accept"))
    except Exception as error:  # the boundary of a server: whatever one request meets, the next is answered
        return getattr(error, "status", 500), str(error).encode("utf-8"), TEXT
    made, kind = answered if isinstance(answered, tuple) else (answered, headers.get("Accept") or TEXT)
    return 200, made.encode("utf-8") if isinstance(made, str) else made, kind


def serve(folder: Path, entry: str, listening: socket.socket, environment: Mapping[str, str]) -> None:
    """Load a package and answer requests until this process is killed."""
    os.environ.update(environment)
    forget_jobkit()
    make_server(loaded(folder, entry), listening).serve_forever()
