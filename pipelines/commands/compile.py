"""sagewright compile"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands import flags


def register(app: typer.Typer) -> None:
    """Add the command, and under the name that AWS's own template gave it."""
    app.command("compile")(compile_)
    app.command("get-pipeline-definition", hidden=True)(compile_)


def compile_(
    home: flags.HomeFlag,
    source: flags.ConfigArgument = Path("pipeline.yaml"),
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Write the definition here instead of printing it.")] = None,
    profile: flags.ProfileFlag = None,
    set_: flags.SetFlag = None,
    role_arn: flags.RoleFlag = None,
    bucket: flags.BucketFlag = None,
    region: flags.RegionFlag = None,
    pretty: Annotated[bool, typer.Option("--pretty", help="Indent it for reading; `run` and `upsert` take the compact form.")] = False,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Print the pipeline definition JSON, or write it to a file.

    Example: sagewright compile --file definition.json
    """
    import hashlib
    import json

    from pipelines.commands.printing import print_json
    from pipelines.commands.project import Request, aws_sets, open_project
    from pipelines.local.home import Home

    sets = {**flags.pairs(set_, "--set"), **aws_sets(role_arn, bucket, region)}
    project = open_project(Request(source, home, profile, sets=sets))
    Home(home).store.put_objects(project.objects)
    text = json.dumps(json.loads(project.text), indent=2) if pretty else project.text
    if file:
        partial = file.with_name(f".{file.name}.partial")
        partial.write_text(text)
        partial.replace(file)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if output is flags.Output.json:
        told = {"pipeline_name": project.name, "definition_sha256": digest, "objects": sorted(project.objects), "file": str(file) if file else None}
        print_json(told if file else {**told, "definition": json.loads(text)})
    else:
        print(f"{file}: {len(text):,} characters, sha256 {digest}" if file else text)
    return 0
