"""Which checks a pipeline has, whose baselines they need, and combinations of them that make no sense."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipelines.config.algorithm_rules import built_in
from pipelines.config.checks import Bias, Check, Explainability
from pipelines.config.gate import MetricBar, QualityBar, leaves
from pipelines.config.model import PipelineConfig
from pipelines.config.package_rules import packaged

Found = Iterator[tuple[str, str]]
# The parameter of each check's baseline, by the check's key.
BASELINES: Mapping[str, str] = {
    "pre_training": "PreTrainingBiasBaseline",
    "post_training": "PostTrainingBiasBaseline",
    "explainability": "ExplainabilityBaseline",
    "quality.data": "DataQualityBaseline",
    "quality.model": "ModelQualityBaseline",
}

# Where a registered version keeps each baseline.
KEPT_AT: Mapping[str, str] = {
    "pre_training": "Bias.PreTrainingConstraints",
    "post_training": "Bias.PostTrainingConstraints",
    "explainability": "Explainability.Constraints",
    "quality.data": "ModelDataQuality.Constraints",
    "quality.model": "ModelQuality.Constraints",
}
# The templates of a request that Clarify itself has no default for.
TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "application/json": ("content_template", "record_template"),
    "application/jsonlines": ("content_template",),
}
# What is checked of the model; the others are known before training.
AFTER = frozenset({"post_training", "explainability", "quality.model"})


def checks(config: PipelineConfig) -> dict[str, Check]:
    """Return the sections of the checks that the pipeline has, by key: pre_training, post_training, explainability, quality.data, quality.model."""
    bias = config.bias
    found: dict[str, Check | None] = {
        "pre_training": bias if bias and bias.pre_training else None,
        "post_training": bias if bias and bias.post_training else None,
        "explainability": config.explainability,
        "quality.data": config.quality.data,
        "quality.model": config.quality.model,
    }
    return {key: check for key, check in found.items() if check is not None}


def runs_itself(check: Check) -> bool:
    """Tell whether a check is our own job in a Processing step, and not a managed check step."""
    return getattr(check, "runner", None) == "processing"


def own(config: PipelineConfig) -> dict[str, Check]:
    """Return the checks that are jobs of our own."""
    return {key: check for key, check in checks(config).items() if runs_itself(check)}


def managed(config: PipelineConfig) -> list[str]:
    """Return the sections with check steps of the service."""
    return [_section(key) for key, check in checks(config).items() if not runs_itself(check)]


def compared(config: PipelineConfig) -> list[str]:
    """Return the keys of our own checks that are compared with the baseline of the latest approved version."""
    return [key for key, check in own(config).items() if check.drift.compare] if config.registration else []


def closes(config: PipelineConfig) -> list[str]:
    """Return the keys of compared checks that close a gate when anything drifted; one that has a bar of its own is held to that bar instead."""
    barred = {f"quality.{bar.quality}" for _, bar in leaves(config.gate) if isinstance(bar, QualityBar)}
    return [key for key in compared(config) if checks(config)[key].drift.fail_on_violation and key not in barred]


def baselines(config: PipelineConfig) -> dict[str, str]:
    """Return the section of each baseline's parameter."""
    return {BASELINES[key]: _section(key) for key in compared(config)}


def _section(key: str) -> str:
    return "bias" if key.endswith("_training") else key


def judges_approved(config: PipelineConfig) -> bool:
    """Tell whether the latest approved model is judged on the same rows."""
    return config.evaluation.approved and config.evaluation.script is None and config.registration is not None and packaged(config)


def nothing(config: PipelineConfig) -> str:
    """Return the folder that stands for what an approved version left while there is none."""
    return f"s3://{config.aws.bucket}/{config.name}/code/nothing-approved"


def approved_parameters(config: PipelineConfig) -> dict[str, str]:
    """Return for each parameter that takes something of the latest approved version `<group>:<where DescribeModelPackage has its URI>`."""
    if config.registration is None:
        return {}
    named = {"ApprovedModel": "InferenceSpecification.Containers[0].ModelDataUrl"} if judges_approved(config) else {}
    named |= {BASELINES[key]: f"DriftCheckBaselines.{KEPT_AT[key]}.S3Uri" for key in compared(config)}
    return {name: f"{config.registration.model_package_group}:{path}" for name, path in named.items()}


def raw_rows(config: PipelineConfig) -> dict[str, int | bool]:
    """Return which raw rows Preprocess leaves as CSV: `all` of them, those of the split `test`, the first `explained` of these."""
    asked = checks(config)
    of_test = judges_approved(config) or bool(config.evaluation.slices) or "post_training" in asked
    found: dict[str, int | bool] = {"all": bool({*asked} & {"pre_training", "quality.data"}), "test": of_test}
    return {name: True for name, needed in found.items() if needed} | ({"explained": config.explainability.rows} if config.explainability else {})


def check_rules(config: PipelineConfig) -> Found:
    """Yield (dotted key, what is wrong)."""
    yield from _twice(config)
    yield from _judged(config)
    if built_in(config) is None and packaged(config):
        yield from _bias(config)
        yield from _explained(config)
        yield from _scripted(config)
        return
    for key in ("bias", "explainability", "privacy", "model_card"):
        if getattr(config, key) is not None and not (key == "bias" and config.bias and not config.bias.post_training):
            yield key, "needs the package, which answers raw rows. Remove it, or the reason why there is no package."
    if config.quality.model is not None:
        yield "quality.model", "needs the package, which answers raw rows. Remove it."
    yield from _bias(config)


def _twice(config: PipelineConfig) -> Found:
    """Yield lists that name the same thing twice."""
    bias, pdp = config.bias, config.explainability.pdp if config.explainability else None
    lists: dict[str, object] = {"evaluation.slices": config.evaluation.slices, "explainability.pdp.columns": pdp.columns if pdp else ()}
    for key in ("favourable", "pre_training", "post_training") if bias else ():
        lists[f"bias.{key}"] = getattr(bias, key)
    for key, named in lists.items():
        names = named if isinstance(named, tuple) else ()
        for name in dict.fromkeys(name for place, name in enumerate(names) if name in names[:place]):
            yield key, f"{name!r} stands twice. Remove one."


def _judged(config: PipelineConfig) -> Found:
    """Yield settings of Evaluate that a script of the user's in its place does not know."""
    if config.evaluation.script is None:
        return
    for key in ("slices", "costs"):
        if getattr(config.evaluation, key):
            yield f"evaluation.{key}", "has no effect: your own script judges. Remove it, or evaluation.script."
    if config.quality.model is not None:
        yield "quality.model", "needs the predictions that our Evaluate writes; got evaluation.script. Remove one of the two."
    for where, bar in leaves(config.gate):
        if isinstance(bar, MetricBar) and (bar.bound != "value" or bar.slice is not None or bar.not_worse_by is not None):
            yield where, "reads evaluation_details.json, which our Evaluate writes; got evaluation.script. Hold the value alone to a bound."


def _scripted(config: PipelineConfig) -> Found:
    """Yield what is missing or in vain with a script of the user's, whose own code answers."""
    asking = {"bias": config.bias if config.bias and config.bias.post_training else None, "explainability": config.explainability}
    for key, section in asking.items():
        if section is not None and config.training.script and section.predictor is None:
            yield f"{key}.predictor", "missing; your script's inference code answers in its own way. Say where label and probability stand."
        if section is not None and not config.training.script and section.predictor is not None:
            yield f"{key}.predictor", "has no effect: the package answers in its own way, which is known. Remove it."
        yield from _templates(key, section)
    if config.privacy is not None and config.training.script:
        yield "privacy", "the probe trains models of XGBoost; got a script. Remove it."


def _templates(key: str, section: Bias | Explainability | None) -> Found:
    """Yield the templates that the service wants and our own job does not need."""
    told = section.predictor if section is not None and section.runner == "clarify" else None
    for name in TEMPLATES.get(told.content_type, ()) if told else ():
        if getattr(told, name) is None:
            yield (
                f"{key}.predictor.{name}",
                "missing; Clarify needs it where rows are sent as JSON, e.g. content_template: $records, record_template: $features.",
            )


def _explained(config: PipelineConfig) -> Found:
    section = config.explainability
    if section is not None and section.runner == "clarify" and config.problem == "multiclass_classification":
        yield "explainability.runner", "the service cannot find the probabilities of several classes in the package's CSV. Use processing."


def _bias(config: PipelineConfig) -> Found:
    bias = config.bias
    if bias is None:
        return
    names = [facet.column for facet in bias.facets]
    for index, facet in enumerate(bias.facets):
        if names.index(facet.column) != index:
            yield f"bias.facets[{index}].column", f"{facet.column!r} stands twice. Put its values into one facet."
        if facet.column == config.label.column:
            yield f"bias.facets[{index}].column", f"is the label {facet.column!r}. Name a column that tells groups apart."
    if config.problem == "multiclass_classification" and not bias.favourable:
        yield "bias.favourable", f"missing; say which of {', '.join(config.label.classes)} are good for a person."
    if not bias.pre_training and not bias.post_training:
        yield "bias", "computes nothing: pre_training and post_training are both false. Remove the section."
    if config.problem == "regression":
        yield "bias", "bias metrics compare a favourable label with others; problem regression has none. Remove the section."
