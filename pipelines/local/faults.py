"""What can go wrong with a step beside its own program."""

from __future__ import annotations


class StepFault(Exception):
    """Carry a fault of the (here: local) service, which a retry policy may name; never a failing script."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class ClientFault(Exception):
    """Carry what the service would answer with `ClientError`: input that is not there, a path it does not allow."""
