"""The simulation keeps every request and every bound, and agrees with an exact one where that is possible."""

from __future__ import annotations

import heapq
import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.autoscale.policies import Policy, Scheduled, StepScaling, TargetTracking
from pipelines.autoscale.service import Service
from pipelines.autoscale.simulate import Fleet, latencies, quantile, simulate, summary

SERVICE = Service([0.02], [1.0])
FLEET = Fleet(SERVICE, 2.0, 0.115)
RATES = st.lists(st.tuples(st.floats(0, 2000), st.integers(30, 1500)), min_size=1, max_size=6)
STEPS = st.builds(
    StepScaling, st.floats(100, 5000), st.just([(0.0, 1), (500.0, 4)]), st.just([(-50.0, -1), (-400.0, -3)]), st.integers(0, 900), st.integers(0, 900)
)
TARGETS = st.builds(TargetTracking, st.floats(10, 6000), st.integers(0, 900), st.integers(0, 900))
SCHEDULES = st.one_of(st.none(), st.builds(Scheduled, st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40)), min_size=1, max_size=3).map(sorted)))


@st.composite
def policies(draw):
    least = draw(st.integers(1, 10))
    scaling = draw(st.one_of(st.none(), TARGETS, STEPS))
    return Policy("p", least, least + draw(st.integers(0, 30)), scaling, draw(SCHEDULES))


def spread(parts):
    return [rate for rate, seconds in parts for _ in range(seconds)]


@settings(max_examples=60)
@given(RATES, policies(), st.integers(0, 600))
def test_every_request_is_done_failed_or_waits_and_bounds_hold(parts, policy, start_s):
    rates = spread(parts)
    fleet = Fleet(SERVICE, 2.0, start_s=start_s)
    found = simulate(rates, fleet, policy)
    assert math.isclose(math.fsum(rates), math.fsum(found.done) + math.fsum(found.failed) + found.left, rel_tol=1e-9, abs_tol=1e-6)
    assert all(done <= serving * fleet.per_second + 1e-9 for done, serving in zip(found.done, found.serving, strict=True))
    assert all(1 <= serving <= paid for serving, paid in zip(found.serving, found.paid, strict=True))
    busy = [change for change in found.changes]
    for second in range(0, len(rates), 60):
        least, most = policy.bounds(second // 60)
        starting = any(change.began < second < change.ended for change in busy)
        assert found.paid[second] <= most and (starting or found.paid[second] >= least)


@settings(max_examples=60)
@given(RATES, st.one_of(TARGETS, STEPS), st.integers(0, 600))
def test_changes_wait_for_one_another_and_for_the_cooldown(parts, scaling, start_s):
    found = simulate(spread(parts), Fleet(SERVICE, 2.0, start_s=start_s), Policy("p", 1, 40, scaling))
    for before, after in itertools.pairwise(found.changes):
        assert after.began >= before.ended and after.before == before.after
        if after.after > after.before:
            earlier = [change for change in found.changes if change.ended <= after.began and change.after > change.before and change is not after]
            assert all(after.began >= change.ended + scaling.out_cooldown_s for change in earlier)
        else:
            assert after.began >= before.ended + scaling.in_cooldown_s


def steady(rate, minutes):
    return [float(rate)] * (60 * minutes)


def test_scaling_out_takes_three_datapoints_one_minute_and_the_start():
    policy = Policy("p", 1, 20, TargetTracking(600.0))
    found = simulate(steady(5, 10) + steady(60, 30), FLEET, policy)
    first = found.changes[0]
    # Datapoints of the minutes 10, 11 and 12 are above; the last one is known when minute 13 is over.
    assert (first.began, first.ended, first.before, first.after) == (14 * 60, 14 * 60 + 300, 1, 6)
    assert found.serving[first.ended - 1] == 1 and found.serving[first.ended] == 6
    assert found.paid[first.began] == 6, "instances are paid while they start"


def test_scaling_in_takes_fifteen_datapoints_below_ninety_percent():
    policy = Policy("p", 1, 20, TargetTracking(600.0))
    found = simulate(steady(60, 30) + steady(10, 40), FLEET, policy)
    # Datapoints of the minutes 30 to 44 are below; the last one is known when minute 45 is over.
    assert [(change.began // 60, change.before, change.after) for change in found.changes] == [(4, 1, 6), (46, 6, 1)]
    nearly = simulate([9.1] * 3600, Fleet(SERVICE, 0.4), policy)  # 546 of 600 a minute: above 90 %
    assert nearly.changes == []


def test_a_minute_without_requests_is_no_datapoint_so_that_nothing_scales_in():
    policy = Policy("p", 1, 20, TargetTracking(600.0))
    found = simulate(steady(60, 30) + steady(0, 120), FLEET, policy)
    assert found.paid[-1] > 1


def test_a_schedule_raises_the_least_number():
    policy = Policy("p", 1, 20, TargetTracking(6000.0), Scheduled([(10, 4), (30, 2)]))
    found = simulate(steady(1, 60), FLEET, policy)
    assert found.paid[11 * 60] == 4 and found.serving[16 * 60] == 4


def test_what_waits_longer_than_the_service_allows_fails():
    found = simulate([1000.0] * 600, FLEET, Policy("p", 1, 1))
    values, weights = latencies(found, FLEET, 0)
    assert math.fsum(found.failed) > 400_000 and values.max() <= FLEET.timeout_s + 1
    assert found.left <= FLEET.per_second * FLEET.timeout_s + 1e-6


def test_the_same_seed_gives_the_same_result_and_cost_is_instance_time():
    found = simulate(steady(20, 120), FLEET, Policy("p", 3, 3))
    told = summary(found, FLEET, 7)
    assert told == summary(found, FLEET, 7)
    assert told["usd"] == pytest.approx(2 * 3 * 0.115) and told["usd_per_month"] == pytest.approx(3 * 0.115 * 720)
    assert len(told["minutes"]) == 120 and told["instances"] == {"min": 3, "mean": 3.0, "max": 3}


def exact(rate, servers, service, requests, seed):
    """Simulate every request of a queue with random arrivals and return its latencies in seconds."""
    rng = random.Random(seed)
    free = [0.0] * servers
    now, found = 0.0, []
    for _ in range(requests):
        now += rng.expovariate(rate)
        busy = rng.choices(service.seconds, service.parts)[0]
        start = max(now, heapq.heappop(free))
        heapq.heappush(free, start + busy)
        found.append(start + busy - now)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("service", [Service([0.02], [1.0]), Service([0.01, 0.1], [0.9, 0.1])], ids=["one time", "two times"])
@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (1, 0.8), (2, 0.7), (4, 0.8), (16, 0.7)])
def test_latencies_are_near_those_of_an_exact_simulation(service, servers, load):
    rate = load * servers / service.mean
    wanted = exact(rate, servers, service, 60_000, 1)
    fleet = Fleet(service, servers)
    values, weights = latencies(simulate([rate] * 1200, fleet, Policy("p", 1, 1)), fleet, 0)
    for part, near in ((0.5, 0.45), (0.99, 0.3)):
        assert quantile(values, weights, part) == pytest.approx(float(np.quantile(wanted, part)), rel=near)
