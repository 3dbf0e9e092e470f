"""What a built-in algorithm other than XGBoost cannot have: keys of XGBoost, predictions before it can be asked for them, wrong hyperparameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipelines.algorithms import xgboost
from pipelines.algorithms.kinds import Anything, CustomerError
from pipelines.algorithms.model import Algorithm, read
from pipelines.algorithms.table import ALGORITHMS
from pipelines.config.model import PipelineConfig
from pipelines.config.problem import KINDS
from pipelines.config.problems import nearest
from pipelines.config.tuning import TuningRange

Found = Iterator[tuple[str, str]]
# What the pipeline itself gives: the number of features is known after Preprocess only.
FROM_PREPROCESS = "feature_dim"
ANSWERS = ("application/json", "application/jsonlines", "application/x-recordio-protobuf")


def built_in(config: PipelineConfig) -> Algorithm | None:
    """Return what the algorithm of the configuration is, None for XGBoost, whose container has checks of its own."""
    return ALGORITHMS.get(config.training.algorithm)


def hyperparameters(config: PipelineConfig) -> dict[str, str]:
    """Return what one training gets beside feature_dim: what is given, and what follows from the rest of the configuration."""
    algorithm = built_in(config)
    assert algorithm is not None
    given = {name: as_text(value) for name, value in config.training.hyperparameters.items()}
    kind = algorithm.predictor_types.get(config.problem)
    follows = {"predictor_type": kind} if kind else {}
    classes = {"num_classes": str(len(config.label.classes))} if kind == "multiclass_classifier" else {}
    return {**algorithm.filled, **follows, **classes, **given}


def as_text(value: bool | int | float | str) -> str:
    """Return a hyperparameter as the text that a job gets."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def algorithm(config: PipelineConfig) -> Found:
    """Yield (dotted key, what is wrong)."""
    found = built_in(config)
    if found is None:
        yield from _xgboost(config)
        return
    yield from _of_xgboost(config, found)
    yield from _unanswered(config, found)
    yield from _hyperparameters(config, found)
    yield from _searched(config, found)


def _xgboost(config: PipelineConfig) -> Found:
    """Yield what the container of built-in XGBoost would refuse, in its words: each value by itself, then what does not go together."""
    if config.training.script:
        return
    given = {name: as_text(value) for name, value in config.training.hyperparameters.items()}
    searched = config.tuning.ranges if config.tuning else {}
    wrong = [(name, _refusal(name, text)) for name, text in given.items() if name not in searched]
    yield from ((f"training.hyperparameters.{name}", f"{problem}.") for name, problem in wrong if problem)
    for name, each in ((name, each) for name, each in searched.items() if xgboost.kind_of(name)):
        values = (*each.values, *(bound for bound in (each.low, each.high) if bound is not None))
        problem = next(filter(None, (_refusal(name, _as_searched(each, value)) for value in values)), None)
        if problem:
            yield f"tuning.ranges.{name}", f"{problem}."
    if not any(problem for _, problem in wrong):
        yield from _together(config, {name: text for name, text in given.items() if name not in searched})


def _refusal(name: str, text: str) -> str | None:
    kind = xgboost.kind_of(name)
    if kind is None:
        return f"Extraneous hyperparameter found: {name}.{nearest(name, (*xgboost.HYPERPARAMETERS, *xgboost.ALIASES), 0.6)}".rstrip(".")
    try:
        kind(name, text)
    except CustomerError as error:
        return str(error)
    return None


def _together(config: PipelineConfig, given: Mapping[str, str]) -> Found:
    """Yield the first rule between hyperparameters that they break, with those that the pipeline itself adds."""
    classes = {"num_class": str(len(config.label.classes))} if config.label.classes else {}
    added = {"num_round": "100", "objective": KINDS[config.problem].objectives[0], **classes}
    try:
        xgboost.validate({**added, **given})
    except CustomerError as error:
        yield "training.hyperparameters", f"{str(error).rstrip('.')}."


def _of_xgboost(config: PipelineConfig, found: Algorithm) -> Found:
    if "version" in config.training.model_fields_set:
        yield "training.version", f"belongs to algorithm xgboost; {found.name} has one image only. Remove it (Preprocess runs in the newest XGBoost image)."
    if config.training.script:
        yield "training.script", f"has no effect with algorithm {found.name}, which runs no script. Remove it, or use algorithm: xgboost."


def _unanswered(config: PipelineConfig, found: Algorithm) -> Found:
    """Yield what needs predictions: only the algorithm's own container can make them, and no step asks it yet."""
    if config.gate:
        why = f"a gate needs predictions, and those of {found.name} come from its own container, which no step asks yet (batch transform)"
        yield "gate", f"{why}. Remove gate, and let someone approve the registered model; or use algorithm: xgboost."
    if config.evaluation.model_fields_set:
        yield "evaluation", f"has no effect with algorithm {found.name}: there is no step Evaluate, for want of predictions. Remove it."
    if config.registration and "response_types" in config.registration.model_fields_set:
        for index, kind in enumerate(config.registration.response_types):
            if kind not in ANSWERS:
                yield f"registration.response_types[{index}]", f"{found.name} does not answer so; got {kind!r}, expected one of: {', '.join(ANSWERS)}."


def _hyperparameters(config: PipelineConfig, found: Algorithm) -> Found:
    given = hyperparameters(config)
    searched = config.tuning.ranges if config.tuning else {}
    _, wrong = read(found, {name: text for name, text in given.items() if name not in searched})
    for name, what in wrong:
        elsewhere = name in searched or (name == FROM_PREPROCESS and name not in given)
        if not elsewhere:
            yield f"training.hyperparameters.{name}", what
    kind = found.predictor_types.get(config.problem)
    if kind is not None and given["predictor_type"] in found.predictor_types.values() and given["predictor_type"] != kind:
        yield "training.hyperparameters.predictor_type", f"not for problem {config.problem}; got {given['predictor_type']!r}, expected {kind}, or no such key."
    if kind == "multiclass_classifier" and given["num_classes"] != str(len(config.label.classes)):
        expected = f"expected {len(config.label.classes)}, the number of label.classes, or no such key"
        yield "training.hyperparameters.num_classes", f"got {given['num_classes']}, {expected}."


def _searched(config: PipelineConfig, found: Algorithm) -> Found:
    """Yield values of ranges that the hyperparameter cannot have."""
    for name, given in (config.tuning.ranges if config.tuning else {}).items():
        kind = found.hyperparameters.get(name, Anything())
        for value in (*given.values, *(bound for bound in (given.low, given.high) if bound is not None)):
            try:
                kind(name, _as_searched(given, value))
            except CustomerError:
                yield f"tuning.ranges.{name}", f"got {value}, expected {kind.told}."


def _as_searched(given: TuningRange, value: bool | int | float | str) -> str:
    return str(int(value)) if given.is_integer and isinstance(value, (int, float)) else as_text(value)
