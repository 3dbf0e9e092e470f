"""What a transform job was asked for: refused before anything starts when the service would refuse it, and filled in by what the container says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.faults import ClientFault
from pipelines.local.store import split_uri
from pipelines.local.transform import formats, json_path
from pipelines.local.transform.json_path import JsonPath
from pipelines.local.transform.splitting import SPLITS

MB = 1 << 20
MOST_MB, MOST_VARIABLES = 100, 16
DEFAULT_MB, DEFAULT_CONCURRENT, DEFAULT_TIMEOUT_S, DEFAULT_RETRIES = 6, 1, 600, 3
# The request's spelling of a strategy, and the one of /execution-parameters and of SAGEMAKER_BATCH_STRATEGY.
STRATEGIES: Mapping[str, str] = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}
SPELLED: Mapping[str, str] = {container: request for request, container in STRATEGIES.items()}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "TransformInput.SplitType": SPLITS,
    "TransformInput.CompressionType": ("None", "Gzip"),
    "TransformOutput.AssembleWith": ("None", "Line"),
    "DataProcessing.JoinSource": ("None", "Input"),
    "BatchStrategy": tuple(STRATEGIES),
}
RANGES: Mapping[str, tuple[int, int]] = {
    "MaxPayloadInMB": (0, MOST_MB),
    "MaxConcurrentTransforms": (0, MOST_MB),
    "ModelClientConfig.InvocationsTimeoutInSeconds": (1, 3600),
    "ModelClientConfig.InvocationsMaxRetries": (0, 3),
}
Request = Mapping[str, Any]


@dataclass(frozen=True)
class Processing:
    """Hold DataProcessing: the filters (None where they pick everything), and whether the input is joined."""

    input_filter: JsonPath | None = None
    output_filter: JsonPath | None = None
    join: bool = False


@dataclass(frozen=True)
class Settings:
    """Hold what the engine does with each file; `payload_bytes` 0 stands for a stream of any length.

    `marked` says whether each record of the output gets an inference id.
    """

    split: str = "None"
    single: bool = False
    lines: bool = False
    payload_bytes: int = DEFAULT_MB * MB
    concurrent: int = DEFAULT_CONCURRENT
    content_type: str | None = None
    accept: str | None = None
    gzip: bool = False
    processing: Processing = Processing()
    marked: bool = False
    timeout_s: float = DEFAULT_TIMEOUT_S
    retries: int = DEFAULT_RETRIES

    @property
    def streams(self) -> bool:
        """Tell whether a whole file goes to the model as one stream."""
        return self.payload_bytes == 0 and (self.split == "None" or not self.single)

    @property
    def words(self) -> str:
        """Return the settings as the service's data log begins with them."""
        strategy = STRATEGIES["SingleRecord" if self.single else "MultiRecord"]
        return f"MaxConcurrentTransforms={self.concurrent}, MaxPayloadInMB={self.payload_bytes // MB}, BatchStrategy={strategy}"


def read(request: Request, execution_parameters: Mapping[str, Any]) -> Settings:
    """Return the settings: the request's before those of GET /execution-parameters, before the defaults.

    MaxConcurrentTransforms 0 in a request leaves it to the container (API reference, CreateTransformJob); a container's own wish is kept to 100 MB in all.
    """
    asked = {"MaxConcurrentTransforms": request.get("MaxConcurrentTransforms") or None, "MaxPayloadInMB": request.get("MaxPayloadInMB")}
    payload_mb = _number(asked["MaxPayloadInMB"], execution_parameters.get("MaxPayloadInMB"), DEFAULT_MB)
    concurrent = _number(asked["MaxConcurrentTransforms"], execution_parameters.get("MaxConcurrentTransforms"), DEFAULT_CONCURRENT)
    if asked["MaxConcurrentTransforms"] is None or asked["MaxPayloadInMB"] is None:
        concurrent = min(concurrent, MOST_MB // max(1, min(payload_mb, MOST_MB)))
    processing, marked = _processing(request), bool((request.get("DataCaptureConfig") or {}).get("GenerateInferenceId"))
    payload_mb = payload_mb or (DEFAULT_MB if marked or processing != Processing() else 0)
    strategy = request.get("BatchStrategy") or SPELLED.get(str(execution_parameters.get("BatchStrategy")), "MultiRecord")
    given, wanted, client = request["TransformInput"], request["TransformOutput"], request.get("ModelClientConfig") or {}
    return Settings(
        split=given.get("SplitType") or "None",
        single=strategy == "SingleRecord",
        lines=wanted.get("AssembleWith") == "Line",
        payload_bytes=min(payload_mb, MOST_MB) * MB,
        concurrent=max(1, concurrent),
        content_type=given.get("ContentType"),
        accept=wanted.get("Accept"),
        gzip=given.get("CompressionType") == "Gzip",
        processing=processing,
        marked=marked,
        timeout_s=_number(client.get("InvocationsTimeoutInSeconds"), None, DEFAULT_TIMEOUT_S),
        retries=_number(client.get("InvocationsMaxRetries"), None, DEFAULT_RETRIES),
    )


def environment(request: Request) -> dict[str, str]:
    """Return what the container's environment gets of a job: its own variables, and the settings that the request gives (AWS developer guide,
    "Use Your Own Inference Code with Batch Transform")."""
    strategy = request.get("BatchStrategy")
    told = {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": request.get("MaxPayloadInMB"),
        "SAGEMAKER_BATCH_STRATEGY": STRATEGIES.get(str(strategy), strategy),
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": request.get("MaxConcurrentTransforms") or None,
    }
    return {**{name: str(value) for name, value in told.items() if value is not None}, **(request.get("Environment") or {})}


def refuse(request: Request) -> None:
    """Check what the service checks before it starts a job.

    Raises:
        ClientFault: something is wrong; it names every problem.
    """
    found = problems(request)
    if found:
        raise ClientFault(" ".join(map(str, found)))


def problems(request: Request) -> Sequence[UsageError]:
    """Return everything that the service would refuse of a request whose expressions are evaluated."""
    return [*_values(request), *_size(request), *_places(request), *_data_processing(request)]


def _number(asked: Any, container: Any, default: int) -> int:
    """Return the first that is a whole number from 0 on; a container may say anything."""
    return next((value for value in map(_whole, (asked, container)) if value is not None), default)


def _whole(value: Any) -> int | None:
    try:
        number = int(value)
    except (TypeError, ValueError):
        return None
    return number if number >= 0 else None


def _at(request: Request, place: str) -> Any:
    value: Any = request
    for name in place.split("."):
        value = (value or {}).get(name)
    return value


def _values(request: Request) -> Iterator[UsageError]:
    for place, allowed in CHOICES.items():
        value = _at(request, place)
        if value is not None and value not in allowed:
            yield UsageError("this is no value of it", where=place, got=repr(value), expected=f"one of {', '.join(allowed)}")
    for place, (least, most) in RANGES.items():
        value = _at(request, place)
        number = _whole(value)
        if value is not None and (number is None or not least <= number <= most):
            yield UsageError("this number is not allowed", where=place, got=repr(value), expected=f"{least} to {most}")
    variables = len(request.get("Environment") or {})
    if variables > MOST_VARIABLES:
        yield UsageError("there are too many variables", where="Environment", got=str(variables), expected=f"at most {MOST_VARIABLES}")


def _size(request: Request) -> Iterator[UsageError]:
    payload, concurrent = _whole(request.get("MaxPayloadInMB")) or 0, _whole(request.get("MaxConcurrentTransforms")) or 0
    if payload * concurrent > MOST_MB:
        got, hint = f"{concurrent} x {payload} MB", f"Give at most {MOST_MB // payload} transforms at a time, or a smaller payload."
        where = "MaxConcurrentTransforms x MaxPayloadInMB"
        yield UsageError("there would be too much data on its way at a time", where=where, got=got, expected=f"at most {MOST_MB} MB", hint=hint)


def _places(request: Request) -> Iterator[UsageError]:
    capture = request.get("DataCaptureConfig")
    places = {"TransformOutput.S3OutputPath": request["TransformOutput"]["S3OutputPath"]}
    places |= {"DataCaptureConfig.DestinationS3Uri": capture["DestinationS3Uri"]} if capture else {}
    for place, uri in places.items():
        try:
            split_uri(str(uri))
        except UsageError as error:
            yield UsageError(error.what, where=f"{place} {uri!r}", got=error.got, expected=error.expected)
    accept = request["TransformOutput"].get("Accept")
    if (capture or {}).get("GenerateInferenceId") and formats.media_type(accept) not in formats.FORMATS:
        yield _no_format("DataCaptureConfig.GenerateInferenceId", "TransformOutput.Accept", accept)


def _processing(request: Request) -> Processing:
    asked = request.get("DataProcessing") or {}
    paths = (json_path.parse(asked.get(name) or "$", f"DataProcessing.{name}") for name in ("InputFilter", "OutputFilter"))
    given, wanted = (None if path.is_root else path for path in paths)
    return Processing(given, wanted, asked.get("JoinSource") == "Input")


def _data_processing(request: Request) -> Iterator[UsageError]:
    """Check DataProcessing with the formats (AWS developer guide, "Associate Prediction Results with Input Records").

    A filter needs the format of its own side only: AWS's samples filter CSV on the way in and JSON on the way out. A join needs one format on both.
    """
    try:
        processing = _processing(request)
    except UsageError as error:
        yield error
        return
    given, wanted = formats.media_type(request["TransformInput"].get("ContentType")), formats.media_type(request["TransformOutput"].get("Accept"))
    sides = (
        ("InputFilter", processing.input_filter, "TransformInput.ContentType", given, "TransformInput.SplitType"),
        ("OutputFilter", processing.output_filter, "TransformOutput.Accept", wanted, "TransformOutput.AssembleWith"),
    )
    for name, path, place, kind, cut in sides:
        if (path or processing.join) and kind not in formats.FORMATS:
            yield _no_format(f"DataProcessing.{name if path else 'JoinSource'}", place, kind)
        elif (path or processing.join) and kind == formats.CSV and _at(request, cut) != "Line":
            yield UsageError("CSV is processed line by line", where=cut, got=repr(_at(request, cut)), expected="Line")
        if path and kind == formats.CSV and not path.by_position:
            yield UsageError("a CSV row has no names", where=f"DataProcessing.{name}", got=repr(path.text), expected="positions such as $[0], $[1:] or $[0,-1]")
    yield from _join(request, processing, given, wanted)


def _join(request: Request, processing: Processing, given: str, wanted: str) -> Iterator[UsageError]:
    if processing.join and (given == formats.CSV) != (wanted == formats.CSV):
        where, hint = "DataProcessing.JoinSource Input", "Give ContentType and Accept the same value."
        yield UsageError("input and output are of different formats", where=where, got=f"{given or 'none'} and {wanted or 'none'}", hint=hint)
    split, assembled = _at(request, "TransformInput.SplitType") or "None", _at(request, "TransformOutput.AssembleWith") or "None"
    if processing.join and split != assembled:
        where, hint = "DataProcessing.JoinSource Input", "Give TransformInput.SplitType and TransformOutput.AssembleWith the same value."
        yield UsageError("input and output are not cut alike", where=where, got=f"SplitType {split} and AssembleWith {assembled}", hint=hint)
    used = processing != Processing() or (request.get("DataCaptureConfig") or {}).get("GenerateInferenceId")
    if used and request.get("MaxPayloadInMB") is not None and _whole(request["MaxPayloadInMB"]) == 0:
        where, hint = "MaxPayloadInMB 0", "Give a MaxPayloadInMB of 1 to 100."
        yield UsageError("a stream cannot be filtered, joined or given inference ids", where=where, hint=hint)


def _no_format(what: str, place: str, kind: str | None) -> UsageError:
    return UsageError(f"{what} needs a format that can be processed", where=place, got=kind or "none", expected=f"one of {', '.join(formats.FORMATS)}")
