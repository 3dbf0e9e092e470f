"""sagewright monitor schedule"""

from __future__ import annotations

from pipelines.commands import flags


def schedule(home: flags.HomeFlag) -> int:
    """x"""
    return 0
