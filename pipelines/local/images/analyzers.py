"""The images of Clarify and Model Monitor: what their containers run is job code that is carried along, `evaluation/clarify.py` and `evaluation/monitor.py`."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.jobs import jobs_root
from pipelines.local.images.uri import URI

CLARIFY, MONITOR = "sagemaker-clarify-processing", "sagemaker-model-monitor-analyzer"
# Repository -> the program below the folder of the jobs. The account before it differs from region to region.
PROGRAMS: Mapping[str, str] = {CLARIFY: "evaluation/clarify.py", MONITOR: "evaluation/monitor.py"}


def program(repository: str) -> tuple[str, ...]:
    """Return the command of an analyzer's container, an empty one for another image."""
    return ("python3", str(jobs_root() / PROGRAMS[repository])) if repository in PROGRAMS else ()


def search_path(repository: str) -> dict[str, str]:
    """Return the variables by which the program, and the processes that it starts, find `jobkit`."""
    return {"PYTHONPATH": str(jobs_root())} if repository in PROGRAMS else {}


def asks_a_model(image_uri: str) -> bool:
    """Tell whether an image's jobs may ask a model that the service serves for them, as Clarify's do."""
    match = URI.fullmatch(image_uri)
    return match is not None and match["repository"] == CLARIFY
