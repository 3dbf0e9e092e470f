"""A feature group's definition: names, types, and the request that creates it. PURE.

Limits and names: botocore's model of CreateFeatureGroup and its documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.errors import UsageError

FEATURE = re.compile(r"[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,63}")
NAME_CHARACTERS, FEATURES = 64, 2500
# Columns that the service adds to the offline store, with the types of the Glue table.
ADDED: Mapping[str, str] = {"write_time": "TIMESTAMP", "api_invocation_time": "TIMESTAMP", "is_deleted": "BOOLEAN"}
PARTITIONS = ("year", "month", "day", "hour")
SQL_TYPES: Mapping[str, str] = {"Integral": "BIGINT", "Fractional": "DOUBLE", "String": "VARCHAR"}
EVENT_TIMES = ("String", "Fractional")
DATABASE, CATALOG = "sagemaker_featurestore", "AwsDataCatalog"


@dataclass(frozen=True)
class Group:
    """Hold a feature group: `features` maps names to Integral, Fractional or String, in the order of the columns."""

    name: str
    record_identifier: str
    event_time: str
    features: Mapping[str, str]
    online: bool = True
    offline_s3_uri: str | None = None
    table_format: str = "Glue"
    description: str = ""

    def check(self) -> Group:
        """Return the group when the service would take it.

        Raises:
            UsageError: a name, a type or a number is not allowed, or neither store is on.
        """
        _check_name(self.name, "feature group")
        for feature in self.features:
            _check_name(feature, "feature")
            if feature.lower() in ADDED:
                raise UsageError(
                    "the service keeps this name for itself", where=f"feature {feature}", expected=f"none of: {', '.join(ADDED)}", hint="Rename the column."
                )
        _check_features(self)
        if not self.online and not self.offline_s3_uri:
            raise UsageError("neither store is on", where=f"feature group {self.name}", expected="an online store, an offline store or both")
        if len(self.description) > 128:
            raise UsageError(
                "the description is too long", where=f"feature group {self.name}", got=f"{len(self.description)} characters", expected="at most 128"
            )
        return self

    def request(self, role_arn: str) -> dict[str, Any]:
        """Return the CreateFeatureGroup request."""
        offline = {"S3StorageConfig": {"S3Uri": self.offline_s3_uri}, "DisableGlueTableCreation": False, "TableFormat": self.table_format}
        return {
            "FeatureGroupName": self.name,
            "RecordIdentifierFeatureName": self.record_identifier,
            "EventTimeFeatureName": self.event_time,
            "FeatureDefinitions": [{"FeatureName": name, "FeatureType": kind} for name, kind in self.features.items()],
            **({"OnlineStoreConfig": {"EnableOnlineStore": True}} if self.online else {}),
            **({"OfflineStoreConfig": offline, "RoleArn": role_arn} if self.offline_s3_uri else {}),
            **({"Description": self.description} if self.description else {}),
        }


def of_description(described: Mapping[str, Any]) -> Group:
    """Return the group that a DescribeFeatureGroup response describes."""
    offline = described.get("OfflineStoreConfig") or {}
    return Group(
        name=described["FeatureGroupName"],
        record_identifier=described["RecordIdentifierFeatureName"],
        event_time=described["EventTimeFeatureName"],
        features={feature["FeatureName"]: feature["FeatureType"] for feature in described["FeatureDefinitions"]},
        online=bool((described.get("OnlineStoreConfig") or {}).get("EnableOnlineStore")),
        offline_s3_uri=(offline.get("S3StorageConfig") or {}).get("S3Uri"),
        table_format=offline.get("TableFormat", "Glue"),
        description=described.get("Description", ""),
    )


def of_recipe(recipe: Mapping[str, Any], record_identifier: str, event_time: str) -> dict[str, str]:
    """Return the features of a fitted recipe with their types: all are numbers, the identifier is whole (row_number), the time in seconds (timestamp).

    Raises:
        UsageError: this is no fitted recipe.
    """
    names = recipe.get("features") if isinstance(recipe, Mapping) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError("this is not a fitted recipe", expected="the recipe.json that Preprocess writes")
    return {record_identifier: "Integral", event_time: "Fractional", **{name: "Fractional" for name in names if name not in (record_identifier, event_time)}}


def table_name(name: str, created_s: int) -> str:
    """Return the Glue table's name: the group's in lower case, hyphens as underscores, and the second of its creation."""
    return f"{name.lower().replace('-', '_')}_{created_s}"


def resolved_uri(group: Group, account: str, region: str, created_s: int) -> str:
    """Return the S3 prefix that the service makes below the offline store's URI for a group's records."""
    return f"{(group.offline_s3_uri or '').rstrip('/')}/{account}/sagemaker/{region}/offline-store/{group.name}-{created_s}/data"


def sql_columns(group: Group) -> dict[str, str]:
    """Return the columns of the offline store's table with DuckDB types: the features, what the service adds, and the partitions."""
    return {**{name: SQL_TYPES[kind] for name, kind in group.features.items()}, **ADDED, **dict.fromkeys(PARTITIONS, "VARCHAR")}


def _check_name(name: str, what: str) -> None:
    if len(name) > NAME_CHARACTERS or not FEATURE.fullmatch(name):
        raise UsageError(
            "the service does not take this name", where=what, got=repr(name[:80]), expected=f"1 to {NAME_CHARACTERS} letters, digits and inner - or _"
        )


def _check_features(group: Group) -> None:
    where, names = f"feature group {group.name}", list(group.features)
    if not 1 <= len(names) <= FEATURES:
        raise UsageError("the number of features is not allowed", where=where, got=str(len(names)), expected=f"1 to {FEATURES}")
    lowered = [name.lower() for name in names]
    twice = next((name for name in names if lowered.count(name.lower()) > 1), None)
    if twice:
        raise UsageError("two features differ in case only; the Glue table knows lower case only", where=where, got=repr(twice), hint="Rename one.")
    for what, name in (("record identifier", group.record_identifier), ("event time", group.event_time)):
        if name not in group.features:
            raise UsageError(f"the {what} is not among the features", where=where, got=repr(name), expected=f"one of: {', '.join(names)[:300]}")
    kind = group.features[group.event_time]
    if kind not in EVENT_TIMES:
        hint = "Make it a floating-point column (seconds since 1970), or ISO 8601 text."
        raise UsageError("the event time has a type that the service does not take", where=where, got=kind, expected="String or Fractional", hint=hint)
