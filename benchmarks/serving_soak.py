"""Ask an endpoint at four fifths of what it can answer, while it is updated and its workers are killed, and hold every answer against what was captured.

python benchmarks/serving_soak.py [--minutes 10]

It ends with 1 when a request failed that was not a killed worker's own, when memory or descriptors grew, or when the capture lacks an answer or has one twice.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://seen/soak",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
}
CONNECTIONS, CAPACITY_S, SHARE = 8, 5.0, 0.8
# Other people's programs may take the machine; what cannot be answered then is not asked.
MOST_OUTSTANDING = 256
UPDATE_EVERY_S, KILL_EVERY_S, LOOK_EVERY_S = 10.0, 7.0, 5.0
# server -> warm process -> supervisor -> master -> worker
WORKERS_DEPTH = 4
GROWTH_ALLOWED, GROWTH_ALLOWED_MB, DESCRIPTORS_ALLOWED = 0.10, 20.0, 20


def prepare(home: Path) -> None:
    """Train a small model and make two configurations and an endpoint of it."""
    import numpy
    import xgboost

    from tests.functional.endpoints_here import Place, variant

    rows = numpy.random.default_rng(0).normal(size=(2000, 20))
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(rows, rows[:, 0] > 0), 50)
    place = Place(home)
    booster.save_model(home.parent / "m.ubj")
    uri = place.archive("soak", {"xgboost-model": (home.parent / "m.ubj").read_bytes()})
    for number in (1, 2):
        place.model(f"soak-{number}", {"Image": IMAGE, "ModelDataUrl": uri, "Environment": {"REVISION": str(number)}})
        place.config(f"soak-{number}", variant(f"soak-{number}"), DataCaptureConfig=CAPTURE)
    place.endpoint("soak", "soak-1")


class Client:
    """Ask over connections that are kept, and keep what came of every request."""

    def __init__(self, port: int) -> None:
        self.port, self.count = port, 0
        self.answered: list[str] = []
        self.failed: list[tuple[int, str]] = []
        self.seconds: list[float] = []
        self.idle: collections.deque = collections.deque()

    async def ask(self) -> None:
        """Send one row."""
        self.count += 1
        name = f"id-{self.count}"
        row = ",".join(f"{random.random():.4f}" for _ in range(20)).encode()
        head = f"POST /endpoints/soak/invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nX-Amzn-SageMaker-Inference-Id: {name}\r\n"
        reader, writer = await self._connected()
        begun = time.perf_counter()
        writer.write(head.encode() + f"Content-Length: {len(row)}\r\n\r\n".encode() + row)
        got = await reader.readuntil(b"\r\n\r\n")
        status = int(got[9:12])
        length = next(int(line.split(b":")[1]) for line in got.split(b"\r\n") if line.lower().startswith(b"content-length"))
        body = await reader.readexactly(length)
        self.seconds.append(time.perf_counter() - begun)
        self.idle.append((reader, writer))
        if status == 200:
            self.answered.append(name)
        else:
            self.failed.append((status, body[:300].decode(errors="replace")))

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection; one that the server has closed, since it was not used for long, is left out."""
        while self.idle:
            reader, writer = self.idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def flat_out(self, seconds: float, connections: int) -> float:
        """Ask as fast as it goes and return how many requests a second were answered."""
        ends_at, before = time.monotonic() + seconds, self.count

        async def one() -> None:
            while time.monotonic() < ends_at:
                await self.ask()

        await asyncio.gather(*(one() for _ in range(connections)))
        return (self.count - before) / seconds

    async def at_rate(self, rate: float, seconds: float) -> None:
        """Ask so many times a second, as long as not too many answers are outstanding."""
        begun, tasks, sent = time.monotonic(), set(), 0
        while (now := time.monotonic() - begun) < seconds:
            while sent < now * rate and len(tasks) < MOST_OUTSTANDING:
                task = asyncio.create_task(self.ask())
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                sent += 1
            await asyncio.sleep(0.002)
        await asyncio.gather(*tasks)


def workers(pid: int) -> list[int]:
    """Return the process ids of all workers below a server."""
    parents = collections.defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.read_text().rpartition(")")[2].split()[1])].append(int(stat.parent.name))
        except OSError:
            continue
    level = [pid]
    for _ in range(WORKERS_DEPTH):
        level = [child for each in level for child in parents[each]]
    return level


async def kill_workers(pid: int, killed: list[int]) -> None:
    """Kill a worker every few seconds."""
    while True:
        await asyncio.sleep(KILL_EVERY_S)
        found = workers(pid)
        if found:
            killed.append(random.choice(found))
            os.kill(killed[-1], signal.SIGKILL)


async def update(home: Path, updates: list[str]) -> None:
    """Move the endpoint to its other configuration every few seconds, with a canary."""
    from pipelines.local.serving.records import Records

    records = Records(home)
    routing = {"Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 30}, "WaitIntervalInSeconds": 20}
    for number in range(1, 1_000_000):
        await asyncio.sleep(UPDATE_EVERY_S)
        with records.changing():
            record = records.read("endpoint", "soak")
            if record.get("PendingDeploymentSummary"):
                continue
            config = f"soak-{number % 2 + 1}"
            pending = {"PendingDeploymentSummary": {"EndpointConfigName": config}, "EndpointStatus": "Updating"}
            policy = {"PendingDeploymentConfig": {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}}
            records.write("endpoint", "soak", {**record, **pending, **policy})
            updates.append(config)


def descriptors(pid: int, port: int) -> int:
    """Return how many descriptors of a process are no connections to its port."""
    wanted = f":{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    connections = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(wanted)}
    count = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += os.readlink(link) not in connections
        except OSError:
            continue
    return count


async def look(pid: int, port: int, seen: list[tuple[float, int]]) -> None:
    """Take the memory (MB) of the server, and the number of its descriptors that are no connections of the client, every few seconds."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        kilobytes = next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
        seen.append((kilobytes / 1024, descriptors(pid, port)))


async def soak(home: Path, port: int, pid: int, seconds: float) -> dict:
    """Measure the capacity, then ask at a share of it while things happen."""
    client, killed, updates, seen = Client(port), [], [], []
    await client.flat_out(1.0, 1)
    client.seconds.clear()
    await client.flat_out(CAPACITY_S, 1)
    alone = sorted(client.seconds)
    capacity = await client.flat_out(CAPACITY_S, CONNECTIONS)
    client.seconds.clear()
    beside = [asyncio.create_task(work) for work in (kill_workers(pid, killed), update(home, updates), look(pid, port, seen))]
    await client.at_rate(SHARE * capacity, seconds)
    for task in beside:
        task.cancel()
    ended = [str(task.exception()) for task in beside if task.done() and not task.cancelled() and task.exception()]
    for _, writer in client.idle:
        writer.close()
    return {"client": client, "alone": alone, "capacity": capacity, "killed": killed, "updates": updates, "seen": seen, "ended": ended}


def captured(home: Path) -> collections.Counter:
    """Return how often each request is in the capture."""
    files = (home / "s3/seen/soak").rglob("*.jsonl")
    return collections.Counter(json.loads(line)["eventMetadata"]["inferenceId"] for file in files for line in file.read_text().splitlines())


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return percentiles in milliseconds."""
    ordered = sorted(seconds)
    return {f"p{share:g}": round(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))], 2) for share in (50, 90, 99, 99.9, 100)}


def judged(found: dict, home: Path) -> dict:
    """Return what was measured, and what is wrong with it."""
    client, seen, counts = found["client"], found["seen"], captured(home)
    own = [failure for failure in client.failed if "process that answered died" in failure[1]]
    quarter = max(1, len(seen) // 4)
    first, last = (sum(each[0] for each in part) / len(part) for part in (seen[quarter : 2 * quarter] or seen, seen[-quarter:]))
    wrong = list(found["ended"])
    if len(own) < len(client.failed) or len(own) > len(found["killed"]):
        wrong.append(f"{len(client.failed)} requests failed, {len(own)} of {len(found['killed'])} killed workers: {client.failed[:5]}")
    if last > first * (1 + GROWTH_ALLOWED) + GROWTH_ALLOWED_MB:
        wrong.append(f"memory grew from {first:.0f} to {last:.0f} MB")
    if seen[-1][1] > seen[0][1] + DESCRIPTORS_ALLOWED:
        wrong.append(f"descriptors grew from {seen[0][1]} to {seen[-1][1]}")
    if counts != collections.Counter(client.answered):
        missing, extra = collections.Counter(client.answered) - counts, counts - collections.Counter(client.answered)
        wrong.append(f"the capture lacks {sum(missing.values())} answers and has {sum(extra.values())} too many")
    return {
        "requests": client.count,
        "capacity_per_s": round(found["capacity"]),
        "alone_ms": percentiles(found["alone"]),
        "loaded_ms": percentiles(client.seconds),
        "killed_workers": len(found["killed"]),
        "updates": len(found["updates"]),
        "failed_of_killed_workers": len(own),
        "failed_otherwise": len(client.failed) - len(own),
        "captured": sum(counts.values()),
        "memory_mb": [round(first), round(last), round(max(each[0] for each in seen))],
        "descriptors": [seen[0][1], seen[-1][1]],
        "wrong": wrong,
    }


def main() -> int:
    """Run the soak and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory(prefix="serving-soak-") as folder:
        from tests.functional.endpoints_here import Server

        home = Path(folder, "home")
        prepare(home)
        server = Server(home, "--speed", "10")
        try:
            server.until("ready:", 120)
            port = int(server.url.rpartition(":")[2])
            found = asyncio.run(soak(home, port, server.process.pid, minutes * 60))
            code = server.stop()
        finally:
            server.process.kill()
        result = judged(found, home)
        if code:
            result["wrong"].append(f"the server ended with {code}: {server.said[-5:]}")
        left = subprocess.run(["pgrep", "-f", folder], capture_output=True, text=True, check=False).stdout.split()
        print(json.dumps({**result, "processes_left": len(left)}, indent=1))
        return 1 if result["wrong"] or left else 0


if __name__ == "__main__":
    raise SystemExit(main())
