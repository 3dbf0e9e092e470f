"""How a built-in algorithm is described, and its hyperparameters checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from pipelines.algorithms.kinds import Anything, CustomerError, Kind, Truth

Found = Iterator[tuple[str, str]]
MOST_LISTED = 15
# What SDKs and the service itself set, for any algorithm; nothing here depends on it.
COMMON: Mapping[str, Kind] = {
    **dict.fromkeys(
        ("_tuning_objective_metric", "_log_level", "_num_gpus", "_num_kv_servers", "_kvstore", "_data_format", "_enable_profiler", "_disable_wait_to_read"),
        Anything(),
    ),
    "force_dense": Truth(),
}


@dataclass(frozen=True)
class Algorithm:
    """Describe an algorithm.

    `name` is its name for the SDK and the repository of its image; `rules` find contradictions among values; `channels` are those that it may have beside
    `train`; `metrics` maps names to the regular expressions that the service finds them with in the log. Of a configuration: `splits` says which split
    of the data a channel gets, `predictor_types` what the problem is called, `objectives` the metrics that a search may optimise, the default first, `filled`
    what is given when absent.
    """

    name: str
    title: str
    hyperparameters: Mapping[str, Kind]
    required: tuple[str, ...]
    defaults: Mapping[str, Any]
    channels: tuple[str, ...]
    splits: Mapping[str, str]
    labelled: bool
    tunable: frozenset[str]
    metrics: Mapping[str, str]
    rules: tuple[Callable[[Mapping[str, Any]], Found], ...] = ()
    predictor_types: Mapping[str, str] = field(default_factory=dict)
    objectives: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    filled: Mapping[str, str] = field(default_factory=dict)

    def maximized(self, metric: str) -> bool:
        """Tell whether a metric is better when it is larger: the log calls such a metric a score, others a loss."""
        return "<score>" in self.metrics.get(metric, "")


def read(algorithm: Algorithm, given: Mapping[str, str]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return the values of hyperparameters, defaults among them, and (name, what is wrong) for each that cannot be."""
    known = {**algorithm.hyperparameters, **COMMON}
    values: dict[str, Any] = {}
    wrong: list[tuple[str, str]] = []
    for name, raw in given.items():
        text = str(raw).strip()
        if name not in known:
            wrong.append((name, f"{algorithm.name} has no such hyperparameter; got {text!r}, {_expected(name, algorithm)}"))
            continue
        try:
            values[name] = known[name](name, text)
        except CustomerError:
            wrong.append((name, f"got {text!r}, expected {known[name].told}."))
    wrong += [(name, f"missing; {algorithm.name} needs it: {known[name].told}.") for name in algorithm.required if name not in given]
    complete = {**algorithm.defaults, **values}
    wrong += [problem for rule in algorithm.rules for problem in rule(complete)]
    return complete, wrong


def _expected(name: str, algorithm: Algorithm) -> str:
    known = algorithm.hyperparameters
    near = get_close_matches(name, known, 1, 0.7)
    names = ", ".join(known) if len(known) <= MOST_LISTED else f"the {len(known)} in docs/algorithms.md"
    return f"expected one of {names}.{f' Did you mean {near[0]}?' if near else ''}"


def checked(algorithm: Algorithm, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of hyperparameters, defaults among them.

    Raises:
        CustomerError: some are unknown, missing or out of range; every one is named, in words of ours.
    """
    values, wrong = read(algorithm, given)
    if wrong:
        raise CustomerError(" ".join(f"Hyperparameter {name}: {what}" for name, what in wrong))
    return values


def quality(channel: str, metric: str, kind: str) -> str:
    """Return the regular expression of a metric of the finished model; `kind` is loss or score."""
    return rf"#quality_metric: host=\S+, {channel} {metric} <{kind}>=(\S+)"


PROGRESS: Mapping[str, str] = {
    "train:progress": r"#progress_metric: host=\S+, completed (\S+) %",
    "train:throughput": r"#throughput_metric: host=\S+, train throughput=(\S+) records/second",
}
