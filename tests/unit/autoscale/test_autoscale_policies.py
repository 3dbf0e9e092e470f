"""Policies and traffic as they are written, requests in the service's shapes, advice."""

from __future__ import annotations

import botocore.loaders
import botocore.model
import botocore.validate
import pytest

from pipelines.autoscale.advise import instances, recommend
from pipelines.autoscale.instances import INSTANCES, table
from pipelines.autoscale.policies import Policy, Scheduled, StepScaling, TargetTracking, parse
from pipelines.autoscale.requests import requests
from pipelines.autoscale.service import Service, of_result
from pipelines.autoscale.simulate import Fleet, simulate, summary
from pipelines.autoscale.traffic import from_csv, per_minute, shape
from pipelines.errors import UsageError

SERVICES = {
    "RegisterScalableTarget": "application-autoscaling",
    "PutScalingPolicy": "application-autoscaling",
    "PutScheduledAction": "application-autoscaling",
    "PutMetricAlarm": "cloudwatch",
}


def test_policies_are_read():
    assert parse("fixed:3", 1, 9) == Policy("fixed:3", 3, 3)
    assert parse("target:600,out=60,in=900", 1, 9).scaling == TargetTracking(600, 60, 900)
    assert parse("step:600,300=+3,0=+1,-300=-1", 1, 9).scaling == StepScaling(600, [(0, 1), (300, 3)], [(-300, -1)])
    both = parse("target:600 & scheduled:20:00=1,08:30=4", 1, 9)
    assert both.scaling == TargetTracking(600) and both.scheduled == Scheduled([(510, 4), (1200, 1)])
    assert [both.bounds(minute)[0] for minute in (0, 510, 1199, 1200, 1440 + 600)] == [1, 4, 4, 1, 4]


@pytest.mark.parametrize(
    "text",
    ["", "fixed:0", "fixed:x", "target:", "target:-1", "target:nan", "target:1,up=3", "step:600", "step:600,0=1", "step:600,-1=+1", "step:600,1=-1",
     "scheduled:8:00=1", "scheduled:25:00=1", "fixed:1&target:600", "target:1&target:2", "other:3"],
)  # fmt: skip
def test_what_is_no_policy_is_refused(text):
    with pytest.raises(UsageError, match="--policy"):
        parse(text, 1, 9)


@pytest.mark.parametrize("text", ["target:600", "step:600,0=+1,300=+3,-300=-1,-500=-2", "target:600&scheduled:08:00=4,20:05=1", "fixed:2", "step:600,100=+2"])
def test_requests_are_those_of_the_service(text):
    found = requests(parse(text, 1, 9), "shop", "AllTraffic")
    for operation, each in found.items():
        model = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model(SERVICES[operation], "service-2"))
        for request in each:
            report = botocore.validate.ParamValidator().validate(request, model.operation_model(operation).input_shape)
            assert not report.has_errors(), report.generate_report()
    assert found["RegisterScalableTarget"][0]["ResourceId"] == "endpoint/shop/variant/AllTraffic"


def test_steps_count_from_the_threshold_of_their_alarm_without_gap_or_overlap():
    found = requests(parse("step:600,100=+1,300=+3,-200=-1,-500=-2", 1, 9), "shop", "v")
    out, back = (each["StepScalingPolicyConfiguration"]["StepAdjustments"] for each in found["PutScalingPolicy"])
    assert out == [
        {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 200.0, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 200.0, "ScalingAdjustment": 3},
    ]
    assert back == [
        {"MetricIntervalLowerBound": -300.0, "MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -1},
        {"MetricIntervalUpperBound": -300.0, "ScalingAdjustment": -2},
    ]
    assert [alarm["Threshold"] for alarm in found["PutMetricAlarm"]] == [700.0, 400.0]


def test_traffic_is_a_shape_or_rows():
    assert len(shape("daily:20:200", 86_400)) == 86_400
    day = shape("daily:20:200", 86_400)
    assert (min(day), max(day)) == (pytest.approx(20), pytest.approx(200)) and day.index(max(day)) == 16 * 3600
    assert shape("ramp:0:59", 60)[-1] == 59 and sum(shape("spike:1:7", 600)) == 500 + 7 * 100
    rows = from_csv("seconds,rate\n0,5\n60,1\n120,0\n", "x.csv")
    assert rows == [5.0] * 60 + [1.0] * 60 and per_minute(rows) == [300, 60]


@pytest.mark.parametrize("text", ["daily:1", "x:1", "constant:-1", "constant:inf", "ramp:1:x"])
def test_what_is_no_traffic_is_refused(text):
    with pytest.raises(UsageError):
        shape(text, 600)


@pytest.mark.parametrize("rows", ["", "0,1", "0,1\n0,2\n", "5,1\n100,1\n", "0,1,2\n60,1,1\n", "0,1\nx,2\n", "0,-1\n60,1\n"])
def test_rows_that_are_no_traffic_are_refused(rows):
    with pytest.raises(UsageError):
        from_csv(rows, "x.csv")


@pytest.mark.parametrize(
    "found",
    [{}, [], None, 3, {"service_times": None}, {"service_times": []}, {"service_times": {"distribution": [[0, 1]]}}, {"service_times": {"distribution": "x"}}],
)
def test_a_result_without_service_times_is_refused(found):
    with pytest.raises(UsageError, match="service times"):
        of_result(found, "x.json")


def test_recorded_times_keep_their_mean():
    service = of_result({"service_times": {"distribution": [[10_000, 3], [50_000, 1]]}}, "x")
    assert service.mean == pytest.approx(0.02) and list(service.at([0.1, 0.74, 0.9, 1.0])) == [0.01, 0.01, 0.05, 0.05]


@pytest.mark.slow
def test_what_is_recommended_meets_the_goal_and_costs_less_than_a_fixed_number():
    rates = shape("daily:10:300", 86_400)
    fleet = Fleet(Service([0.02], [1.0]), 2.0, 0.115)
    best = recommend(rates, fleet, 200.0, 0)
    told = summary(simulate(rates, fleet, best["policy"]), fleet, 0)
    assert told["p99_ms"] <= 200 and told["failed_percent"] <= 0.1 and best["min"] <= told["instances"]["max"] <= best["max"]
    assert told["usd"] < summary(simulate(rates, fleet, parse("fixed:5", 1, 1)), fleet, 0)["usd"]
    assert recommend(rates, fleet, 10.0, 0) is None, "no number of instances is faster than one request alone"


def test_instance_types_that_fit_come_first_by_cost_and_others_say_why_not():
    rows = instances(100.0, 500.0, Service([0.02], [1.0]), 700 << 20, INSTANCES, 0)
    fits = [row for row in rows if not row["reasons"]]
    assert fits and rows[: len(fits)] == fits and [row["usd_per_month"] for row in fits] == sorted(row["usd_per_month"] for row in fits)
    why = {row["instance_type"]: row["reasons"] for row in rows}
    assert "GiB of 4" in why["ml.c5.large"][0] and why["ml.g5.xlarge"] and why["ml.t2.medium"]
    assert all(row["instances"] * row["requests_per_second"] * 0.7 >= 100 - 1e-6 for row in rows)


def test_prices_of_the_users_own_replace_list_prices():
    assert table({"ml.m5.large": 0.2})["ml.m5.large"].usd_per_hour == 0.2
    with pytest.raises(UsageError, match="--price"):
        table({"ml.none": 1.0})
