"""Simulations in words, and as curves over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

POINTS = 480
NAME_CHARACTERS, LEGEND_CHARACTERS = 48, 20


def text(found: Mapping[str, Any]) -> str:
    """Return the table of policies and what is recommended."""
    fleet, traffic = found["fleet"], found["traffic"]
    lines = [
        f"{traffic['name']}, {traffic['hours']:g} h, {traffic['requests']:,} requests, at most {traffic['peak']:,.0f} a second",
        f"{fleet['instance_type']}: {fleet['parallel']:g} requests at once, {fleet['requests_per_second']:,.1f} a second at most;"
        f" a new one serves after {fleet['start_s']} s; ${fleet['usd_per_hour']:g} an hour",
        "",
        *_aligned(_rows(found["policies"])),
        "",
        *_recommended(found),
    ]
    return "\n".join([*lines, *(f"note: {note}" for note in found["notes"])])


def _rows(policies: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    heads = ["POLICY", "MIN", "MEAN", "MAX", "P50 MS", "P99 MS", "WORST MINUTE", "FAILED", "CHANGES", "$ A MONTH"]
    rows = [
        [
            each["policy"][:NAME_CHARACTERS],
            str(each["instances"]["min"]),
            f"{each['instances']['mean']:.1f}",
            str(each["instances"]["max"]),
            _ms(each["p50_ms"]),
            _ms(each["p99_ms"]),
            _ms(each["worst_minute_p99_ms"]),
            f"{each['failed_percent']:.3g}%",
            str(each["changes"]),
            f"{each['usd_per_month']:,.2f}",
        ]
        for each in policies
    ]
    return [heads, *rows]


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) if not place else cell.rjust(width) for place, (cell, width) in enumerate(zip(row, widths, strict=True))) for row in rows
    ]


def _recommended(found: Mapping[str, Any]) -> list[str]:
    chosen = found["recommended"]
    if chosen is None:
        return [f"No target meets p99 <= {found['goal_p99_ms']:g} ms with fewer than 0.1% failures: a larger --min, --max or instance would."]
    expected = chosen["expected"]
    return [
        f"Recommended: min {chosen['min']}, max {chosen['max']}, target {chosen['target']:g} requests an instance and minute"
        f" (p99 {_ms(expected['p99_ms'])} ms <= {found['goal_p99_ms']:g} ms, ${expected['usd_per_month']:,.2f} a month)."
    ]


def advice(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return instance types with what they would need and cost."""
    heads = ["INSTANCE", "VCPUS", "GIB", "NEEDS", "REQUESTS/S", "COUNT", "P99 MS", "$ A MONTH", "NOT FOR"]
    cells = [
        [
            row["instance_type"],
            str(row["vcpus"]),
            f"{row['memory_gib']:g}",
            f"{row['memory_needed_gib']:.1f}",
            f"{row['requests_per_second']:,.0f}",
            str(row["instances"]),
            _ms(row["p99_ms"]),
            f"{row['usd_per_month']:,.2f}",
            "; ".join(row["reasons"]),
        ]
        for row in rows
    ]
    lines = _aligned([heads, *cells])
    return "\n".join([line.rstrip() for line in lines])


def curves(found: Mapping[str, Any]) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """Return traffic, instances, p99 and cost by minute as curves, and the names of the lines."""
    policies = found["policies"]
    minutes = policies[0]["minutes"]
    every = max(1, len(minutes) // POINTS)
    steps = [minute["minute"] for minute in minutes[::every]]
    drawn: dict[str, list[dict[str, Any]]] = {
        "requests per second": [{"run": "traffic", "steps": steps, "values": [minute["rate"] for minute in minutes[::every]]}],
        "instances": [_curve(each, "paid", steps, every) for each in policies],
        "p99, ms (worst of each stretch)": [_curve(each, "p99_ms", steps, every) for each in policies],
        "cost so far, $": [{"run": each["policy"], "steps": steps, "values": _spent(each["minutes"])[::every]} for each in policies],
    }
    short = {name: _label(name, place) for place, name in enumerate([*(each["policy"] for each in policies), "traffic"])}
    return {name: [{**curve, "run": short[curve["run"]]} for curve in each] for name, each in drawn.items()}, list(short.values())


def _label(name: str, place: int) -> str:
    """Return a name that fits the legend and is not another one's."""
    return name if len(name) <= LEGEND_CHARACTERS else f"{place + 1}: {name[: LEGEND_CHARACTERS - 4]}…"


def _curve(policy: Mapping[str, Any], name: str, steps: Sequence[int], every: int) -> dict[str, Any]:
    values = [minute[name] for minute in policy["minutes"]]
    worst = [max((value for value in values[start : start + every] if value is not None), default=None) for start in range(0, len(values), every)]
    return {"run": policy["policy"], "steps": steps, "values": worst}


def _spent(minutes: Sequence[Mapping[str, Any]]) -> list[float]:
    spent, found = 0.0, []
    for minute in minutes:
        spent += minute["usd"]
        found.append(round(spent, 4))
    return found
