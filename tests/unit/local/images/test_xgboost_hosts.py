"""Instances of built-in XGBoost wait for the one that they meet at."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from pipelines.local.images import xgboost_hosts

pytestmark = pytest.mark.skipif(not xgboost_hosts.SOCKETS.is_file(), reason="this kernel does not tell who listens")


def test_an_instance_waits_until_the_first_one_listens_and_no_longer():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        later = threading.Timer(0.2, listener.listen)
        later.start()
        began = time.monotonic()
        xgboost_hosts._await_tracker(port, began + 30)
        assert 0.15 < time.monotonic() - began < 10
        later.join()


def test_an_instance_gives_up_waiting_when_nobody_comes():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        began = time.monotonic()
        xgboost_hosts._await_tracker(bound.getsockname()[1], began + 0.1)
        assert time.monotonic() - began < 10
