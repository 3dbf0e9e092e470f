"""Pictures and words as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

STYLE = (
    "body{font:15px system-ui,sans-serif;max-width:1040px;margin:2em auto;padding:0 1em;color:#222;background:#fff}"
    "pre{font-size:12px;line-height:1.45;overflow-x:auto;background:#f6f6f6;padding:1em}svg{max-width:100%;height:auto}"
)


def page(title: str, words: str, pictures: Sequence[str]) -> str:
    """Return the page; `pictures` are SVG documents of our own making, title and words are escaped."""
    head = f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return "\n".join([f"{head}<style>{STYLE}</style>", f"<h1>{escape(title)}</h1>", f"<pre>{escape(words)}</pre>", *pictures, "</html>"]) + "\n"
