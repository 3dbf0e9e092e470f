"""The URI of an image, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.local.faults import ClientFault

URI = re.compile(r"(?:(?P<registry>[a-z0-9.\-]+(?::\d+)?)/)?(?P<repository>[a-z0-9._/\-]+)(?::(?P<tag>[\w.\-]+))?(?:@sha256:[0-9a-f]{64})?")


@dataclass(frozen=True)
class ImageRef:
    """Hold the parts of an image URI."""

    registry: str
    repository: str
    tag: str


def parse_image(uri: str) -> ImageRef:
    """Return registry, repository and tag of an image URI; without a tag the tag is `latest`.

    Raises:
        ClientFault: it is no image URI.
    """
    match = URI.fullmatch(uri)
    if match is None:
        raise ClientFault(f"{uri[:200]!r} is not an image URI")
    return ImageRef(match["registry"] or "", match["repository"], match["tag"] or "latest")
