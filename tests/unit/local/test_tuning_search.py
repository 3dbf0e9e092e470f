"""Ranges, proposals, and the rules that stop a trial."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.local.faults import ClientFault
from pipelines.local.tuning import ranges
from pipelines.local.tuning.ranges import Range
from pipelines.local.tuning.search import Seen, Space, combinations, propose
from pipelines.local.tuning.stopping import Follower, Rungs, median_rule

NUMERIC = [
    Range("a", "Continuous", 0.01, 10, "Logarithmic"),
    Range("b", "Continuous", -3, 7, "Linear"),
    Range("c", "Continuous", 0, 0.999, "ReverseLogarithmic"),
    Range("d", "Integer", 1, 100, "Logarithmic"),
    Range("e", "Integer", -2, 3, "Linear"),
    Range("f", "Integer", 5, 5, "Linear"),
]
UNIT = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("each", NUMERIC, ids=lambda each: each.name)
@given(unit=UNIT)
def test_every_point_is_a_value_within_the_bounds_and_can_be_told_from_it(each, unit):
    text = each.text(unit)
    value = float(text)
    assert each.low <= value <= each.high
    assert each.kind == "Continuous" or text == str(int(value))
    back = each.unit(text)
    assert back is not None and math.isclose(float(each.text(back)), value, rel_tol=1e-6, abs_tol=1e-9)


def test_integers_have_equal_shares_and_both_bounds():
    each = Range("e", "Integer", -2, 3, "Linear")
    counts = {}
    for step in range(6000):
        counts[each.text(step / 6000)] = counts.get(each.text(step / 6000), 0) + 1
    assert set(counts) == {str(value) for value in range(-2, 4)} and max(counts.values()) - min(counts.values()) <= 2


def test_half_of_a_logarithmic_range_is_the_geometric_mean():
    assert float(Range("a", "Continuous", 0.01, 1, "Logarithmic").text(0.5)) == pytest.approx(0.1)
    # 1 - x is in the middle of 1 and 0.001, geometrically.
    assert float(Range("c", "Continuous", 0, 0.999, "ReverseLogarithmic").text(0.5)) == pytest.approx(1 - math.sqrt(0.001))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "1 to 30"),
        ({"IntegerParameterRanges": [{"Name": "a", "MinValue": "1.5", "MaxValue": "3"}]}, "integer bounds"),
        ({"IntegerParameterRanges": [{"Name": "a", "MinValue": "5", "MaxValue": "3"}]}, "lower one first"),
        ({"ContinuousParameterRanges": [{"Name": "a", "MinValue": "x", "MaxValue": "3"}]}, "no numbers"),
        ({"ContinuousParameterRanges": [{"Name": "a", "MinValue": "0", "MaxValue": "inf"}]}, "continuous bounds"),
        ({"ContinuousParameterRanges": [{"Name": "a", "MinValue": "0", "MaxValue": "3", "ScalingType": "Logarithmic"}]}, "above 0"),
        ({"ContinuousParameterRanges": [{"Name": "a", "MinValue": "0", "MaxValue": "1", "ScalingType": "ReverseLogarithmic"}]}, "below 1"),
        ({"CategoricalParameterRanges": [{"Name": "a", "Values": ["x"]}, {"Name": "a", "Values": ["y"]}]}, "two ranges"),
        ({"AutoParameters": [{"Name": "depth", "ValueHint": "3"}]}, "not known here"),
    ],
)
def test_ranges_that_cannot_be_used_are_named(given, says):
    with pytest.raises(ClientFault, match=says):
        ranges.read(given)


def test_automatic_ranges_are_the_recommended_ones():
    (found,) = ranges.read({"AutoParameters": [{"Name": "eta", "ValueHint": "0.2"}]})
    assert (found.low, found.high) == (0.1, 0.5)


SPACE = Space((Range("x", "Continuous", 0.0, 1.0), Range("k", "Categorical", values=("a", "b"))), seed=3, trials=40, maximize=True)


def score(tuned):
    return -((float(tuned["x"]) - 0.3) ** 2) - (tuned["k"] == "a")


def searched(strategy, space, trials=40):
    seen = []
    for number in range(trials):
        tuned = propose(strategy, space, number, seen)
        if tuned is None:
            break
        seen.append(Seen(tuned, score(tuned)))
    return seen


@pytest.mark.parametrize("strategy", ["Random", "Bayesian", "Hyperband"])
def test_the_same_seed_proposes_the_same_values_and_another_others(strategy):
    first = [each.tuned for each in searched(strategy, SPACE, 15)]
    assert first == [each.tuned for each in searched(strategy, SPACE, 15)]
    assert first != [each.tuned for each in searched(strategy, Space(SPACE.ranges, 4, 40, True), 15)]


def test_the_bayesian_search_learns_where_values_are_good():
    def late(strategy, seed):
        found = searched(strategy, Space(SPACE.ranges, seed, 40, True))
        return statistics.mean(each.objective for each in found[-15:])

    assert statistics.mean(late("Bayesian", seed) for seed in range(4)) > statistics.mean(late("Random", seed) for seed in range(4)) + 0.2


def test_a_bayesian_proposal_takes_failed_running_and_foreign_trials():
    seen = [Seen({"x": str(each / 10), "k": "a"}, each / 10) for each in range(10)]
    seen += [Seen({"x": "0.5", "k": "a"}, None), Seen({"x": "0.5", "k": "b"}, None, running=True), Seen({"x": "7", "k": "a"}, 1.0), Seen({"y": "1"}, 1.0)]
    assert set(propose("Bayesian", SPACE, 14, seen)) == {"x", "k"}


def test_a_grid_is_every_combination_once_and_then_ends():
    space = Space((Range("a", "Categorical", values=("1", "2")), Range("b", "Categorical", values=("x", "y", "z"))), 0, 9, True)
    found = [tuned for number in range(9) if (tuned := propose("Grid", space, number, [])) is not None]
    assert len(found) == 6 == combinations(space.ranges) == len({tuple(each.values()) for each in found})
    with pytest.raises(ClientFault, match="categorical ranges only"):
        combinations(SPACE.ranges)


def test_the_median_rule_compares_the_best_so_far_with_running_averages():
    earlier = [[0.5, 0.7], [0.6, 0.8], [0.7, 0.9]]  # running averages 0.5 0.6 | 0.6 0.7 | 0.7 0.8: medians 0.6 and 0.7
    assert median_rule([0.61, 0.65], earlier, maximize=True) == 2
    assert median_rule([0.59], earlier, maximize=True) == 1
    assert median_rule([0.9, 0.1], earlier, maximize=True) is None
    assert median_rule([0.6, 0.7], earlier, maximize=True) is None
    assert median_rule([0.61], earlier, maximize=False) == 1 and median_rule([0.59, 0.8], earlier, maximize=False) is None
    assert median_rule([0.0], earlier[:2], maximize=True) is None


def test_hyperband_lets_one_of_three_go_on_at_each_rung():
    rungs = Rungs(1, 27, maximize=True)
    first = [number for number in range(200) if rungs.bracket(number) == 0][:9]
    stopped = {number: rungs.stops(number, [place / 10]) for place, number in enumerate(reversed(first))}
    # The worst came first: each was the best of its rung when it came, so none stopped; one that is worse than most is stopped.
    assert set(stopped.values()) == {None}
    late = next(number for number in range(200) if rungs.bracket(number) == 0 and number not in first)
    assert rungs.stops(late, [0.05]) == 1
    assert rungs.stops(first[0], [0.9] * 27) is None and rungs.stops(first[0], [0.9] * 28) == 27
    assert Rungs(5, 5, maximize=True).stops(0, [0.1] * 5) is None


def test_a_follower_reads_whole_lines_only_and_the_rest_at_the_end(tmp_path):
    log = tmp_path / "log.txt"
    follower = Follower(log, r"score=(\S+)")
    assert not follower.poll()
    log.write_text("score=1\nnoise\nscore=2")
    assert follower.poll() and follower.curve == [1.0]
    log.write_text("score=1\nnoise\nscore=2.5\nscore=nan")
    assert follower.poll() and follower.curve == [1.0, 2.5]
    follower.finish()
    assert follower.curve[:2] == [1.0, 2.5] and math.isnan(follower.curve[2])
    with pytest.raises(ClientFault, match="no regular expression"):
        Follower(log, "(")
