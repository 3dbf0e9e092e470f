"""Endpoints for tests: their models and records in a home, and `sagewright serve` as a process of its own."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path
from typing import Any

from pipelines.local.home import Home
from pipelines.local.serving import deploying
from pipelines.local.serving.deploying import Here
from pipelines.local.serving.records import Records

ROOT = Path(__file__).parents[2]
REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
SKLEARN = f"{REGISTRY}/sagemaker-scikit-learn:1.2-1-cpu-py3"
XGBOOST = f"{REGISTRY}/sagemaker-xgboost:3.0-5"
ROLE = "arn:aws:iam::000000000000:role/x"
# A model that does what a request tells it to: {"do": ...}.
OBEDIENT = """
import json, os, sys, time
def model_fn(folder):
    time.sleep(float(os.environ.get("LOADS_FOR_S", "0")))
    if os.environ.get("CANNOT_LOAD"):
        raise RuntimeError("there is no such thing")
    return os.environ.get("MARK", "")
class Teapot(Exception):
    status = 418
def fail(asked): raise ValueError("the rows are wrong")
def teapot(asked): raise Teapot("short and stout")
def sleep(asked):
    time.sleep(asked["seconds"])
    return "slept"
def parts(asked):
    for part in asked["parts"]:
        time.sleep(asked.get("each_s", 0))
        yield part
    if asked.get("breaks"): raise RuntimeError("half way")
    if asked.get("dies"): os.kill(os.getpid(), 9)
def transform_fn(model, body, content_type, accept, context):
    if content_type != "application/json":
        return f"{model}|{content_type}|{accept}|{len(body)}", "text/plain"
    asked = json.loads(body)
    do = asked.get("do", "echo")
    if do == "headers": return json.dumps(dict(context.headers)), "application/json"
    if do == "pid": return str(os.getpid()), "text/plain"
    if do == "mark": return model, "text/plain"
    if do == "big": return b"x" * asked["size"], "application/octet-stream"
    if do == "die": os.kill(os.getpid(), 9)
    if do == "read": return open(asked["path"]).read()
    if do == "wrong-type": return "x", "text/plain\\r\\nx-injected: yes"
    if do == "empty": return ""
    if do in ("fail", "teapot", "sleep", "parts"): return globals()[do](asked), accept
    return body, "application/json"
"""


def packed(files: dict[str, bytes | str]) -> bytes:
    """Return a tar.gz of files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, body in files.items():
            data = body.encode() if isinstance(body, str) else body
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


class Place:
    """Make models, endpoint configurations and endpoints in a home."""

    def __init__(self, home: Path, machine: Any = None) -> None:
        self.home, self.store, self.records = home, Home(home).store, Records(home)
        self.here = Here(self.records, machine, home / "serving" / "tried")

    def archive(self, name: str, files: dict[str, bytes | str]) -> str:
        uri = f"s3://models/{name}.tar.gz"
        self.store.put_bytes(uri, packed(files))
        return uri

    def script(self, name: str, code: str = OBEDIENT, program: str = "inference.py", **environment: str) -> dict[str, Any]:
        """Return the container definition of a script on scikit-learn's image, with one worker unless told otherwise."""
        uri = self.archive(name, {f"code/{program}": code})
        told = {"SAGEMAKER_PROGRAM": program, "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code", "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
        return {"Image": SKLEARN, "ModelDataUrl": uri, "Environment": {**told, **environment}}

    def model(self, name: str, *containers: dict[str, Any], **rest: Any) -> str:
        held = {"PrimaryContainer": containers[0]} if len(containers) == 1 else {"Containers": list(containers)}
        deploying.create_model(self.here, name, {**held, "ExecutionRoleArn": ROLE, **rest})
        return name

    def config(self, name: str, *variants: dict[str, Any], **rest: Any) -> str:
        deploying.create_config(self.here, name, {"ProductionVariants": list(variants), **rest})
        return name

    def endpoint(self, name: str, config: str = "") -> str:
        """Write the record of an endpoint that the next server starts."""
        record = {"EndpointName": name, "EndpointArn": f"arn:aws:sagemaker:us-east-1:000000000000:endpoint/{name}", "EndpointConfigName": config or name}
        self.records.write("endpoint", name, {**record, "EndpointStatus": "Creating", "CreationTime": "2026-01-01T00:00:00.000+00:00"})
        return name

    def simple(self, name: str, container: dict[str, Any] | None = None, **rest: Any) -> str:
        """Make an endpoint of one variant."""
        self.model(name, container or self.script(name))
        self.config(name, variant(name, **rest.pop("variant", {})), **rest)
        return self.endpoint(name)


def variant(model: str, name: str = "AllTraffic", weight: float = 1.0, **rest: Any) -> dict[str, Any]:
    """Return a production variant."""
    capacity = {} if "ServerlessConfig" in rest else {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    return {"VariantName": name, "ModelName": model, "InitialVariantWeight": weight, **capacity, **rest}


# Killed at the end of the session (conftest.py), as far as they still run; workers of xdist end without exit handlers.
STARTED: list[subprocess.Popen[str]] = []


class Server:
    """Be `sagewright serve` in a home; its lines on stderr are in `said`."""

    def __init__(self, home: Path, *arguments: str, cold: bool = False, environment: dict[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "pipelines", "serve", *arguments, "--port", "0", "--home", str(home), *(["--cold"] if cold else [])]
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "SAGEWRIGHT_"))}
        told = {**inherited, "PYTHONPATH": str(ROOT), **(environment or {})}
        self.home, self.said, self._changed = home, [], threading.Condition()
        self.process = subprocess.Popen(command, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        STARTED.append(self.process)  # a test that fails stops nothing; what the server has started notices its end
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            with self._changed:
                self.said.append(line.rstrip("\n"))
                self._changed.notify_all()

    def until(self, text: str, timeout_s: float = 60.0) -> str:
        """Wait until a line holds a text and return it."""
        with self._changed:
            found = self._changed.wait_for(lambda: self._line(text) or self.process.poll() is not None, timeout_s)
        line = self._line(text)
        assert line, f"{'the server ended' if found else 'timeout'} before {text!r}: {self.said}"
        return line

    def _line(self, text: str) -> str:
        return next((line for line in self.said if text in line), "")

    @property
    def url(self) -> str:
        self.until("SageMaker Runtime on")
        return Records(self.home).url()

    def status(self, name: str, *wanted: str, timeout_s: float = 60.0) -> dict[str, Any]:
        """Wait until an endpoint has one of these statuses and nothing pends, and return its record."""
        return eventually(lambda: self._record(name, wanted), timeout_s, lambda: f"{name}: {self.said}")

    def _record(self, name: str, wanted: tuple[str, ...]) -> dict[str, Any] | None:
        record = Records(self.home).read("endpoint", name)
        return record if record["EndpointStatus"] in wanted and not record.get("PendingDeploymentSummary") else None

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = 40.0) -> int:
        """Stop it and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout_s)
        self._thread.join(5)
        assert self.process.stderr
        self.process.stderr.close()
        assert not [line for line in self.said if "Traceback" in line], self.said
        return code


def eventually(look: Any, timeout_s: float = 30.0, why: Any = lambda: "it did not happen") -> Any:
    """Look again and again until something is found, and return it."""
    ends_at = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < ends_at, why()
        time.sleep(0.01)
    return found


def client(url: str, **options: Any) -> Any:
    """Return an unmodified client of SageMaker Runtime."""
    import boto3
    from botocore.config import Config

    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
    given = {"retries": {"max_attempts": 0}, "read_timeout": 90, "max_pool_connections": 50, **options}
    return boto3.client("sagemaker-runtime", endpoint_url=url, config=Config(**given), **keys)
