"""Read what an endpoint captured (AWS developer guide, "Capture Data") and join the truth that became known later ("Ingest Ground Truth Labels").

Captured records and ground truth are JSON Lines in folders yyyy/mm/dd/hh. A line that cannot be used is kept with its place and the reason, never dropped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from jobkit.monitor.rows import files_of

CAPTURE, TRUTH, METADATA = "captureData", "groundTruthData", "eventMetadata"
# A shadow variant answers nobody; the service's container passes over its records.
SOURCE, SHADOW = "invocationSource", "ShadowExperiment"
TOLD_BAD = 5


class Bad(NamedTuple):
    """Hold a line that cannot be used: its file, its number (1 first), and why."""

    file: str
    line: int
    why: str


class Record(NamedTuple):
    """Hold one usable line: its file, its number (1 first), and its document."""

    file: str
    line: int
    document: Dict[str, Any]


class Read(NamedTuple):
    """Hold what files of records held: the usable ones, those that are not, and how many came from shadow variants."""

    records: Tuple[Record, ...]
    bad: Tuple[Bad, ...]
    shadow: int = 0


class Merged(NamedTuple):
    """Hold records with their truth: how many captured ones have none yet, how many truths fit no record, and how many were replaced by a later one."""

    records: Tuple[Record, ...]
    without_truth: int
    without_record: int
    replaced: int


def read(place: Path, wanted: str = CAPTURE) -> Read:
    """Return the records of a file, or of all files below a folder in the order of their paths; `wanted` is the member that each must have.

    Raises:
        JobError: there is no file.
    """
    root = place if place.is_dir() else place.parent
    found = list(stream(files_of(place, "the captured records"), root, wanted))
    lines = [entry for entry in found if isinstance(entry, Record)]
    records = tuple(entry for entry in lines if not is_shadow(entry))
    return Read(records, tuple(entry for entry in found if isinstance(entry, Bad)), len(lines) - len(records))


def stream(files: Iterable[Path], root: Path, wanted: str = CAPTURE) -> Iterator[Union[Record, Bad]]:
    """Yield every line of the files, one at a time: a record, or why it is none. Names are those below `root`."""
    for path in files:
        name = path.relative_to(root).as_posix()
        for number, line in _lines(path):
            document, why = _parsed(line, wanted)
            yield Bad(name, number, why) if document is None else Record(name, number, document)


def is_shadow(record: Record) -> bool:
    """Tell whether a record is a shadow variant's."""
    return bool(record.document[METADATA].get(SOURCE) == SHADOW)


def _lines(path: Path) -> Iterator[Tuple[int, bytes]]:
    with open(path, "rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                yield number, line


def _parsed(line: bytes, wanted: str) -> Tuple[Optional[Dict[str, Any]], str]:
    try:
        document = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return None, "this is no JSON: {}".format(error)
    if isinstance(document, list):
        return None, "this is a list, as in the manifest of a transform job; expected a record of an endpoint"
    if not isinstance(document, dict) or not isinstance(document.get(wanted), dict):
        return None, "there is no object {}".format(wanted)
    document.setdefault(METADATA, {})
    return (document, "") if isinstance(document[METADATA], dict) else (None, "{} is no object".format(METADATA))


def keys(document: Mapping[str, Any]) -> List[str]:
    """Return what a record is found by: the inference id that the caller gave, then the id of the event."""
    told = document[METADATA]
    return [str(told[name]) for name in ("inferenceId", "eventId") if told.get(name)]


def merge(captured: Sequence[Record], truths: Sequence[Record]) -> Merged:
    """Return captured records with the truth of the same inference id, else event id; of several truths of one id the last in the order of the files counts."""
    known: Dict[str, Record] = {}
    replaced = 0
    for truth in truths:
        for key in keys(truth.document)[:1]:
            replaced += key in known
            known[key] = truth
    used = set()
    merged = []
    for record in captured:
        found = next((key for key in keys(record.document) if key in known), None)
        if found is not None:
            used.add(found)
            merged.append(record._replace(document=_joined(record.document, known[found].document)))
    return Merged(tuple(merged), len(captured) - len(merged), len(known) - len(used), replaced)


def _joined(record: Mapping[str, Any], truth: Mapping[str, Any]) -> Dict[str, Any]:
    joined = {CAPTURE: record[CAPTURE], TRUTH: truth[TRUTH], METADATA: record[METADATA]}
    return {**joined, "eventVersion": record.get("eventVersion", "0")}


def write(records: Sequence[Record], path: Path) -> None:
    """Write merged records as JSON Lines, one compact object a line, as the service's merge job does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record.document, separators=(",", ":")) + "\n" for record in records]
    path.write_text("".join(lines), encoding="utf-8")


def told(bad: Sequence[Bad]) -> List[str]:
    """Return what to print of unusable lines: the first five, and how many more."""
    lines = ["{}: line {}: not used: {}".format(entry.file, entry.line, entry.why) for entry in bad[:TOLD_BAD]]
    return lines + (["{} more lines were not used".format(len(bad) - TOLD_BAD)] if len(bad) > TOLD_BAD else [])
