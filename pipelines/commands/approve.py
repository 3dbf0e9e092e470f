"""sagewright approve"""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands import flags


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("approve")(approve)


def approve(
    home: flags.HomeFlag,
    version: Annotated[str, typer.Argument(help="GROUP, GROUP/NUMBER or a model package ARN; the newest version if none is named.")],
    reject: Annotated[bool, typer.Option("--reject", help="Set Rejected instead of Approved.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Kept as ApprovalDescription and in the history.")] = "",
    by: Annotated[str | None, typer.Option("--by", help="Who approves, for the history; the login name if absent.")] = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Approve (or reject) a model package of the local registry.

    Example: sagewright approve hotel-bookings/1 --reason "better recall"
    """
    from pipelines.commands.printing import print_json
    from pipelines.commands.registry import parse_version
    from pipelines.local.home import Home

    place = Home(home)
    package = place.registry.approve(*parse_version(version), "Rejected" if reject else "Approved", reason, by)
    # What an approval starts goes here: place, package.
    if output is flags.Output.json:
        print_json(package)
    else:
        print(f"{package['ModelPackageArn']} is {package['ModelApprovalStatus']}")
    return 0
