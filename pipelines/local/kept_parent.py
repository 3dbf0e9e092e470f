"""A warm parent kept between runs: it has the libraries of jobs imported, and for each run it forks the warm process that the run would have started.

It answers its own user only, and ends when nobody asked for some minutes.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from pathlib import Path

from pipelines.local import libraries, nursery, processes, wire, zygote
from pipelines.local.interpreter import ROOT

LARGEST_BACKLOG = 16


class Nursery:
    """Fork a warm process for whoever connects.

    It imports what all jobs need, and the rest once a run has asked for that; until then each run that does imports it itself.
    """

    def __init__(self, listener: socket.socket, idle_s: float) -> None:
        self._listener, self._idle_s = listener, idle_s
        self._on_demand, self._asked = list(libraries.ALL), False
        self._hear, self._tell = os.pipe()

    def serve(self) -> None:
        """Serve until nobody has asked for long."""
        last = time.monotonic()
        while (left_s := last + self._idle_s - time.monotonic()) > 0:
            goes_on = self._asked and bool(self._on_demand)
            happened = select.select([self._listener.fileno(), self._hear], [], [], 0 if goes_on else left_s)[0]
            if self._hear in happened:
                os.read(self._hear, 512)
                self._asked = True
            if self._listener.fileno() in happened:
                connection, _ = self._listener.accept()
                with connection:
                    if nursery.peer(connection)[1] == os.getuid():
                        self._fork(connection)
                        last = time.monotonic()
            if goes_on and not happened:
                zygote.import_for_many([self._on_demand.pop(0)])

    def _fork(self, connection: socket.socket) -> None:
        """Become a run's warm process in a fork, which the system collects when it ends."""
        if os.fork():
            return
        try:
            self._listener.close()
            os.close(self._hear)
            os.setsid()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            processes.adopt_orphans()
            connection.setblocking(True)
            connection.sendall(b"+")
            requests = os.dup(connection.fileno())
            if wire.receive(requests) is not None:
                zygote.Zygote(requests, os.dup(connection.fileno()), (), self._on_demand, lambda: os.write(self._tell, b"+")).serve()
        finally:
            os._exit(0)


def main() -> int:
    """Let go of the process that started this one, import the libraries, then serve."""
    if os.fork():
        return 0
    place, minutes = sys.argv[1], float(sys.argv[2])
    os.chdir("/")
    sys.path.remove(ROOT)
    zygote.import_for_many((*libraries.FIRST, *libraries.XGBOOST))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    unfinished = f"{place}.{os.getpid()}"
    listener.bind(unfinished)
    listener.listen(LARGEST_BACKLOG)
    os.replace(unfinished, place)
    try:
        Nursery(listener, minutes * 60).serve()
    finally:
        Path(place).unlink(missing_ok=True)
    return 0
