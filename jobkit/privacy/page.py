"""The probe's result as a short HTML page without any request."""

from __future__ import annotations

from html import escape
from typing import Any, Mapping, Tuple

from jobkit.page import frame

NAMES: Mapping[str, Tuple[str, str]] = {
    "loss_threshold": ("By loss", "A row counts as a member when the model is less wrong on it than on others."),
    "shadow_models": ("By shadow models", "A classifier learned on models of the same kind what members look like: loss, confidence and margin."),
}


def page(found: Mapping[str, Any]) -> str:
    """Return the page for privacy.json."""
    severity = "high" if found["memorises"] else "low"
    verdict = '<div class="card finding {0}"><p><span class="badge {0}">{1}</span></p><p>{2}</p></div>'.format(
        severity, "memorises" if found["memorises"] else "passes", escape(_sentence(found["verdict"]["message"]))
    )
    warnings = "".join('<div class="card finding medium"><p>{}</p></div>'.format(escape(_sentence(each))) for each in found["warnings"])
    rows = "".join(_attack(name, found["attack"][name]) for name in NAMES if name in found["attack"])
    body = HEAD + verdict + warnings + _tiles(found) + SCALE.format(rows) + _about(found)
    return frame.whole("Privacy probe", body, [], EXTRA)


HEAD = (
    "<h1>Does the model remember its training rows?</h1>"
    '<p class="soft">Somebody who has a row and may ask the model tries to tell whether the row was trained on (membership inference).</p>'
)
EXTRA = """.attack{display:grid;grid-template-columns:minmax(120px,190px) minmax(0,1fr) 64px;gap:2px 12px;align-items:center;margin:12px 0}
.attack svg{width:100%;height:26px}.attack small{grid-column:1/-1}.attack b{text-align:right;font-variant-numeric:tabular-nums}
@media (max-width:560px){.attack{grid-template-columns:1fr auto}.attack svg{grid-column:1/-1;grid-row:2}}
"""
SCALE = (
    "<h2>How well members are told from others</h2>"
    '<p class="soft">Area under the ROC curve from 0.5, a coin, to 1, certain; the bar is the 95 % interval.</p>{}'
)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _tiles(found: Mapping[str, Any]) -> str:
    gap, rows = found["gap"], found["rows"]
    tiles = [
        ("{:.3g} · {:.3g}".format(gap["train"], gap["test"]), "{}: training rows · test rows".format(gap["metric"].replace("_", " "))),
        ("{:,} · {:,}".format(rows["members"], rows["non_members"]), "rows probed: trained on · not trained on"),
        *(("{:.1%}".format(own["tpr_at_1pct_fpr"]), "members found at 1 % false alarms, " + NAMES[name][0].lower()) for name, own in found["attack"].items()),
    ]
    return '<div class="tiles">{}</div>'.format("".join('<div class="tile"><b>{}</b><span>{}</span></div>'.format(*map(escape, tile)) for tile in tiles))


def _attack(name: str, own: Mapping[str, Any]) -> str:
    left, right, at = (1000 * min(1.0, max(0.0, 2 * own[key] - 1)) for key in ("lower", "upper", "auc"))
    drawn = (
        '<svg viewBox="0 0 1000 26" preserveAspectRatio="none" role="img" aria-label="{}"><line x1="0" x2="1000" y1="13" y2="13" class="grid"/>'
        '<rect x="{:.1f}" y="7" width="{:.1f}" height="12" class="c0" opacity=".45"/><rect x="{:.1f}" y="3" width="5" height="20" class="c0"/></svg>'
    ).format("from {lower:.3f} to {upper:.3f}".format(**own), left, max(3.0, right - left), max(0.0, at - 2.5))
    return '<div class="attack card"><span>{}</span>{}<b>{:.3f}</b><small>{}</small></div>'.format(NAMES[name][0], drawn, own["auc"], NAMES[name][1])


def _about(found: Mapping[str, Any]) -> str:
    row = "<tr><td class='name'>{}</td><td>{}</td></tr>"
    cells = "".join(row.format(escape(str(key)), escape(str(value))) for key, value in found["hyperparameters"].items())
    told = "Shadow models were trained with these hyperparameters; those that a model file does not keep were read off its trees."
    return "<details><summary>Hyperparameters</summary><p class='soft'>{}</p><table>{}</table></details>".format(told, cells)
