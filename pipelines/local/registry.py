"""The local Model Registry: groups, versions and approval, one JSON file a version, numbered without gaps."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError

STATUSES = ("PendingManualApproval", "Approved", "Rejected")
GROUP = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


@dataclass(frozen=True)
class Registry:
    """Keep model packages under `root`; `arn_prefix` is `arn:aws:sagemaker:<region>:<account>:`."""

    root: Path
    clock: Callable[[], float]

    def register(self, request: Mapping[str, Any], *, arn_prefix: str, token: str) -> dict[str, Any]:
        """Add a version to the group of a CreateModelPackage request, which makes the group when it is new, and return it.

        The same `token` always yields the same version, so that a step that is run again after a crash registers nothing twice.
        Shape: DescribeModelPackageOutput (botocore model).

        Raises:
            UsageError: the group has no name or an impossible one.
        """
        group = str(request.get("ModelPackageGroupName", ""))
        folder = self._folder(group)
        with self._locked():
            folder.mkdir(parents=True, exist_ok=True)
            versions = list(self._versions(folder))
            known = next((v for v in versions if v.get("ClientToken") == token), None)
            if known:
                return known
            number = max((v["ModelPackageVersion"] for v in versions), default=0) + 1
            package = {
                **request,
                "ModelPackageName": group,
                "ModelPackageVersion": number,
                "ModelPackageArn": f"{arn_prefix}model-package/{group.lower()}/{number}",
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
                "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval"),
                "CreationTime": self.clock(),
                "ClientToken": token,
            }
            _write(folder / f"{number}.json", package)
            return package

    def groups(self) -> list[str]:
        """Return the names of the groups, sorted."""
        return sorted(path.name for path in self.root.glob("*") if path.is_dir())

    def versions(self, group: str) -> list[dict[str, Any]]:
        """Return a group's versions, newest first.

        Raises:
            UsageError: there is no such group.
        """
        folder = self._folder(group)
        if not folder.is_dir():
            known = ", ".join(self.groups()) or "none yet"
            raise UsageError(f"there is no model package group {group!r}", where="registry", expected=f"one of: {known}")
        return sorted(self._versions(folder), key=lambda package: -int(package["ModelPackageVersion"]))

    def version(self, group: str, number: int | None = None) -> dict[str, Any]:
        """Return one version, the newest when no number is given.

        Raises:
            UsageError: there is no such group or version.
        """
        versions = self.versions(group)
        found = next((v for v in versions if number is None or v["ModelPackageVersion"] == number), None)
        if found is None:
            known = ", ".join(str(v["ModelPackageVersion"]) for v in versions) or "none"
            raise UsageError(f"group {group!r} has no version {number}", where="registry", expected=f"one of: {known}")
        return found

    def approve(self, group: str, number: int | None, status: str, description: str = "") -> dict[str, Any]:
        """Set a version's ModelApprovalStatus and return the version.

        Raises:
            UsageError: there is no such group or version, or no such status.
        """
        if status not in STATUSES:
            raise UsageError("this is not an approval status", where="registry", got=status, expected=f"one of: {', '.join(STATUSES)}")
        with self._locked():
            package = {**self.version(group, number), "ModelApprovalStatus": status, "LastModifiedTime": self.clock()}
            if description:
                package["ApprovalDescription"] = description
            _write(self._folder(group) / f"{package['ModelPackageVersion']}.json", package)
            return package

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


def _write(path: Path, package: Mapping[str, Any]) -> None:
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(json.dumps(package, sort_keys=True, indent=1, default=str))
    os.replace(partial, path)
