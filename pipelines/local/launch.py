"""Make the launcher that the command line asks for."""

from __future__ import annotations

from pipelines.local.launcher import ColdLauncher, Launcher, WarmLauncher


def make_launcher(isolation: str, *, cold: bool, keep_minutes: float = 0.0) -> Launcher:
    """Return a launcher; a warm one starts importing the libraries of jobs at once, in a process of its own.

    Raises:
        UsageError: the isolation that was asked for is not possible here.
    """
    return ColdLauncher(isolation=isolation) if cold else WarmLauncher(isolation=isolation, keep_minutes=keep_minutes)
