"""Data capture of a transform job (AWS developer guide, "Capture data from batch transform job").

Nothing is copied: below `<DestinationS3Uri>/input/` and `/output/`, at yyyy/mm/dd/hh of the job's start in UTC, lies a manifest of the objects, one line of
JSON with the prefix and the keys below it. The manifests' own name is not documented; here it is the job's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from pipelines.local.store import StoredObject


def manifests(destination: str, job_name: str, started_at: datetime, sources: Sequence[StoredObject], output_path: str) -> Mapping[str, bytes]:
    """Return the manifests of the files that were transformed, by their URI; `started_at` is in UTC."""
    if not sources:
        return {}
    hour, given = started_at.strftime("%Y/%m/%d/%H"), sources[0]
    prefix = given.uri.removesuffix(given.relative)
    names = [source.relative for source in sources]
    written = {
        "input": [{"prefix": prefix}, *names],
        "output": [{"prefix": f"{output_path.rstrip('/')}/"}, *(f"{name}.out" for name in names)],
    }
    return {f"{destination.rstrip('/')}/{side}/{hour}/{job_name}.jsonl": json.dumps(lines).encode() + b"\n" for side, lines in written.items()}
