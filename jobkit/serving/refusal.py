"""Say no to a request in words for its sender."""

from __future__ import annotations

from typing import Any

BAD_REQUEST, NOT_ACCEPTABLE, UNSUPPORTED, BROKEN = 400, 406, 415, 500
PHRASES = {BAD_REQUEST: "Bad Request", NOT_ACCEPTABLE: "Not Acceptable", UNSUPPORTED: "Unsupported Media Type", BROKEN: "Internal Server Error"}


def _base() -> Any:
    """Return the exception that SageMaker's inference toolkit turns into the status it names, where the image has that toolkit."""
    try:
        from sagemaker_inference.errors import BaseInferenceToolkitError
    except ImportError:
        return Exception
    return BaseInferenceToolkitError


class RequestError(_base()):  # type: ignore[misc]
    """Carry the HTTP `status` of a refused request and a message for who sent it: where, what, and what was expected."""

    def __init__(self, message: str, status: int = BAD_REQUEST) -> None:
        Exception.__init__(self, message)
        self.message, self.status, self.status_code, self.phrase = message, status, status, PHRASES.get(status, "")

    def __str__(self) -> str:
        return self.message
