"""`sagewright autoscale` on the result of a load test."""

from __future__ import annotations

import json
import xml.etree.ElementTree

import pytest

RESULT = {"format": "sagewright-loadtest/1", "service_times": {"distribution": [[18_000, 50], [22_000, 50]], "mean_ms": 20.0}}


@pytest.fixture
def measured(sagewright):
    folder = sagewright.folder / ".sagewright/loadtests"
    folder.mkdir(parents=True)
    (folder / "one.json").write_text(json.dumps(RESULT))
    return sagewright


def test_policies_are_compared_and_one_is_written(measured):
    base = ("autoscale", "--traffic", "spike:20:200", "--hours", 1, "--p99", 300, "--policy", "target:3000", "--policy", "fixed:4", "--endpoint", "shop")
    done = measured(*base, "--advise", "--chart", "s.html", "--requests", "r.json", "--output", "json")
    assert done.code == 0, done.err
    policies = {each["policy"]: each for each in done.json["policies"]}
    assert policies["fixed:4"]["failed_percent"] == 0 and policies["target:3000"]["usd"] < policies["fixed:4"]["usd"]
    assert done.json["recommended"]["expected"]["p99_ms"] <= 300
    written = json.loads((measured.folder / "r.json").read_text())
    assert written == done.json["requests"] and written["RegisterScalableTarget"][0]["ResourceId"] == "endpoint/shop/variant/AllTraffic"
    page = (measured.folder / "s.html").read_text()
    xml.etree.ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    words = measured(*base, "--advise").out
    assert "Recommended: min" in words and "ml.c5.large" in words and "check them" in words


def test_traffic_from_a_file_and_a_policy_that_is_chosen(measured):
    (measured.folder / "rates.csv").write_text("seconds,rate\n0,10\n1800,50\n3600,0\n")
    done = measured("autoscale", "--traffic", "rates.csv", "--policy", "step:600,0=+1,-300=-1", "--choose", "step:600,0=+1,-300=-1", "--requests", "r.json")
    assert done.code == 0 and set(json.loads((measured.folder / "r.json").read_text())) == {"RegisterScalableTarget", "PutScalingPolicy", "PutMetricAlarm"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--traffic", "none.csv"),
        ("--traffic", "x:1"),
        ("--policy", "x"),
        ("--min", 5, "--max", 2),
        ("--instance-type", "ml.none"),
        ("--price", "ml.m5.large=x"),
        ("none.json",),
    ],
)
def test_what_is_wrong_is_said_in_one_line(measured, arguments):
    done = measured("autoscale", *arguments)
    assert done.code == 2 and done.err.startswith("sagewright: ")


def test_without_a_load_test_there_is_nothing_to_simulate(sagewright):
    done = sagewright("autoscale")
    assert done.code == 2 and "sagewright loadtest" in done.err
