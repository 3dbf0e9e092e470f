"""Measure how many requests a second `sagewright loadtest` sends and what it adds to their latency, against a server that does nothing; print a table.

python benchmarks/load_rate.py [--seconds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 4\r\n\r\n0.5\n"
HEAD_END = b"\r\n\r\n"


class Nothing(asyncio.Protocol):
    """Answer every request at once; a request is taken to come in one piece, as small ones do here."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER * data.count(HEAD_END))


def serve(ports: Any) -> None:
    """Serve until the process ends, and tell the port."""
    import uvloop

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Nothing, "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    seconds = parser.parse_args().seconds
    sys.path.insert(0, str(ROOT))
    from pipelines.loadtest import result
    from pipelines.loadtest.drive import Plan, drive
    from pipelines.loadtest.requests import Bodies, packed, target
    from pipelines.loadtest.schedule import phases

    context = multiprocessing.get_context("spawn")
    ports = context.Queue()
    server = context.Process(target=serve, args=(ports,), daemon=True)
    server.start()
    where = target(f"http://127.0.0.1:{ports.get(timeout=60)}/invocations", None)
    requests = packed(where, Bodies([b"1,2,3,4,5,6,7,8\n"], "text/csv"), None)
    plans = [Plan(where, requests, count, seconds) for count in (1, 16, 64)] + [
        Plan(where, requests, 200, seconds, phases(rate, seconds)) for rate in ("300", "1000", "3000")
    ]
    print(f"{'load':<28}{'done/s':>10}{'core':>7}{'p50 ms':>9}{'p99 ms':>9}{'late p50':>10}{'late p99':>10}")
    for plan in plans:
        found = result.document(plan, drive(plan), None, "")
        lag, latency, load = found["client"]["lag_ms"], found["latency_ms"], found["load"]
        name = f"closed, {load['connections']} connections" if load["kind"] == "closed" else f"open, {load['phases'][0]['from']:g} a second"
        late = "".join(f"{'-' if lag[part] is None else format(lag[part], '.3f'):>10}" for part in ("p50", "p99"))
        print(f"{name:<28}{found['throughput']:>10,.0f}{found['client']['cpu']:>7.0%}{latency['p50']:>9.2f}{latency['p99']:>9.2f}{late}")
    server.terminate()
    server.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
