"""Hold a data set against a baseline: Model Monitor's constraint_violations.json of data quality, with its six checks and their wording.

The wording is the service's where a published output shows it: data types, drift, categorical values; of completeness and of missing and extra columns it is
ours, around the parts that are known. `is_non_negative` is suggested and not checked, as none of the six checks is about it.
"""

from __future__ import annotations

import math
import re
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from jobkit.monitor import distance
from jobkit.monitor.cells import FRACTIONAL, INTEGRAL, PART, STRING, WHOLE, Cells
from jobkit.monitor.java_json import double
from jobkit.monitor.rows import Rows

Violation = Dict[str, str]
# Shares are compared with this much room, for the last bits of other machines.
ROOM = 1e-9
OVERRIDES = ("monitoring_config_overrides", "monitoringConfigOverrides")
DISABLED = "Disabled"


class Compared(NamedTuple):
    """Hold what is known of one column: its constraints and monitoring_config, its cells, and its entries of both statistics.json."""

    constraint: Mapping[str, Any]
    config: Mapping[str, Any]
    cells: Cells
    before: Optional[Mapping[str, Any]]
    now: Mapping[str, Any]

    @property
    def drift(self) -> Mapping[str, Any]:
        """Return the distribution_constraints that hold for the column."""
        return self.config.get("distribution_constraints") or {}


def violations(rows: Rows, now: Mapping[str, Any], constraints: Mapping[str, Any], before: Optional[Mapping[str, Any]]) -> List[Violation]:
    """Return what a data set violates; `now` and `before` are statistics.json of it and of the baseline (None: distributions are not compared)."""
    general = constraints.get("monitoring_config") or {}
    wanted = constraints.get("features") or []
    found = [] if general.get("evaluate_constraints") == DISABLED else _columns(rows.names, [str(feature["name"]) for feature in wanted])
    for compared in pairs(rows, now, constraints, before):
        if compared.config.get("evaluate_constraints") != DISABLED:
            found += [entry for check in CHECKS for entry in check(compared)]
    return found


def pairs(rows: Rows, now: Mapping[str, Any], constraints: Mapping[str, Any], before: Optional[Mapping[str, Any]]) -> Iterator[Compared]:
    """Yield the columns that both the data set and the constraints have, in the order of the constraints."""
    held = dict(zip(rows.names, rows.columns))
    told = {entry["name"]: entry for entry in now["features"]}
    earlier = {entry["name"]: entry for entry in (before or {}).get("features", [])}
    for feature in constraints.get("features") or []:
        name = feature["name"]
        if name in held:
            yield Compared(feature, config(constraints, feature), held[name], earlier.get(name), told[name])


def config(constraints: Mapping[str, Any], feature: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the monitoring_config that holds for a feature: the general one with the feature's overrides, also in the spellings of older files."""
    merged = _modern(constraints.get("monitoring_config") or {})
    for place in (feature, feature.get("num_constraints") or {}, feature.get("string_constraints") or {}):
        for spelling in OVERRIDES:
            override = _modern(place.get(spelling) or {})
            compared = {**(merged.get("distribution_constraints") or {}), **(override.get("distribution_constraints") or {})}
            merged = {**merged, **override, "distribution_constraints": compared}
    return merged


def _modern(told: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a monitoring_config with the names of today (older: enable_comparisons, min_domain_mass; the guide's own misprint comparion_method)."""
    made, compared = dict(told), dict(told.get("distribution_constraints") or {})
    if "enable_comparisons" in compared:
        compared.setdefault("perform_comparison", "Enabled" if compared.pop("enable_comparisons") else DISABLED)
    if "comparion_method" in compared:
        compared.setdefault("comparison_method", compared.pop("comparion_method"))
    if "min_domain_mass" in compared:
        made.setdefault("domain_content_threshold", compared.pop("min_domain_mass"))
    return {**made, "distribution_constraints": compared} if compared else made


def _violation(name: str, kind: str, words: str) -> Violation:
    return {"feature_name": name, "constraint_check_type": kind, "description": words}


def _columns(names: Sequence[str], wanted: Sequence[str]) -> List[Violation]:
    found = []
    for kind, adjective, these, others in (("missing_column_check", "missing", wanted, names), ("extra_column_check", "extra", names, wanted)):
        differing = [name for name in these if name not in set(others)]
        if differing:
            words = "There are {} columns in current dataset: {}. Number of columns in current dataset: {}, Number of columns in baseline constraints: {}"
            told = words.format(adjective, ", ".join(differing), len(names), len(wanted))
            found.append(_violation("{} columns".format(adjective.capitalize()), kind, told))
    return found


def _data_type(compared: Compared) -> Iterator[Violation]:
    expected = compared.constraint.get("inferred_type")
    threshold = float(compared.config.get("datatype_check_threshold", 1.0))
    if expected not in MATCHING or not compared.cells.present:
        return
    share = MATCHING[expected](compared.cells) / compared.cells.present
    if share < threshold - ROOM:
        words = "Data type match requirement is not met. Expected data type: {0}, Expected match: {1}%. Observed: Only {2}% of data is {0}."
        yield _violation(compared.constraint["name"], "data_type_check", words.format(expected, double(threshold * 100), double(share * 100)))


def _as_string(cells: Cells) -> int:
    """Return the cells that are text, all of them in a column that is text as a whole: texts may look like numbers."""
    return cells.present if cells.kind == STRING else cells.text


MATCHING: Mapping[str, Callable[[Cells], int]] = {
    INTEGRAL: lambda cells: cells.whole,
    FRACTIONAL: lambda cells: cells.whole + cells.fractional,
    STRING: _as_string,
}


def _completeness(compared: Compared) -> Iterator[Violation]:
    wanted, cells = compared.constraint.get("completeness"), compared.cells
    share = cells.present / (cells.present + cells.missing)
    if wanted is not None and share < float(wanted) - ROOM:
        words = "Data completeness requirement is not met. Expected completeness: {}%. Observed: Only {}% of data is complete."
        yield _violation(compared.constraint["name"], "completeness_check", words.format(double(float(wanted) * 100), double(share * 100)))


class Measured(NamedTuple):
    """Hold how a column's distribution was compared (`numerical`, `categorical`, `chi-squared`), the distance, its threshold, and whether it is too far."""

    kind: str
    away: float
    threshold: float
    too_far: bool


def measured(before: Optional[Mapping[str, Any]], now: Mapping[str, Any], drift: Mapping[str, Any]) -> Optional[Measured]:
    """Return the distance of two entries of statistics.json under distribution_constraints; None when they are not compared."""
    if before is None or drift.get("perform_comparison", "Enabled") == DISABLED:
        return None
    method, categorical = str(drift.get("comparison_method", distance.ROBUST)), str(drift.get("categorical_drift_method", "LInfinity"))
    found = distance.of_features(before, now, method, categorical)
    if found is None or math.isnan(found[1]):
        return None
    kind, away = found
    general = drift.get("comparison_threshold", 0.1)
    threshold = float(general if kind == "numerical" else drift.get("categorical_comparison_threshold", general))
    return Measured(kind, away, threshold, away < threshold if kind == "chi-squared" else away > threshold)


def _drift(compared: Compared) -> Iterator[Violation]:
    found = measured(compared.before, compared.now, compared.drift)
    if found is None or not found.too_far:
        return
    words = "{} distance: {} exceeds {} threshold: {}".format(found.kind.capitalize(), double(found.away), found.kind, double(found.threshold))
    if found.kind == "chi-squared":
        words = "Chi-squared p-value: {} is below the threshold: {}".format(double(found.away), double(found.threshold))
    yield _violation(compared.constraint["name"], "baseline_drift_check", words)


def _domain(compared: Compared) -> Iterator[Violation]:
    domains = (compared.constraint.get("string_constraints") or {}).get("domains")
    cells = compared.cells
    if not domains or not cells.present:
        return
    share = _inside(cells, [str(value) for value in domains]) / cells.present
    if share < float(compared.config.get("domain_content_threshold", 1.0)) - ROOM:
        yield _violation(compared.constraint["name"], "categorical_values_check", "Value: {} does not meet the constraint requirement! ".format(double(share)))


def _inside(cells: Cells, domains: Sequence[str]) -> int:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if cells.texts is None:  # a column that is all numbers now, where some values of the baseline looked like numbers
        numbers = [float(value) for value in domains if re.match(WHOLE, value) or re.match(PART, value)]
        return int(np.isin(cells.numbers, numbers).sum())
    return int(pc.sum(pc.is_in(cells.texts, value_set=pa.array(domains, pa.string()))).as_py() or 0)


CHECKS: Sequence[Callable[[Compared], Iterator[Violation]]] = (_data_type, _completeness, _drift, _domain)
