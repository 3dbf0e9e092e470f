"""What `serve`, `invoke` and `deploy` share: a machine for containers, and the records of what is deployed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.commands.printing import visible
from pipelines.errors import UsageError

if TYPE_CHECKING:
    from pipelines.local.serving.boxes import Machine


def say(line: str) -> None:
    """Print a line of progress."""
    print(visible(line), file=sys.stderr, flush=True)


@contextmanager
def machine(
    home: Path, isolation: str, images: str, image_map: Path | None, *, cold: bool, keep_minutes: float = 0.0, region: str = "us-east-1"
) -> Iterator[Machine]:
    """Yield what containers are made with; everything that still runs ends with the block.

    Raises:
        UsageError: something in the block cannot be served here.
    """
    from pipelines.config.image_map import read_image_map
    from pipelines.local.faults import ClientFault
    from pipelines.local.home import Home
    from pipelines.local.images.mapped import ImageMap, Images, read
    from pipelines.local.launch import make_launcher
    from pipelines.local.runs import IMAGES
    from pipelines.local.serving.boxes import Machine

    mapped = read(read_image_map(image_map), image_map.absolute().parent, str(image_map)) if image_map else ImageMap()
    launcher = make_launcher(isolation, cold=cold, keep_minutes=keep_minutes)
    try:
        place = Home(home)
        yield Machine(place.store, place.registry, launcher, Images(IMAGES[images](), mapped, say), region)
    except ClientFault as error:
        raise UsageError(str(error)) from None
    finally:
        launcher.close()


def known_endpoint(home: Path, name: str) -> None:
    """Refuse the name of an endpoint that is not deployed here.

    Raises:
        UsageError: there is no such endpoint.
    """
    from pipelines.local.faults import ClientFault
    from pipelines.local.serving.records import Records

    try:
        Records(home).read("endpoint", name)
    except ClientFault as error:
        raise UsageError(str(error), where="endpoint", hint="`sagewright deploy` makes one, or an Endpoint step of a pipeline.") from None
