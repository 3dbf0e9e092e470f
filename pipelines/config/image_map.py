"""The file of `--image-map`: what `images.map` of a configuration holds, for definitions that have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipelines.config import yaml_text
from pipelines.config.images import Images
from pipelines.config.problems import describe_all


def read_image_map(path: Path) -> dict[str, Any]:
    """Return the entries of a YAML or JSON file by image.

    Raises:
        ConfigError: it cannot be read, or an entry has an unknown key or the wrong type.
    """
    values = {"map": yaml_text.read(path).values}
    try:
        read: dict[str, Any] = Images.model_validate(values).model_dump()["map"]
    except ValidationError as error:
        below = [{**each, "loc": ("images", *each["loc"])} for each in error.errors()]
        problems = describe_all(below, {"images": values})
        raise yaml_text.together(str(path), [(f"{path}: {key.removeprefix('images.map.')}", text) for key, text in problems]) from None
    return read
