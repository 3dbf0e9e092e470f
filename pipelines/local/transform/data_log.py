"""What a transform job says of its files, in the words of the service's own data log, and its FailureReason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from pipelines.local.transform.client import Gone, Refused
from pipelines.local.transform.engine import File

REASON_LENGTH = 1024


def write(path: Path, now_s: float, settings: str, failed: Sequence[File]) -> None:
    """Append the settings and every file that failed; `now_s` is seconds since 1970."""
    time = datetime.fromtimestamp(now_s, timezone.utc).isoformat(timespec="milliseconds").removesuffix("+00:00")
    lines = [settings, *(f"{file.label}: {line}" for file in failed for line in str(file.failure).split("\n"))]
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as log:
        log.writelines(f"{time}:[sagemaker logs]: {line}\n" for line in lines)


def failure_reason(failed: Sequence[File], files: int) -> str | None:
    """Return why the job failed, None when no file did.

    The service says `ClientError:` or `AlgorithmError: See job logs for more information`; what follows here names the first file.
    The log has the stack of a model's code.
    """
    if not failed:
        return None
    first = failed[0].failure
    by_model = isinstance(first, Gone) or (isinstance(first, Refused) and first.status >= 500) or str(first).startswith("Unable to get response")
    said = " ".join(str(first).partition("\nTraceback (most recent call last):")[0].split())
    others = f" ({len(failed)} of {files} files failed)" if files > 1 else ""
    head = f"{'AlgorithmError' if by_model else 'ClientError'}: See job logs for more information"
    return f"{head}{others}: {failed[0].label}: {said}"[:REASON_LENGTH]
