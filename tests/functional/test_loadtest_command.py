"""`sagewright loadtest` against a server of the test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

import pytest

from tests.functional.conftest import ROOT
from tests.unit.loadtest.test_load_drive import serving


@pytest.fixture
def shop(sagewright):
    (sagewright.folder / "rows.csv").write_text("1,2\n3,4\n")
    with serving(lambda body, number: (200 if body == b"1,2\n" else 424, 0.002)) as (port, seen):
        yield sagewright, f"http://127.0.0.1:{port}", seen


def test_a_result_in_words_as_json_and_as_a_picture(shop):
    command, url, _ = shop
    done = command(
        "loadtest", f"{url}/invocations", "--payload", "rows.csv", "--rate", "40:80:1s", "--calibrate", 0.3, "--chart", "load.html", "--output", "json"
    )
    assert done.code == 0, done.err
    assert done.json["requests"]["done"] + done.json["requests"]["failed"] == 60 and done.json["errors"] == {"status 424": 30}
    assert done.json["service_times"]["mean_ms"] >= 2
    (kept,) = (command.folder / ".sagewright/loadtests").iterdir()
    assert json.loads(kept.read_text()) == done.json
    page = (command.folder / "load.html").read_text()
    xml.etree.ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])


def test_an_endpoint_by_name_and_thresholds(shop):
    command, url, _ = shop
    base = ("loadtest", "shop", "--endpoint-url", url, "--payload", "rows.csv", "--connections", 2, "--duration", "300ms", "--calibrate", 0)
    done = command(*base)
    assert done.code == 0 and "/endpoints/shop/invocations, closed load of 2 connections" in done.out and "status 424" in done.out
    assert command(*base, "--max-errors", 10).code == 1 and "too many" in command(*base, "--max-errors", 10).err
    assert command(*base, "--max-p99", 0.001).code == 1
    assert command("loadtest", "shop", "--payload", "rows.csv").code == 2


def test_ctrl_c_gives_the_result_so_far(shop):
    command, url, seen = shop
    arguments = ["loadtest", f"{url}/invocations", "--payload", "rows.csv", "--duration", "60s", "--calibrate", "0", "--output", "json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines", *arguments],
        cwd=command.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while len(seen) < 20 and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert json.loads(out)["interrupted"] and json.loads(out)["requests"]["done"] > 0
