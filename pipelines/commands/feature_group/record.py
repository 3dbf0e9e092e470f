"""sagewright feature-group get-record | delete-record"""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands import flags
from pipelines.commands.feature_group.place import AwsFlag, NameArgument, local_store
from pipelines.errors import UsageError

KeyArgument = Annotated[str, typer.Argument(help="The value of the record identifier.")]


def get_record(
    home: flags.HomeFlag,
    name: NameArgument,
    record: KeyArgument,
    feature: Annotated[list[str] | None, typer.Option("--feature", "-f", help="Only this feature. Repeatable.")] = None,
    aws: AwsFlag = False,
    region: flags.RegionFlag = None,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Show the latest record of an identifier, as GetRecord answers; exit code 1 when there is none.

    Example: sagewright feature-group get-record bookings 4711 --output json
    """
    from pipelines.commands.printing import print_json, table

    if aws:
        from pipelines.aws import feature_store

        found = feature_store.get_record(feature_store.session(region), name, record, feature or ())
    else:
        found = local_store(home).get_record(name, record, tuple(feature or ()))
    if output is flags.Output.json:
        print_json({"Record": found} if found else {})
    else:
        rows = [[value["FeatureName"], value["ValueAsString"]] for value in found]
        print(table(rows, ["FEATURE", "VALUE"]) if rows else f"There is no record {record} in {name}.")
    return 0 if found else 1


def delete_record(
    home: flags.HomeFlag,
    name: NameArgument,
    record: KeyArgument,
    event_time: Annotated[str | None, typer.Option("--event-time", help="When it was deleted, as the group dates records; later than the record's.")] = None,
    hard: Annotated[bool, typer.Option("--hard", help="Leave no trace in the online store.")] = False,
    aws: AwsFlag = False,
    region: flags.RegionFlag = None,
) -> int:
    """Delete a record from the online store; the offline store gets a marker and keeps the history.

    Example: sagewright feature-group delete-record bookings 4711 --event-time 2024-05-01T00:00:00Z
    """
    if event_time is None:
        raise UsageError("a deletion has an event time", where="delete-record", expected="--event-time", hint="It must be later than the record's.")
    if aws:
        from pipelines.aws import feature_store

        feature_store.delete_record(feature_store.session(region), name, record, event_time, hard=hard)
    else:
        local_store(home).delete_record(name, record, event_time, hard=hard)
    print(f"deleted record {record} of {name}")
    return 0
