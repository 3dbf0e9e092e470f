"""sagewright feature-group list | describe | delete"""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands import flags
from pipelines.commands.feature_group.place import AwsFlag, NameArgument, described, local_store, table_of
from pipelines.errors import UsageError


def list_(home: flags.HomeFlag, aws: AwsFlag = False, region: flags.RegionFlag = None, output: flags.OutputFlag = flags.Output.text) -> int:
    """List feature groups with the tables of their offline stores.

    Example: sagewright feature-group list
    """
    from pipelines.commands.printing import print_json, table

    if aws:
        from pipelines.aws import feature_store

        found = feature_store.list_groups(feature_store.session(region))
    else:
        found = local_store(home).groups()
    if output is flags.Output.json:
        print_json(found)
        return 0
    rows = [
        [group["FeatureGroupName"], group.get("FeatureGroupStatus", ""), len(group.get("FeatureDefinitions", ())) or "", table_of(group)] for group in found
    ]
    print(table(rows, ["GROUP", "STATUS", "FEATURES", "TABLE"]) if rows else "There is no feature group yet.")
    return 0


def describe(
    home: flags.HomeFlag, name: NameArgument, aws: AwsFlag = False, region: flags.RegionFlag = None, output: flags.OutputFlag = flags.Output.text
) -> int:
    """Show a feature group as DescribeFeatureGroup does.

    Example: sagewright feature-group describe bookings --output json
    """
    from pipelines.commands.printing import print_json, table

    group = described(home, name, aws, region)
    if output is flags.Output.json:
        print_json(group)
        return 0
    offline = (group.get("OfflineStoreConfig") or {}).get("S3StorageConfig") or {}
    facts = {
        "Feature group": group["FeatureGroupArn"],
        "Description": group.get("Description", ""),
        "Record id": group["RecordIdentifierFeatureName"],
        "Event time": group["EventTimeFeatureName"],
        "Online": "yes" if (group.get("OnlineStoreConfig") or {}).get("EnableOnlineStore") else "no",
        "Offline": offline.get("ResolvedOutputS3Uri") or offline.get("S3Uri", ""),
        "Table": table_of(group),
    }
    print("\n".join(f"{name + ':':<15}{value}" for name, value in facts.items() if value) + "\n")
    print(table([[feature["FeatureName"], feature["FeatureType"]] for feature in group["FeatureDefinitions"]], ["FEATURE", "TYPE"]))
    return 0


def delete(
    home: flags.HomeFlag,
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, delete the group and its online store.")] = False,
    aws: AwsFlag = False,
    region: flags.RegionFlag = None,
) -> int:
    """Delete a feature group and its online store; the records in S3 and the table stay, as with the service.

    Example: sagewright feature-group delete bookings --yes
    """
    if not yes:
        raise UsageError("this deletes the group and every record of its online store", where=name, hint="Say --yes.")
    if aws:
        from pipelines.aws import feature_store

        feature_store.delete(feature_store.session(region), name)
    else:
        local_store(home).delete(name)
    print(f"deleted {name}; the records in S3 stay")
    return 0
