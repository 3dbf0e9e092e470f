"""The SM_* variables and the arguments that a script gets, as the sagemaker-training toolkit makes them (5.1.4, observed; a test compares)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.local.images import paths

PREFIX = "sagemaker_"
# Hyperparameters that steer the toolkit; others that begin with the prefix are for the framework.
OF_THE_TOOLKIT = frozenset(
    {"sagemaker_program", "sagemaker_submit_directory", "sagemaker_enable_cloudwatch_metrics", "sagemaker_region", "sagemaker_container_log_level"}
    | {"sagemaker_job_name", "default_user_module_name", "_tuning_objective_metric", "sagemaker_s3_output"}
)
DEFAULT_LOG_LEVEL = 20


def decode(text: Any) -> Any:
    """Return a hyperparameter's JSON value, or its text when it is no JSON."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def own(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hyperparameters that are the script's own."""
    return {name: value for name, value in hyperparameters.items() if not name.startswith(PREFIX) and name not in OF_THE_TOOLKIT}


def arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Return hyperparameters as the script's arguments: sorted, `-x` for names of one letter; a mapping becomes `a=1,b=2`, null an empty text."""
    found: list[str] = []
    for name in sorted(hyperparameters):
        found += [f"-{name}" if len(name) == 1 else f"--{name}", _argument(hyperparameters[name])]
    return found


def _argument(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{key}={inner}" for key, inner in sorted(value.items()))
    return "" if value is None else str(value)


def encoded(value: Any) -> str:
    """Return a variable's text: compact JSON with sorted keys for what is no text, nothing for null."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def variables(base: Path, hyperparameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the SM_* variables of a job whose /opt/ml is `base` and whose decoded hyperparameters are these."""
    told = _told(base, hyperparameters)
    channels = told["input_data_config"]
    mine = own(hyperparameters)
    values = {
        **told,
        "hps": mine,
        "channels": sorted(channels),
        "framework_params": _of_the_framework(hyperparameters),
        "training_env": _training_environment(base, told, hyperparameters),
        "user_args": arguments(mine),
        **{f"channel_{name}": str(base / "input" / "data" / name) for name in channels},
        **{f"hp_{name}": value for name, value in mine.items()},
    }
    return {f"SM_{name.upper()}": encoded(value) for name, value in values.items()}


def _of_the_framework(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in hyperparameters.items() if name.startswith(PREFIX) and name not in OF_THE_TOOLKIT}


def _told(base: Path, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands both in variables of its own and in SM_TRAINING_ENV."""
    program = hyperparameters.get("sagemaker_program")
    return {
        **_hosts(paths.config("resourceconfig.json"), _of_the_framework(hyperparameters)),
        "input_data_config": paths.config("inputdataconfig.json"),
        "user_entry_point": program,
        "module_name": str(program).removesuffix(".py") if program else None,
        "module_dir": hyperparameters.get("sagemaker_submit_directory", ""),
        "log_level": hyperparameters.get("sagemaker_container_log_level", DEFAULT_LOG_LEVEL),
        "framework_module": None,
        "input_dir": str(base / "input"),
        "input_config_dir": str(base / "input" / "config"),
        "output_dir": str(base / "output"),
        "output_data_dir": str(base / "output" / "data"),
        "output_intermediate_dir": str(base / "output" / "intermediate"),
        "model_dir": str(base / "model"),
        "num_cpus": int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1),
        "num_gpus": 0,
        "num_neurons": 0,
    }


def _hosts(resources: Mapping[str, Any], framework: Mapping[str, Any]) -> dict[str, Any]:
    current = resources.get("current_group_name", "homogeneousCluster")
    groups = {group["instance_group_name"]: group for group in resources.get("instance_groups", [])}
    return {
        "hosts": resources.get("hosts", []),
        "network_interface_name": resources.get("network_interface_name", "eth0"),
        "resource_config": resources,
        "current_host": resources.get("current_host", ""),
        "current_instance_type": resources.get("current_instance_type", ""),
        "current_instance_group": current,
        "current_instance_group_hosts": groups.get(current, {}).get("hosts", []),
        "instance_groups": list(groups),
        "instance_groups_dict": groups,
        "distribution_instance_groups": framework.get("sagemaker_distribution_instance_groups", []),
        "is_hetero": len(groups) > 1,
    }


def _training_environment(base: Path, told: Mapping[str, Any], hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    hosts = told["hosts"]
    return {
        **told,
        "additional_framework_parameters": _of_the_framework(hyperparameters),
        "channel_input_dirs": {name: str(base / "input" / "data" / name) for name in told["input_data_config"]},
        "hyperparameters": own(hyperparameters),
        "distribution_hosts": [],
        "is_master": bool(hosts) and told["current_host"] == hosts[0],
        "is_modelparallel_enabled": None,
        "is_smddpmprun_installed": False,
        "is_smddprun_installed": False,
        "job_name": os.environ.get("TRAINING_JOB_NAME"),
        "master_hostname": hosts[0] if hosts else "",
        "topology": told["resource_config"].get("topology", []),
    }
