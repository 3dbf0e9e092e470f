"""The report as one HTML page without any request."""

from __future__ import annotations

from typing import Any, Mapping


def page(found: Mapping[str, Any]) -> str:
    """Return the page for a profile."""
    return "<!doctype html>"
