"""What comes after training: evaluation and package side by side, then two gates, and behind them whatever makes the model known.

Evaluate and the skew check do not wait for each other. SkewGate lets CreateModel pass, and QualityGate waits for that model, so nothing is registered, answered
or served before both hold, while no step stands in two branches and no condition in another's branch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.author.steps import batch_transform, create_model, endpoint, evaluate, gate, package_model, register, skew
from pipelines.config.package_rules import checked, guarded, hosted, packaged

if TYPE_CHECKING:
    from pipelines.author.pipeline import Composition


def compose(composition: Composition, prepared: Any, model: Any) -> list[Any]:
    """Return the top-level steps; `model` is the URI of the model.tar.gz that training left."""
    config = composition.config
    judged, report = evaluate.compose(composition, prepared, model)
    packed = package_model.compose(composition, prepared, model) if packaged(config) else None
    tried, certificate = skew.compose(composition, prepared, packed) if checked(config) else (None, None)
    created = create_model.compose(composition, packed, model) if hosted(config) else None
    told = skew.metadata(tried, certificate) if tried else {}
    registered = register.compose(composition, package_model.uri(packed) if packed else model, judged, packed, told, model) if config.registration else None
    known = _known(composition, registered, created)
    first = [step for step in (judged, packed, tried) if step]
    if not config.gate:
        for step in known:
            step.add_depends_on([judged])
        behind = [*([created] if created else []), *known]
        return [*first, *([skew.gate(tried, certificate, behind)] if guarded(config) else behind)]
    if not guarded(config):
        return [*first, gate.compose(composition, judged, report, [*([created] if created else []), *known])]
    return [*first, skew.gate(tried, certificate, [created]), gate.compose(composition, judged, report, known, after=[created])]


def _known(composition: Composition, registered: Any, created: Any) -> list[Any]:
    """Return the steps by which others learn of the model."""
    batch = [batch_transform.compose(composition, created)] if composition.config.batch_transform else []
    served = endpoint.compose(composition, created) if composition.config.endpoint else []
    return [*([registered] if registered else []), *batch, *served]
