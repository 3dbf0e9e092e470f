"""The sections of a model card: what people say of the model, and what the pipeline knows of it."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from jobkit.card import metrics
from jobkit.card.entries import NAME, TEXT, clean, is_number
from jobkit.failure import JobError

Document = Mapping[str, Any]
PROBLEMS: Mapping[str, str] = {
    "binary_classification": "Binary Classification",
    "multiclass_classification": "Multiclass Classification",
    "regression": "Regression",
}
MOST_HYPERPARAMETERS, MOST_URIS, URI_CHARACTERS, OBSERVATION = 100, 15, 1024, 2096


class Known(NamedTuple):
    """Gather what arguments tell: hyperparameters and training metrics by name, the training job, model, image and data sets."""

    parameters: Mapping[str, str] = {}
    metrics: Mapping[str, float] = {}
    training_job: str = ""
    model_data_url: str = ""
    image: str = ""
    datasets: Sequence[str] = ()


# Keys of job.json["model_card"] and, of the sections among them, the names that the schema has.
SECTIONS: Mapping[str, Mapping[str, str]] = {
    "intended_uses": {
        "purpose": "purpose_of_model",
        "intended_uses": "intended_uses",
        "factors_affecting_efficiency": "factors_affecting_model_efficiency",
        "risk_rating": "risk_rating",
        "explanations_for_risk_rating": "explanations_for_risk_rating",
    },
    "business_details": {name: name for name in ("business_problem", "business_stakeholders", "line_of_business")},
}
KEYS = ("model_name", "description", "creator", "owner", *SECTIONS, "training", "caveats", "ethical_considerations", "custom_details", "status")


def card(job: Document, known: Known, results: Mapping[str, Document]) -> Dict[str, Any]:
    """Return the card of the service's schema; sections that nothing is known for are left out.

    `results` are the documents of the inputs by name: evaluation, details, bias, pre_bias, explanations, privacy, package and recipe.

    Raises:
        JobError: job.json["model_card"] has a key that is not known, or a result another layout than expected.
    """
    told = job.get("model_card") or {}
    _keys(told, KEYS, "model_card")
    made: Dict[str, Any] = {"model_overview": _overview(job, told, known)}
    for name, renamed in SECTIONS.items():
        section = told.get(name) or {}
        _keys(section, [*renamed, *renamed.values()], "model_card." + name)
        made[name] = {renamed.get(key, key): value for key, value in section.items() if value not in (None, "")}
    made["training_details"] = _training(job, told.get("training") or {}, known)
    made["evaluation_details"] = evaluations(results)
    made["additional_information"] = _additional(told, results)
    return {name: section for name, section in made.items() if section}


def _keys(given: Document, keys: Sequence[str], place: str) -> None:
    unknown = sorted(set(given) - set(keys))
    if unknown:
        raise JobError("{}: there is no key {!r}; expected one of: {}".format(place, unknown[0], ", ".join(keys)))


def _filled(section: Document) -> Dict[str, Any]:
    return {name: value for name, value in section.items() if value not in (None, "", [], {})}


def _overview(job: Document, told: Document, known: Known) -> Dict[str, Any]:
    return _filled(
        {
            "model_description": told.get("description"),
            "model_creator": told.get("creator"),
            "model_artifact": [known.model_data_url] if known.model_data_url else [],
            "algorithm_type": clean(job["algorithm"], TEXT) if job.get("algorithm") else None,
            "problem_type": PROBLEMS.get(job.get("problem", ""), job.get("problem")),
            "model_owner": told.get("owner"),
        }
    )


def _training(job: Document, told: Document, known: Known) -> Dict[str, Any]:
    _keys(told, ("objective", "observations"), "model_card.training")
    parameters = {**(job.get("hyperparameters") or {}), **known.parameters}
    named = [{"name": clean(name, NAME), "value": clean(value, NAME)} for name, value in sorted(parameters.items())]
    measured = [{"name": clean(name, NAME), "value": value} for name, value in sorted(known.metrics.items()) if is_number(value)]
    details = {
        "training_arn": known.training_job,
        "training_datasets": [clean(uri, URI_CHARACTERS) for uri in known.datasets][:MOST_URIS],
        "training_environment": {"container_image": [known.image]} if known.image else {},
        "training_metrics": measured,
        "hyper_parameters": named[:MOST_HYPERPARAMETERS],
    }
    made = {"objective_function": _objective(told.get("objective") or {}), "training_observations": told.get("observations")}
    return _filled({**made, "training_job_details": _filled(details)})


def _objective(told: Any) -> Dict[str, Any]:
    """Return the objective: a text is a note, else {function, facet, condition, notes}."""
    if isinstance(told, str):
        return {"notes": told}
    _keys(told, ("function", "facet", "condition", "notes"), "model_card.training.objective")
    function = _filled({name: told.get(name) for name in ("function", "facet", "condition")})
    return _filled({"function": function, "notes": told.get("notes")})


# A card in a model package has two keys only in its overview (botocore's ModelPackageModelCard); the others go along as custom details.
PACKAGED = ("model_creator", "model_artifact")
MOVED: Mapping[str, str] = {name: name.replace("_", " ") for name in ("model_description", "problem_type", "algorithm_type", "model_owner")}


def packaged(card: Document) -> Dict[str, Any]:
    """Return a card as CreateModelPackage takes it: its overview holds creator and artifact only, what else it said is in the custom details."""
    overview, more = card.get("model_overview") or {}, card.get("additional_information") or {}
    moved = {MOVED[name]: overview[name] for name in MOVED if name in overview}
    kept = {name: value for name, value in overview.items() if name not in MOVED}
    custom = {**(more.get("custom_details") or {}), **moved}
    return _filled({**card, "model_overview": kept, "additional_information": _filled({**more, "custom_details": custom})})


def whole(card: Document) -> Dict[str, Any]:
    """Return a card that `packaged` made as it was before; any other one stays as it is."""
    overview, more = card.get("model_overview") or {}, card.get("additional_information") or {}
    custom = more.get("custom_details") or {}
    back = {name: custom[words] for name, words in MOVED.items() if words in custom and name not in overview}
    left = {name: value for name, value in custom.items() if name not in {MOVED[key] for key in back}}
    return _filled({**card, "model_overview": {**overview, **back}, "additional_information": _filled({**more, "custom_details": left})})


Converter = Callable[[Document], List[Dict[str, Any]]]
# Evaluations of a card in their order: name, and what each is made from.
EVALUATIONS: Sequence[Tuple[str, Sequence[Tuple[str, Converter]]]] = (
    ("quality", (("evaluation", metrics.quality),)),
    ("details", (("details", metrics.details),)),
    ("bias", (("bias", metrics.bias), ("pre_bias", metrics.bias))),
    ("explanations", (("explanations", metrics.explanations),)),
    ("privacy", (("privacy", metrics.privacy),)),
)


def evaluations(results: Mapping[str, Document]) -> List[Dict[str, Any]]:
    """Return `evaluation_details`: one entry for each kind of result that is there.

    Raises:
        JobError: a result has another layout than the job has that writes it.
    """
    made = []
    for name, sources in EVALUATIONS:
        given = [(results[source], convert) for source, convert in sources if source in results]
        groups = [group for document, convert in given for group in _converted(name, document, convert)]
        if groups:
            said = _observation(given[0][0])
            observed = {"evaluation_observation": clean(said, OBSERVATION)} if said else {}
            made.append({"name": name, **observed, **_rows(given[0][0]), "metric_groups": metrics.named_apart(groups)})
    return made


def _converted(name: str, document: Document, convert: Converter) -> List[Dict[str, Any]]:
    """Return the groups of a document.

    Raises:
        JobError: it has another layout than the job has that writes it.
    """
    try:
        return convert(document)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        told = "{}: this file has another layout than expected; got {}: {}. Take it from the step that makes it"
        raise JobError(told.format(name, type(error).__name__, error)) from None


def _observation(document: Document) -> Optional[str]:
    verdict = document.get("verdict")
    return str(verdict["message"]) if isinstance(verdict, Mapping) and verdict.get("message") else None


def _rows(document: Document) -> Dict[str, Any]:
    held = document.get("dataset")
    count = held.get("item_count") if isinstance(held, Mapping) else None
    return {"metadata": {"rows": str(count)}} if count is not None else {}


def _additional(told: Document, results: Mapping[str, Document]) -> Dict[str, Any]:
    ours = {**({"model name": told["model_name"]} if told.get("model_name") else {}), **_packaged(results)}
    custom = {**ours, **{str(name): value for name, value in (told.get("custom_details") or {}).items()}}
    return _filled(
        {
            "ethical_considerations": told.get("ethical_considerations"),
            "caveats_and_recommendations": told.get("caveats"),
            "custom_details": custom,
        }
    )


def _packaged(results: Mapping[str, Document]) -> Dict[str, str]:
    """Return what the package tells: label, classes, threshold, features, recipe and versions, each as one text."""
    about, recipe = results.get("package") or {}, results.get("recipe") or {}
    versions = about.get("versions") or {}
    steps = [str(step.get("step")) for step in recipe.get("steps") or ()]
    facts: Dict[str, Any] = {
        "label": about.get("label"),
        "classes": ", ".join(str(each) for each in about.get("classes") or ()),
        "threshold": about.get("threshold"),
        "columns": ", ".join(str(each) for each in about.get("columns") or ()),
        "features": len(about["features"]) if about.get("features") else None,
        "recipe": ", ".join(steps),
        "versions": ", ".join("{} {}".format(name, version) for name, version in sorted(versions.items())),
        "package sha256": about.get("sha256"),
    }
    return {name: clean(value, TEXT) for name, value in facts.items() if value not in (None, "")}
