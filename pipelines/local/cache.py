"""Step caching with the service's own key per step type, and a reason for every miss.

The arguments that make the key are those of the AWS developer guide, "Caching pipeline steps"; output locations and instance types are not
among them, and of an input only the path counts, never the content. The scope is one pipeline and one step name.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.definition.model import CacheConfig, Step
from pipelines.local.checks import keys as check_keys

_CHECK_KEYS = ("AppSpecification", "Environment", "ProcessingInputs", *check_keys.KEYS)
KEY_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
    "Tuning": ("HyperParameterTuningJobConfig", "TrainingJobDefinition", "TrainingJobDefinitions"),
    "Transform": ("DataProcessing", "Environment", "ModelName", "TransformInput"),
    "ClarifyCheck": _CHECK_KEYS,
    "QualityCheck": _CHECK_KEYS,
}
DURATION = re.compile(r"P?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.IGNORECASE)
UNITS_S = (7 * 86400, 86400, 3600, 60, 1)


@dataclass(frozen=True)
class Lookup:
    """State whether a step's result can be reused: the entry, or the reason why not."""

    entry: Mapping[str, Any] | None
    reason: str


def duration_s(text: str) -> float | None:
    """Return an ISO 8601 duration such as `P30D`, `30d` or `30dT5h` in seconds, or None when it is none."""
    match = DURATION.fullmatch(text)
    if not match or not any(match.groups()):
        return None
    return float(sum(int(count) * unit for count, unit in zip(match.groups(), UNITS_S, strict=True) if count))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()


@dataclass(frozen=True)
class Cache:
    """Keep the newest successful result of each step and key of one pipeline below `root`."""

    root: Path
    pipeline_name: str
    clock: Callable[[], float]
    enabled: bool = True

    def parts(self, step_type: str, arguments: Mapping[str, Any]) -> dict[str, str]:
        """Return the digest of each argument that makes the key of a step of this type."""
        return {name: _digest(arguments[name]) for name in KEY_ARGUMENTS.get(step_type, ()) if name in arguments}

    def look_up(self, step: Step, arguments: Mapping[str, Any], stale: Callable[[Mapping[str, Any]], str]) -> Lookup:
        """Find a result to reuse.

        `stale` gets the entry and returns why its result is no longer of what lies there, or nothing.
        """
        refusal = self._refusal(step.type, step.cache_config)
        if refusal:
            return Lookup(None, refusal)
        parts = self.parts(step.type, arguments)
        entry = _read(self._file(step.name, _digest(parts)))
        if entry is None:
            return Lookup(None, self._why_new(step.name, parts))
        reason = self._expired(entry, step.cache_config) or stale(entry)
        return Lookup(None, reason) if reason else Lookup(entry, "")

    def store(self, step: Step, arguments: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
        """Keep a successful result under the step's key; `latest.json` remembers the parts, to explain a later miss."""
        if step.type not in KEY_ARGUMENTS:
            return
        parts = self.parts(step.type, arguments)
        body = {**entry, "parts": parts, "time": self.clock()}
        for file in (self._file(step.name, _digest(parts)), self._file(step.name, "latest")):
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_suffix(f".{os.getpid()}.partial")
            partial.write_text(json.dumps(body, sort_keys=True, default=str))
            os.replace(partial, file)

    def _refusal(self, step_type: str, config: CacheConfig | None) -> str:
        if step_type not in KEY_ARGUMENTS:
            return f"the service does not cache {step_type} steps"
        if not self.enabled:
            return "--no-cache"
        if config is None or not config.enabled:
            return "the step's CacheConfig does not enable caching"
        return ""

    def _why_new(self, step_name: str, parts: Mapping[str, str]) -> str:
        latest = _read(self._file(step_name, "latest"))
        if latest is None:
            return "first run of this step"
        changed = sorted(name for name in {*parts, *latest["parts"]} if parts.get(name) != latest["parts"].get(name))
        return f"{', '.join(changed)} changed since {latest['source'].rsplit('/', 1)[-1]}"

    def _expired(self, entry: Mapping[str, Any], config: CacheConfig | None) -> str:
        window_s = duration_s(config.expire_after) if config and config.expire_after else None
        age_s = self.clock() - entry["time"]
        if config is None or window_s is None or age_s <= window_s:
            return ""
        return f"the result is {age_s / 86400:.1f} days old and expires after {config.expire_after}"

    def _file(self, step_name: str, name: str) -> Path:
        return self.root / self.pipeline_name / step_name / f"{name}.json"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
