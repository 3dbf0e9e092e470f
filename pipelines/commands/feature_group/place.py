"""What the commands of this group share: where a group is, and flags."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pipelines.feature_store.store import LocalStore

NameArgument = Annotated[str, typer.Argument(help="The feature group.")]
AwsFlag = Annotated[bool, typer.Option("--aws/--local", help="SageMaker's Feature Store, or the local one.")]


def local_store(home: Path) -> LocalStore:
    """Return the local Feature Store of a `.sagewright` folder."""
    import time

    from pipelines.feature_store.store import LocalStore
    from pipelines.local.home import Home

    return LocalStore(home, Home(home).store.path, time.time)


def described(home: Path, name: str, aws: bool, region: str | None) -> dict[str, Any]:
    """Return a group's description from the store that was asked for.

    Raises:
        UsageError, CloudError: there is no such group, or AWS cannot be asked.
    """
    if not aws:
        return local_store(home).describe(name)
    from pipelines.aws import feature_store

    return feature_store.describe(feature_store.session(region), name)


def table_of(group: dict[str, Any]) -> str:
    """Return the Glue table of a group's offline store, an empty text when it has none."""
    return str(((group.get("OfflineStoreConfig") or {}).get("DataCatalogConfig") or {}).get("TableName", ""))
