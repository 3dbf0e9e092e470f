"""Built-in XGBoost on several instances: every one trains on its own rows, and all come to one model."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.algorithms.kinds import CustomerError
from pipelines.local.images import xgboost_rounds

# The instances of a local job are processes of one machine.
ADDRESS = "127.0.0.1"
OLDEST = (2, 1)
RETRIES = 60
SOCKETS = Path("/proc/net/tcp")
LISTENING = "0A"
WAIT_S = 60.0
LOOK_S = 0.01


@contextmanager
def together(resources: Mapping[str, Any]) -> Iterator[bool]:
    """Surround the training of one of the instances that `resources` (resourceconfig.json) names; say whether it is the one that prints and saves.

    The engine passes the port on which they meet in SAGEWRIGHT_PORT.

    Raises:
        CustomerError: this version of XGBoost cannot do it here.
    """
    hosts, current = list(resources.get("hosts") or ["algo-1"]), resources.get("current_host", "algo-1")
    if len(hosts) < 2:
        yield True
        return
    if xgboost_rounds.version() < OLDEST:
        raise CustomerError(f"{len(hosts)} instances: locally XGBoost {OLDEST[0]}.{OLDEST[1]} or newer is needed; use one instance, or a newer image")
    from xgboost import collective
    from xgboost.tracker import RabitTracker

    number, port = hosts.index(current), int(os.environ["SAGEWRIGHT_PORT"])
    tracker = RabitTracker(len(hosts), ADDRESS, port, sortby="task") if number == 0 else None
    if tracker is not None:
        tracker.start()
    else:
        _await_tracker(port, time.monotonic() + WAIT_S)
    meeting = {"dmlc_tracker_uri": ADDRESS, "dmlc_tracker_port": port, "dmlc_task_id": f"{number:04d}", "dmlc_retry": RETRIES}
    with collective.CommunicatorContext(dmlc_communicator="rabit", **meeting):
        yield collective.get_rank() == 0
    if tracker is not None:
        tracker.wait_for()


def _await_tracker(port: int, ends_at: float) -> None:
    """Wait until somebody listens on a port of this machine, where the kernel tells; XGBoost itself sleeps for seconds after it was refused once."""
    while SOCKETS.is_file() and time.monotonic() < ends_at:
        sockets = (line.split() for line in SOCKETS.read_text().splitlines()[1:])
        if any(parts[1].endswith(f":{port:04X}") and parts[3] == LISTENING for parts in sockets):
            return
        time.sleep(LOOK_S)
