"""Compose pipelines with SageMaker Python SDK V3: the only place that imports it, and only when a definition is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def get_pipeline(config: Any, *, region: str | None = None, role: str | None = None, default_bucket: str | None = None, profile: str | None = None) -> Any:
    """Return the SDK's own `Pipeline` for a configuration (a PipelineConfig, or the path of a pipeline.yaml), to extend it before `upsert`.

    The code bundles that its steps read are at `pipelines.author.compile.objects_of(config, root)`.

    Raises:
        ConfigError: the configuration is wrong.
    """
    from pipelines.author.pipeline import build
    from pipelines.config.loader import load

    account = {"aws.region": region, "aws.role_arn": role, "aws.bucket": default_bucket}
    sets = {key: value for key, value in account.items() if value}
    if isinstance(config, (str, Path)):
        loaded = load(Path(config), profile=profile, sets=sets)
        return build(loaded.config, loaded.root)
    return build(config, Path.cwd())
