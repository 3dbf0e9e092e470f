"""When requests are due: as many as the rate says, in order, and in every part of the time."""

from __future__ import annotations

import bisect
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import UsageError
from pipelines.loadtest.schedule import Phase, due, phases, seconds_of, total_s

RATES = st.floats(0, 500, allow_nan=False).map(lambda rate: round(rate, 2))
SHAPES = st.lists(st.builds(Phase, RATES, RATES.map(lambda rate: rate + 0.1), st.floats(0.1, 5)), min_size=1, max_size=4)


def integral(every, until):
    """Return how many requests are due until some second, summed over the phases."""
    count = 0.0
    for phase in every:
        part = min(max(until, 0.0), phase.seconds)
        count += (phase.start + phase.rate_at(part)) / 2 * part
        until -= phase.seconds
    return count


@given(SHAPES)
def test_requests_are_due_in_order_within_the_time(every):
    times = list(due(every))
    assert times == sorted(times)
    assert all(0 <= time <= total_s(every) + 1e-9 for time in times)
    assert not times or times[0] == 0


@given(SHAPES, st.floats(0, 1))
def test_at_any_time_as_many_are_due_as_the_rate_says(every, part):
    until = part * total_s(every)
    count = bisect.bisect_right(list(due(every)), until)
    assert abs(count - integral(every, until)) <= 1 + 1e-6


@given(st.floats(0.5, 500), st.floats(0.5, 10))
def test_a_constant_rate_is_evenly_spaced(rate, seconds):
    gaps = [after - before for before, after in itertools.pairwise(due([Phase(rate, rate, seconds)]))]
    assert all(abs(gap - 1 / rate) < 1e-6 for gap in gaps)


def test_rates_are_read():
    assert phases("50", 10) == [Phase(50, 50, 10)]
    assert phases("10:200:60s", 10) == [Phase(10, 200, 60)]
    assert phases("0:10:2m,10", 5) == [Phase(0, 10, 120), Phase(10, 10, 5)]


@pytest.mark.parametrize("text", ["", "x", "-1", "nan", "inf", "0", "1:2", "1:2:3:4", "1:2:0s", "1:2:x", "0:0:5s"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(UsageError):
        phases(text, 10)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("1.5m", 90), ("500ms", 0.5), ("1h", 3600)])
def test_durations_are_read(text, seconds):
    assert seconds_of(text, "x") == seconds
