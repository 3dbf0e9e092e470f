"""The local Feature Store: `<home>/feature-store/<group>/` holds a group's description and online store, the local S3 its offline store.

An ingestion is staged as a whole in `pending/` and becomes valid by one rename; what a killed process left there is finished by whoever opens the group next.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.feature_store import group as groups
from pipelines.feature_store import offline
from pipelines.feature_store.group import Group, of_description
from pipelines.feature_store.online import Online
from pipelines.feature_store.rows import CONVERTERS, Rows, as_text
from pipelines.feature_store.times import seconds

Step = Callable[[int], None]
Entry = tuple[str, float, str | None]
ENTRIES = "online.jsonl"


@dataclass(frozen=True)
class LocalStore:
    """Keep feature groups below `home`; `place` turns an S3 URI into the folder of the local S3, `clock` gives seconds since 1970."""

    home: Path
    place: Callable[[str], Path]
    clock: Callable[[], float]
    account: str = "000000000000"

    def create(self, group: Group, region: str) -> dict[str, Any]:
        """Make a group and return its description, in the shape of DescribeFeatureGroup.

        Raises:
            UsageError: the service would refuse it, a group of this name is there, or its format does not work locally.
        """
        group.check()
        if group.offline_s3_uri and group.table_format != "Glue":
            raise UsageError("this table format does not work locally", where=f"feature group {group.name}", got=group.table_format, expected="Glue")
        folder = self._folder(group.name)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)
        with self._locked(folder):
            if (folder / "group.json").exists():
                raise UsageError("there is already a feature group of this name", where=group.name, hint="Delete it first, or choose another name.")
            described = self._description(group, region)
            if group.offline_s3_uri:
                self._register(group, described)
            _write_json(folder / "group.json", described)
        return described

    def describe(self, name: str) -> dict[str, Any]:
        """Return a group's description.

        Raises:
            UsageError: there is no such group.
        """
        file = self._folder(name) / "group.json"
        if not file.is_file():
            known = ", ".join(described["FeatureGroupName"] for described in self.groups()) or "none"
            raise UsageError("there is no such feature group", where=name, got=f"groups: {known}", hint="`sagewright feature-group create` makes one.")
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    def groups(self) -> list[dict[str, Any]]:
        """Return every group's description, sorted by name."""
        return [json.loads(file.read_text()) for file in sorted((self.home / "feature-store").glob("*/group.json"))]

    def ingest(self, name: str, rows: Rows, step: Step = lambda count: None) -> None:
        """Put rows into the group's stores, all or none; `step` hears the number of rows that have got their file.

        Raises:
            UsageError: there is no such group.
        """
        group = of_description(self.describe(name))
        keys = rows.values[group.record_identifier]
        self._commit(name, group, rows, ((as_text(keys[i]), rows.times_s[i], json.dumps(rows.record(i))) for i in range(len(rows))), step)

    def get_record(self, name: str, key: str, features: tuple[str, ...] = ()) -> list[dict[str, str]]:
        """Return the latest record of an identifier in the shape of GetRecord, an empty list when there is none.

        Raises:
            UsageError: there is no such group or feature, or the group has no online store.
        """
        group = of_description(self.describe(name))
        if not group.online:
            raise UsageError("this feature group has no online store", where=name, hint="`sagewright feature-group query` reads the offline store.")
        unknown = [feature for feature in features if feature not in group.features]
        if unknown:
            raise UsageError("the group has no such feature", where=name, got=repr(unknown[0]), expected=f"one of: {', '.join(group.features)[:300]}")
        with self._opened(name) as folder:
            record = Online(folder / "online.sqlite").get(key) or []
        return [value for value in record if not features or value["FeatureName"] in features]

    def delete_record(self, name: str, key: str, event_time: str, *, hard: bool = False) -> None:
        """Delete a record from the online store and append its marker to the offline store, by the rules of DeleteRecord.

        An event time that is not later than the record's leaves a soft deletion without effect online, and is an error with `hard`.

        Raises:
            UsageError: there is no such group, or the event time is none or not late enough.
        """
        group = of_description(self.describe(name))
        rows = _marker(group, key, event_time)
        with self._opened(name) as folder:
            kept = Online(folder / "online.sqlite").event_time(key) if group.online else None
        if hard and kept is not None and rows.times_s[0] <= kept:
            raise UsageError("the event time must be later than the record's", where=f"{name}, record {key}", got=event_time)
        self._commit(name, group, rows, [(key, rows.times_s[0], None)], deleted=True)
        if hard and group.online:
            with self._opened(name) as folder:
                Online(folder / "online.sqlite").remove(key)

    def delete(self, name: str) -> None:
        """Delete a group and its online store; as with the service, the records in S3 and the Glue table stay.

        Raises:
            UsageError: there is no such group.
        """
        self.describe(name)
        shutil.rmtree(self._folder(name))

    def _commit(self, name: str, group: Group, rows: Rows, entries: Iterable[Entry], step: Step = lambda count: None, *, deleted: bool = False) -> None:
        with self._opened(name) as folder:
            staged = folder / "pending" / f"{uuid.uuid4().hex}.partial"
            try:
                staged.mkdir(parents=True)
                for key, body, count in offline.files(group, rows, self.clock(), deleted=deleted) if group.offline_s3_uri else ():
                    (staged / "data" / key).parent.mkdir(parents=True, exist_ok=True)
                    (staged / "data" / key).write_bytes(body)
                    step(count)
                with open(staged / ENTRIES, "w", encoding="utf-8") as file:
                    file.writelines(json.dumps(entry) + "\n" for entry in (entries if group.online else ()))
                os.replace(staged, staged.with_suffix(""))
            except BaseException:
                shutil.rmtree(staged, ignore_errors=True)
                raise
            self._settle(name, folder)

    def _settle(self, name: str, folder: Path) -> None:
        """Finish what was staged in full; doing it twice changes nothing."""
        for staged in sorted(path for path in (folder / "pending").glob("*") if path.is_dir()):
            if staged.suffix == ".partial":
                shutil.rmtree(staged)
                continue
            storage = (self.describe(name).get("OfflineStoreConfig") or {}).get("S3StorageConfig") or {}
            for file in sorted((staged / "data").rglob("*.parquet")):
                target = self.place(storage["ResolvedOutputS3Uri"]) / file.relative_to(staged / "data")
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, target)
            with open(staged / ENTRIES, encoding="utf-8") as entries:
                Online(folder / "online.sqlite").put(json.loads(line) for line in entries)
            shutil.rmtree(staged)

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[Path]:
        folder = self._folder(name)
        with self._locked(folder):
            self._settle(name, folder)
            yield folder

    @contextlib.contextmanager
    def _locked(self, folder: Path) -> Iterator[None]:
        with open(folder / ".lock", "a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _folder(self, name: str) -> Path:
        if not groups.FEATURE.fullmatch(name):
            raise UsageError("this is not the name of a feature group", where=name[:80], expected="letters, digits and inner - or _")
        return self.home / "feature-store" / name

    def _description(self, group: Group, region: str) -> dict[str, Any]:
        created_s = int(self.clock())
        described = group.request(f"arn:aws:iam::{self.account}:role/SagewrightLocal")
        if group.offline_s3_uri:
            described["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"] = groups.resolved_uri(group, self.account, region, created_s)
            table = {"TableName": groups.table_name(group.name, created_s), "Catalog": groups.CATALOG, "Database": groups.DATABASE}
            described["OfflineStoreConfig"]["DataCatalogConfig"] = table
        arn = f"arn:aws:sagemaker:{region}:{self.account}:feature-group/{group.name.lower()}"
        return {**described, "FeatureGroupArn": arn, "FeatureGroupStatus": "Created", "CreationTime": created_s}

    def _register(self, group: Group, described: Mapping[str, Any]) -> None:
        """Register the offline store in the local Glue catalog, where queries of pipelines find it too."""
        config = described["OfflineStoreConfig"]
        file = self.home / "glue" / groups.DATABASE / f"{config['DataCatalogConfig']['TableName']}.json"
        uri = config["S3StorageConfig"]["ResolvedOutputS3Uri"]
        file.parent.mkdir(parents=True, exist_ok=True)
        _write_json(file, {"uri": uri, "format": "parquet", "columns": groups.sql_columns(group), "partitioned": True})


def _marker(group: Group, key: str, event_time: str) -> Rows:
    """Return the row that marks a deletion: identifier and event time, all other features missing."""
    try:
        typed = {group.record_identifier: CONVERTERS[group.features[group.record_identifier]](key)}
        typed[group.event_time] = CONVERTERS[group.features[group.event_time]](event_time)
    except ValueError:
        raise UsageError("the identifier or the event time has the wrong type", where=group.name, got=f"{key!r}, {event_time!r}") from None
    moment_s = seconds(typed[group.event_time])
    if moment_s is None:
        raise UsageError(
            "this is not an event time", where=group.name, got=repr(event_time), expected="yyyy-MM-ddTHH:mm:ssZ or seconds since 1970, as the group has it"
        )
    return Rows({name: [typed.get(name)] for name in group.features}, [moment_s])


def _write_json(path: Path, value: Any) -> None:
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(json.dumps(value, sort_keys=True))
    os.replace(partial, path)
