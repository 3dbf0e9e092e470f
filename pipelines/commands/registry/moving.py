"""sagewright registry export | import"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands import flags
from pipelines.commands.registry.looking import VersionArgument, parse_version
from pipelines.errors import UsageError

ByFlag = Annotated[str | None, typer.Option("--by", help="Who does this, for the history; the login name if absent.")]


def export(
    home: flags.HomeFlag,
    version: VersionArgument,
    file: Annotated[Path | None, typer.Option("--file", help="The archive; GROUP-NUMBER.tar.gz if absent.")] = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Write a version into one archive: description, model, metrics, lineage, history, a manifest with SHA-256. The same version gives the same bytes.

    Example: sagewright registry export hotel-bookings/1 --file model.tar.gz
    """
    from pipelines.commands.printing import print_json
    from pipelines.local.home import Home
    from pipelines.local.model_packages import archive

    place = Home(home)
    package = place.registry.version(*parse_version(version))
    target = file or Path(f"{package['ModelPackageName']}-{package['ModelPackageVersion']}.tar.gz")
    if not target.absolute().parent.is_dir():
        raise UsageError("there is no such folder", where="--file", got=str(target.absolute().parent), expected="a folder that exists")
    manifest = archive.export(place, package, target)
    if output is flags.Output.json:
        print_json({"file": str(target), **manifest})
    else:
        print(f"wrote {target}: {package['ModelPackageArn']}, {len(manifest['files'])} files, {target.stat().st_size:,} bytes")
    return 0


def import_(
    home: flags.HomeFlag,
    file: Annotated[Path, typer.Argument(help="What `registry export` wrote.", exists=True, dir_okay=False)],
    group: Annotated[str | None, typer.Option("--group", help="The group to add it to; that of the archive if absent.")] = None,
    by: ByFlag = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Register what an archive holds as a new version that waits for approval; its hashes are verified before anything is kept.

    Example: sagewright registry import model.tar.gz --group bookings-staging
    """
    from pipelines.commands.printing import print_json
    from pipelines.local.home import Home
    from pipelines.local.model_packages.importing import import_package

    package = import_package(Home(home), file, group, by=by)
    if output is flags.Output.json:
        print_json(package)
    else:
        print(f"Registered: {package['ModelPackageArn']} ({package['ModelApprovalStatus']})")
    return 0
