"""The instances of one job: each has its own /opt/ml, its own log and its own process (AWS developer guide, "Distributed training configuration")."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from pipelines.local import container
from pipelines.local.context import StepRun
from pipelines.local.faults import ClientFault
from pipelines.local.images import ContainerCommand
from pipelines.local.images.environments import BUILT_ON
from pipelines.local.job import JobResult, JobSpec
from pipelines.local.processes import usable_memory_bytes

DEFAULT_RUNTIME_S = 86_400.0
MOST = 16
# Where one job at a time has the host's own /opt/ml, the others would wait for ever.
ONE_AT_A_TIME = "symlink"


@dataclass(frozen=True)
class Instance:
    """Hold an instance: its host name, the names of all, and the folder with its /opt/ml, /tmp and log."""

    name: str
    hosts: tuple[str, ...]
    job_dir: Path

    @property
    def ml(self) -> Path:
        """Return the real /opt/ml."""
        return self.job_dir / "opt" / "ml"

    @property
    def share(self) -> tuple[int, int]:
        """Return the instance's number (from 0) and how many there are."""
        return self.hosts.index(self.name), len(self.hosts)

    def resource_config(self, instance_type: str) -> dict[str, Any]:
        """Return resourceconfig.json (AWS developer guide, "How Amazon SageMaker runs your training image")."""
        return {
            "current_host": self.name,
            "current_instance_type": instance_type,
            "current_group_name": "homogeneousCluster",
            "hosts": list(self.hosts),
            "instance_groups": [{"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": list(self.hosts)}],
            "network_interface_name": "eth0",
        }


@dataclass(frozen=True)
class Ended:
    """State how a job ended, and which of its instances the result is of: the first that failed, else the first."""

    result: JobResult
    instance: Instance


def prepare(step_run: StepRun, count: int, folders: Sequence[str]) -> list[Instance]:
    """Make an empty folder per instance, with these folders below /opt/ml; what an earlier crash left there goes.

    Raises:
        ClientFault: there are more instances than run here.
    """
    if not 1 <= count <= MOST:
        raise ClientFault(f"InstanceCount {count} does not run locally; expected 1 to {MOST}")
    hosts = tuple(f"algo-{number}" for number in range(1, count + 1))
    shutil.rmtree(step_run.job_dir, ignore_errors=True)
    made = [Instance(name, hosts, step_run.job_dir / "instances" / name if number else step_run.job_dir) for number, name in enumerate(hosts)]
    for instance in made:
        for folder in folders:
            (instance.ml / folder).mkdir(parents=True, exist_ok=True)
        (instance.job_dir / "tmp").mkdir()
    return made


def log_files(job_dir: Path) -> dict[str, Path]:
    """Return the logs of a job by instance."""
    others = sorted(job_dir.glob("instances/*/log.txt"), key=lambda file: int(file.parent.name.partition("-")[2]))
    return {"algo-1": job_dir / "log.txt", **{file.parent.name: file for file in others}}


def log_lines(job_dir: Path) -> Iterator[str]:
    """Yield the lines of all logs of a job."""
    return chain.from_iterable(map(container.log_lines, log_files(job_dir).values()))


def run(
    step_run: StepRun,
    instances: Sequence[Instance],
    image: str,
    command: ContainerCommand,
    environment: Mapping[str, Any],
    stopping: Mapping[str, Any] | None,
    *,
    network_isolation: bool,
    python: str | None = None,
) -> Ended:
    """Run a job's processes to their end, at most for MaxRuntimeInSeconds of its StoppingCondition (86,400 s without one).

    When one instance fails the others are stopped. `python` is the interpreter, that of the image when absent.

    Raises:
        UsageError, StepFault: see `Launcher.run`.
    """
    python = python or step_run.run.images.python(image)
    meeting = {"SAGEWRIGHT_PORT": str(_free_port())} if len(instances) > 1 else {}
    specs = [
        JobSpec(
            name=step_run.job_name,
            job_dir=instance.job_dir,
            command=command.argv,
            environment={**meeting, **{name: str(value) for name, value in environment.items()}},
            cwd=command.cwd,
            timeout_s=float((stopping or {}).get("MaxRuntimeInSeconds", DEFAULT_RUNTIME_S)),
            stop_grace_s=step_run.run.stop_grace_s,
            cores=max(1, step_run.cores // len(instances)),
            network_isolation=network_isolation,
            hosts=(instance.name, *(host for host in instance.hosts if host != instance.name)),
            python=python,
            reaches=reached(command, python),
            memory_bytes=int(usable_memory_bytes() * step_run.memory_share / len(instances)),
        )
        for instance in instances
    ]
    if len(specs) == 1:
        return Ended(step_run.run.launcher.run(specs[0]), instances[0])
    return _run_together(step_run, instances, specs)


def reached(command: ContainerCommand, python: str | None) -> tuple[str, ...]:
    """Return the folders of this machine that a job needs: of its own interpreter and what that is built on, of its program, and where it starts."""
    places = [os.path.dirname(command.argv[0]), command.cwd]
    if python is not None:
        folder = Path(python).parents[1]
        places += [str(folder), *(each for file in folder.glob(f"lib/python*/site-packages/{BUILT_ON}") for each in file.read_text().splitlines())]
    return tuple(dict.fromkeys(place for place in places if os.path.isabs(place) and not f"{place}/".startswith("/opt/ml/")))


def _free_port() -> int:
    """Return a port of 127.0.0.1 that is free now, for the instances of one job to meet on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _run_together(step_run: StepRun, instances: Sequence[Instance], specs: Sequence[JobSpec]) -> Ended:
    launcher = step_run.run.launcher
    if launcher.layer() == ONE_AT_A_TIME:
        raise ClientFault(f"{len(specs)} instances cannot run together here, where one job at a time has /opt/ml; run with --isolation shim")
    if specs[0].network_isolation:
        raise ClientFault(f"{len(specs)} instances with EnableNetworkIsolation do not reach each other locally; use one, or no isolation")
    first: Ended | None = None
    with ThreadPoolExecutor(len(specs), thread_name_prefix="instance") as pool:
        running = {pool.submit(launcher.run, spec): instance for spec, instance in zip(specs, instances, strict=True)}
        for future in as_completed(running):
            if future.exception() is not None:
                launcher.stop(step_run.job_name, kill=True)
            ended = Ended(future.result(), running[future])
            if first is None and (ended.result.exit_code or ended.result.reason != "exited"):
                first = ended
                launcher.stop(step_run.job_name)
            elif ended.instance is instances[0]:
                master = ended
    return first or master
