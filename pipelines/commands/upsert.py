"""sagewright upsert"""

from __future__ import annotations

from pathlib import Path

import typer

from pipelines.commands import flags
from pipelines.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("upsert")(upsert)


def upsert(
    home: flags.HomeFlag,
    source: flags.SourceArgument = Path("pipeline.yaml"),
    role_arn: flags.RoleFlag = None,
    bucket: flags.BucketFlag = None,
    region: flags.RegionFlag = None,
    profile: flags.ProfileFlag = None,
    set_: flags.SetFlag = None,
    output: flags.OutputFlag = flags.Output.text,
    quiet: flags.QuietFlag = False,
) -> int:
    """Send the pipeline to SageMaker: code and data first, then create or update. Nothing is started.

    Example: sagewright upsert --role-arn arn:aws:iam::123456789012:role/ml --bucket my-bucket
    """
    import sys

    from pipelines.aws.upsert import upsert as send
    from pipelines.commands.printing import print_json
    from pipelines.commands.project import Request, aws_sets, open_project
    from pipelines.commands.run import checked

    account = {} if source.suffix == ".json" else aws_sets(role_arn, bucket, region)
    project = open_project(Request(source, home, profile, sets={**flags.pairs(set_, "--set"), **account}))
    checked(project.text, str(source), runs_here=False)
    aws = project.config.aws if project.config else None
    role = role_arn or (aws.role_arn if aws else None)
    if role is None:
        raise UsageError("a definition does not say which role its pipeline has", where=str(source), hint="Give --role-arn.")
    result = send(
        project.text,
        name=project.name,
        role_arn=role,
        objects=project.objects,
        region=region or (aws.region if aws else None),
        description=project.config.description if project.config else None,
        progress=lambda line: None if quiet else print(line, file=sys.stderr),
    )
    if output is flags.Output.json:
        print_json(vars(result))
    else:
        print(f"{result.action} {result.pipeline_arn}\ndefinition sha256 {result.definition_sha256}")
    return 0
