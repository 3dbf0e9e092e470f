"""Data capture in the service's JSON Lines layout (AWS developer guide, "Data capture"): what came in and what went out, as objects in the local S3."""

from __future__ import annotations

import base64
import json
import random
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from pipelines.errors import UsageError
from pipelines.local.serving.invocation import Invocation
from pipelines.local.serving.link import Reply
from pipelines.local.store import Store

MOST_RECORDS, MOST_BYTES = 1000, 64 * 2**20
# What cannot be written is kept so long as it is no more than this many times what would be written at once.
KEPT_TIMES = 8
# Whatever CaptureContentTypeHeader does not name is BASE64 (botocore, DataCaptureConfig).
ENCODINGS = (("CSV", "CsvContentTypes"), ("JSON", "JsonContentTypes"))


@dataclass
class Capture:
    """Collect records of an endpoint and write them below its DestinationS3Uri, as `<endpoint>/<variant>/yyyy/mm/dd/hh/<minute>-<second>-<ms>-<id>.jsonl`.

    `config` is the endpoint configuration's DataCaptureConfig.
    """

    store: Store
    endpoint: str
    config: Mapping[str, Any]
    tell: Callable[[str], None] = lambda text: None
    _records: dict[str, list[str]] = field(default_factory=dict)
    _kept_bytes: int = 0
    _cannot: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def modes(self) -> frozenset[str]:
        """Return what is captured: Input, Output, both."""
        named = {str(option["CaptureMode"]) for option in self.config.get("CaptureOptions", [])}
        return frozenset({"Input", "Output"} if "InputAndOutput" in named else named)

    def wanted(self) -> bool:
        """Tell whether the next invocation is in the sample."""
        return bool(self.config.get("EnableCapture", True)) and random.uniform(0, 100) < float(self.config.get("InitialSamplingPercentage", 100))

    def add(self, variant: str, invocation: Invocation, reply: Reply) -> bool:
        """Keep an invocation that was answered for the next `flush`; returns whether so much is kept that this should be soon."""
        sides = {}
        if "Input" in self.modes:
            sides["endpointInput"] = self._side("INPUT", invocation.headers.get("content-type", ""), invocation.body)
        if "Output" in self.modes:
            sides["endpointOutput"] = self._side("OUTPUT", reply.headers.get("content-type", ""), reply.body)
        line = json.dumps({"captureData": sides, "eventMetadata": _metadata(invocation), "eventVersion": "0"}, separators=(",", ":"))
        with self._lock:
            self._records.setdefault(variant, []).append(line)
            self._kept_bytes += len(line)
            return not self._cannot and (len(self._records[variant]) >= MOST_RECORDS or self._kept_bytes >= MOST_BYTES)

    def _side(self, mode: str, content_type: str, body: bytes) -> dict[str, str]:
        encoding = self._encoding(content_type.partition(";")[0].strip().lower())
        try:
            data = body.decode("utf-8") if encoding != "BASE64" else base64.b64encode(body).decode()
        except UnicodeDecodeError:
            encoding, data = "BASE64", base64.b64encode(body).decode()
        return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}

    def _encoding(self, kind: str) -> str:
        named = self.config.get("CaptureContentTypeHeader") or {}
        return next((encoding for encoding, key in ENCODINGS if kind in (named.get(key) or ())), "BASE64")

    def flush(self) -> None:
        """Write what was kept; what cannot be written is kept on, and lost only when there is too much of it."""
        with self._writing:
            with self._lock:
                records, self._records, self._kept_bytes, self._cannot = self._records, {}, 0, False
            for variant, lines in records.items():
                try:
                    self._write(variant, lines)
                except (OSError, UsageError) as error:
                    self._keep_on(variant, lines, error)

    def _keep_on(self, variant: str, lines: list[str], error: Exception) -> None:
        size_bytes = sum(map(len, lines))
        self._cannot = True
        fits = len(lines) <= KEPT_TIMES * MOST_RECORDS and size_bytes <= KEPT_TIMES * MOST_BYTES
        self.tell(f"{self.endpoint}: {len(lines)} captured records of {variant} cannot be written{'; they are kept' if fits else ' and are LOST'}: {error}")
        if fits:
            with self._lock:
                self._records[variant] = lines + self._records.get(variant, [])
                self._kept_bytes += size_bytes

    def _write(self, variant: str, lines: Sequence[str]) -> None:
        now = datetime.now(timezone.utc)
        place = f"{self.config['DestinationS3Uri'].rstrip('/')}/{self.endpoint}/{variant}/{now:%Y/%m/%d/%H}"
        self.store.put_bytes(f"{place}/{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl", ("\n".join(lines) + "\n").encode())


def _metadata(invocation: Invocation) -> dict[str, Any]:
    told = {"eventId": str(uuid.uuid4()), "inferenceTime": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"}
    inference, custom = invocation.option("inference-id"), invocation.option("custom-attributes")
    return {**told, **({"inferenceId": inference} if inference else {}), **({"customAttributes": [custom]} if custom else {})}
