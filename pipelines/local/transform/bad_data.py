"""What is wrong with one file of a transform job; the other files go on."""

from __future__ import annotations


class BadData(Exception):
    """Say why a file cannot be transformed."""
