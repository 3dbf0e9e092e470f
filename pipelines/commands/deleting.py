"""Delete runs on behalf of `sagewright runs delete`: choose, ask, delete, say what stays."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.commands import flags
from pipelines.errors import UsageError
from pipelines.local.deletion import Candidate, delete, look
from pipelines.local.home import Home
from pipelines.local.journal import RunState

WHERE = "sagewright runs delete"


@dataclass(frozen=True)
class Wanted:
    """Hold what the command line asks for."""

    names: tuple[str, ...]
    older_than: str | None
    failed: bool
    dry_run: bool
    yes: bool
    force: bool


def delete_runs(home: Path, wanted: Wanted, output: flags.Output) -> int:
    """Delete the runs that are wanted and return the exit code. A run that is named and refused stops all; one that a filter found is passed over.

    Raises:
        UsageError: nothing was said to delete, a named run cannot be deleted, or nobody can be asked.
    """
    place = Home(home)
    found = [look(place, state, force=wanted.force) for state in _chosen(place, wanted)]
    refused = [each for each in found if each.refusal]
    if wanted.names and refused:
        told = "; ".join(f"{each.state.execution_id}: {each.refusal}" for each in refused)
        raise UsageError(f"nothing was deleted: {told}", where=WHERE)
    doomed = [each for each in found if not each.refusal]
    if doomed and not wanted.dry_run and not _agreed(doomed, wanted.yes):
        print("nothing was deleted", file=sys.stderr)
        return 0
    gone = doomed if wanted.dry_run else [each for each in doomed if delete(place, each.state)]
    _tell(found, gone, wanted.dry_run, output)
    return 0


def _chosen(place: Home, wanted: Wanted) -> list[RunState]:
    filters = wanted.older_than is not None or wanted.failed
    if bool(wanted.names) == filters:
        got = "runs and filters" if filters else "neither"
        raise UsageError("say which runs", where=WHERE, got=got, expected="ids, or --older-than and --failed")
    if wanted.names:
        return list({state.execution_id: state for state in map(place.find, wanted.names)}.values())
    before = time.time() - (_age_s(wanted.older_than) if wanted.older_than else 0)
    return [state for state in place.states() if state.started_at <= before and not (wanted.failed and state.status == "Succeeded")]


def _age_s(text: str) -> float:
    from pipelines.local.cache import duration_s

    plain = text.strip().upper()
    seconds = duration_s(plain if plain.startswith("P") else f"PT{plain}" if plain.endswith(("H", "M", "S")) and "T" not in plain else f"P{plain}")
    if seconds is None:
        raise UsageError("this is no duration", where="--older-than", got=repr(text), expected="30d, 12h, 2w or an ISO 8601 duration such as P1DT6H")
    return seconds


def _agreed(doomed: Sequence[Candidate], yes: bool) -> bool:
    import typer

    count = (
        f"{len(doomed)} run{'' if len(doomed) == 1 else 's'} ({', '.join(each.state.execution_id for each in doomed[:5])}{', …' if len(doomed) > 5 else ''})"
    )
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"nothing was deleted: {count} would be, and nobody can be asked", where=WHERE, expected="--yes, or --dry-run to look first")
    return typer.confirm(f"Delete {count}?", err=True)


def _tell(found: Sequence[Candidate], gone: Sequence[Candidate], dry_run: bool, output: flags.Output) -> None:
    from pipelines.commands.printing import print_json

    kept = {each.state.execution_id: each.refusal or "another process took it meanwhile" for each in found if each not in gone}
    objects_bytes = sum(each.store_bytes for each in gone)
    told = {
        "dry_run": dry_run,
        "deleted": [each.state.execution_id for each in gone],
        "kept": kept,
        "freed_bytes": sum(each.folder_bytes for each in gone),
        "objects_bytes": objects_bytes,
    }
    if output is flags.Output.json:
        print_json(told)
        return
    verb = "would be deleted" if dry_run else "deleted"
    lines = [f"{verb}: {each.state.execution_id} {each.state.status} ({_megabytes(each.folder_bytes)})" for each in gone]
    lines += [f"kept: {name}: {why}" for name, why in kept.items()]
    if objects_bytes:
        lines.append(f"The objects of these runs in the local S3 stay ({_megabytes(objects_bytes)}): the cache and the registry may refer to them.")
    print("\n".join(lines) or "no such run")


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
