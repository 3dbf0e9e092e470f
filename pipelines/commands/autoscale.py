"""sagewright autoscale"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.commands.files import replace_file
from pipelines.errors import UsageError

if TYPE_CHECKING:
    from pipelines.autoscale.instances import Instance
    from pipelines.autoscale.policies import Policy
    from pipelines.autoscale.simulate import Fleet

WHERE = "sagewright autoscale"
NOTES = (
    "an estimate: service times were measured on the machine of the load test, and a vCPU of the instance is taken to be as fast",
    "an endpoint scales no further while instances start; cooldowns count from the end of a change; a minute without requests has no datapoint",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("autoscale")(autoscale)


def autoscale(
    home: flags.HomeFlag,
    result: Annotated[Path | None, typer.Argument(help="What `sagewright loadtest` kept; the newest if absent.")] = None,
    traffic: Annotated[str, typer.Option("--traffic", help="constant:R, ramp:A:B, daily:LOW:HIGH, spike:BASE:PEAK, or a CSV of seconds,rate.")] = "daily:1:20",
    hours: Annotated[float, typer.Option("--hours", min=0.05, max=336, help="How long a built-in shape is.")] = 24.0,
    policy: Annotated[
        list[str] | None, typer.Option("--policy", help="target:600, step:600,0=+1,-300=-1, scheduled:08:00=4,20:00=1 or fixed:3. Repeatable.")
    ] = None,
    least: Annotated[int, typer.Option("--min", min=1, max=500, help="The least number of instances.")] = 1,
    most: Annotated[int, typer.Option("--max", min=1, max=500, help="The largest number of instances.")] = 20,
    p99: Annotated[float | None, typer.Option("--p99", min=0.001, help="Milliseconds to keep; three times the p99 of the service times if absent.")] = None,
    instance_type: Annotated[str, typer.Option("--instance-type", help="For vCPUs and price.")] = "ml.m5.large",
    parallel: Annotated[float | None, typer.Option("--parallel", min=0.1, help="Requests an instance works on at once; its vCPUs if absent.")] = None,
    start: Annotated[int, typer.Option("--start-seconds", min=0, help="Until a new instance serves.")] = 300,
    price: Annotated[list[str] | None, typer.Option("--price", help="TYPE=USD an hour, in the place of the list price. Repeatable.")] = None,
    shared: Annotated[bool, typer.Option("--least-outstanding", help="RoutingStrategy LEAST_OUTSTANDING_REQUESTS; else RANDOM.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the random arrivals.")] = 0,
    advise: Annotated[bool, typer.Option("--advise", help="Also compare instance types for the highest rate.")] = False,
    model: Annotated[Path | None, typer.Option("--model", help="The model.tar.gz, whose size says how much memory a worker needs.", exists=True)] = None,
    endpoint: Annotated[str, typer.Option("--endpoint", help="The endpoint's name in the requests.")] = "ENDPOINT",
    variant: Annotated[str, typer.Option("--variant", help="The variant's name in the requests.")] = "AllTraffic",
    requests: Annotated[Path | None, typer.Option("--requests", help="Write the policy's requests to Application Auto Scaling to this file.")] = None,
    chosen: Annotated[str | None, typer.Option("--choose", help="The --policy that is written; what is recommended if absent.")] = None,
    chart: Annotated[Path | None, typer.Option("--chart", help="Draw instances, latency and cost over time to this file, .svg or .html.")] = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Simulate automatic scaling over the service times of a load test: instances, latency and cost of each policy, and which to take.

    Examples: sagewright autoscale --traffic daily:20:200 --policy target:600 --policy fixed:4 --chart scaling.svg |
    sagewright autoscale load.json --traffic rates.csv --p99 200 --endpoint shop --requests scaling.json
    """
    from pipelines.autoscale.advise import recommend
    from pipelines.commands.printing import print_json

    if most < least:
        raise UsageError("there is no such number of instances", where=WHERE, got=f"--min {least} --max {most}", expected="--min at most --max")
    known = _types(price)
    measured = _result(home, result)
    fleet = _fleet(measured, known, instance_type, parallel, start, shared)
    rates = _rates(traffic, hours)
    goal = p99 or round(3000 * float(fleet.service.at(0.99)), 3)
    world = _World(rates, fleet, seed, least, most)
    best = recommend(rates, fleet, goal, seed, least, most)
    policies = _policies(policy, world, best)
    found = world.document(traffic, instance_type, policies, goal, best)
    found["notes"] += _seen(measured[0], fleet)
    if advise:
        found["instances"] = _advice(world, goal, model, known)
    if requests:
        found["requests"] = _written(requests, _choice(chosen, policies, best), endpoint, variant)
    _draw(chart, found)
    if output is flags.Output.json:
        print_json(found)
    else:
        _print(found)
    return 0


@dataclass(frozen=True)
class _World:
    """Hold what every simulation shares."""

    rates: Sequence[float]
    fleet: Fleet
    seed: int
    least: int
    most: int

    def document(self, traffic: str, instance_type: str, policies: Sequence[Policy], goal_ms: float, best: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return what the simulations found, JSON-ready."""
        from pipelines.autoscale.instances import PRICES_OF
        from pipelines.autoscale.simulate import simulate, summary

        fleet = self.fleet
        told = {"instance_type": instance_type, "parallel": fleet.parallel, "requests_per_second": round(fleet.per_second, 3), "start_s": fleet.start_s}
        return {
            "traffic": {"name": traffic, "hours": round(len(self.rates) / 3600, 3), "requests": round(sum(self.rates)), "peak": max(self.rates)},
            "fleet": {**told, "usd_per_hour": fleet.usd_per_hour, "routing": "LEAST_OUTSTANDING_REQUESTS" if fleet.shared else "RANDOM"},
            "goal_p99_ms": goal_ms,
            "seed": self.seed,
            "policies": [summary(simulate(self.rates, fleet, each), fleet, self.seed) for each in policies],
            "recommended": {name: value for name, value in best.items() if name != "policy"} if best else None,
            "notes": [*NOTES, f"prices: {PRICES_OF}"],
        }


def _types(price: list[str] | None) -> dict[str, Instance]:
    from pipelines.autoscale.instances import table

    try:
        return table({name: float(value) for name, value in flags.pairs(price, "--price").items()})
    except ValueError:
        raise UsageError("this is no price", where="--price", got=repr(price), expected="TYPE=USD, e.g. ml.m5.large=0.115") from None


def _result(home: Path, named: Path | None) -> tuple[Mapping[str, Any], str]:
    import json

    made = sorted((home / "loadtests").glob("*.json"), key=lambda path: -path.stat().st_mtime_ns)
    file = named or next((path for path in made if b'"service_times": {' in path.read_bytes()), made[0] if made else None)
    if file is None:
        raise UsageError("there is no load test yet", where=WHERE, hint="Run `sagewright loadtest` first, or name a result.")
    try:
        return json.loads(file.read_bytes()), str(file)
    except (OSError, ValueError) as error:
        raise UsageError("this is not the result of a load test", where=str(file), got=type(error).__name__) from None


def _fleet(
    result: tuple[Mapping[str, Any], str], known: Mapping[str, Instance], instance_type: str, parallel: float | None, start_s: int, shared: bool
) -> Fleet:
    from pipelines.autoscale.instances import instance
    from pipelines.autoscale.service import of_result
    from pipelines.autoscale.simulate import Fleet

    chosen = instance(instance_type, known)
    return Fleet(of_result(*result), parallel or chosen.vcpus, chosen.usd_per_hour, start_s, shared=shared)


def _seen(result: Mapping[str, Any], fleet: Fleet) -> list[str]:
    """Return what the load test saw of requests at once, when that is fewer than is taken for the instance."""
    seen = result["service_times"].get("parallel")
    if not isinstance(seen, (int, float)) or seen >= 0.9 * fleet.parallel:
        return []
    return [f"the load test saw {seen:g} requests worked on at once, an instance is taken to work on {fleet.parallel:g}: --parallel says otherwise"]


def _rates(traffic: str, hours: float) -> list[float]:
    from pipelines.autoscale.traffic import from_csv, shape

    file = Path(traffic)
    if not traffic.lower().endswith(".csv"):
        return shape(traffic, round(hours * 3600))
    try:
        return from_csv(file.read_text(), traffic)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("this file cannot be read", where="--traffic", got=traffic, expected=type(error).__name__) from None


def _policies(wanted: list[str] | None, world: _World, best: Mapping[str, Any] | None) -> list[Policy]:
    """Return the policies to simulate: those that are named, else a fixed number for the highest rate, two targets and steps; and what is recommended."""
    from pipelines.autoscale.advise import PLANNED, per_minute
    from pipelines.autoscale.policies import parse

    peak = min(world.most, math.ceil(max(world.rates) / (world.fleet.per_second * PLANNED)) or 1)
    low, high = per_minute(world.fleet, 0.5), per_minute(world.fleet, PLANNED)
    usual = [f"fixed:{peak}", f"target:{low:g}", f"target:{high:g}", f"step:{high:g},0=+1,{high / 2:g}=+3,{-high / 2:g}=-1"]
    found = [parse(text, world.least, world.most) for text in dict.fromkeys(wanted or usual)]
    same = best and any((each.scaling, each.least) == (best["policy"].scaling, best["policy"].least) for each in found)
    return [*found, *([best["policy"]] if best and not same else [])]


def _choice(chosen: str | None, policies: Sequence[Policy], best: Mapping[str, Any] | None) -> Policy:
    if chosen is None and best is None:
        raise UsageError("nothing is recommended", where="--requests", expected="--choose with one of --policy")
    found: Policy | None = best["policy"] if chosen is None and best else next((each for each in policies if each.name == chosen), None)
    if found is None:
        raise UsageError("this policy was not simulated", where="--choose", got=repr(chosen), expected=f"one of: {', '.join(each.name for each in policies)}")
    return found


def _written(file: Path, policy: Policy, endpoint: str, variant: str) -> dict[str, Any]:
    import json

    from pipelines.autoscale.requests import requests

    found = requests(policy, endpoint, variant)
    replace_file(file, (json.dumps(found, indent=1) + "\n").encode())
    print(f"wrote {file}", file=sys.stderr)
    return found


def _advice(world: _World, goal_ms: float, model: Path | None, known: Mapping[str, Instance]) -> list[dict[str, Any]]:
    from pipelines.autoscale.advise import instances

    return instances(max(world.rates), goal_ms, world.fleet.service, model.stat().st_size if model else 0, known, world.seed, world.least)


def _draw(chart: Path | None, found: Mapping[str, Any]) -> None:
    from pipelines.autoscale.view import curves, text
    from pipelines.report.chart_page import page
    from pipelines.report.curves_svg import svg

    if chart is None:
        return
    if chart.suffix.lower() not in (".svg", ".html"):
        raise UsageError("a chart cannot be written as this", where="--chart", got=str(chart), expected="a file name that ends in .svg or .html")
    drawn, names = curves(found)
    picture = svg(drawn, names, axis="minute", zero=True)
    replace_file(chart, (picture if chart.suffix.lower() == ".svg" else page("Automatic scaling, simulated", text(found), [picture])).encode())
    print(f"wrote {chart}", file=sys.stderr)


def _print(found: Mapping[str, Any]) -> None:
    from pipelines.autoscale.view import advice, text

    print(text(found))
    if "instances" in found:
        print(f"\nFor {found['traffic']['peak']:,.0f} requests a second at 70% load:\n{advice(found['instances'])}")
