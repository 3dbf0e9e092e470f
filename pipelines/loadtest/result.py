"""What a load test found as one document, and the same in words (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.loadtest.drive import Outcome, Plan
from pipelines.loadtest.recorder import NAMES, distribution, latencies

FORMAT = "sagewright-loadtest/1"
# Above this part of a core the load test itself may be what is slow.
BUSY = 0.9
LAG_MS = 5.0


def document(plan: Plan, outcome: Outcome, calibrated: Outcome | None, started_at: str) -> dict[str, Any]:
    """Return the result, JSON-ready; latencies are in milliseconds, `service_times.distribution` is [microseconds, requests]."""
    recorder = outcome.recorder
    done, failed = recorder.done.get_total_count(), recorder.failed.get_total_count()
    found = {
        "format": FORMAT,
        "target": plan.target.url,
        "started_at": started_at,
        "load": _load(plan),
        "seconds": round(outcome.seconds, 3),
        "interrupted": outcome.interrupted,
        "requests": {"started": outcome.started, "done": done, "failed": failed, "unfinished": outcome.unfinished, "resent": outcome.resent},
        "throughput": round(done / outcome.seconds, 3) if outcome.seconds else 0.0,
        "latency_ms": _rounded({**latencies(recorder.done), "mean": recorder.done.get_mean_value() / 1000 if done else None}),
        "failed_latency_ms": _rounded(latencies(recorder.failed)),
        "errors": dict(sorted(recorder.errors.items())),
        "timeline": [{name: round(value, 3) if isinstance(value, float) else value for name, value in each.items()} for each in recorder.timeline],
        "client": {"cpu": round(outcome.cpu_seconds / outcome.seconds, 3) if outcome.seconds else 0.0, "lag_ms": _rounded(latencies(recorder.lag))},
        "service_times": _service(plan, outcome, calibrated),
    }
    return {**found, "warnings": _warnings(found)}


def _load(plan: Plan) -> dict[str, Any]:
    if not plan.phases:
        return {"kind": "closed", "connections": plan.connections, "seconds": plan.duration_s}
    phases = [{"from": phase.start, "to": phase.end, "seconds": phase.seconds} for phase in plan.phases]
    return {"kind": "open", "phases": phases, "max_connections": plan.connections}


def _rounded(values: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 3) for name, value in values.items()}


def _service(plan: Plan, outcome: Outcome, calibrated: Outcome | None) -> dict[str, Any] | None:
    """Return how long the server is busy with one request, measured with one request at a time, and how many it works on at once.

    The latter is throughput times service time under closed load (Little's law): a lower bound unless the load was enough to keep the server busy.
    """
    alone = calibrated or (outcome if not plan.phases and plan.connections == 1 else None)
    if alone is None or not alone.recorder.service.get_total_count():
        return None
    histogram = alone.recorder.service
    mean_s = histogram.get_mean_value() / 1e6
    done = outcome.recorder.done.get_total_count()
    parallel = done / outcome.seconds * mean_s if outcome.seconds and not plan.phases else None
    return {
        "requests": histogram.get_total_count(),
        "mean_ms": round(mean_s * 1000, 3),
        "parallel": None if parallel is None else round(min(parallel, plan.connections), 2),
        "distribution": distribution(histogram),
    }


def _warnings(found: Mapping[str, Any]) -> list[str]:
    warnings = []
    if found["client"]["cpu"] > BUSY:
        warnings.append(f"this process used {found['client']['cpu']:.0%} of a core: the server may be faster than measured")
    lag = found["client"]["lag_ms"]["p99"]
    if lag is not None and lag > LAG_MS:
        warnings.append(
            f"requests left up to {lag:.1f} ms (p99) after they were due, because this process or machine was busy; latencies count from when they were due"
        )
    if found["requests"]["unfinished"]:
        warnings.append(f"{found['requests']['unfinished']} requests had no answer when it was stopped")
    return warnings


def text(found: Mapping[str, Any]) -> str:
    """Return the result as a table for people."""
    requests = found["requests"]
    total = requests["done"] + requests["failed"]
    lines = [
        f"{found['target']}, {_said(found['load'])}",
        f"{requests['done']:,} requests in {found['seconds']:.1f} s, {found['throughput']:,.1f} a second"
        + (f"; {requests['failed']:,} failed ({requests['failed'] / total:.2%})" if requests["failed"] else "")
        + (" (stopped early)" if found["interrupted"] else ""),
        "",
        *_table(found),
    ]
    lines += [f"{count:>8,}  {kind}" for kind, count in found["errors"].items()]
    service = found["service_times"]
    if service:
        at_once = f", {service['parallel']:g} at once" if service["parallel"] else ""
        lines += ["", f"one request alone: {service['mean_ms']:.3g} ms on average{at_once}"]
    return "\n".join([*lines, *(f"warning: {warning}" for warning in found["warnings"])])


def _said(load: Mapping[str, Any]) -> str:
    if load["kind"] == "closed":
        return f"closed load of {load['connections']} connection{'' if load['connections'] == 1 else 's'}"
    return "open load of " + ", ".join(
        f"{each['from']:g}/s for {each['seconds']:g} s" if each["from"] == each["to"] else f"{each['from']:g} to {each['to']:g}/s in {each['seconds']:g} s"
        for each in load["phases"]
    )


def _table(found: Mapping[str, Any]) -> list[str]:
    heads = [*NAMES, "max"]
    rows = [("latency, ms", found["latency_ms"]), ("failed, ms", found["failed_latency_ms"])]
    lines = [f"{'':<12}" + "".join(f"{head:>10}" for head in heads)]
    lines += [f"{name:<12}" + "".join(f"{_short(values[head]):>10}" for head in heads) for name, values in rows if values["max"] is not None]
    return lines if len(lines) > 1 else ["no request was answered"]


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}" if value < 1000 else f"{value:,.0f}"


def curves(found: Mapping[str, Any]) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """Return latency and throughput by second as curves, and the names of the lines."""
    timeline: Sequence[Mapping[str, Any]] = found["timeline"]
    steps = [each["second"] for each in timeline]
    latency = [{"run": name, "steps": steps, "values": [each[name] for each in timeline]} for name in ("p50", "p90", "p99")]
    length = {steps[-1]: found["seconds"] - steps[-1]} if steps else {}
    rates = [
        {"run": name, "steps": steps, "values": [each[name] / (min(1.0, max(0.1, length.get(each["second"], 1.0)))) for each in timeline]}
        for name in ("done", "failed")
    ]
    return {"latency, ms": latency, "requests per second": rates}, ["p50", "p90", "p99", "done", "failed"]
