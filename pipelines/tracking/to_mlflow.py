"""Send the record of a run to MLflow by its own client, which knows every kind of tracking URI and every way to log in."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.errors import CloudError, UsageError

Record = Mapping[str, Any]
# Limits of MLflow's REST API: entries of one request, characters of names and values.
METRICS, PARAMETERS, NAME_CHARACTERS, PARAMETER_CHARACTERS, TAG_CHARACTERS = 1000, 100, 250, 6000, 5000
RUN_TAG, DIGEST_TAG, COMPLETE_TAG = "sagewright.run", "sagewright.record_sha256", "sagewright.complete"
STATUSES: Mapping[str, str] = {"Succeeded": "FINISHED", "Failed": "FAILED", "CompletedWithFailures": "FAILED", "Stopped": "KILLED"}
# MLflow tries for minutes by default, reports its use, and prints addresses; what the user set counts.
PATIENCE: Mapping[str, str] = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def send(record: Record, files: Path, *, tracking_uri: str, experiment: str) -> dict[str, Any]:
    """Make a run of the record and of the files below a folder; return `run_id`, where it is, and whether anything had to be sent.

    A run that is there whole with this very record is left alone; one that is not is deleted and made again, so that sending twice never doubles anything.

    Raises:
        UsageError: MLflow is not installed.
        CloudError: the server cannot be reached, or refuses.
    """
    if importlib.util.find_spec("mlflow") is None:
        raise UsageError("MLflow is not installed", where="mlflow.tracking_uri", hint="pip install 'sagewright[mlflow]'")
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for the result
            from mlflow.tracking import MlflowClient

            run_id, sent = _send(MlflowClient(tracking_uri=tracking_uri), record, files, experiment)
    except Exception as error:  # noqa: BLE001  other people's client: whatever it raises, from its own errors to those of a database, is no defect of a run
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise CloudError(
            "MLflow did not take the record", where=tracking_uri, got=reason, hint=f"Send it later: sagewright runs send {record['run']}"
        ) from None
    return {"tracking_uri": tracking_uri, "experiment": experiment, "run_id": run_id, "sent": sent}


def _send(client: Any, record: Record, files: Path, experiment: str) -> tuple[str, bool]:
    found = client.get_experiment_by_name(experiment)
    experiment_id = found.experiment_id if found else client.create_experiment(experiment)
    digest = hashlib.sha256(json.dumps(record, sort_keys=True, default=str).encode()).hexdigest()
    for run in client.search_runs([experiment_id], filter_string=f"tags.`{RUN_TAG}` = '{record['run']}'"):
        if run.data.tags.get(DIGEST_TAG) == digest and run.data.tags.get(COMPLETE_TAG) == "true":
            return str(run.info.run_id), False
        client.delete_run(run.info.run_id)
    made = client.create_run(experiment_id, start_time=_milliseconds(record["started_at"]), run_name=record["run"], tags={**_tags(record), DIGEST_TAG: digest})
    run_id = str(made.info.run_id)
    _log(client, run_id, record)
    for file in sorted(path for path in files.rglob("*") if path.is_file()):
        folder = file.parent.relative_to(files).as_posix()
        client.log_artifact(run_id, str(file), None if folder == "." else folder)
    client.set_tag(run_id, COMPLETE_TAG, "true")
    client.set_terminated(run_id, STATUSES.get(record["status"], "RUNNING"), _milliseconds(record["ended_at"]))
    return run_id, True


def _log(client: Any, run_id: str, record: Record) -> None:
    from mlflow.entities import Metric, Param

    now = _milliseconds(record["ended_at"] or record["started_at"])
    metrics = [Metric(name, value, now, step) for name, value, step in points(record)]
    # By name: two that become the same in MLflow's characters would be refused.
    parameters = [Param(name, value) for name, value in dict(values(record)).items()]
    for part in _parts(metrics, METRICS):
        client.log_batch(run_id, metrics=part)
    for part in _parts(parameters, PARAMETERS):
        client.log_batch(run_id, params=part)


def points(record: Record) -> Iterator[tuple[str, float, int]]:
    """Yield (name, value, step) of every metric: all its rounds where it has them, else its last value at step 0; what is no finite number is left out."""
    for name, curve in record["curves"].items():
        yield from ((_name(name), float(value), int(step)) for step, value in zip(curve["steps"], curve["values"], strict=True) if value is not None)
    for name, value in record["metrics"].items():
        if value is not None and name not in record["curves"]:
            yield _name(name), float(value), 0


def values(record: Record) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of every parameter: the pipeline's, the jobs' hyperparameters and arguments, and what scripts logged."""
    for part in ("parameters", "hyperparameters", "arguments", "logged"):
        for name, value in record[part].items():
            yield _name(f"{part}.{name}"), (value if isinstance(value, str) else json.dumps(value))[:PARAMETER_CHARACTERS]


def _tags(record: Record) -> dict[str, str]:
    git, environment = record["git"] or {}, record["environment"]
    own = {
        RUN_TAG: record["run"],
        "sagewright.execution_arn": record["execution_arn"],
        "sagewright.pipeline": record["pipeline"],
        "sagewright.definition_sha256": record["definition_sha256"],
        "sagewright.status": record["status"],
        "sagewright.model_package_arn": record["model_package_arn"],
        "mlflow.source.name": record["pipeline"],
        "mlflow.source.git.commit": git.get("commit"),
        "mlflow.source.git.branch": git.get("branch"),
        "sagewright.git_dirty": str(git["dirty"]).lower() if git else None,
        "sagewright.python": environment.get("python"),
        **{f"sagewright.library.{name}": version for name, version in (environment.get("libraries") or {}).items()},
        **{f"sagewright.{part}.{_name(name)}": each.get("sha256") for part in ("code", "data") for name, each in record[part].items()},
    }
    return {name[:NAME_CHARACTERS]: str(value)[:TAG_CHARACTERS] for name, value in own.items() if value}


def _name(name: str) -> str:
    """Return a name with the characters that every MLflow server takes: `Tune.validation:auc` becomes `Tune.validation_auc`."""
    return re.sub(r"[^\w./-]", "_", name).replace("//", "/_/").strip("/")[:NAME_CHARACTERS]


def _parts(entries: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    yield from (entries[start : start + size] for start in range(0, len(entries), size))


def _milliseconds(text: str | None) -> int | None:
    return int(datetime.fromisoformat(text).timestamp() * 1000) if text else None
