"""Which values to try next: Random, Grid, Bayesian (Optuna's tree-structured Parzen estimator) and Hyperband (which draws as Random does)."""

from __future__ import annotations

import importlib
import itertools
import math
import random
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.local.faults import ClientFault
from pipelines.local.tuning.ranges import Range

# So many trials spread over the space before the Bayesian search learns from them; at most a half of all.
SPREAD_TRIALS = 10


@dataclass(frozen=True)
class Seen:
    """Hold an earlier trial: its values, and its objective; None while it runs, or when it has none."""

    tuned: Mapping[str, str]
    objective: float | None
    running: bool = False


@dataclass(frozen=True)
class Space:
    """Hold what a search needs: the ranges, the seed, how many trials there will be, and whether larger is better."""

    ranges: tuple[Range, ...]
    seed: int
    trials: int
    maximize: bool


def propose(strategy: str, space: Space, number: int, seen: Sequence[Seen]) -> dict[str, str] | None:
    """Return the values of the trial with this number (from 0), None when there are no more.

    The same arguments give the same values.
    """
    return STRATEGIES[strategy](space, number, seen)


def warm_up(strategy: str) -> None:
    """Import what a strategy will need, beside the trials that need none of it yet."""
    if strategy == "Bayesian":
        threading.Thread(target=lambda: importlib.import_module("optuna.samplers"), name="import-optuna", daemon=True).start()


def combinations(ranges: Sequence[Range]) -> int:
    """Return how many points a grid has.

    Raises:
        ClientFault: a range is not categorical.
    """
    numeric = [each.name for each in ranges if not each.values]
    if numeric:
        raise ClientFault(f"strategy Grid takes categorical ranges only; got a numeric one of {numeric[0]!r}")
    return math.prod(len(each.values) for each in ranges)


def _grid(space: Space, number: int, seen: Sequence[Seen]) -> dict[str, str] | None:
    point = next(itertools.islice(itertools.product(*(each.values for each in space.ranges)), number, None), None)
    return None if point is None else dict(zip((each.name for each in space.ranges), point, strict=True))


def _random(space: Space, number: int, seen: Sequence[Seen]) -> dict[str, str]:
    dice = random.Random(f"{space.seed}/{number}")
    return {each.name: each.text(dice.random()) for each in space.ranges}


def _bayesian(space: Space, number: int, seen: Sequence[Seen]) -> dict[str, str]:
    known = sum(each.objective is not None for each in seen)
    if known < min(SPREAD_TRIALS, max(2, space.trials // 2)):
        return _spread(space, number)
    return _learned(space, number, seen)


def _spread(space: Space, number: int) -> dict[str, str]:
    """Return a point of an additive recurrence with a shift by the seed: even from the first trials on (Roberts, 2018, the R sequence)."""
    dice, ratio = random.Random(space.seed), _root(len(space.ranges))
    units = ((dice.random() + (number + 1) / ratio**place) % 1.0 for place in range(1, len(space.ranges) + 1))
    return {each.name: each.text(unit) for each, unit in zip(space.ranges, units, strict=True)}


def _root(dimensions: int) -> float:
    """Return the positive root of x^(d+1) = x + 1: the golden ratio for one dimension."""
    found = 2.0
    for _ in range(64):
        found = (1 + found) ** (1 / (dimensions + 1))
    return found


def _learned(space: Space, number: int, seen: Sequence[Seen]) -> dict[str, str]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = optuna.samplers.TPESampler(seed=_seed(space, number), multivariate=True, constant_liar=True, n_startup_trials=1)
        study = optuna.create_study(direction="maximize" if space.maximize else "minimize", sampler=sampler)
        spaces = {each.name: _distribution(optuna, each) for each in space.ranges}
        for each in seen:
            made = _trial(optuna, space, spaces, each)
            if made is not None:
                study.add_trial(made)
        params = study.ask(spaces).params
    return {each.name: params[each.name] if each.values else each.text(params[each.name]) for each in space.ranges}


def _seed(space: Space, number: int) -> int:
    return random.Random(f"{space.seed}/{number}").getrandbits(31)


def _distribution(optuna: Any, each: Range) -> Any:
    return optuna.distributions.CategoricalDistribution(each.values) if each.values else optuna.distributions.FloatDistribution(0.0, 1.0)


def _trial(optuna: Any, space: Space, spaces: Mapping[str, Any], seen: Seen) -> Any:
    """Return an earlier trial in Optuna's words; None for one outside of the ranges, or without an objective."""
    if seen.objective is None and not seen.running:
        return None
    units = {each.name: each.unit(seen.tuned.get(each.name, "")) for each in space.ranges}
    if any(unit is None for unit in units.values()):
        return None
    params = {each.name: seen.tuned[each.name] if each.values else units[each.name] for each in space.ranges}
    if seen.running:
        return optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING, params=params, distributions=dict(spaces))
    return optuna.trial.create_trial(value=seen.objective, params=params, distributions=dict(spaces))


STRATEGIES: Mapping[str, Callable[[Space, int, Sequence[Seen]], dict[str, str] | None]] = {
    "Bayesian": _bayesian,
    "Random": _random,
    "Grid": _grid,
    "Hyperband": _random,
}
