"""Read what a monitoring job is to do: the environment of Model Monitor's container (SDK V2, `model_monitoring.py`), or arguments of the same names."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

from jobkit.failure import JobError
from jobkit.monitor import distance
from jobkit.monitor.predictions import READERS, Attributes
from jobkit.paths import DEFAULT, ml_root, processing

DATA_QUALITY, MODEL_QUALITY = "DATA_QUALITY", "MODEL_QUALITY"
CSV = '{"csv": {"header": true}}'
# Names of the environment; an argument is the same with dashes. Those in the second group are ours.
VARIABLES: Mapping[str, str] = {
    "analysis_type": "DATA_QUALITY (the default) or MODEL_QUALITY",
    "problem_type": "of model quality: Regression, BinaryClassification or MulticlassClassification",
    "dataset_source": "file or folder of the data set; by default the input baseline_dataset_input",
    "dataset_format": 'JSON: {"csv": {"header": true}}, {"json": {}}, {"parquet": {}}, {"sagemakerCaptureJson": {…}} or {"sagemakerMergeJson": {…}}',
    "output_path": "folder of the files that are written; by default the output folder of the job",
    "baseline_statistics": "statistics.json of the baseline, or its folder",
    "baseline_constraints": "constraints.json of the baseline, or its folder",
    "inference_attribute": "column of the model's answer",
    "probability_attribute": "column of the positive class's probability",
    "ground_truth_attribute": "column of the label",
    "probability_threshold_attribute": "probability from which a row is positive, 0 to 1; 0.5 when not given",
    "categorical_drift_method": "how texts are compared: LInfinity or ChiSquared",
    "record_preprocessor_script": "Python file with preprocess_handler(inference_record)",
    "post_analytics_processor_script": "Python file with postprocess_handler()",
    "publish_cloudwatch_metrics": "accepted, without effect here",
}
OURS: Mapping[str, str] = {
    "baseline": "folder that holds statistics.json and constraints.json of the baseline, anywhere below; one with neither is none",
    "ground_truth": "folder of ground truth as JSON Lines, which is merged with captured records",
    "report": "name of an HTML page to write into the output folder, e.g. drift.html",
}


class Settings(NamedTuple):
    """Hold a job's settings; a path is where the file lies for this job."""

    analysis_type: str
    problem_type: str
    source: Path
    form: Mapping[str, Any]
    output: Path
    statistics: Optional[Path]
    constraints: Optional[Path]
    attributes: Attributes
    categorical: Optional[str]
    preprocessor: Optional[Path]
    postprocessor: Optional[Path]
    metrics: bool
    truth: Optional[Path]
    report: Optional[str]


def read(argv: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Return the settings; an argument counts more than a variable.

    Raises:
        JobError: a value is none that can be used, or the baseline's files are not there.
    """
    parser = argparse.ArgumentParser(description="Analyse data or model quality in Model Monitor's formats.")
    for name, words in {**VARIABLES, **OURS}.items():
        parser.add_argument("--" + name.replace("_", "-"), help=words)
    given = {name: value for name, value in vars(parser.parse_args(list(argv))).items() if value is not None}
    told = {**{name: environment[name] for name in VARIABLES if environment.get(name)}, **given}
    analysis = _one_of(told, "analysis_type", DATA_QUALITY, (DATA_QUALITY, MODEL_QUALITY))
    statistics, constraints = _baseline(told)
    return Settings(
        analysis_type=analysis,
        problem_type=_one_of(told, "problem_type", "", tuple(READERS)) if analysis == MODEL_QUALITY else "",
        source=_path(told, "dataset_source") or processing("input/baseline_dataset_input"),
        form=_form(told.get("dataset_format", CSV)),
        output=_path(told, "output_path") or processing("output"),
        statistics=statistics,
        constraints=constraints,
        attributes=_attributes(told),
        categorical=_one_of(told, "categorical_drift_method", "", ("LInfinity", distance.CHI_SQUARED)) if "categorical_drift_method" in told else None,
        preprocessor=_path(told, "record_preprocessor_script"),
        postprocessor=_path(told, "post_analytics_processor_script"),
        metrics=told.get("publish_cloudwatch_metrics", "Disabled") == "Enabled",
        truth=_path(told, "ground_truth"),
        report=told.get("report"),
    )


def _one_of(told: Mapping[str, str], name: str, otherwise: str, known: Sequence[str]) -> str:
    value = told.get(name, otherwise)
    if value not in known:
        raise JobError("{}: got {!r}; expected one of {}".format(name, value, ", ".join(known)))
    return value


def _form(words: str) -> Mapping[str, Any]:
    try:
        form = json.loads(words)
    except ValueError as error:
        raise JobError("dataset_format: got {!r}, which is no JSON: {}; expected e.g. {}".format(words[:100], error, CSV)) from None
    if not isinstance(form, dict) or not all(value is None or isinstance(value, (dict, str)) for value in form.values()):
        raise JobError("dataset_format: got {!r}; expected an object, e.g. {}".format(words[:100], CSV))
    return {name: value or {} for name, value in form.items()}


def _path(told: Mapping[str, str], name: str) -> Optional[Path]:
    """Return where a path of the container lies: below the job's own /opt/ml, wherever that is."""
    if name not in told:
        return None
    path = Path(told[name])
    below = path.parts[: len(Path(DEFAULT).parts)] == Path(DEFAULT).parts
    return ml_root().joinpath(*path.parts[len(Path(DEFAULT).parts) :]) if below else path


def _baseline(told: Mapping[str, str]) -> Tuple[Optional[Path], Optional[Path]]:
    found: Dict[str, Optional[Path]] = {}
    for name in ("statistics", "constraints"):
        place = _path(told, "baseline_" + name) or _ours(told, name + ".json")
        found[name] = None if place is None else _file(place, name + ".json")
    if found["statistics"] and not found["constraints"]:
        raise JobError("baseline_constraints: got none, with baseline_statistics; expected both, or the constraints alone. Give constraints.json too")
    return found["statistics"], found["constraints"]


def _ours(told: Mapping[str, str], name: str) -> Optional[Path]:
    """Return our own folder of a baseline; one without such a file, as before the first approved version, is none."""
    place = _path(told, "baseline")
    return place if place is not None and (place.is_file() or any(place.rglob(name))) else None


def _file(place: Path, name: str) -> Path:
    files = [place] if place.is_file() else sorted(place.rglob(name))
    if len(files) != 1:
        raise JobError("{}: got {} files {} below it; expected one of the baseline".format(place, len(files), name))
    return files[0]


def _attributes(told: Mapping[str, str]) -> Attributes:
    words = told.get("probability_threshold_attribute", "0.5")
    threshold = _number(words)
    if threshold is None or not 0 <= threshold <= 1:
        raise JobError("probability_threshold_attribute: got {!r}; expected a number from 0 to 1".format(words))
    return Attributes(told.get("inference_attribute"), told.get("probability_attribute"), told.get("ground_truth_attribute"), threshold)


def _number(words: str) -> Optional[float]:
    parse: Callable[[str], float] = float
    try:
        return parse(words)
    except ValueError:
        return None
