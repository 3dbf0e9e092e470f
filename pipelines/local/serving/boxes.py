"""Make the container of one container definition: its model, its code, its environment, its program."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.local import container, instances
from pipelines.local.faults import ClientFault
from pipelines.local.images import plan_serving, requirements
from pipelines.local.images.mapped import Images
from pipelines.local.images.requirements import REQUIREMENTS, Wanted
from pipelines.local.job import JobSpec
from pipelines.local.launcher import Launcher
from pipelines.local.processes import usable_memory_bytes
from pipelines.local.registry import Registry
from pipelines.local.serving import archive
from pipelines.local.serving.http_container import HttpContainer
from pipelines.local.serving.model_server import ModelServer
from pipelines.local.store import Store

STOP_GRACE_S = 30.0
USUAL_PORT = 8080
LOGS_KEPT = 20
MULTI_MODEL = "SAGEMAKER_MULTI_MODEL"
Container = ModelServer | HttpContainer


@dataclass(frozen=True)
class Machine:
    """Hold what every container here is made with."""

    store: Store
    registry: Registry
    launcher: Launcher
    images: Images
    region: str = "us-east-1"
    cores: int = os.cpu_count() or 1


def resolve(machine: Machine, definitions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return container definitions with each model package replaced by the containers it holds.

    Raises:
        ClientFault: there is no such package.
    """
    found: list[dict[str, Any]] = []
    for definition in definitions:
        name = definition.get("ModelPackageName")
        if not name:
            found.append(dict(definition))
            continue
        held = (_package(machine, str(name)).get("InferenceSpecification") or {}).get("Containers") or []
        found += [{**each, "Environment": {**(each.get("Environment") or {}), **(definition.get("Environment") or {})}} for each in held]
    return found


def _package(machine: Machine, name: str) -> Mapping[str, Any]:
    group, _, number = name.rpartition(":model-package/")[2].partition("/")
    groups = {known.lower(): known for known in machine.registry.groups()}
    try:
        return machine.registry.version(groups.get(group.lower(), group), int(number) if number.isdecimal() else None)
    except UsageError as error:
        raise ClientFault(f"ModelPackageName {name}: {error}") from None


def make(machine: Machine, definition: Mapping[str, Any], name: str, folder: Path, environment: Mapping[str, str], cores: int) -> Container:
    """Return a container that is not started yet; `folder` gets its /opt/ml, filled with model and code, and its log.

    Raises:
        ClientFault: the model or its code is not there or cannot be unpacked, or the image is not known here.
    """
    image = definition.get("Image")
    if not image:
        raise ClientFault(f"container {definition.get('ContainerHostname', name)!r} has no Image")
    mapped = machine.images.mapped(image)
    own = {key: str(value) for key, value in {**(definition.get("Environment") or {}), **environment}.items()}
    if definition.get("Mode") == "MultiModel":
        own[MULTI_MODEL] = "true"
    command = plan_serving(image, own, mapped)
    ml = _prepare(machine, definition, own, folder)
    workers = _workers(own, cores)
    told = {**command.environment, "AWS_REGION": machine.region, "SAGEMAKER_REGION": machine.region, "SAGEWRIGHT_IMAGE": image, **own}
    python = _python(machine, image, own, ml)
    spec = JobSpec(
        name=name,
        job_dir=folder,
        command=command.argv,
        environment=told,
        cwd=command.cwd,
        stop_grace_s=STOP_GRACE_S,
        cores=max(1, cores // workers),
        memory_bytes=usable_memory_bytes() // (1 if own.get(MULTI_MODEL) == "true" else workers),
        python=python,
        reaches=instances.reached(command, python),
    )
    if mapped and mapped.serve:
        return _with_port(spec, machine.launcher)
    return ModelServer(spec, machine.launcher, 1 if own.get(MULTI_MODEL) == "true" else workers)


def _workers(environment: Mapping[str, str], cores: int) -> int:
    given = environment.get("SAGEMAKER_MODEL_SERVER_WORKERS", "")
    return int(given) if given.isdecimal() and int(given) else cores


def _with_port(spec: JobSpec, launcher: Launcher) -> HttpContainer:
    given = spec.environment.get("SAGEMAKER_BIND_TO_PORT", "")
    port, claim = (int(given), None) if given.isdecimal() else claim_port(USUAL_PORT)
    return HttpContainer(replace(spec, environment={**spec.environment, "SAGEMAKER_BIND_TO_PORT": str(port)}), launcher, claim)


def claim_port(wanted: int) -> tuple[int, socket.socket]:
    """Return a port that is free, the wanted one when it is, and what keeps others here from being told the same before the container listens on it.

    That is a socket of UDP on the same number, which is in nobody's way and gone with this process.
    """
    while True:
        port = free_port(wanted)
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind(("127.0.0.1", port))
            return port, claim
        except OSError:
            claim.close()
            wanted = 0


def free_port(wanted: int = 0) -> int:
    """Return a port of 127.0.0.1 that is free now, the wanted one when it is."""
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port() if wanted else 0
        return int(listener.getsockname()[1])


def _prepare(machine: Machine, definition: Mapping[str, Any], environment: Mapping[str, str], folder: Path) -> Path:
    """Fill /opt/ml with the model and with the code that lies in S3."""
    ml = folder / "opt" / "ml"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("model", "models", "output"):
        (ml / name).mkdir(parents=True)
    if definition.get("Mode") != "MultiModel":
        fetch_model(machine.store, definition, ml / "model")
    submitted = environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    if submitted.startswith("s3://"):
        archive.unpack(_read(machine.store, submitted), ml / "code", submitted.rpartition("/")[2])
    return ml


def fresh(folder: Path, name: str) -> Path:
    """Return a new folder for containers that run once, whoever else does the same; of earlier ones, of which logs may be left, a few are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    done = [path for path in folder.iterdir() if path.is_dir() and next(path.rglob("opt/ml"), None) is None]
    for path in sorted(done, key=lambda each: each.stat().st_mtime)[:-LOGS_KEPT]:
        shutil.rmtree(path, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))


def clear(folder: Path) -> None:
    """Remove what containers leave below a folder, all but their logs."""
    for ml in sorted(folder.rglob("opt/ml")):
        shutil.rmtree(ml.parent, ignore_errors=True)
        shutil.rmtree(ml.parent.parent / "tmp", ignore_errors=True)


def fetch_model(store: Store, definition: Mapping[str, Any], folder: Path) -> None:
    """Put the model of a container definition, packed or not, into a folder.

    Raises:
        ClientFault: it is not there or cannot be unpacked.
    """
    source = (definition.get("ModelDataSource") or {}).get("S3DataSource") or {}
    uri = str(definition.get("ModelDataUrl") or source.get("S3Uri") or "")
    if not uri:
        return
    if source.get("CompressionType") == "None":
        container.download(store, {"S3Uri": uri}, folder)
        return
    try:
        path = store.path(uri)
    except UsageError as error:
        raise ClientFault(str(error)) from None
    if not path.is_file():
        raise ClientFault(f"could not find model data at {uri}; locally it would be the file {path}")
    archive.unpack(path, folder, uri.rpartition("/")[2])


def _read(store: Store, uri: str) -> bytes:
    try:
        return store.read(uri)
    except UsageError as error:
        raise ClientFault(str(error)) from None


def _python(machine: Machine, image: str, environment: Mapping[str, str], ml: Path) -> str | None:
    """Return the interpreter of a container: the image's, or an environment on top of it with what the model's code requires."""
    base = machine.images.python(image)
    program = environment.get("SAGEMAKER_PROGRAM", "")
    found = next((place / REQUIREMENTS for place in (ml / "model" / "code", ml / "code") if (place / REQUIREMENTS).is_file()), None)
    if not program or found is None:
        return base
    try:
        return requirements.environment(Wanted.of_text(found.read_text("utf-8", "replace")), base, network=True, tell=machine.images.tell)
    except requirements.InstallError as error:
        raise ClientFault(f"{REQUIREMENTS} of the model's code cannot be installed: {error}") from None
