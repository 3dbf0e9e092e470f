"""sagewright approve"""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands import flags
from pipelines.errors import RunFailed, UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("approve")(approve)


def approve(
    home: flags.HomeFlag,
    version: Annotated[str, typer.Argument(help="GROUP, GROUP/NUMBER or a model package ARN; the newest version if none is named.")],
    reject: Annotated[bool, typer.Option("--reject", help="Set Rejected instead of Approved.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Kept as ApprovalDescription and in the history.")] = "",
    by: Annotated[str | None, typer.Option("--by", help="Who approves, for the history; the login name if absent.")] = None,
    deploy: Annotated[str, typer.Option("--deploy", metavar="ENDPOINT", help="Put the version behind this endpoint at once; it is made when it is new.")] = "",
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Approve (or reject) a model package of the local registry.

    Example: sagewright approve hotel-bookings/1 --reason "better recall" --deploy bookings
    """
    from pipelines.commands.deploy import deploy_package
    from pipelines.commands.printing import print_json
    from pipelines.commands.registry import parse_version
    from pipelines.local.home import Home

    if deploy and reject:
        raise UsageError("a version that is rejected is not deployed", where="approve", got="--reject and --deploy", expected="one of them")
    place = Home(home)
    package = place.registry.approve(*parse_version(version), "Rejected" if reject else "Approved", reason, by)
    record = deploy_package(home, package, deploy) if deploy else None
    if output is flags.Output.json:
        print_json({**package, "Endpoint": record} if record else package)
    else:
        served = [f"{record['EndpointName']}: {record['EndpointStatus']}"] if record else []
        print("\n".join([f"{package['ModelPackageArn']} is {package['ModelApprovalStatus']}", *served]))
    if record and record.get("FailureReason"):
        raise RunFailed(str(record["FailureReason"]), where=deploy)
    return 0
