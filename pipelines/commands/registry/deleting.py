"""sagewright registry delete"""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands import flags
from pipelines.commands.registry.looking import parse_version
from pipelines.commands.registry.moving import ByFlag
from pipelines.errors import UsageError

WHERE = "sagewright registry delete"


def delete(
    home: flags.HomeFlag,
    version: Annotated[str, typer.Argument(help="GROUP/NUMBER or a model package ARN; with --group a group without versions.")],
    group: Annotated[bool, typer.Option("--group", help="Delete the group itself; it must have no versions.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also a version that is approved, or that an endpoint uses.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="For the history.")] = "",
    by: ByFlag = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Delete one version; its number is not given again, and its model stays in the local S3.

    Examples: sagewright registry delete hotel-bookings/1 --reason "leaked" | sagewright registry delete hotel-bookings --group
    """
    from pipelines.commands.printing import print_json
    from pipelines.local.home import Home
    from pipelines.local.model_packages import removal

    name, number = parse_version(version)
    if (number is None) is not group:
        raise UsageError("say which version", where=WHERE, got=version, expected="GROUP/NUMBER; GROUP and --group for a group without versions")
    place = Home(home)
    if number is None:
        place.registry.delete_group(name)
    else:
        removal.delete(place, name, number, force=force, reason=reason, by=by)
    if output is flags.Output.json:
        print_json({"deleted": version, "kind": "group" if group else "version"})
    else:
        print(f"deleted: {version}")
    return 0
