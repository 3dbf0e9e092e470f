"""sagewright monitor schedule"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.commands.monitor.place import KindFlag, kinds_of
from pipelines.errors import DefinitionError, UsageError

if TYPE_CHECKING:
    from pipelines.definition.schedules import Watch

PLACEHOLDER = "arn:aws:iam::000000000000:role/SagewrightLocal"


class Service(str, enum.Enum):
    """Choose who runs the analyses: a pipeline of ours that a schedule starts, or Model Monitor."""

    pipeline = "pipeline"
    monitor = "model-monitor"


def schedule(
    home: flags.HomeFlag,
    endpoint: Annotated[str, typer.Argument(help="The endpoint in the account; with --version or --dry-run one of this machine does, too.")],
    cron: Annotated[str, typer.Option("--cron", help='When: five fields as "0 6 * * *", hourly, daily, weekly, or AWS\'s cron(…). UTC.')] = "daily",
    kind: KindFlag = None,
    service: Annotated[Service, typer.Option("--service", help="A pipeline of ours, or Model Monitor, which takes no new customers.")] = Service.pipeline,
    hours: Annotated[int, typer.Option("--hours", min=1, max=720, help="How far each run looks back.")] = 24,
    output_uri: Annotated[str, typer.Option("--output-uri", help="s3:// place for code and results.")] = "",
    ground_truth: Annotated[str, typer.Option("--ground-truth", help="s3:// place where ground truth arrives.")] = "",
    version: Annotated[str | None, typer.Option("--version", help="GROUP/NUMBER of this machine, in the place of what the endpoint serves.")] = None,
    captured: Annotated[str, typer.Option("--captured", help="s3:// place of captured data, where the endpoint does not say it.")] = "",
    topic: Annotated[str, typer.Option("--topic", help="ARN of an SNS topic that hears the alarms.")] = "",
    instance_type: Annotated[str, typer.Option("--instance-type", help="SageMaker instance type of the jobs.")] = "ml.m5.xlarge",
    problem: Annotated[str, typer.Option("--problem-type", help="Of a model that is no package of ours.")] = "",
    role_arn: flags.RoleFlag = None,
    scheduler_role_arn: Annotated[str, typer.Option("--scheduler-role-arn", help="Role that starts the pipeline; that of the jobs if absent.")] = "",
    region: flags.RegionFlag = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the requests and change nothing; needs no account with a version of this machine.")] = False,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Look for drift again and again on AWS: create or update what that needs, and alarms that say when something drifted.

    Example: sagewright monitor schedule hotel-bookings --cron hourly --hours 6 --output-uri s3://my-bucket/monitoring --role-arn arn:aws:iam::…:role/ml
    """
    from pipelines.commands.monitor.watching import Asked, requests_of, watch_of

    asked = Asked(endpoint, cron, kinds_of(kind), hours, output_uri, ground_truth, captured, topic, instance_type, problem)
    roles = role_arn or PLACEHOLDER, scheduler_role_arn or role_arn or PLACEHOLDER
    watch, package, skipped = watch_of(home, asked, version, roles, region, offline=dry_run, managed=service is Service.monitor)
    requests, objects = requests_of(watch, package, managed=service is Service.monitor)
    _check(requests)
    if dry_run:
        return _show(requests, skipped)
    if roles[0] == PLACEHOLDER:
        raise UsageError("the role is the placeholder for local runs", where="--role-arn", hint="Give the role that the jobs run with.")
    done = _send(watch, requests, objects, managed=service is Service.monitor)
    return _report(done, skipped, output)


def _check(requests: Mapping[str, Any]) -> None:
    """Hold the requests to SageMaker against botocore's model, and a definition against the deep check.

    Raises:
        DefinitionError: one is not as the service takes it.
    """
    import json

    from pipelines.definition.checks import check
    from pipelines.definition.shapes import check_request, model

    problems = []
    for operation, listed in requests.items():
        if operation in model()["operations"]:
            for request in listed if isinstance(listed, list) else [listed]:
                problems += list(check_request(operation, request, operation, frozenset({"ClientRequestToken"})))
                definition = request.get("PipelineDefinition")
                problems += [each for each in check(json.loads(definition)) if each.severity == "error"] if definition else []
    if problems:
        raise DefinitionError(tuple(problems), where="monitor schedule")


def _show(requests: Mapping[str, Any], skipped: Sequence[str]) -> int:
    import json
    import sys

    from pipelines.commands.printing import print_json

    shown = dict(requests)
    if "CreatePipeline" in shown:
        shown["CreatePipeline"] = {**shown["CreatePipeline"], "PipelineDefinition": json.loads(shown["CreatePipeline"]["PipelineDefinition"])}
    print_json(shown)
    for line in skipped:
        print(line, file=sys.stderr)
    return 0


def _send(watch: Watch, requests: Mapping[str, Any], objects: Mapping[str, bytes | Path], *, managed: bool) -> list[dict[str, str]]:
    import sys

    from pipelines.aws import monitoring
    from pipelines.aws.upsert import upsert

    connection = monitoring.session(watch.region)
    if managed:
        return [vars(each) for each in monitoring.put_monitors(connection, requests)]
    pipeline = requests["CreatePipeline"]
    sent = upsert(
        pipeline["PipelineDefinition"],
        name=pipeline["PipelineName"],
        role_arn=pipeline["RoleArn"],
        objects=objects,
        region=watch.region,
        description=pipeline["PipelineDescription"],
        progress=lambda line: None if line.startswith("uploading") else print(line, file=sys.stderr),
    )
    first = {"what": "pipeline", "name": pipeline["PipelineName"], "action": sent.action}
    return [first, *(vars(each) for each in monitoring.put_schedules(connection, requests))]


def _report(done: Sequence[Mapping[str, str]], skipped: Sequence[str], output: flags.Output) -> int:
    from pipelines.commands.printing import print_json, table

    if output is flags.Output.json:
        print_json({"done": list(done), "skipped": list(skipped)})
        return 0
    print(table([[each["action"], each["what"], each["name"]] for each in done], ["ACTION", "WHAT", "NAME"]))
    print("".join(f"\n{line}" for line in skipped), end="\n" if skipped else "")
    return 0
