"""sagewright feature-group create"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands import flags
from pipelines.commands.feature_group.place import AwsFlag, local_store, table_of
from pipelines.errors import DefinitionError, UsageError

if TYPE_CHECKING:
    from pipelines.feature_store.group import Group


def create(
    home: flags.HomeFlag,
    name: Annotated[str | None, typer.Argument(help="The feature group; that of the configuration if absent.")] = None,
    source: Annotated[Path | None, typer.Option("--from", help="Parquet, CSV or JSON Lines file, or a recipe.json, that the features are those of.")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="pipeline.yaml with a section feature_group.")] = None,
    record_id: Annotated[str | None, typer.Option("--record-id", help="The feature that names a record.")] = None,
    event_time: Annotated[str | None, typer.Option("--event-time", help="The feature that dates a record.")] = None,
    online: Annotated[bool | None, typer.Option("--online/--no-online", help="Keep the latest record of each identifier; on by default.")] = None,
    offline: Annotated[str | None, typer.Option("--offline", help="S3 URI below which all records are kept.")] = None,
    description: Annotated[str | None, typer.Option("--description", help="What the group is for.")] = None,
    aws: AwsFlag = False,
    role_arn: flags.RoleFlag = None,
    region: flags.RegionFlag = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Make a feature group with the columns of a file as its features.

    Example: sagewright feature-group create bookings --from train.parquet --record-id booking_id --event-time at --offline s3://my-bucket/features
    """
    from pipelines.commands.printing import print_json

    section, account = _section(config)
    given = {"name": name, "record_identifier": record_id, "event_time": event_time, "online": online, "offline_s3_uri": offline, "description": description}
    wanted = {**section, **{key: value for key, value in given.items() if value is not None}}
    group = _group(wanted, source)
    role = role_arn or account.get("role_arn") or "arn:aws:iam::000000000000:role/SagewrightLocal"
    _check_model(group, role)
    made = _create_aws(group, role, region or account.get("region")) if aws else local_store(home).create(group, region or account.get("region") or "us-east-1")
    if output is flags.Output.json:
        print_json(made)
        return 0
    print(f"created {made['FeatureGroupArn']} with {len(group.features)} features")
    if table_of(made):
        print(f"offline {made['OfflineStoreConfig']['S3StorageConfig']['ResolvedOutputS3Uri']}\ntable   {table_of(made)}")
    return 0


def _section(config: Path | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the group's settings and the account of a configuration."""
    if config is None:
        return {}, {}
    from pipelines.config.loader import load

    loaded = load(config).config
    if loaded.feature_group is None:
        raise UsageError("there is no section feature_group", where=str(config))
    found = loaded.feature_group.model_dump()
    offline = found.pop("offline")
    return {**found, **({"offline_s3_uri": offline["s3_uri"], "table_format": offline["format"]} if offline else {})}, loaded.aws.model_dump()


def _group(wanted: dict[str, Any], source: Path | None) -> Group:
    from pipelines.feature_store.group import Group

    for key, flag in (("name", "a NAME"), ("record_identifier", "--record-id"), ("event_time", "--event-time")):
        if key not in wanted:
            raise UsageError(f"{key} is missing", where="feature-group create", expected=f"{flag}, or --config with feature_group.{key}")
    if source is None:
        raise UsageError("nothing says which features the group has", where="feature-group create", expected="--from FILE or --from recipe.json")
    return Group(features=_features(source, wanted["record_identifier"], wanted["event_time"]), **wanted).check()


def _features(source: Path, record_identifier: str, event_time: str) -> dict[str, str]:
    from pipelines.feature_store import group, rows

    if source.suffix == ".json" and source.is_file():
        import json

        try:
            return group.of_recipe(json.loads(source.read_text()), record_identifier, event_time)
        except ValueError:
            raise UsageError("this is not JSON", where=str(source)) from None
    return rows.feature_types(rows.read(source))


def _check_model(group: Group, role_arn: str) -> None:
    """Hold the request against botocore's model: patterns, lengths, enums."""
    from pipelines.definition.shapes import check_request

    problems = tuple(check_request("CreateFeatureGroup", group.request(role_arn), "CreateFeatureGroup", frozenset()))
    if problems:
        raise DefinitionError(problems, where=f"feature group {group.name}")


def _create_aws(group: Group, role_arn: str, region: str | None) -> dict[str, Any]:
    import time

    from pipelines.aws import feature_store

    if group.offline_s3_uri and "::000000000000:" in role_arn:
        raise UsageError("the role is the placeholder for local runs", where="--role-arn", got=role_arn, expected="a role that may write to the offline store")
    return feature_store.create(feature_store.session(region), group.request(role_arn), time.sleep)
