"""Measure a served package against the usual script-mode endpoint, one raw booking a request, keep-alive, two workers each, in turns.

Ours is the model package of examples/hotel-bookings behind `sagewright serve`: raw row in, probability and label out, asked through the SageMaker Runtime
API. The other side is shared/bench/serving_flask.py: a scikit-learn pipeline behind Flask and gunicorn. Where MLServer and BentoML install (in environments
of their own, made once below ~/.cache/sagewright-bench), they serve the same scikit-learn pipeline.

    python benchmarks/serving.py [CSV] [--seconds 8] [--connections 4] [--pairs 3] [--without mlserver,bentoml]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from load import Load, measure
from timing import timed

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
CACHE = Path.home() / ".cache" / "sagewright-bench"
WORKERS = 2
STARTS_WITHIN_S = 90.0


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(command: list[str], port: int, folder: Path, env: dict[str, str], ready: Callable[[], bool]) -> Iterator[int]:
    """Run a server while the block lasts and yield its port once it answers."""
    with open(folder / f"{port}.log", "wb") as log:
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **env}, stdout=log, stderr=log, start_new_session=True)
    try:
        ends_at = time.monotonic() + STARTS_WITHIN_S
        while not ready():
            if process.poll() is not None or time.monotonic() > ends_at:
                raise SystemExit(f"{' '.join(command)[:200]} did not start:\n{(folder / f'{port}.log').read_text()[-2000:]}")
            time.sleep(0.1)
        yield port
    finally:
        try:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGKILL)


def answers(port: int, path: str, body: bytes, content_type: str) -> bool:
    """Tell whether a server answers a request with 2xx."""
    import urllib.error
    import urllib.request

    try:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers={"content-type": content_type})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return 200 <= reply.status < 300
    except (OSError, urllib.error.URLError):
        return False


def environment(name: str, packages: list[str], on_top: bool = False) -> str | None:
    """Return the interpreter of an environment with packages, made once; None where they do not install."""
    folder = CACHE / name
    python = folder / "bin" / "python"
    if not (folder / ".ready").is_file():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", *(["--system-site-packages"] if on_top else []), str(folder)], check=True)
        done = subprocess.run([sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), *packages], capture_output=True, text=True)
        if done.returncode:
            print(f"{name} does not install here: {done.stderr.strip().splitlines()[-1][:200]}", file=sys.stderr)
            return None
        (folder / ".ready").touch()
    return str(python)


COMMON = ["pandas", "scikit-learn", "xgboost-cpu", "joblib"]
MLSERVER_CODE = """
import os, joblib, numpy as np, pandas as pd
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceResponse
COLUMNS, FEATURES, MODEL = joblib.load(os.environ["MODEL"])
class Bookings(MLModel):
    async def load(self):
        return True
    async def predict(self, payload):
        text = StringCodec.decode_input(payload.inputs[0])[0]
        import io
        rows = pd.read_csv(io.StringIO(text), names=COLUMNS)[FEATURES]
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("p", MODEL.predict_proba(rows)[:, 1])])
"""
BENTO_CODE = """
from __future__ import annotations
import io, os
import bentoml, joblib, pandas as pd
@bentoml.service(workers=2)
class Bookings:
    def __init__(self) -> None:
        self.columns, self.features, self.model = joblib.load(os.environ["MODEL"])
    @bentoml.api(route="/invocations")
    def invocations(self, row: str) -> str:
        rows = pd.read_csv(io.StringIO(row), names=self.columns)[self.features]
        return "\\n".join(map(str, self.model.predict_proba(rows)[:, 1])) + "\\n"
"""


class Side:
    """Hold a server to be measured: its port, and the request."""

    def __init__(self, port: int, path: str, body: bytes, content_type: str, accept: str = "text/csv") -> None:
        self.port, self.path, self.body, self.content_type, self.accept = port, path, body, content_type, accept

    def load(self, connections: int, seconds: float) -> Load:
        """Measure."""
        found = measure(self.port, self.path, self.body, self.content_type, connections, seconds, self.accept)
        if found.failed:
            raise SystemExit(f"{self.path}: {found.failed} requests failed")
        return found


def sagewright(stack: ExitStack, folder: Path, csv: Path, row: bytes) -> Side:
    """Return our side: the pipeline is run once, its package approved, deployed and served."""
    command = [sys.executable, "-m", "pipelines"]
    source = ROOT / "examples/hotel-bookings/pipeline.yaml"
    timed([*command, "run", str(source), "--set", f"data.input={csv}", "--set", "tuning=null", "--set", "batch_transform=null", "--quiet"], folder)
    timed([*command, "deploy", "hotel-bookings", "--force"], folder)
    port = free_port()
    path = "/endpoints/hotel-bookings/invocations"
    stack.enter_context(
        running([*command, "serve", "--port", str(port)], port, folder, {"PYTHONPATH": str(ROOT)}, lambda: answers(port, path, row, "text/csv"))
    )
    return Side(port, path, row, "text/csv")


def flask(stack: ExitStack, folder: Path, row: bytes) -> Side:
    """Return the usual side."""
    python = environment("flask", ["flask", "gunicorn", *COMMON])
    assert python
    env = {"MODEL": str(folder / "model.joblib"), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(SHARED / "bench")}
    port = free_port()
    command = [python, "-m", "gunicorn", "-w", str(WORKERS), "-b", f"127.0.0.1:{port}", "--keep-alive", "60", "serving_flask:app"]
    stack.enter_context(running(command, port, folder, env, lambda: answers(port, "/invocations", row, "text/csv")))
    return Side(port, "/invocations", row, "text/csv")


def bentoml(stack: ExitStack, folder: Path, row: bytes) -> Side | None:
    """Return BentoML with the same pipeline, None where it does not install."""
    python = environment("bentoml", ["bentoml", *COMMON])
    if python is None:
        return None
    (folder / "bento_service.py").write_text(BENTO_CODE)
    port = free_port()
    env = {"MODEL": str(folder / "model.joblib"), "OMP_NUM_THREADS": "1", "BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(folder / "bento")}
    body = json.dumps({"row": row.decode()}).encode()
    command = [python, "-m", "bentoml", "serve", "bento_service:Bookings", "--port", str(port), "--host", "127.0.0.1"]
    stack.enter_context(running(command, port, folder, env, lambda: answers(port, "/invocations", body, "application/json")))
    return Side(port, "/invocations", body, "application/json", "*/*")


def mlserver(stack: ExitStack, folder: Path, row: bytes) -> Side | None:
    """Return MLServer with the same pipeline, None where it does not install."""
    python = environment("mlserver", ["mlserver", "uvloop<0.22", *COMMON])  # its workers do not start with a newer uvloop
    if python is None:
        return None
    port, place = free_port(), folder / "mlserver"
    place.mkdir()
    (place / "bookings.py").write_text(MLSERVER_CODE)
    (place / "model-settings.json").write_text(json.dumps({"name": "bookings", "implementation": "bookings.Bookings"}))
    ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    (place / "settings.json").write_text(json.dumps({**ports, "host": "127.0.0.1", "parallel_workers": WORKERS, "debug": False}))
    env = {"MODEL": str(folder / "model.joblib"), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(place)}
    body = json.dumps({"inputs": [{"name": "row", "shape": [1], "datatype": "BYTES", "data": [row.decode()], "parameters": {"content_type": "str"}}]}).encode()
    path = "/v2/models/bookings/infer"
    command = [str(Path(python).parent / "mlserver"), "start", str(place)]
    stack.enter_context(running(command, port, folder, env, lambda: answers(port, path, body, "application/json")))
    return Side(port, path, body, "application/json", "application/json")


def main() -> int:
    """Start every side, measure them in turns, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", nargs="?", type=Path, default=SHARED / "data/hotel/hotel_bookings.csv")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--without", default="")
    arguments = parser.parse_args()
    if not (SHARED / "bench/serving_flask.py").is_file() or not arguments.csv.is_file():
        print("needs shared/bench/serving_flask.py and the real bookings; not measured", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory(prefix="sagewright-bench-") as place, ExitStack() as stack:
        folder = Path(place)
        python = environment("flask", ["flask", "gunicorn", *COMMON])
        timed([str(python), str(SHARED / "bench/serving_flask.py"), "fit", str(arguments.csv), str(folder / "model.joblib"), str(folder / "row.csv")], folder)
        row = (folder / "row.csv").read_bytes()
        sides: dict[str, Side | None] = {"sagewright": sagewright(stack, folder, arguments.csv, row), "flask": flask(stack, folder, row)}
        for name, make in (("mlserver", mlserver), ("bentoml", bentoml)):
            if name not in arguments.without.split(","):
                sides[name] = make(stack, folder, row)
        found = {name: [] for name, side in sides.items() if side}
        for _ in range(arguments.pairs):
            for name, side in sides.items():
                if side:
                    side.load(arguments.connections, 1.0)
                    found[name].append(side.load(arguments.connections, arguments.seconds))
                    print(name, asdict(found[name][-1]), file=sys.stderr)
    print(json.dumps(summary(found, arguments.connections)))
    return 0


def summary(found: dict[str, list[Load]], connections: int) -> dict[str, object]:
    """Return the medians of each side, and the ratios to the usual one."""
    middle = {
        name: {key: round(statistics.median(getattr(each, key) for each in loads), 3) for key in ("per_second", "p50_ms", "p99_ms")}
        for name, loads in found.items()
    }
    pairs = list(zip(found["sagewright"], found["flask"], strict=True))
    ratios = {
        "throughput_times_flask": round(statistics.median(ours.per_second / theirs.per_second for ours, theirs in pairs), 2),
        "p99_part_of_flask": round(statistics.median(ours.p99_ms / theirs.p99_ms for ours, theirs in pairs), 3),
    }
    return {"benchmark": "serving", "connections": connections, "workers": WORKERS, **middle, **ratios}


if __name__ == "__main__":
    raise SystemExit(main())
