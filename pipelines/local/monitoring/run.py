"""Run analyses of captured data here, each as a job with an /opt/ml of its own, and keep what they leave."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pipelines.definition.monitoring import COMPLETED, FAILED, KINDS, VIOLATED, Kind, missing, summary
from pipelines.jobs import jobs_root
from pipelines.local import container
from pipelines.local.checks import findings
from pipelines.local.home import Home
from pipelines.local.job import JobSpec
from pipelines.local.launcher import Launcher
from pipelines.local.monitoring import captured, executions
from pipelines.local.monitoring.baselines import baseline_files
from pipelines.local.monitoring.executions import Outcome
from pipelines.local.monitoring.subject import Subject
from pipelines.local.store import Store

PROGRAM = "evaluation/drift.py"
SKIPPED, NOT_POSSIBLE = "Skipped", "not possible: "
ARN_PREFIX = "arn:aws:sagemaker:us-east-1:000000000000:"
INPUT = "opt/ml/processing/input"


@dataclass(frozen=True)
class Wanted:
    """Say what is analysed: whose data, which kinds, from which places and span (UTC), with which truth and arguments of the job.

    `all_kinds` tells that the kinds were not named one by one: what is not possible is skipped then, and is a failure otherwise.
    """

    subject: Subject
    kinds: Sequence[str]
    places: Sequence[str]
    start: datetime | None = None
    end: datetime | None = None
    truth: str | None = None
    arguments: tuple[str, ...] = ()
    all_kinds: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)


def run(home: Path, wanted: Wanted, launcher: Launcher, clock: Callable[[], float], say: Callable[[str], None]) -> tuple[Path, list[Outcome]]:
    """Return the folder of the execution and how each analysis ended.

    Raises:
        UsageError: captured data or ground truth is not there.
        StepFault: a job could not be run for a reason that is not its own.
    """
    store = Home(home).store
    for place in [*wanted.places, *([wanted.truth] if wanted.truth else [])]:
        captured.folder_of(store, place)
    folder = executions.begin(home, wanted.subject.name, clock())
    outcomes = []
    for kind in wanted.kinds:
        outcome = _one(home, wanted, kind, folder / kind, launcher, clock)
        say(line(outcome))
        outcomes.append(outcome)
    executions.write_json(folder / executions.RUN, _told(wanted, outcomes))
    return folder, outcomes


def line(outcome: Outcome) -> str:
    """Return how an analysis ended, in a line."""
    rows = f", {outcome.found['rows']:,} rows" if outcome.found else ""
    return f"{outcome.kind}: {outcome.status}{rows}{': ' + outcome.reason if outcome.reason else ''}"


def _told(wanted: Wanted, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    window = {"from": _iso(wanted.start), "to": _iso(wanted.end)}
    subject = wanted.subject
    about = {"name": subject.name, "endpoint": subject.endpoint, "version": subject.version, "captured": list(wanted.places)}
    return {**about, "window": window, "ground_truth": wanted.truth, "analyses": [each.as_json() for each in outcomes]}


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def _one(home: Path, wanted: Wanted, name: str, folder: Path, launcher: Launcher, clock: Callable[[], float]) -> Outcome:
    kind, store = KINDS[name], Home(home).store
    files = baseline_files(home, wanted.subject, name)
    lacking = missing(files, kind) or ("there is no ground truth; give --ground-truth" if name == "model-quality" and wanted.truth is None else "")
    if lacking and wanted.all_kinds:
        return Outcome(name, SKIPPED, lacking)
    began = _now(clock)
    job_dir = folder / ".job"
    if lacking:
        outcome = Outcome(name, FAILED, lacking)
    elif not _fill(store, wanted, kind, files, job_dir):
        shutil.rmtree(job_dir, ignore_errors=True)
        span = f"from {_iso(wanted.start) or 'the first'} to {_iso(wanted.end) or 'the last'}"
        outcome = Outcome(name, FAILED, f"there is no captured data in the span {span} (UTC). Look at --from, --to and --hours")
    else:
        outcome = _run(wanted, name, job_dir, folder, launcher)
    if outcome.status != SKIPPED:
        job = _job_name(wanted, name, folder)
        about = summary(name, wanted.subject.endpoint, job, (began, _now(clock)), outcome.status, outcome.reason, ARN_PREFIX)
        executions.write_json(folder / "execution.json", about)
    return outcome


def _now(clock: Callable[[], float]) -> str:
    return _iso(datetime.fromtimestamp(clock(), timezone.utc)) or ""


def _job_name(wanted: Wanted, kind: str, folder: Path) -> str:
    return f"monitor-{wanted.subject.name[:24]}-{kind}-{folder.parent.name}"[:63].rstrip("-")


def _fill(store: Store, wanted: Wanted, kind: Kind, files: Mapping[str, str], job_dir: Path) -> int:
    """Put into the job's /opt/ml what it reads; return the number of captured files."""
    into = job_dir / INPUT
    count = captured.gather(store, wanted.places, wanted.start, wanted.end, into / "captured")
    for folder, source in files.items():
        _link(Path(source), into / "baseline" / folder / Path(source).name)
    model = wanted.subject.model_uri
    if model and store.path(model).is_file():
        _link(store.path(model), into / "model" / "model.tar.gz")
    if wanted.truth and kind.takes_truth:
        captured.gather(store, [wanted.truth], None, None, into / "ground_truth")
    (job_dir / "opt/ml/processing/output").mkdir(parents=True, exist_ok=True)
    return count


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _run(wanted: Wanted, name: str, job_dir: Path, folder: Path, launcher: Launcher) -> Outcome:
    span = [text for flag, moment in (("--from", wanted.start), ("--to", wanted.end)) if moment is not None for text in (flag, _iso(moment) or "")]
    root = str(jobs_root())
    spec = JobSpec(
        name=_job_name(wanted, name, folder),
        job_dir=job_dir,
        command=("python3", f"{root}/{PROGRAM}", "--kind", name, *span, *wanted.arguments),
        environment={"PYTHONPATH": root, **wanted.environment},
        cores=os.cpu_count() or 1,
        reaches=(root,),
    )
    result = launcher.run(spec)
    reason = container.failure_reason(result, job_dir, "message")
    _keep(job_dir, folder)
    if reason is None:
        return _ended(name, folder)
    why = reason.removeprefix("AlgorithmError: ").rpartition(", exit code")[0]
    if why.startswith(NOT_POSSIBLE) and wanted.all_kinds:
        return Outcome(name, SKIPPED, why.removeprefix(NOT_POSSIBLE), folder=str(folder))
    return Outcome(name, FAILED, f"{why.removeprefix(NOT_POSSIBLE)} (log: {folder / 'log.txt'})", folder=str(folder))


def _keep(job_dir: Path, folder: Path) -> None:
    """Take over the job's files and its log; the rest of its folder goes."""
    shutil.copytree(job_dir / "opt/ml/processing/output", folder, dirs_exist_ok=True)
    if (job_dir / "log.txt").is_file():
        shutil.copyfile(job_dir / "log.txt", folder / "log.txt")
    shutil.rmtree(job_dir, ignore_errors=True)


def _ended(name: str, folder: Path) -> Outcome:
    found = container.read_json(folder / "drift.json")
    listed = container.read_json(folder / "constraint_violations.json") or {}
    words = tuple(findings.words(each) for each in listed.get("violations", []))
    return Outcome(name, VIOLATED if words else COMPLETED, "", words, str(folder), found)
