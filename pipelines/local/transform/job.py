"""A transform job: CreateTransformJob against a model that is served here, for as long as the job lasts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.local import container
from pipelines.local.context import Outcome, StepRun
from pipelines.local.faults import ClientFault
from pipelines.local.store import StoredObject
from pipelines.local.transform import capture, data_log, settings
from pipelines.local.transform.client import Client, execution_parameters
from pipelines.local.transform.engine import Amount, File, Stopped, Target, transform
from pipelines.local.transform.settings import Settings

# Serves a model and gives its URL; see pipelines.local.serving.hosted.
Hosted = Callable[..., AbstractContextManager[str]]
REPORT_EVERY_S, TELL_EVERY_S = 0.5, 10.0


def execute(step_run: StepRun, hosted: Hosted | None = None) -> Outcome:
    """Run one attempt and return DescribeTransformJobResponse as the step's properties.

    Raises:
        ClientFault: the request is one that the service refuses, the model or the input is not there, or the model does not become healthy.
    """
    request = {**step_run.arguments, "TransformJobName": step_run.job_name}
    settings.refuse(request)
    sources = _sources(step_run, request)
    containers = _containers(step_run, str(request["ModelName"]))
    started_at, started_s = step_run.timestamp(), time.monotonic()
    job = _Job(step_run, request, sources)
    step_run.job_dir.mkdir(parents=True, exist_ok=True)
    status, failure = "Stopped", None
    try:
        files = job.run(hosted or _serving(), containers, started_at)
        failed = [file for file in files if file.failure is not None]
        failure = data_log.failure_reason(failed, len(files))
        status = "Failed" if failed else "Completed"
        job.log(failed)
        _capture(step_run, request, [file.source for file in files if file.failure is None], started_at)
    except Stopped:
        failure = "the execution was stopped"
        job.log(())
    except ClientFault:
        if not step_run.run.stopping.is_set():
            raise
        failure = "the execution was stopped"
    properties = _describe(step_run, request, status, failure if status == "Failed" else None, started_at)
    local = {"Files": job.done.files, "Records": job.done.records, "Bytes": job.done.size_bytes, "Seconds": round(time.monotonic() - started_s, 3)}
    container.write_json(step_run.job_dir / "describe.json", {**properties, "LocalExecution": {"Isolation": step_run.run.launcher.layer(), **local}})
    return Outcome({"Completed": "Succeeded"}.get(status, status), properties, failure_reason=failure)


def _serving() -> Hosted:
    from pipelines.local.serving.hosted import hosted

    return hosted


def _sources(step_run: StepRun, request: Mapping[str, Any]) -> list[StoredObject]:
    """Return the input's objects; each must have an output of its own."""
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    found = container.objects(step_run.run.store, source)
    names = [item.relative for item in found]
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise ClientFault(f"TransformInput {source['S3Uri']}: two objects would be written to {twice}.out. Name each object once, in full.")
    return found


def _containers(step_run: StepRun, name: str) -> list[Mapping[str, Any]]:
    """Return the container definitions of a model that a Model step made."""
    described = container.read_json(step_run.run.home / "models" / f"{name}.json") if "/" not in name else None
    if described is None:
        arn = f"{step_run.run.arn_prefix}model/{name}"
        raise ClientFault(f'Could not find model "{arn}". Locally a model is made by a Model step; give its ModelName: {{"Get": "Steps.<step>.ModelName"}}.')
    primary = described.get("PrimaryContainer")
    return [*([primary] if primary else []), *(described.get("Containers") or [])]


class _Job:
    """Hold a transform job that runs."""

    def __init__(self, step_run: StepRun, request: Mapping[str, Any], sources: Sequence[StoredObject]) -> None:
        self.step_run, self.request, self.sources = step_run, request, sources
        self.done, self.settings = Amount(), Settings()
        self._total_bytes = sum(source.path.stat().st_size for source in sources)
        self._reported_s = self._told_s = self._started_s = time.monotonic()

    def run(self, hosted: Hosted, containers: Sequence[Mapping[str, Any]], started_at: str) -> list[File]:
        """Serve the model, send the files through it, and return them with what failed."""
        step_run = self.step_run
        variables = settings.environment(self.request)
        with hosted(step_run.run, step_run.job_name, containers, step_run.job_dir, environment=variables, cores=step_run.cores) as url:
            self.settings = settings.read(self.request, execution_parameters(url))
            headers = {"Content-Type": self.settings.content_type, "Accept": self.settings.accept}
            given = {name: value for name, value in headers.items() if value}
            client = Client(url, given, timeout_s=self.settings.timeout_s, retries=self.settings.retries)
            try:
                stopping: threading.Event = step_run.run.stopping
                started_at = f"{started_at[:19]}Z"
                return transform(client, self.sources, self._target(), self.settings, self._progress, stopping=stopping, started_at=started_at)
            finally:
                client.close()

    def _target(self) -> Target:
        output = str(self.request["TransformOutput"]["S3OutputPath"]).rstrip("/")
        store = self.step_run.run.store

        def keep(name: str, file: Path) -> None:
            store.put_file(f"{output}/{name}.out", file, move=True)

        return Target(self.step_run.job_dir, keep)

    def _progress(self, done: Amount) -> None:
        """Journal how far the job is: every half second, more rarely the longer it takes; every ten seconds it is worth a line. The end counts too."""
        self.done, now_s = done, time.monotonic()
        ended = done.files == len(self.sources)
        if now_s - self._reported_s < max(REPORT_EVERY_S, (now_s - self._started_s) / 100) and not ended:
            return
        self._reported_s, told = now_s, now_s - self._told_s >= TELL_EVERY_S and not ended
        self._told_s = now_s if told else self._told_s
        amounts = {"files": done.files, "files_of": len(self.sources), "size_bytes": done.size_bytes, "size_bytes_of": self._total_bytes}
        self.step_run.report("transform_advanced", **amounts, records=done.records, told=told)

    def log(self, failed: Sequence[File]) -> None:
        """Add what the service's data log says to the container's log."""
        data_log.write(self.step_run.job_dir / "log.txt", self.step_run.run.clock(), self.settings.words, failed)


def _capture(step_run: StepRun, request: Mapping[str, Any], sources: Sequence[StoredObject], started_at: str) -> None:
    config = request.get("DataCaptureConfig")
    if not config:
        return
    output, destination = request["TransformOutput"]["S3OutputPath"], config["DestinationS3Uri"]
    made = capture.manifests(destination, step_run.job_name, datetime.fromisoformat(started_at), sources, output)
    for uri, body in made.items():
        step_run.run.store.put_bytes(uri, body)


def _describe(step_run: StepRun, request: Mapping[str, Any], status: str, failure: str | None, started_at: str) -> dict[str, Any]:
    described = {
        **request,
        "TransformJobArn": f"{step_run.run.arn_prefix}transform-job/{step_run.job_name}",
        "TransformJobStatus": status,
        "CreationTime": started_at,
        "TransformStartTime": started_at,
        "TransformEndTime": step_run.timestamp(),
    }
    return {**described, **({"FailureReason": failure} if failure else {})}
