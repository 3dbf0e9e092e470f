"""What comes after training: evaluation, package and checks side by side, then two gates, and behind them whatever makes the model known.

Evaluate and the checks do not wait for each other. SkewGate lets CreateModel pass, and QualityGate waits for that model, so nothing is registered, answered
or served before both hold, while no step stands in two branches and no condition in another's branch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.author.steps import batch_transform, create_model, endpoint, evaluate, managed, model_card, package_model, privacy, register, skew
from pipelines.author.steps import checks as own_checks
from pipelines.author.steps.checks import Checked, Given
from pipelines.author.steps.gate import QUALITY_TEXTS, Drift, Gate, Report
from pipelines.config.check_rules import AFTER, checks
from pipelines.config.gate import before_training, leaves
from pipelines.config.package_rules import checked, guarded, hosted, packaged

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition


@dataclass
class Finish:
    """Gather the steps after training, while they are composed; `model` is the URI of the model.tar.gz that training left."""

    composition: Composition
    prepared: Any
    model: Any
    before: dict[str, Checked]
    steps: list[Any] = field(default_factory=list)
    reports: dict[str, Report] = field(default_factory=dict)
    found: dict[str, Checked] = field(default_factory=dict)
    packed: Any = None
    created: Any = None
    judged: Any = None
    certificate: Any = None
    tried: Any = None

    def output(self, name: str) -> Any:
        """Return the folder of an output of Preprocess."""
        return self.prepared.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri

    def given(self) -> Given:
        """Return what checks look at."""
        asked = {**checks(self.composition.config)}
        return Given(
            raw_test=self.output("raw_test") if {"post_training"} & set(asked) else None,
            explained=self.output("raw_explained") if "explainability" in asked else None,
            predictions=evaluate.predictions(self.judged) if "quality.model" in asked else None,
            package=package_model.folder_uri(self.packed) if self.packed else None,
        )


def compose(composition: Composition, prepared: Any, model: Any, before: dict[str, Checked], profiled: Report | None) -> list[Any]:
    """Return the top-level steps; `before` are the checks that ran before training, `profiled` what gates read of the profile."""
    done = Finish(composition, prepared, model, before, found=dict(before))
    done.reports.update({"profile": profiled} if profiled else {})
    _judge(done)
    _check(done)
    return _decide(done)


def _judge(done: Finish) -> None:
    """Add Evaluate, PackageModel, SkewCheck and CreateModel; the last stays behind SkewGate."""
    composition, config = done.composition, done.composition.config
    done.judged, evaluation, details = evaluate.compose(composition, done.prepared, done.model)
    done.reports.update(evaluation=Report(done.judged, evaluation), details=Report(done.judged, details))
    threshold = package_model.threshold(composition, done.reports["details"])
    done.packed = package_model.compose(composition, done.prepared, done.model, threshold) if packaged(config) else None
    done.tried, done.certificate = skew.compose(composition, done.prepared, done.packed, threshold) if checked(config) else (None, None)
    done.created = create_model.compose(composition, done.packed, done.model) if hosted(config) else None
    done.steps += [step for step in (done.judged, done.packed, done.tried) if step]


def _check(done: Finish) -> None:
    """Add the checks of the model, and the privacy probe."""
    composition, config = done.composition, done.composition.config
    given = done.given()
    for key in checks(config):
        if key not in AFTER:
            continue
        own = own_checks.is_own(composition, key)
        name = done.created.properties.ModelName if done.created else None
        done.found[key] = own_checks.compose(composition, key, given) if own else managed.compose(composition, key, given, name)
    done.reports.update({key: check.report for key, check in done.found.items() if check.report})
    done.steps += [check.step for key, check in done.found.items() if key in AFTER]
    if config.privacy:
        probe, done.reports["privacy"] = privacy.compose(composition, done.prepared, done.model)
        done.steps.append(probe)


def _decide(done: Finish) -> list[Any]:
    """Return all steps, those that make the model known behind the gates."""
    composition, config = done.composition, done.composition.config
    known = _known(done)
    bars = tuple(bar for bar in config.gate if not any(before_training(leaf) for _, leaf in leaves((bar,))))
    drifts: tuple[Drift, ...] = tuple(check.drift for key, check in done.found.items() if key in AFTER and check.drift)
    # A managed check ends the pipeline itself; what is behind it has to wait for it.
    waits = [check.step for key, check in done.found.items() if key in AFTER and check.report is None]
    created = [done.created] if done.created else []
    if not bars and not drifts:
        for step in known:
            step.add_depends_on([done.judged, *waits])
        behind = [*created, *known]
        return [*done.steps, *([skew.gate(done.tried, done.certificate, behind)] if guarded(config) else behind)]
    gate = Gate(composition, QUALITY_TEXTS, bars, drifts, done.reports)
    if not guarded(config):
        return [*done.steps, gate.compose([*created, *known], waits or None)]
    return [*done.steps, skew.gate(done.tried, done.certificate, created), gate.compose(known, [*created, *waits])]


def _known(done: Finish) -> list[Any]:
    """Return the steps by which others learn of the model."""
    composition, config = done.composition, done.composition.config
    written, card = model_card.compose(composition, _folders(done)) if config.model_card else (None, None)
    told = skew.metadata(done.tried, done.certificate) if done.tried else {}
    uri = package_model.uri(done.packed) if done.packed else done.model
    registered = (
        register.compose(composition, register.Told(uri, done.judged, done.packed, told, done.model, done.found, card)) if config.registration else None
    )
    batch = [batch_transform.compose(composition, done.created)] if config.batch_transform else []
    served = endpoint.compose(composition, done.created) if config.endpoint else []
    return [*([written] if written else []), *([registered] if registered else []), *batch, *served]


def _folders(done: Finish) -> dict[str, Any]:
    """Return the outputs that a model card tells of, by the name that its job knows them by."""
    names = {"pre_training": "pre_bias", "post_training": "bias", "explainability": "explanations"}
    found = {
        names[key]: check.step.properties.ProcessingOutputConfig.Outputs["output"].S3Output.S3Uri
        for key, check in done.found.items()
        if key in names and check.report
    }
    probe = {"privacy": done.reports["privacy"].step} if "privacy" in done.reports else {}
    steps = {"evaluation": done.judged, **({"package": done.packed} if done.packed else {}), **probe}
    return {**{name: step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri for name, step in steps.items()}, **found}
