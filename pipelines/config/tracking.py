"""The section `mlflow`: where the record of each run is sent."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from pipelines.config.section import Section


def _without_password(uri: str) -> str:
    if "@" in urlsplit(uri).netloc and uri.startswith(("http://", "https://")):
        raise ValueError(
            "a tracking URI holds no user or password, since it is kept with every run. Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
        )
    return uri


class Mlflow(Section):
    """Send the record of every local run to MLflow; it is no part of the definition, and a server that is down fails no run."""

    tracking_uri: Annotated[str, Field(min_length=1), AfterValidator(_without_password)] = Field(
        description="What MLflow takes, e.g. http://127.0.0.1:5000 or sqlite:///mlflow.db; needs `pip install 'sagewright[mlflow]'`"
    )
    experiment: Annotated[str, Field(min_length=1)] | None = Field(default=None, description="The experiment's name in MLflow; the pipeline's if absent")
