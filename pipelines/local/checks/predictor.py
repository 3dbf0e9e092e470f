"""The model behind a Clarify job: served for as long as the job runs, where `analysis_config.json` names one (Clarify's shadow endpoint)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.local import container
from pipelines.local.context import StepRun
from pipelines.local.faults import ClientFault
from pipelines.local.instances import Instance

CONFIG = "processing/input/config/analysis_config.json"
URL = "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"


@contextmanager
def answering(step_run: StepRun, request: Mapping[str, Any], made: Sequence[Instance], model_name: str | None) -> Iterator[dict[str, str]]:
    """Serve the model of a Clarify job while the block lasts and yield what the job's environment gets.

    `model_name` is the step's ModelName, which the service writes into the analysis configuration; the SDK leaves it out there.

    Raises:
        ClientFault: there is no such model or endpoint here, it does not become healthy, or the job has no network to ask it.
    """
    for instance in made if model_name else ():
        _name_model(instance.ml / CONFIG, str(model_name))
    predictor = _predictor(made[0].ml / CONFIG)
    name = predictor.get("endpoint_name") or predictor.get("model_name")
    if not name:
        yield {}
        return
    if (request.get("NetworkConfig") or {}).get("EnableNetworkIsolation"):
        raise ClientFault(f"the analysis asks the model {name}, which a job with EnableNetworkIsolation cannot reach")
    from pipelines.local.serving.hosted_endpoint import hosted_endpoint  # HTTP and all that: an analysis without a model does not wait for it

    config = _endpoint_config(step_run, predictor)
    with hosted_endpoint(step_run.run, str(name), config, step_run.job_dir / "model", cores=step_run.cores) as url:
        yield {URL: url}


def _predictor(path: Path) -> Mapping[str, Any]:
    found = container.read_json(path)
    predictor = found.get("predictor") if isinstance(found, dict) else None
    return predictor if isinstance(predictor, dict) else {}


def _name_model(path: Path, name: str) -> None:
    found = container.read_json(path)
    if not isinstance(found, dict):
        raise ClientFault(f"the job's input /opt/ml/{CONFIG} is not there or no JSON object; expected Clarify's analysis configuration")
    container.write_json(path, {**found, "predictor": {**(found.get("predictor") or {}), "model_name": name}})


def _endpoint_config(step_run: StepRun, predictor: Mapping[str, Any]) -> dict[str, Any]:
    from pipelines.local.serving.hosted_endpoint import config_of_model
    from pipelines.local.serving.records import Records

    records = Records(step_run.run.home)
    if predictor.get("endpoint_name"):
        return records.read("endpoint configuration", records.read("endpoint", str(predictor["endpoint_name"]))["EndpointConfigName"])
    name = str(predictor["model_name"])
    records.read("model", name)
    return config_of_model(name, int(predictor.get("initial_instance_count") or 1))
