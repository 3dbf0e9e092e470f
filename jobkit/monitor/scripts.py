"""Run a user's scripts as Model Monitor's container does (developer guide, "Preprocessing and Postprocessing")."""

from __future__ import annotations

import importlib.util
import inspect
import logging
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from jobkit.failure import JobError
from jobkit.monitor.captured import CAPTURE, METADATA, TRUTH, Record

PREPROCESS, POSTPROCESS = "preprocess_handler", "postprocess_handler"


class EventMetadata(NamedTuple):
    """Hold whose record it is, under the names that the guide gives them."""

    event_id: Optional[str]
    event_time: Optional[str]
    inference_id: Optional[str]
    custom_attribute: Any


class EventData(NamedTuple):
    """Hold one side of a record, under the names that the guide gives it; `data` is text as it was captured."""

    encoding: Optional[str]
    data: Any
    observedContentType: Optional[str]
    mode: Optional[str]

    def as_dict(self) -> Dict[str, Any]:
        """Return the members that the guide's own class returns."""
        return {"encoding": self.encoding, "data": self.data, "observedContentType": self.observedContentType}


class InferenceRecord(NamedTuple):
    """Hold a record as `preprocess_handler(inference_record)` gets it; a side that was not captured is None."""

    event_metadata: EventMetadata
    endpoint_input: Optional[EventData]
    endpoint_output: Optional[EventData]
    ground_truth: Optional[EventData]
    event_version: Optional[str]
    event_dict: Dict[str, Any]

    def as_dict(self) -> Dict[str, Any]:
        """Return the record's document."""
        return self.event_dict


def inference_record(document: Dict[str, Any]) -> InferenceRecord:
    """Return a captured or merged document as a script sees it."""
    told, sides = document[METADATA], document[CAPTURE]
    metadata = EventMetadata(told.get("eventId"), told.get("inferenceTime"), told.get("inferenceId"), told.get("customAttributes"))
    found = (_side(sides.get("endpointInput")), _side(sides.get("endpointOutput")), _side(document.get(TRUTH)))
    return InferenceRecord(metadata, *found, document.get("eventVersion"), document)


def _side(told: Optional[Mapping[str, Any]]) -> Optional[EventData]:
    return None if told is None else EventData(told.get("encoding"), told.get("data"), told.get("observedContentType"), told.get("mode"))


def load(place: Path, function: str) -> Callable[..., Any]:
    """Return a function of a script, which is a file or the only .py file of a folder.

    Raises:
        JobError: there is no such script, or it has no such function.
    """
    scripts = [place] if place.is_file() else sorted(place.glob("*.py"))
    if len(scripts) != 1:
        raise JobError("{}: got {} scripts; expected one .py file with a function {}".format(place, len(scripts), function))
    spec = importlib.util.spec_from_file_location("monitor_script_" + function, str(scripts[0]))
    if spec is None or spec.loader is None:
        raise JobError("{}: this is no Python script; expected a .py file".format(scripts[0].name))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not callable(getattr(module, function, None)):
        raise JobError("{}: there is no function {}; define it".format(scripts[0].name, function))
    handler: Callable[..., Any] = getattr(module, function)
    return handler


def preprocess(handler: Callable[..., Any], given: Sequence[Tuple[str, Any]]) -> List[Dict[str, Any]]:
    """Return the rows that a handler makes of what it is given one by one, each with the words for where it stands; None and [] make no row.

    Raises:
        JobError: it returned something else than a dict or a list of dicts. What the script raises is passed on; where it did is printed.
    """
    logged = "logger" in inspect.signature(handler).parameters
    more = (logging.getLogger("Preprocessing"),) if logged else ()
    rows: List[Dict[str, Any]] = []
    where = None
    try:
        for where, item in given:
            rows += _made(where, handler(item, *more))
        where = None
    finally:
        if where is not None:
            print("{}: the record preprocessor script failed here".format(where))
    return rows


def _made(where: str, made: Any) -> List[Dict[str, Any]]:
    found = [made] if isinstance(made, dict) else [] if made is None else made
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise JobError("{}: {} returned {}; expected a dict of one value a name".format(where, PREPROCESS, type(made).__name__))
    nested = next(((name, value) for row in found for name, value in row.items() if isinstance(value, (list, dict, tuple))), None)
    if nested:
        raise JobError("{}: {} returned for {!r} a {}; expected one value".format(where, PREPROCESS, nested[0], type(nested[1]).__name__))
    return found


def of_records(records: Sequence[Record]) -> Iterator[Tuple[str, Any]]:
    """Yield records as a handler gets them."""
    for record in records:
        yield "{}: line {}".format(record.file, record.line), inference_record(record.document)
