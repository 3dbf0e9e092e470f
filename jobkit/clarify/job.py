"""Clarify's processing job: read what to analyse, measure, and write the files that the service's own job writes."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from jobkit.clarify import analysis, config, dataset, drift, report
from jobkit.clarify.config import FILE, Config
from jobkit.clarify.dataset import Dataset, Roles
from jobkit.clarify.predictions import Predicted, column, feature_rows, of_column, of_model
from jobkit.clarify.study import Say, Study, study
from jobkit.failure import JobError

ANALYSIS = "analysis.json"
VIOLATIONS = "constraint_violations.json"
BIAS_METRICS = "bias_metrics.json"
SUMMARY = "summary.json"


class Asked(NamedTuple):
    """Hold what the job works on."""

    config: Config
    rows: Dataset
    roles: Roles
    say: Say


def run(inputs: Path, output: Path, say: Say) -> Dict[str, Any]:
    """Analyse the inputs `config` and `data`, hold the result against `baseline` where there is one, write everything, and return analysis.json.

    Raises:
        JobError: an input is not there or does not fit the configuration, or the model does not answer.
    """
    settings = config.read(inputs / "config" / FILE)
    _check_any(settings)
    output.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        # Before the rows are read: the model is served by forks of this process, and one made after Arrow has run would hang.
        model = held.enter_context(_model(settings)) if _needs_model(settings) else None
        rows = dataset.read(settings, inputs / "data", inputs / "facet", inputs / "predicted_label")
        asked = Asked(settings, rows, dataset.roles(settings, rows), say)
        say("{:,} rows, {} columns, {} sent to the model".format(rows.rows, len(rows.names), len(asked.roles.features)))
        measured = _measured(asked, model)
        explained = _explained(asked, model, output)
    made = analysis.document(measured, explained)
    worse = _compared(inputs / "baseline", made)
    _write(output, made, measured, worse)
    for line in _table(measured, worse):
        say(line)
    report.write(report.Content(settings.title, measured, explained or {}, worse), output, say)
    return made


def _write(output: Path, made: Mapping[str, Any], measured: Optional[Study], worse: Optional[Mapping[str, Any]]) -> None:
    analysis.write_like_the_service(made, output / ANALYSIS)
    if measured is not None:
        _write_json(analysis.bias_metrics(measured), output / BIAS_METRICS)
    if worse is not None:
        analysis.write_like_the_service(worse, output / VIOLATIONS)
    _write_json(analysis.summary(worse), output / SUMMARY)


def _check_any(settings: Config) -> None:
    if not (settings.pre_training or settings.post_training or settings.explains):
        raise JobError("{}: methods: got none, expected any of {}".format(FILE, ", ".join(config.METHODS[1:])))


def _needs_model(settings: Config) -> bool:
    given = settings.predicted_label is not None or settings.predicted_label_dataset_uri is not None
    return settings.explains or bool(settings.post_training) and not given


def _model(settings: Config) -> Any:
    from jobkit.clarify import predictor

    return predictor.predictor(settings)


def _measured(asked: Asked, model: Any) -> Optional[Study]:
    if not (asked.config.pre_training or asked.config.post_training):
        return None
    predicted = _predicted(asked, model) if asked.config.post_training else None
    return study(asked.config, asked.rows, asked.roles, predicted, asked.say)


def _predicted(asked: Asked, model: Any) -> Predicted:
    if asked.roles.label is None:
        raise JobError("{}: label: got nothing, expected the column of the observed labels".format(FILE))
    observed = column(asked.rows, asked.roles.label)
    if asked.roles.predicted is not None:
        return of_column(column(asked.rows, asked.roles.predicted), observed, asked.config)
    asked.say("asking the model about {:,} rows".format(asked.rows.rows))
    return of_model(model.predicted(feature_rows(asked.rows, asked.roles)), observed, asked.config)


def _explained(asked: Asked, model: Any, output: Path) -> Optional[Mapping[str, Any]]:
    if not asked.config.explains:
        return None
    from jobkit.clarify import explanations

    found: Mapping[str, Any] = explanations.explain(asked.config, asked.rows, model, output)
    return found


def _compared(folder: Path, made: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """Return what got worse since the baseline; None without one.

    Raises:
        JobError: the baseline is no analysis.json.
    """
    path = folder / ANALYSIS
    if not path.is_file():
        return None
    try:
        return drift.violations(json.loads(path.read_text(encoding="utf-8")), made)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JobError("the input baseline: {} is no analysis of Clarify: {!r}".format(ANALYSIS, error)) from None


def _write_json(value: Any, path: Path) -> None:
    path.write_text(json.dumps(value, sort_keys=True, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _table(measured: Optional[Study], worse: Optional[Mapping[str, Any]]) -> List[str]:
    """Return the lines that the job prints: one a metric, a column a group."""
    lines: List[str] = []
    if measured is not None:
        lines += ["note: " + note for note in measured.notes]
        for words, entries in (("before training", measured.pre), ("after training", measured.post)):
            for entry in entries:
                told = "  ".join("{} {}".format(metric.name, report.short_value(metric)) for metric in entry.metrics)
                lines.append("{}, {} = {}: {}".format(words, entry.facet, entry.value, told))
    if worse is not None:
        lines.append("against the baseline: {} violations".format(len(worse["violations"])))
        lines += ["violation: {}: {}: {}".format(report.where(entry), entry["metric_name"], entry["description"]) for entry in worse["violations"]]
    return lines
