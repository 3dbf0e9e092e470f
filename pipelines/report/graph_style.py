"""How the SVG picture of a pipeline looks: an icon and a colour per step type, a colour per status, the widths of letters."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from pipelines.report.words import JOINER, Measure

DATA, LEARN, MODEL, CHOOSE, END, CHECK, CALL, LOOP = "#1d4ed8", "#6d28d9", "#0f766e", "#b45309", "#b91c1c", "#be185d", "#475569", "#4338ca"

SLIDERS = "M2 4h12M2 8h12M2 12h12M5 2.5v3M11 6.5v3M7 10.5v3"
CURVE = "M2 2v12h12M4.5 11.5C7 11.5 7 5 13 4.5"
DIAL = "M3 13a6.5 6.5 0 1 1 10 0M8 9l3-4"
ARROWS = "M2 5h11M10 2l3 3-3 3M14 11H3M6 8l-3 3 3 3"
CUBE = "M8 1.5l6 3v7l-6 3-6-3v-7zM2 4.5l6 3 6-3M8 7.5v7"
TAG = "M2 2h6l6 6-6 6-6-6zM5 5h.01"
FORK = "M8 1.5l5 5-5 5-5-5zM8 11.5v3"
CROSS = "M3.5 3.5l9 9M12.5 3.5l-9 9"
LAMBDA = "M4 2h2.5L12 14M8 6.5L4 14"
ANSWER = "M14 12V9a4 4 0 0 0-4-4H2M5.5 1.5L2 5l3.5 3.5"
CHECKED = "M8 1.5l5.5 2v4c0 3.5-2.5 6-5.5 7-3-1-5.5-3.5-5.5-7v-4zM5.5 8l2 2 3-4"
STACK = "M8 2l6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3"
CLOUD = "M4.5 12.5a3 3 0 0 1 0-6 4 4 0 0 1 7.5 1 2.5 2.5 0 0 1-.5 5z"
CIRCLE = "M13.5 8A5.5 5.5 0 1 1 11 3.4M11 1v3H8"
BROOM = "M3 4h10M6 4V2h4v2M4.5 4l.7 10h5.6l.7-10"
DOT = "M8 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z"

# Step type -> (colour of the tile, icon drawn by strokes in a square of 16).
TYPES: Mapping[str, tuple[str, str]] = {
    "Processing": (DATA, SLIDERS),
    "Transform": (DATA, ARROWS),
    "EMR": (DATA, STACK),
    "EMRServerless": (DATA, STACK),
    "Athena": (DATA, STACK),
    "Training": (LEARN, CURVE),
    "Tuning": (LEARN, DIAL),
    "AutoML": (LEARN, DIAL),
    "Job": (LEARN, CURVE),
    "Model": (MODEL, CUBE),
    "RegisterModel": (MODEL, TAG),
    "EndpointConfig": (MODEL, CLOUD),
    "Endpoint": (MODEL, CLOUD),
    "InferenceComponent": (MODEL, CLOUD),
    "Condition": (CHOOSE, FORK),
    "Fail": (END, CROSS),
    "QualityCheck": (CHECK, CHECKED),
    "ClarifyCheck": (CHECK, CHECKED),
    "Lambda": (CALL, LAMBDA),
    "Callback": (CALL, ANSWER),
    "Cleanup": (CALL, BROOM),
    "ForEach": (LOOP, CIRCLE),
}
OTHER = (CALL, DOT)

# Status -> CSS class; another status is shown without a colour.
STATUSES: Mapping[str, str] = {"Succeeded": "good", "Failed": "bad", "Executing": "busy", "Starting": "busy", "Stopping": "halt", "Stopped": "halt"}

STYLE = (
    ".swg{--bg:#fff;--card:#fff;--line:#cbd5e1;--text:#0f172a;--dim:#526077;--edge:#64748b;--box:#f1f5f9;--good:#15803d;--bad:#b91c1c;--busy:#1d4ed8;"
    "--halt:#b45309;font-family:Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif}"
    "@media(prefers-color-scheme:dark){.swg{--bg:#0f172a;--card:#1e293b;--line:#475569;--text:#f1f5f9;--dim:#a9b6c9;--edge:#94a3b8;--box:#172033;"
    "--good:#4ade80;--bad:#f87171;--busy:#60a5fa;--halt:#fbbf24}}"
    ".swg .bg{fill:var(--bg)}.swg .card{fill:var(--card);stroke:var(--line)}.swg .box{fill:var(--box);stroke:var(--line);stroke-dasharray:5 4}"
    ".swg .name{font-size:13px;font-weight:bold;fill:var(--text)}.swg .note{font-size:11px;fill:var(--dim)}"
    ".swg .test{font-size:11px;fill:var(--text)}.swg .state{font-size:11px;font-weight:bold;fill:var(--dim)}"
    ".swg .icon{fill:none;stroke:#fff;stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}"
    ".swg .edge path{fill:none;stroke:var(--edge);stroke-width:1.5}.swg .edge polygon{fill:var(--edge)}.swg .order path{stroke-dasharray:2 4}"
    ".swg .trigger path{stroke:var(--bad);stroke-dasharray:6 4}.swg .trigger polygon{fill:var(--bad)}"
    ".swg .yes path{stroke:var(--good)}.swg .yes polygon{fill:var(--good)}.swg .no path{stroke:var(--halt)}.swg .no polygon{fill:var(--halt)}"
    ".swg .pill rect{fill:var(--bg);stroke:var(--line)}.swg .pill text{font-size:11px;font-weight:bold;text-anchor:middle;fill:var(--text)}"
    ".swg .pill.yes text{fill:var(--good)}.swg .pill.no text{fill:var(--halt)}.swg .pill.trigger text{fill:var(--bad)}"
    + "".join(f".swg .{c} .card{{stroke:var(--{c});stroke-width:2}}.swg .{c} .state{{fill:var(--{c})}}" for c in ("good", "bad", "busy", "halt"))
)

# Widths of one em, at least those of the widest common sans-serif (DejaVu Sans), so that text fits whichever font is there.
LETTERS = (("iljIJ.,:;'|! ", 0.34), ("ftr()[]/\\-", 0.43), ('acegkosvxyz_*`"FLP?', 0.62), ("mwMW%@", 1.0), ("+<>=~^#", 0.84))


def em(size_px: float, *, bold: bool = False) -> Measure:
    """Return a measure of how wide a text gets at most, in pixels, at a font size."""
    scale = size_px * (1.13 if bold else 1.0)
    return lambda text: scale * sum(map(_em, text))


def _em(character: str) -> float:
    if ord(character) < 128:
        return _ascii_em(character)
    if unicodedata.combining(character) or character == JOINER or unicodedata.category(character) == "Mn":
        return 0.0
    if unicodedata.east_asian_width(character) in "WF" or ord(character) > 0xFFFF:
        return 1.35
    return 0.85 if ord(character) < 0x600 else 1.1


def _ascii_em(character: str) -> float:
    found = next((width for letters, width in LETTERS if character in letters), None)
    return found or (0.79 if character.isupper() else 0.66)
