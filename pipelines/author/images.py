"""Image URIs, from the SDK's own table."""

from __future__ import annotations

from typing import Any

from pipelines.errors import ConfigError


def algorithm_image(region: str, name: str) -> str:
    """Return the URI of the image of a built-in algorithm other than XGBoost in a region.

    Raises:
        ConfigError: the SDK's table has no such region.
    """
    from sagemaker.core import image_uris

    try:
        uri: Any = image_uris.retrieve(name, region)
    except ValueError as error:
        raise ConfigError(
            f"the SDK knows no image of {name} for this", where="aws.region, training.algorithm", got=f"{region}, {name}", hint=str(error)
        ) from None
    return str(uri)


def xgboost_image(region: str, version: str) -> str:
    """Return the URI of the XGBoost image of a version in a region.

    Raises:
        ConfigError: the SDK's table has no such region or version.
    """
    from sagemaker.core import image_uris

    try:
        uri: Any = image_uris.retrieve("xgboost", region, version=version)
    except ValueError as error:
        raise ConfigError(
            "the SDK knows no XGBoost image for this", where="aws.region, training.version", got=f"{region}, {version}", hint=str(error)
        ) from None
    return str(uri)
