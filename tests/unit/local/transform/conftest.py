"""A model server that stands in for a container: it counts, fails on demand, and answers what a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pipelines.local.store import Store
from pipelines.local.transform.client import Client
from pipelines.local.transform.engine import Target, transform
from pipelines.local.transform.settings import Settings

Answer = tuple[int, bytes]


@dataclass
class Model:
    """Answer requests with `reply`, and remember them; status 0 breaks the connection, a negative one breaks it within the answer."""

    reply: Callable[[bytes], bytes | Answer] = lambda body: body
    parameters: bytes | None = None
    bodies: list[bytes] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""

    def take(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        with self.lock:
            self.bodies.append(body)
            self.headers.append(dict(headers))
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            answer = self.reply(body)
        finally:
            with self.lock:
                self.under_way -= 1
        return answer if isinstance(answer, tuple) else (200, answer)

    @contextmanager
    def hosted(self, run: Any, name: str, containers: Any, folder: Any, *, environment: Mapping[str, str], cores: int) -> Any:
        """Stand in for pipelines.local.serving.hosted."""
        self.asked = {"name": name, "containers": containers, "environment": dict(environment), "cores": cores}
        (folder / "log.txt").write_text("serving\n")
        yield self.url


def handler(model: Model) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = self.path == "/execution-parameters" and model.parameters is not None
            self._send(200 if found or self.path == "/ping" else 404, model.parameters if found else b"")

        def do_POST(self) -> None:
            chunked = self.headers.get("Transfer-Encoding") == "chunked"
            body = b"".join(self._chunks()) if chunked else self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = model.take(body, self.headers)
            if status == 0:
                self.close_connection = True  # the connection breaks
                return
            self._send(abs(status), answer, missing=7 if status < 0 else 0)

        def _chunks(self) -> Any:
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()

        def _send(self, status: int, body: bytes, missing: int = 0) -> None:
            self.send_response(status)
            self.close_connection = self.close_connection or missing > 0
            self.send_header("Content-Length", str(len(body) + missing))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            return None

    return Handler


@pytest.fixture
def model():
    made = Model()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(made))
    server.handle_error = lambda *_: None
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "s3")


@dataclass
class Batch:
    """Put files into a local S3 and send them through the model."""

    store: Store
    model: Model
    folder: Any

    def __call__(self, files: Mapping[str, bytes], settings: Settings, **more: Any) -> dict[str, bytes]:
        for name, body in files.items():
            self.store.put_bytes(f"s3://bkt/in/{name}", body)
        self.folder.mkdir(exist_ok=True)
        client = Client(self.model.url, {"Content-Type": settings.content_type or "x/y"}, timeout_s=settings.timeout_s, retries=settings.retries)
        target = Target(self.folder, lambda name, file: self.store.put_file(f"s3://bkt/out/{name}.out", file, move=True))
        try:
            self.files = transform(client, list(self.store.list("s3://bkt/in")), target, settings, **more)
        finally:
            client.close()
            self.left = sorted(path.name for path in self.folder.iterdir())
        return {item.relative: item.path.read_bytes() for item in self.store.list("s3://bkt/out")}

    @property
    def failures(self) -> dict[str, str]:
        return {file.source.relative: str(file.failure) for file in self.files if file.failure}


@pytest.fixture
def batch(store, model, tmp_path):
    return Batch(store, model, tmp_path / "job")
