"""The local Model Registry: groups, versions and approval, one JSON file a version, and beside them the history of each group.

A number is given once: what is deleted leaves its number in the history, as on the service. The history is `history.jsonl` in the group's folder, a line
an event: when, who, from which status to which, why.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.model_packages.cards import check_card

STATUSES = ("PendingManualApproval", "Approved", "Rejected")
GROUP = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
HISTORY = "history.jsonl"
REASON_CHARACTERS = 1024
Package = dict[str, Any]
Refusal = Callable[[Package], "str | None"]


def login_name() -> str:
    """Return who is at the machine, `unknown` where the system does not tell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"


@dataclass(frozen=True)
class Registry:
    """Keep model packages under `root`; `arn_prefix` is `arn:aws:sagemaker:<region>:<account>:`."""

    root: Path
    clock: Callable[[], float]

    def register(
        self,
        request: Mapping[str, Any],
        *,
        arn_prefix: str,
        token: str,
        by: str | None = None,
        reason: str = "",
        beside: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Package:
        """Add a version to the group of a CreateModelPackage request, which makes the group when it is new, and return it.

        The same `token` always yields the same version, so that a step that is run again after a crash registers nothing twice.
        `beside` are documents to keep beside the version, by name. Shape: DescribeModelPackageOutput (botocore model).

        Raises:
            UsageError: the group has no name or an impossible one, or the request's ModelCard is not what the service takes.
        """
        check_card(request.get("ModelCard"))
        group = str(request.get("ModelPackageGroupName", "")).rsplit(":model-package-group/", 1)[-1]
        folder = self._folder(group)
        with self._locked():
            folder.mkdir(parents=True, exist_ok=True)
            versions = list(self._versions(folder))
            known = next((v for v in versions if v.get("ClientToken") == token), None)
            if known:
                return known
            number = max([*(v["ModelPackageVersion"] for v in versions), *(e["version"] for e in _events(folder))], default=0) + 1
            package = _created({**request, "ModelPackageGroupName": group}, number, arn_prefix, self.clock(), by or login_name())
            package["ClientToken"] = token
            for name, document in (beside or {}).items():
                _write(folder / f"{number}.{name}.json", document)
            self._note(folder, package, None, reason or f"registered by {token}")
            _write(folder / f"{number}.json", package)
            return package

    def groups(self) -> list[str]:
        """Return the names of the groups, sorted."""
        return sorted(path.name for path in self.root.glob("*") if path.is_dir() and GROUP.fullmatch(path.name))

    def versions(self, group: str) -> list[Package]:
        """Return a group's versions, newest first.

        Raises:
            UsageError: there is no such group.
        """
        folder = self._folder(group)
        if not folder.is_dir():
            known = ", ".join(self.groups()) or "none yet"
            raise UsageError(f"there is no model package group {group!r}", where="registry", expected=f"one of: {known}")
        return sorted(self._versions(folder), key=lambda package: -int(package["ModelPackageVersion"]))

    def version(self, group: str, number: int | None = None, status: str | None = None) -> Package:
        """Return one version: the one of that number, else the newest, or the newest of a ModelApprovalStatus.

        Raises:
            UsageError: there is no such group or version.
        """
        versions = self.versions(group)
        wanted = (v for v in versions if number in (None, v["ModelPackageVersion"]) and status in (None, v["ModelApprovalStatus"]))
        found = next(wanted, None)
        if found is None:
            known = ", ".join(f"{v['ModelPackageVersion']}{f' ({_status(v)})' if status else ''}" for v in versions) or "none"
            told = f"no version {number}" if number else f"no version that is {status}" if status else "no version"
            raise UsageError(f"group {group!r} has {told}", where="registry", expected=f"one of: {known}")
        return found

    def approve(self, group: str, number: int | None, status: str, description: str = "", by: str | None = None) -> Package:
        """Set a version's ModelApprovalStatus, write into the history who did it and why, and return the version.

        ApprovalDescription is the reason of the present status: another status without a reason has none.

        Raises:
            UsageError: there is no such group or version, no such status, or the reason is longer than the service takes.
        """
        if status not in STATUSES:
            raise UsageError("this is not an approval status", where="registry", got=status, expected=f"one of: {', '.join(STATUSES)}")
        if len(description) > REASON_CHARACTERS:
            raise UsageError("the reason is too long", where="registry", got=f"{len(description)} characters", expected=f"at most {REASON_CHARACTERS}")
        with self._locked():
            before = self.version(group, number)
            if before["ModelApprovalStatus"] == status and not description:
                return before
            package = {**before, "ModelApprovalStatus": status, "LastModifiedTime": self.clock()}
            package["LastModifiedBy"] = _user(by or login_name(), package["ModelPackageArn"])
            if description or before["ModelApprovalStatus"] != status:
                package["ApprovalDescription"] = description
            folder = self._folder(group)
            self._note(folder, package, before["ModelApprovalStatus"], description)
            _write(folder / f"{package['ModelPackageVersion']}.json", package)
            return package

    def history(self, group: str, number: int | None = None) -> list[dict[str, Any]]:
        """Return what was done to a group's versions, or to one, oldest first: version, time, by, from, to and reason.

        The end of a write that a crash cut off is left out: its status is not that of the version.
        """
        folder = self._folder(group)
        events = [event for event in _events(folder) if number in (None, event["version"])]
        present = {v["ModelPackageVersion"]: v["ModelApprovalStatus"] for v in self._versions(folder)}
        last = {event["version"]: place for place, event in enumerate(events)}
        torn = {place for version, place in last.items() if events[place]["to"] != present.get(version, "Deleted")}
        return [event for place, event in enumerate(events) if place not in torn]

    def delete(self, group: str, number: int, *, refusal: Refusal, reason: str = "", by: str | None = None) -> Package:
        """Delete one version and return what it was; its number is not given again, its model stays in the local S3.

        `refusal` is asked while no other process can change the version.

        Raises:
            UsageError: there is no such version, or it is refused.
        """
        with self._locked():
            package = self.version(group, number)
            why = refusal(package)
            if why:
                raise UsageError(f"{group}/{number} was not deleted: {why}", where="registry", hint="--force deletes it all the same.")
            folder = self._folder(group)
            gone = {**package, "ModelApprovalStatus": "Deleted", "LastModifiedTime": self.clock(), "LastModifiedBy": _user(by or login_name(), "")}
            self._note(folder, gone, package["ModelApprovalStatus"], reason)
            (folder / f"{number}.json").unlink()
            for path in folder.glob(f"{number}.*.json"):
                path.unlink()
            return package

    def delete_group(self, group: str) -> None:
        """Delete a group without versions, and its history with it.

        Raises:
            UsageError: there is no such group, or it has versions (DeleteModelPackageGroup refuses it, too).
        """
        with self._locked():
            left = [str(package["ModelPackageVersion"]) for package in self.versions(group)]
            if left:
                raise UsageError(f"group {group!r} has versions", where="registry", got=", ".join(left), hint="Delete them first.")
            shutil.rmtree(self._folder(group))

    def document(self, group: str, number: int, name: str) -> dict[str, Any] | None:
        """Return a document that is kept beside a version, None when there is none that can be read."""
        try:
            found = json.loads((self._folder(group) / f"{number}.{name}.json").read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def keep_document(self, group: str, number: int, name: str, document: Mapping[str, Any]) -> None:
        """Keep a document beside a version, in the place of an earlier one of that name; nothing happens when the version is gone."""
        folder = self._folder(group)
        with self._locked():
            if (folder / f"{number}.json").is_file():
                _write(folder / f"{number}.{name}.json", document)

    @staticmethod
    def _note(folder: Path, package: Package, before: str | None, reason: str) -> None:
        who = package.get("LastModifiedBy") or package["CreatedBy"]
        when = package.get("LastModifiedTime", package["CreationTime"])
        event = {"version": package["ModelPackageVersion"], "time": when, "by": _name(who), "from": before, "to": _status(package), "reason": reason}
        with open(folder / HISTORY, "ab+") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                file.write(b"" if file.read(1) == b"\n" else b"\n")
            file.write((json.dumps(event, sort_keys=True) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())

    def _folder(self, group: str) -> Path:
        if not GROUP.fullmatch(group):
            raise UsageError("this is not a model package group name", where="registry", got=repr(group[:80]), expected="1 to 63 letters, digits and hyphens")
        return self.root / group

    @staticmethod
    def _versions(folder: Path) -> Iterator[dict[str, Any]]:
        for path in folder.glob("*.json"):
            if path.stem.isdigit():
                yield json.loads(path.read_text())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with open(self.root / ".lock", "w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _created(request: Package, number: int, arn_prefix: str, now: float, by: str) -> Package:
    group = request["ModelPackageGroupName"]
    arn = f"{arn_prefix}model-package/{group.lower()}/{number}"
    return {
        **request,
        "ModelPackageName": group,
        "ModelPackageVersion": number,
        "ModelPackageArn": arn,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval"),
        "CreationTime": now,
        "CreatedBy": _user(by, arn),
    }


def _status(package: Package) -> str:
    return str(package["ModelApprovalStatus"])


def _user(name: str, arn: str) -> dict[str, Any]:
    """Return a UserContext (botocore model) of a person who is known by name only: an IAM user of the package's account."""
    account = arn.split(":")[4] if arn.count(":") >= 5 else "000000000000"
    return {"IamIdentity": {"Arn": f"arn:aws:iam::{account}:user/{name}", "PrincipalId": name}}


def _name(user: Mapping[str, Any]) -> str:
    identity = user.get("IamIdentity") or {}
    return str(identity.get("PrincipalId") or user.get("UserProfileName") or "unknown")


def _events(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a group's history; one that a crash tore is left out."""
    found = []
    for line in (folder / HISTORY).read_bytes().split(b"\n") if (folder / HISTORY).is_file() else ():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("version"), int) and "to" in event:
            found.append(event)
    return found


def _write(path: Path, package: Mapping[str, Any]) -> None:
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(json.dumps(package, sort_keys=True, indent=1, default=str))
    os.replace(partial, path)
