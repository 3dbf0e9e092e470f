"""One call of the SageMaker Runtime API, taken apart, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "x-amzn-sagemaker-"
# Headers that the service passes on to the container; all others are stripped.
PASSED_ON = ("content-type", "accept", f"{PREFIX}custom-attributes", f"{PREFIX}target-model", f"{PREFIX}inference-id", f"{PREFIX}session-id")


class RuntimeFault(Exception):
    """Carry an error of the Runtime API: its type as botocore knows it, its status, and further members of its body."""

    def __init__(self, kind: str, status: int, message: str, **members: object) -> None:
        super().__init__(message)
        self.kind, self.status, self.members = kind, status, members


def invalid(message: str) -> RuntimeFault:
    """Return a ValidationError."""
    return RuntimeFault("ValidationError", 400, message)


@dataclass(frozen=True)
class Invocation:
    """Hold what is asked of an endpoint; `headers` are those of the HTTP request by name in lower case."""

    headers: Mapping[str, str]
    body: bytes

    def option(self, name: str) -> str:
        """Return one of the X-Amzn-SageMaker headers, empty without it."""
        return self.headers.get(PREFIX + name, "")

    def passed_on(self) -> dict[str, str]:
        """Return the headers that the container sees."""
        return {name: self.headers[name] for name in PASSED_ON if name in self.headers}
