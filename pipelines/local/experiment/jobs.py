"""What a step's properties say about its job: one reader a step type, each of the shape that the service's Describe call has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.local.results import best_model

Properties = Mapping[str, Any]
PROGRAM, SOURCE = "sagemaker_program", "sagemaker_submit_directory"


@dataclass(frozen=True)
class Facts:
    """Hold a job's facts; `inputs`, `code` and `outputs` are URIs by name, `experiment` is where `Run` left its files.

    `experiment` is a container path and the URI it is uploaded to: a folder, or an archive whose member of that name is the folder.
    """

    name: str = ""
    image: str = ""
    instance_type: str = ""
    instances: int = 1
    arguments: Sequence[str] = ()
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    queries: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    metric_definitions: Sequence[Mapping[str, str]] = ()
    experiment: tuple[str, str] | None = None


def facts(step_type: str, properties: Properties) -> Facts:
    """Return what is known about a step's job; nothing for a step that runs none."""
    reader = READERS.get(step_type)
    return reader(properties) if reader and properties else Facts()


def _processing(properties: Properties) -> Facts:
    application = properties.get("AppSpecification") or {}
    cluster = (properties.get("ProcessingResources") or {}).get("ClusterConfig") or {}
    entrypoint = [str(part) for part in application.get("ContainerEntrypoint") or ()]
    sources = {item["InputName"]: item["S3Input"] for item in properties.get("ProcessingInputs") or () if item.get("S3Input")}
    code = next((name for name, source in sources.items() if _holds(source.get("LocalPath"), entrypoint)), None)
    outputs = {item["OutputName"]: item["S3Output"] for item in (properties.get("ProcessingOutputConfig") or {}).get("Outputs") or () if item.get("S3Output")}
    experiment = outputs.get("experiment")
    return Facts(
        name=str(properties.get("ProcessingJobName", "")),
        image=str(application.get("ImageUri", "")),
        instance_type=str(cluster.get("InstanceType", "")),
        instances=int(cluster.get("InstanceCount", 1)),
        arguments=tuple(str(part) for part in application.get("ContainerArguments") or ()),
        inputs={name: str(source["S3Uri"]) for name, source in sources.items() if name != code},
        queries=_queries(properties),
        code=str(sources[code]["S3Uri"]) if code else None,
        outputs={name: str(output["S3Uri"]) for name, output in outputs.items()},
        experiment=(str(experiment["LocalPath"]), str(experiment["S3Uri"])) if experiment else None,
    )


def _queries(properties: Properties) -> dict[str, str]:
    datasets = {item["InputName"]: item.get("DatasetDefinition") or {} for item in properties.get("ProcessingInputs") or ()}
    asked = {name: (dataset.get("AthenaDatasetDefinition") or {}).get("QueryString") for name, dataset in datasets.items()}
    return {name: str(query) for name, query in asked.items() if query}


def _holds(folder: Any, entrypoint: Sequence[str]) -> bool:
    return any(part.startswith(f"{str(folder).rstrip('/')}/") for part in entrypoint)


def _training(properties: Properties) -> Facts:
    hyperparameters = {name: str(value) for name, value in (properties.get("HyperParameters") or {}).items()}
    name = str(properties.get("TrainingJobName", ""))
    artefacts = properties.get("ModelArtifacts") or {}
    return _trained(properties, name, hyperparameters, {"model": artefacts["S3ModelArtifacts"]} if artefacts else {})


def _tuning(properties: Properties) -> Facts:
    best = properties.get("BestTrainingJob") or {}
    definitions = [properties.get("TrainingJobDefinition") or {}, *(properties.get("TrainingJobDefinitions") or ())]
    wanted = best.get("TrainingJobDefinitionName")
    definition: Properties = next(
        (each for each in definitions if each and each.get("DefinitionName") == wanted), next((each for each in definitions if each), {})
    )
    values = {**(definition.get("StaticHyperParameters") or {}), **(best.get("TunedHyperParameters") or {})}
    model = best_model(properties)
    return _trained(definition, str(best.get("TrainingJobName", "")), {key: str(value) for key, value in values.items()}, {"model": model} if model else {})


def _trained(request: Properties, name: str, hyperparameters: Mapping[str, str], outputs: Mapping[str, str]) -> Facts:
    algorithm, resources = request.get("AlgorithmSpecification") or {}, request.get("ResourceConfig") or {}
    channels = {each["ChannelName"]: (each.get("DataSource") or {}).get("S3DataSource") or {} for each in request.get("InputDataConfig") or ()}
    source = hyperparameters.get(SOURCE, "").strip('"')
    place = str((request.get("OutputDataConfig") or {}).get("S3OutputPath", "")).rstrip("/")
    return Facts(
        name=name,
        image=str(algorithm.get("TrainingImage", "")),
        instance_type=str(resources.get("InstanceType", "")),
        instances=int(resources.get("InstanceCount") or 1),
        hyperparameters={key: value for key, value in hyperparameters.items() if key not in (PROGRAM, SOURCE)},
        inputs={key: str(source["S3Uri"]) for key, source in channels.items() if source.get("S3Uri")},
        code=source if source.startswith("s3://") else None,
        outputs=outputs,
        metric_definitions=tuple(algorithm.get("MetricDefinitions") or ()),
        experiment=("/opt/ml/output/data/experiment", f"{place}/{name}/output/output.tar.gz") if place and name else None,
    )


READERS: Mapping[str, Callable[[Properties], Facts]] = {
    **dict.fromkeys(("Processing", "ClarifyCheck", "QualityCheck"), _processing),
    "Training": _training,
    "Tuning": _tuning,
}
