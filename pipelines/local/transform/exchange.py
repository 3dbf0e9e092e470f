"""One mini-batch: what of it the model gets, and what of its answer goes to the output."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.local.transform import formats
from pipelines.local.transform.bad_data import BadData
from pipelines.local.transform.settings import Processing, Settings

Invoke = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Exchange:
    """Filter a mini-batch, ask the model, join, filter and mark its answer, and end it with a newline when AssembleWith is Line.

    `started_at` is the job's start, ISO 8601 in UTC, for marked records. Where nothing is to be processed, nothing is parsed.
    """

    settings: Settings
    started_at: str = ""
    identity: Callable[[], str] = lambda: str(uuid.uuid4())

    def __call__(self, body: bytes, invoke: Invoke) -> bytes:
        """Return what a mini-batch adds to the output.

        Raises:
            BadData: the mini-batch or the answer is not of its format, or they do not go together.
        """
        processing = self.settings.processing
        if processing == Processing() and not self.settings.marked:
            return self._ended(invoke(body))
        records = self._records(body) if processing.input_filter or processing.join else []
        answer = invoke(self._filtered(records, body) if processing.input_filter else body)
        if not (processing.join or processing.output_filter or self.settings.marked):
            return self._ended(answer)
        return self._ended(self._answered(records, answer))

    def _records(self, body: bytes) -> list[Any]:
        return self._format(self.settings.content_type).read(body)

    def _format(self, kind: str | None) -> formats.Format:
        """Return how to read one side: a mini-batch of one record may hold a JSON document of many lines."""
        kind = formats.media_type(kind)
        whole = kind == formats.JSON and (self.settings.single or self.settings.split == "None")
        return formats.DOCUMENT if whole else formats.FORMATS[kind]

    def _filtered(self, records: Sequence[Any], body: bytes) -> bytes:
        path, kind = self.settings.processing.input_filter, self._format(self.settings.content_type)
        assert path
        return kind.write([kind.pick(path, record) for record in records], newline=body.endswith(b"\n"))

    def _answered(self, records: Sequence[Any], answer: bytes) -> bytes:
        kind, processing = self._format(self.settings.accept), self.settings.processing
        try:
            answers = kind.read(answer)
        except BadData as fault:
            # The beginning of the sentence as users report it (aws/amazon-sagemaker-examples#821).
            name = "CSV" if formats.media_type(self.settings.accept) == formats.CSV else "JSON"
            raise BadData(f"Failed to parse output from the algorithm as {name}: {fault}") from None
        if processing.join and len(records) != len(answers):
            said = f"{len(records)} input records, {len(answers)} answers"
            raise BadData(f"Fail to join data: mismatched line count between the input and the output: {said}")
        joined = [kind.join(record, each) for record, each in zip(records, answers, strict=True)] if processing.join else answers
        picked = [kind.pick(processing.output_filter, record) for record in joined] if processing.output_filter else joined
        marked = [kind.mark(record, self.identity(), self.started_at) for record in picked] if self.settings.marked else picked
        return kind.write(marked, newline=answer.endswith(b"\n"))

    def _ended(self, answer: bytes) -> bytes:
        """End a mini-batch's answer with exactly one newline; containers end theirs with one, several or none, and the service's files have no empty lines."""
        if not self.settings.lines or not answer:
            return answer
        if answer.endswith(b"\n") and not answer.endswith((b"\n\n", b"\r\n")):
            return answer
        text = answer.rstrip(b"\r\n")
        return text + b"\n" if text else b""
