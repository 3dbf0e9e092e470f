"""sagewright registry list | show"""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands import flags
from pipelines.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True, help="Look at the local Model Registry.", rich_markup_mode=None)
    group.command("list")(list_)
    group.command("show")(show)
    app.add_typer(group, name="registry")


def list_(
    home: flags.HomeFlag,
    name: Annotated[str | None, typer.Argument(help="A model package group; all groups if absent.")] = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """List model package versions, newest first.

    Example: sagewright registry list hotel-bookings
    """
    from pipelines.commands.printing import clock_time, print_json, table
    from pipelines.local.home import Home

    registry = Home(home).registry
    packages = [package for group in ([name] if name else registry.groups()) for package in registry.versions(group)]
    if output is flags.Output.json:
        print_json(packages)
        return 0
    rows = [[p["ModelPackageName"], p["ModelPackageVersion"], p["ModelApprovalStatus"], clock_time(p["CreationTime"])] for p in packages]
    print(table(rows, ["GROUP", "VERSION", "APPROVAL", "REGISTERED"]) if rows else "No model is registered yet.")
    return 0


def parse_version(text: str) -> tuple[str, int | None]:
    """Return group and version of `group`, `group/3`, `group:3` or an ARN; no version means the newest.

    Raises:
        UsageError: what follows the group is no number.
    """
    name = text.split(":model-package/", 1)[-1]
    group, _, number = name.replace(":", "/").partition("/")
    if number and not number.isdigit():
        raise UsageError("this is not a version", where=text, got=repr(number), expected="GROUP or GROUP/NUMBER")
    return group, int(number) if number else None


def show(
    home: flags.HomeFlag,
    version: Annotated[str, typer.Argument(help="GROUP, GROUP/NUMBER or a model package ARN; the newest version if none is named.")],
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Show one model package as DescribeModelPackage would.

    Example: sagewright registry show hotel-bookings/1
    """
    from pipelines.commands.printing import clock_time, print_json
    from pipelines.local.home import Home

    package = Home(home).registry.version(*parse_version(version))
    if output is flags.Output.json:
        print_json(package)
        return 0
    containers = (package.get("InferenceSpecification") or {}).get("Containers", [{}])
    facts = {
        "Model package": package["ModelPackageArn"],
        "Approval": package["ModelApprovalStatus"],
        "Registered": clock_time(package["CreationTime"]),
        "Description": package.get("ModelPackageDescription", ""),
        "Image": containers[0].get("Image", ""),
        "Model": containers[0].get("ModelDataUrl", ""),
        "Metrics": ((package.get("ModelMetrics") or {}).get("ModelQuality") or {}).get("Statistics", {}).get("S3Uri", ""),
    }
    print("\n".join(f"{name + ':':<15}{value}" for name, value in facts.items() if value))
    return 0
