"""The checks that are jobs of our own: bias before and after training, explanations, quality of data and model, each an ordinary Processing step.

What a check found, and the baseline that the registered version gets, are URIs of its files; the same members come from check steps of the service
(`pipelines.author.steps.managed`), so that registration need not know which of the two ran.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.author.steps.gate import Drift, Report
from pipelines.author.steps.jobs import ML, input_, processing_step
from pipelines.config.check_rules import BASELINES, checks, closes, compared, runs_itself

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition

BASELINE = "input/baseline"
SUMMARY = "summary.json"
PROBLEMS = {"binary_classification": "BinaryClassification", "multiclass_classification": "MulticlassClassification", "regression": "Regression"}


@dataclass(frozen=True)
class Kind:
    """Describe a check: its step, the script of its job, its outputs' folder, the file that gates read, the file that is its baseline, and its texts."""

    step: str
    output: str
    read: str
    constraints: str
    statistics: str | None
    title: str
    told: str
    violations: str


def _bias(step: str, title: str, told: str, violations: str) -> Kind:
    return Kind(step, "output", "bias_metrics.json", "analysis.json", None, title, told, violations)


def _monitor(step: str, title: str, told: str, violations: str) -> Kind:
    return Kind(step, "output", SUMMARY, "constraints.json", "statistics.json", title, told, violations)


KINDS: Mapping[str, Kind] = {
    "pre_training": _bias(
        "PreTrainingBias", "Bias of the data", "Compares groups of people in the raw rows, before anything is trained", "drift of the data's bias"
    ),
    "post_training": _bias(
        "PostTrainingBias", "Bias of the model", "Compares the model's answers for groups of people, on the test split", "drift of the model's bias"
    ),
    "explainability": Kind(
        "Explain",
        "output",
        SUMMARY,
        "analysis.json",
        None,
        "Explain the model",
        "SHAP values and partial dependence of the model's answers on the test split",
        "drift of the explanations",
    ),
    "quality.data": _monitor(
        "DataQuality", "Quality of the data", "Statistics and constraints of the raw rows, for monitoring", "violations of the data's quality"
    ),
    "quality.model": _monitor(
        "ModelQuality", "Quality of the model", "Metrics of the model on the test split as constraints, for monitoring", "violations of the model's quality"
    ),
}


@dataclass(frozen=True)
class Checked:
    """Hold a check's step, what it found (`found`) and what is the baseline from now on (`baseline`): URIs of files by `constraints`, `statistics`.

    `report` is what gates read, None of a check step of the service, and `violations` the file that says what differs from the baseline.
    """

    key: str
    step: Any
    found: Mapping[str, Any]
    baseline: Mapping[str, Any]
    report: Report | None = None
    drift: Drift | None = None


@dataclass(frozen=True)
class Given:
    """Hold what checks look at: URIs of all raw rows, of those of the test split, of the rows to explain, of the predictions, and of the package's folder."""

    raw: Any = None
    raw_test: Any = None
    explained: Any = None
    predictions: Any = None
    package: Any = None


def compose(composition: Composition, key: str, given: Given) -> Checked:
    """Return a check of our own."""
    from sagemaker.core.workflow.properties import PropertyFile

    kind, check = KINDS[key], checks(composition.config)[key]
    name = kind.step
    file = PropertyFile(name=f"{name}Report", output_name=kind.output, path=kind.read)
    drifts = key in compared(composition.config)
    summary = PropertyFile(name=f"{name}Drift", output_name=kind.output, path=SUMMARY) if drifts and kind.read != SUMMARY else file
    baseline = [input_("baseline", composition.parameters[BASELINES[key]], f"{ML}/{BASELINE}")] if drifts else []
    step = processing_step(
        composition,
        name,
        key,
        inputs=[*INPUTS[key](composition, given), *baseline],
        outputs=[kind.output],
        arguments=[*ARGUMENTS[key](composition), *(["--baseline", f"{ML}/{BASELINE}"] if drifts and key in MONITORED else [])],
        instances=1,
        image=composition.training_image if key in ASKING and composition.config.training.script else None,
        property_files=[file, summary] if summary is not file else [file],
        display_name=kind.title,
        description=f"{kind.told}.",
    )
    report = Report(step, file)
    kept = check.drift.register_new_baseline or not drifts
    files = {"constraints": kind.constraints, **({"statistics": kind.statistics} if kind.statistics else {})}
    found = {member: _below(_folder(step, kind.output), name) for member, name in files.items()}
    before = {member: _below(composition.parameters[BASELINES[key]], name) for member, name in files.items()} if not kept else {}
    drift = Drift(kind.violations, Report(step, summary)) if key in closes(composition.config) else None
    return Checked(key, step, found, before or found, report, drift)


def _folder(step: Any, output: str) -> Any:
    return step.properties.ProcessingOutputConfig.Outputs[output].S3Output.S3Uri


def _below(folder: Any, name: str) -> Any:
    from sagemaker.core.workflow.functions import Join

    return Join(on="/", values=[folder, name])


def _config(composition: Composition, key: str) -> Any:
    return input_("analysis_config", f"{composition.bundles[key].prefix}/config/", f"{ML}/input/config")


def _data(uri: Any) -> Any:
    return input_("dataset", uri, f"{ML}/input/data")


def _model(given: Given) -> Any:
    return input_("model", given.package, f"{ML}/input/model")


def _monitoring(composition: Composition, **settings: str) -> list[str]:
    """Return the arguments of the monitoring job: those of Model Monitor's container as its environment names them."""
    given = {"dataset-source": f"{ML}/input/data", "report": "drift.html", **{name.replace("_", "-"): value for name, value in settings.items()}}
    return [text for name, value in given.items() for text in (f"--{name}", value)]


def _of_model(composition: Composition) -> list[str]:
    problem = composition.config.problem
    probability = {"probability_attribute": "probability"} if problem == "binary_classification" else {}
    columns = {"inference_attribute": "prediction", "ground_truth_attribute": "label", **probability}
    return _monitoring(composition, analysis_type="MODEL_QUALITY", problem_type=PROBLEMS[problem], **columns)


# Checks that ask the model, which a script's own image can load.
ASKING = frozenset({"post_training", "explainability"})
MONITORED = frozenset({"quality.data", "quality.model"})
ARGUMENTS: Mapping[str, Callable[[Composition], list[str]]] = {
    "pre_training": lambda composition: [],
    "post_training": lambda composition: [],
    "explainability": lambda composition: [],
    "quality.data": _monitoring,
    "quality.model": _of_model,
}
INPUTS: Mapping[str, Callable[[Composition, Given], list[Any]]] = {
    "pre_training": lambda composition, given: [_config(composition, "pre_training"), _data(given.raw)],
    "post_training": lambda composition, given: [_config(composition, "post_training"), _data(given.raw_test), _model(given)],
    "explainability": lambda composition, given: [_config(composition, "explainability"), _data(given.explained), _model(given)],
    "quality.data": lambda composition, given: [_data(given.raw)],
    "quality.model": lambda composition, given: [_data(given.predictions)],
}


def monitoring_uri(composition: Composition, key: str) -> str:
    """Return where the configuration of a check's monitor lies."""
    return f"{composition.bundles[key].prefix}/monitoring/analysis_config.json"


def is_own(composition: Composition, key: str) -> bool:
    """Tell whether a check is a job of our own."""
    return runs_itself(checks(composition.config)[key])
