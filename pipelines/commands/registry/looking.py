"""sagewright registry list | show | latest | history | rule"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.errors import UsageError

VersionArgument = Annotated[str, typer.Argument(help="GROUP, GROUP/NUMBER or a model package ARN; the newest version if none is named.")]
StatusFlag = Annotated[str, typer.Option("--status", help="Approved, PendingManualApproval or Rejected.")]


def list_(
    home: flags.HomeFlag,
    name: Annotated[str | None, typer.Argument(help="A model package group; all groups if absent.")] = None,
    status: Annotated[str | None, typer.Option("--status", help="Only versions with this approval status.")] = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """List model package versions, newest first.

    Example: sagewright registry list hotel-bookings
    """
    from pipelines.commands.printing import clock_time, print_json, table
    from pipelines.local.home import Home

    if status:
        _check_status(status)
    registry = Home(home).registry
    packages = [package for group in ([name] if name else registry.groups()) for package in registry.versions(group)]
    packages = [package for package in packages if status in (None, package["ModelApprovalStatus"])]
    if output is flags.Output.json:
        print_json(packages)
        return 0
    rows = [
        [p["ModelPackageName"], p["ModelPackageVersion"], p["ModelApprovalStatus"], clock_time(p["CreationTime"]), p.get("ApprovalDescription", "")]
        for p in packages
    ]
    none = f"No version is {status}." if status else "No model is registered yet."
    print(table(rows, ["GROUP", "VERSION", "APPROVAL", "REGISTERED", "REASON"]) if rows else none)
    return 0


def _check_status(status: str) -> None:
    from pipelines.local.registry import STATUSES

    if status not in STATUSES:
        raise UsageError("this is not an approval status", where="--status", got=status, expected=f"one of: {', '.join(STATUSES)}")


def parse_version(text: str) -> tuple[str, int | None]:
    """Return group and version of `group`, `group/3`, `group:3` or an ARN; no version means the newest.

    Raises:
        UsageError: what follows the group is no number.
    """
    name = text.split(":model-package/", 1)[-1]
    group, _, number = name.replace(":", "/").partition("/")
    if number and not (number.isascii() and number.isdecimal()):
        raise UsageError("this is not a version", where=text, got=repr(number), expected="GROUP or GROUP/NUMBER")
    return group, int(number) if number else None


def show(home: flags.HomeFlag, version: VersionArgument, output: flags.OutputFlag = flags.Output.text) -> int:
    """Show one model package as DescribeModelPackage would, and in text what was done to it.

    Example: sagewright registry show hotel-bookings/1
    """
    from pipelines.commands.printing import clock_time, one_line, print_json, visible
    from pipelines.local.home import Home
    from pipelines.local.model_packages.named import baseline_uris, metric_uris

    registry = Home(home).registry
    package = registry.version(*parse_version(version))
    if output is flags.Output.json:
        print_json(package)
        return 0
    containers = (package.get("InferenceSpecification") or {}).get("Containers") or [{}]
    facts = {
        "Model package": package["ModelPackageArn"],
        "Approval": package["ModelApprovalStatus"],
        "Reason": package.get("ApprovalDescription", ""),
        "Registered": clock_time(package["CreationTime"]),
        "Description": package.get("ModelPackageDescription", ""),
        "Image": containers[0].get("Image", ""),
        "Model": containers[0].get("ModelDataUrl", ""),
        "Metrics": ((package.get("ModelMetrics") or {}).get("ModelQuality") or {}).get("Statistics", {}).get("S3Uri", ""),
    }
    print(visible("\n".join(f"{name + ':':<15}{one_line(str(value))}" for name, value in facts.items() if value)))
    named = (("metrics", metric_uris(package)), ("baseline", baseline_uris(package)))
    files = [f"  {f'{what} {place}':<40}{uri}" for what, uris in named for place, uri in uris.items()]
    print("\n".join(["Files:", *files]) if files else "", end="\n" if files else "")
    events = registry.history(package["ModelPackageName"], package["ModelPackageVersion"])
    print("\n".join(["History:", *(f"  {_told(event)}" for event in events)]) if events else "", end="\n" if events else "")
    return 0


def _told(event: Mapping[str, Any]) -> str:
    from pipelines.commands.printing import clock_time, one_line, visible

    change = f"{event['from']} -> {event['to']}" if event["from"] else event["to"]
    return visible(one_line(f"{clock_time(event['time'])}  {event['by']}  {change}{'  ' + event['reason'] if event['reason'] else ''}"))


def latest(
    home: flags.HomeFlag,
    group: Annotated[str, typer.Argument(help="A model package group.")],
    status: StatusFlag = "Approved",
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Print the ARN of the newest approved version, with `--output json` its description; exit code 2 when there is none.

    Example: sagewright registry latest hotel-bookings
    """
    from pipelines.commands.printing import print_json
    from pipelines.local.home import Home

    _check_status(status)
    package = Home(home).registry.version(group, status=status)
    if output is flags.Output.json:
        print_json(package)
    else:
        print(package["ModelPackageArn"])
    return 0


def history(
    home: flags.HomeFlag,
    version: Annotated[str, typer.Argument(help="GROUP for all of its versions, those that are deleted too, or GROUP/NUMBER.")],
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Show who registered, approved, rejected and deleted versions, when and why.

    Example: sagewright registry history hotel-bookings
    """
    from pipelines.commands.printing import print_json
    from pipelines.local.home import Home

    group, number = parse_version(version)
    registry = Home(home).registry
    registry.versions(group)  # an error when there is no such group
    events = registry.history(group, number)
    if output is flags.Output.json:
        print_json(events)
    else:
        print("\n".join(f"{group}/{event['version']}  {_told(event)}" for event in events) or "Nothing is recorded.")
    return 0


def rule(
    group: Annotated[str, typer.Argument(help="A model package group.")],
    status: StatusFlag = "Approved",
    pattern: Annotated[bool, typer.Option("--pattern", help="Only the event pattern.")] = False,
) -> int:
    """Print the EventBridge rule (a PutRule request) that starts something when a version of the group is approved in SageMaker.

    Example: sagewright registry rule hotel-bookings > rule.json && aws events put-rule --cli-input-json file://rule.json
    """
    from pipelines.commands.printing import print_json
    from pipelines.definition.events import approval_pattern, approval_rule
    from pipelines.local.registry import GROUP, STATUSES

    if status not in STATUSES or not GROUP.fullmatch(group):
        raise UsageError("there is no such rule", where="sagewright registry rule", got=f"{group!r} {status!r}", expected="a group's name and a status")
    print_json(approval_pattern(group, status) if pattern else approval_rule(group, status))
    return 0
