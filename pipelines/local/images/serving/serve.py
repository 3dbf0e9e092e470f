"""The program of a serving container: a master that starts a worker for each place, and again when one dies.

It takes the name of a handler. Workers and master connect to one socket below /opt/ml, at whose other end is the HTTP server of the container.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.local.images import paths
from pipelines.local.images.serving import frames, worker
from pipelines.local.supervisor import drain

SOONEST_AGAIN_S = 0.5


@dataclass
class Place:
    """Hold a model to be served: where it lies, how many workers it has, which loading it is, and the processes of the workers by id with their starts."""

    folder: str
    workers: int
    loading: int
    running: dict[int, float] = field(default_factory=dict)


class Master:
    """Keep as many workers as each model is to have."""

    def __init__(self, kind: str, connection: socket.socket) -> None:
        self._kind, self._connection = kind, connection
        self._places: dict[str, Place] = {}

    def serve(self) -> None:
        """Do what the server asks for until it hangs up."""
        incoming, (wake, woken) = frames.Incoming(), os.pipe()
        for end in (wake, woken):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        while True:
            ready = select.select([self._connection.fileno(), wake], [], [])[0]
            while self._connection.fileno() in ready:  # first, since a worker that is to be stopped is not one to start again
                piece = self._connection.recv(frames.PIECE_BYTES)
                if not piece:
                    return
                incoming.feed(piece)
                while (received := incoming.next()) is not None:
                    DO[received[0]["do"]](self, received[0])
                ready = select.select([self._connection.fileno(), wake], [], [], 0)[0]
            if wake in ready:
                drain(wake)
                self._reap()

    def start(self, asked: Mapping[str, Any]) -> None:
        """Start a model's workers."""
        place = self._places[asked["model"]] = Place(asked["folder"], asked["workers"], asked["loading"])
        for _ in range(place.workers):
            self._fork(asked["model"], place)

    def stop(self, asked: Mapping[str, Any]) -> None:
        """Stop a model's workers."""
        place = self._places.pop(asked["model"], None)
        for pid in place.running if place else ():
            _kill(pid)

    def _fork(self, model: str, place: Place) -> None:
        pid = os.fork()
        if pid:
            place.running[pid] = time.monotonic()
            return
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._connection.close()
            worker.work(self._kind, model, place.folder, place.workers, place.loading)
            os._exit(0)
        except BaseException:  # noqa: BLE001  the worker's own boundary: what it could not handle goes to the log
            traceback.print_exc()
        finally:
            os._exit(1)

    def _reap(self) -> None:
        """Collect workers that ended and start others in their place; one that could not load its model is not started again."""
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, code = ended[0], os.waitstatus_to_exitcode(ended[1])
                model = next((name for name, place in self._places.items() if pid in place.running), None)
                if model is None:
                    continue
                place = self._places[model]
                lived_s = time.monotonic() - place.running.pop(pid)
                if code != worker.CANNOT_LOAD:
                    time.sleep(max(0.0, min(SOONEST_AGAIN_S, SOONEST_AGAIN_S - lived_s)))
                    self._fork(model, place)
        except ChildProcessError:
            return


DO = {"start": Master.start, "stop": Master.stop}


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def main() -> int:
    """Import the libraries of the handler, then serve."""
    kind = sys.argv[1]
    worker.HANDLERS[kind]  # an unknown one fails here, not in every worker
    for name in worker.LIBRARIES[kind]:
        importlib.import_module(name)
    gc.freeze()  # workers share what is imported; a collection would write into its pages, and copy them
    connection = connect()
    connection.sendall(frames.packed({"role": "master", "pid": os.getpid()}))
    Master(kind, connection).serve()
    return 0


def connect() -> socket.socket:
    """Return a connection to the server of this container."""
    return worker.connect(paths.base())


if __name__ == "__main__":
    sys.exit(main())
