"""Move traffic from an endpoint's old variants to its new ones (AWS developer guide, "Deployment guardrails"): at once, by a canary, or step by step."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.local.serving.fleet import Fleet
from pipelines.local.serving.measures import check_alarm

CHECK_EVERY_S = 0.2


@dataclass(frozen=True)
class Shift:
    """Hold how traffic moves: the shares of the new variants one after the other, and how long each stays before the next."""

    shares: Sequence[float]
    wait_s: float
    alarms: Sequence[Mapping[str, Any]]


def plan(config: Mapping[str, Any] | None, alarm: Callable[[str], Mapping[str, Any]], instances: int) -> Shift:
    """Return what a DeploymentConfig means; `alarm` finds the description of an alarm by its name, as PutMetricAlarm takes it.

    Raises:
        ClientFault: an alarm is of something that is not measured here.
    """
    blue_green = (config or {}).get("BlueGreenUpdatePolicy") or {}
    rolling = (config or {}).get("RollingUpdatePolicy")
    routing = blue_green.get("TrafficRoutingConfiguration") or {}
    named = ((config or {}).get("AutoRollbackConfiguration") or {}).get("Alarms") or []
    alarms = [check_alarm(alarm(each["AlarmName"])) for each in named]
    if rolling:
        size = _share(rolling.get("MaximumBatchSize") or {}, instances)
        return Shift(tuple(_steps(size)), float(rolling.get("WaitIntervalInSeconds", 0)), alarms)
    shares = SHARES[routing.get("Type", "ALL_AT_ONCE")](routing, instances)
    return Shift(tuple(shares), float(routing.get("WaitIntervalInSeconds", 0)), alarms)


def _share(size: Mapping[str, Any], instances: int) -> float:
    value = float(size.get("Value", 100))
    return min(1.0, value / 100 if size.get("Type", "CAPACITY_PERCENT") == "CAPACITY_PERCENT" else value / max(1, instances))


def _steps(size: float) -> Iterator[float]:
    share = 0.0
    while share < 1.0:
        share = min(1.0, share + max(size, 0.01))
        yield share if share < 0.9999 else 1.0


SHARES: Mapping[str, Callable[[Mapping[str, Any], int], Sequence[float]]] = {
    "ALL_AT_ONCE": lambda routing, instances: (1.0,),
    "CANARY": lambda routing, instances: (_share(routing.get("CanarySize") or {}, instances), 1.0),
    "LINEAR": lambda routing, instances: tuple(_steps(_share(routing.get("LinearStepSize") or {}, instances))),
}


async def carry_out(shift: Shift, fleet: Fleet, route: Callable[[float], None], speed: float) -> str | None:
    """Move the traffic and return None, or take it back and return which alarm went off; with `speed` 10 the waits are a tenth."""
    for share in shift.shares:
        route(share)
        begun = time.monotonic()
        while True:
            tripped = next((alarm for alarm in shift.alarms if any(each.measures.alarms(alarm, begun) for each in fleet.variants)), None)
            if tripped is not None:
                route(0.0)
                return f"alarm {tripped['AlarmName']} went off while the new variants had {share:.0%} of the traffic"
            left_s = shift.wait_s / speed - (time.monotonic() - begun)
            if left_s <= 0:
                break
            await asyncio.sleep(min(CHECK_EVERY_S, left_s))
    return None
