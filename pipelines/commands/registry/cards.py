"""sagewright registry card"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.commands.registry.looking import VersionArgument, parse_version
from pipelines.errors import UsageError


def card(
    home: flags.HomeFlag,
    version: VersionArgument,
    html: Annotated[Path | None, typer.Option("--html", help="Write the card as one HTML page.")] = None,
    upload: Annotated[bool, typer.Option("--upload", help="Create or update a card of its own in SageMaker.")] = False,
    name: Annotated[str | None, typer.Option("--name", help="The name of the card in SageMaker; GROUP-VERSION if absent.")] = None,
    region: flags.RegionFlag = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Show the model card that a version was registered with; `--output json` prints it as the service's schema has it.

    Example: sagewright registry card hotel-bookings/1 --html card.html
    """
    from pipelines.commands.printing import print_json
    from pipelines.local.home import Home
    from pipelines.local.model_packages.cards import card_of

    package = Home(home).registry.version(*parse_version(version))
    found, status = card_of(package)
    told = [*(_written(html, found, status) if html else ()), *(_sent(package, found, status, name, region) if upload else ())]
    if output is flags.Output.json:
        print_json(found)
    else:
        print("\n".join(told or _text(package, found, status)))
    return 0


def _written(target: Path, found: Mapping[str, Any], status: str) -> list[str]:
    """Write the page, drawn by the very code of the job that made the card."""
    from pipelines.jobs import job_module

    if not target.absolute().parent.is_dir():
        raise UsageError("there is no such folder", where="--html", got=str(target.absolute().parent), expected="a folder that exists")
    target.write_text(job_module("jobkit.card.page").page(found, status), encoding="utf-8")
    return [f"wrote {target}"]


def _sent(package: Mapping[str, Any], found: Mapping[str, Any], status: str, name: str | None, region: str | None) -> list[str]:
    from pipelines.aws.model_card import put_card
    from pipelines.jobs import job_module
    from pipelines.local.registry import GROUP

    wanted = name or f"{package['ModelPackageName']}-{package['ModelPackageVersion']}"
    if not GROUP.fullmatch(wanted):
        raise UsageError("this is not the name of a model card", where="--name", got=wanted[:80], expected="1 to 63 letters, digits and hyphens")
    whole = job_module("jobkit.card.content").whole(found)
    put = put_card(wanted, json.dumps(whole, separators=(",", ":")), status, region)
    return [f"{put.action} {put.model_card_arn}"]


def _text(package: Mapping[str, Any], found: Mapping[str, Any], status: str) -> list[str]:
    from pipelines.jobs import job_module

    found = job_module("jobkit.card.content").whole(found)
    overview, uses = found.get("model_overview") or {}, found.get("intended_uses") or {}
    more = found.get("additional_information") or {}
    figures = job_module("jobkit.card.metrics").summary(_groups(found, "quality"))
    facts = {
        "Model package": package["ModelPackageArn"],
        "Status": status,
        "Model": (more.get("custom_details") or {}).get("model name", ""),
        "Description": overview.get("model_description", ""),
        "Problem": overview.get("problem_type", ""),
        "Purpose": uses.get("purpose_of_model", ""),
        "Risk": uses.get("risk_rating", ""),
        "Caveats": more.get("caveats_and_recommendations", ""),
        "Metrics": ", ".join(f"{metric} {value:.4g}" for metric, value in figures.items()),
        "Evaluations": ", ".join(f"{part.get('name')} ({len(part.get('metric_groups') or ())})" for part in found.get("evaluation_details") or ()),
    }
    return [f"{key + ':':<15}{value}" for key, value in facts.items() if value]


def _groups(found: Mapping[str, Any], name: str) -> list[Any]:
    return [group for part in found.get("evaluation_details") or () if part.get("name") == name for group in part.get("metric_groups") or ()]
