"""Image URIs, from the SDK's own table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.errors import ConfigError

# The images of a framework differ for processors with and without a GPU only.
ANY_CPU = "ml.m5.large"
# What the SDK's table calls the frameworks.
FRAMEWORKS: Mapping[str, str] = {"xgboost": "xgboost", "scikit-learn": "sklearn"}


def algorithm_image(region: str, name: str) -> str:
    """Return the URI of the image of a built-in algorithm other than XGBoost in a region.

    Raises:
        ConfigError: the SDK's table has no such region.
    """
    return _retrieved(name, name, region, "training.algorithm")


def framework_image(region: str, framework: str, version: str) -> str:
    """Return the URI of the image of a framework, `xgboost` or `scikit-learn`, of a version in a region.

    Raises:
        ConfigError: the SDK's table has no such region or version.
    """
    return _retrieved(FRAMEWORKS[framework], framework, region, "training.version", version=version, instance_type=ANY_CPU)


def _retrieved(name: str, called: str, region: str, key: str, **options: str) -> str:
    from sagemaker.core import image_uris

    try:
        uri: Any = image_uris.retrieve(name, region, **options)
    except ValueError as error:
        got = f"{region}, {options.get('version', called)}"
        raise ConfigError(f"the SDK knows no image of {called} for this", where=f"aws.region, {key}", got=got, hint=str(error)) from None
    return str(uri)
