"""sagewright monitor report"""

from __future__ import annotations

from pipelines.commands import flags


def report(home: flags.HomeFlag) -> int:
    """x"""
    return 0
