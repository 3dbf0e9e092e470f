"""The program of the framework containers in script mode, `train`: unpack the code, set SM_*, run the user's script.

Arguments, environment and failure file are those of the sagemaker-training toolkit (5.1.4, observed).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.local.images import paths
from pipelines.local.images.hyperparameters import CustomerError

ARCHIVE = "sourcedir.tar.gz"
NOT_FOR_THE_SCRIPT = re.compile(r"sagemaker_.*|_tuning_objective_metric")
LAST_WORDS = 20
SHELL_SAFE = re.compile(r"[^A-Za-z0-9_]")


def main() -> int:
    """Run the script; a failure goes to `/opt/ml/output/failure`."""
    base = paths.base()
    try:
        hyperparameters = {name: decode(text) for name, text in paths.config("hyperparameters.json").items()}
        program = str(hyperparameters.get("sagemaker_program", ""))
        code = _unpack(base, str(hyperparameters.get("sagemaker_submit_directory", "")))
        _check_requirements(code / "requirements.txt")
        command = _command(code, program, hyperparameters)
    except CustomerError as error:
        print(error, file=sys.stderr)
        paths.write_failure(f"ClientError: {error}")
        return 1
    own = {name: value for name, value in hyperparameters.items() if not NOT_FOR_THE_SCRIPT.fullmatch(name)}
    return _run(command, code, {**os.environ, **environment(base, own, hyperparameters)})


def decode(text: Any) -> Any:
    """Return a hyperparameter's JSON value, or its text when it is no JSON."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def _unpack(base: Path, source: str) -> Path:
    """Put the code where the toolkit puts it, `/opt/ml/code`, and return that folder.

    Raises:
        CustomerError: there is no code, or the archive would write outside the folder.
    """
    code = base / "code"
    code.mkdir(parents=True, exist_ok=True)
    places = [code / ARCHIVE, *sorted((base / "input" / "data" / "code").glob("*.tar.gz")), *([Path(source)] if source and "://" not in source else [])]
    archive = next((path for path in places if path.is_file()), None)
    if archive is None:
        local = Path(source) if source and "://" not in source and Path(source).is_dir() else base / "input" / "data" / "code"
        if not local.is_dir():
            raise CustomerError(f"no code: sagemaker_submit_directory is {source!r}")
        return local
    try:
        with tarfile.open(archive) as packed:
            _extract(packed, code)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise CustomerError(f"the code archive {archive.name} cannot be unpacked: {error}") from None
    return code


def _extract(packed: tarfile.TarFile, folder: Path) -> None:
    """Unpack files and folders only, and nothing outside the folder."""
    root = folder.resolve()
    for member in packed.getmembers():
        target = (root / member.name).resolve()
        if not (target == root or root in target.parents) or not (member.isfile() or member.isdir()):
            raise CustomerError(f"the code archive holds {member.name!r}, which is a link, a device or outside its folder")
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        content = packed.extractfile(member)
        target.write_bytes(content.read() if content else b"")
        target.chmod(0o755 if member.mode & 0o100 else 0o644)


def _check_requirements(file: Path) -> None:
    """Accept a requirements.txt that this machine satisfies already.

    Raises:
        CustomerError: a requirement is missing here; nothing is installed into the interpreter that runs Sagewright.
    """
    if not file.is_file():
        return
    from importlib.metadata import PackageNotFoundError, version

    from packaging.requirements import InvalidRequirement, Requirement

    for line in file.read_text().splitlines():
        text = line.split("#")[0].strip()
        if not text:
            continue
        try:
            wanted = Requirement(text)
            satisfied = wanted.specifier.contains(version(wanted.name), prereleases=True)
        except (InvalidRequirement, PackageNotFoundError):
            satisfied = False
        if not satisfied:
            raise CustomerError(f"requirements.txt asks for {text!r}, which is not installed here; install it beside Sagewright, then resume")


def _command(code: Path, program: str, hyperparameters: Mapping[str, Any]) -> list[str]:
    if not program or not (code / program).is_file():
        found = ", ".join(sorted(path.name for path in code.glob("*")))[:200]
        raise CustomerError(f"sagemaker_program {program!r} is not among the code: {found}")
    runner = ["/bin/sh", "-c", f'./{program} "$@"', program] if program.endswith(".sh") else [sys.executable, program]
    if program.endswith(".sh"):
        (code / program).chmod(0o755)
    return [*runner, *arguments(hyperparameters)]


def arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Return hyperparameters as the script's arguments: sorted, `-x` for names of one letter, the service's own left out."""
    found: list[str] = []
    for name in sorted(hyperparameters):
        if not NOT_FOR_THE_SCRIPT.fullmatch(name):
            found += [f"-{name}" if len(name) == 1 else f"--{name}", _as_text(hyperparameters[name])]
    return found


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _encoded(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def environment(base: Path, own: Mapping[str, Any], all_hyperparameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the SM_* variables; what is no text is compact JSON with sorted keys."""
    resources, channels = paths.config("resourceconfig.json"), paths.config("inputdataconfig.json")
    program = str(all_hyperparameters.get("sagemaker_program", ""))
    module = program.removesuffix(".py")
    values: dict[str, Any] = {
        **_hosts(resources),
        "HPS": own,
        "USER_ENTRY_POINT": program,
        "FRAMEWORK_PARAMS": {name: value for name, value in all_hyperparameters.items() if name.startswith("sagemaker_")},
        "RESOURCE_CONFIG": resources,
        "INPUT_DATA_CONFIG": channels,
        "OUTPUT_DATA_DIR": str(base / "output" / "data"),
        "CHANNELS": sorted(channels),
        "MODULE_NAME": module,
        "MODULE_DIR": all_hyperparameters.get("sagemaker_submit_directory", ""),
        "LOG_LEVEL": all_hyperparameters.get("sagemaker_container_log_level", 20),
        "FRAMEWORK_MODULE": "",
        "INPUT_DIR": str(base / "input"),
        "INPUT_CONFIG_DIR": str(base / "input" / "config"),
        "OUTPUT_DIR": str(base / "output"),
        "OUTPUT_INTERMEDIATE_DIR": str(base / "output" / "intermediate"),
        "MODEL_DIR": str(base / "model"),
        "NUM_CPUS": int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1),
        "NUM_GPUS": 0,
        "NUM_NEURONS": 0,
        "USER_ARGS": arguments(own),
        **{f"CHANNEL_{_upper(name)}": str(base / "input" / "data" / name) for name in channels},
        **{f"HP_{_upper(name)}": value for name, value in own.items()},
    }
    told = {f"SM_{name}": _encoded(value) for name, value in values.items()}
    return {**told, "SM_TRAINING_ENV": _encoded({name.lower(): value for name, value in values.items()})}


def _hosts(resources: Mapping[str, Any]) -> dict[str, Any]:
    groups = resources.get("instance_groups", [])
    names = [group["instance_group_name"] for group in groups]
    return {
        "HOSTS": resources.get("hosts", []),
        "NETWORK_INTERFACE_NAME": resources.get("network_interface_name", "eth0"),
        "CURRENT_HOST": resources.get("current_host", ""),
        "CURRENT_INSTANCE_TYPE": resources.get("current_instance_type", ""),
        "CURRENT_INSTANCE_GROUP": resources.get("current_group_name", ""),
        "CURRENT_INSTANCE_GROUP_HOSTS": groups[0]["hosts"] if groups else [],
        "INSTANCE_GROUPS": names,
        "INSTANCE_GROUPS_DICT": dict(zip(names, groups, strict=True)),
        "DISTRIBUTION_INSTANCE_GROUPS": [],
        "IS_HETERO": False,
    }


def _upper(name: str) -> str:
    return SHELL_SAFE.sub("_", name).upper()


def _run(command: list[str], code: Path, variables: Mapping[str, str]) -> int:
    """Run the script, pass its output on, and write the toolkit's failure text when it fails."""
    search = os.pathsep.join(filter(None, [str(code), variables.get("PYTHONPATH")]))
    process = subprocess.Popen(
        command, cwd=code, env={**variables, "PYTHONPATH": search}, stdout=None, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace"
    )
    last: list[str] = []
    for line in process.stderr or ():
        sys.stderr.write(line)
        last = [*last[-LAST_WORDS:], line.rstrip("\n")]
    code_returned = process.wait()
    if code_returned == 0:
        return 0
    said = "\n".join(last).strip()
    exit_code = 128 - code_returned if code_returned < 0 else code_returned
    paths.write_failure(f'ExecuteUserScriptError:\nExitCode {exit_code}\nErrorMessage "{said}"\nCommand "{shlex.join(command)}"')
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
