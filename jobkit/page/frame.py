"""A report as one HTML page without any request: a frame with links to its sections, tables, and tiles with the numbers that matter most."""

from __future__ import annotations

from html import escape
from typing import Any, Callable, Sequence, Tuple

from jobkit.page.style import CSS

# Name, heading, and what draws a section of what was found; empty when there is nothing to say.
Section = Tuple[str, str, Callable[[Any], str]]


def document(title: str, head: str, sections: Sequence[Section], found: Any) -> str:
    """Return a whole page: `head` is HTML above the sections, which are drawn from what was found; empty ones are left out."""
    made = [(name, heading, draw(found)) for name, heading, draw in sections]
    return whole(title, head, [(name, heading, section(name, heading, body)) for name, heading, body in made if body])


def section(name: str, heading: str, body: str) -> str:
    """Return a section with its heading, to which a link leads."""
    return '<section><h2 id="{}">{}</h2>{}</section>'.format(escape(name, quote=True), escape(heading), body)


def whole(title: str, head: str, parts: Sequence[Tuple[str, str, str]], css: str = "") -> str:
    """Return a page of parts (name, heading, HTML) with links to them, below `head`; `css` is what the page needs beside the common look.

    The page may load nothing from anywhere, and run no script: its own policy says so.
    """
    links = "".join('<a href="#{}">{}</a>'.format(escape(name, quote=True), escape(heading)) for name, heading, _ in parts)
    leading = '<nav aria-label="Sections"><div>{}</div></nav>'.format(links) if links else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        "<title>{}</title><style>{}</style></head><body>{}<main>{}{}</main></body></html>\n"
    ).format(escape(title), CSS + css, leading, head, "".join(body for _, _, body in parts))


def tiles(entries: Sequence[Tuple[str, str]]) -> str:
    """Return a row of numbers, each with the words that say what it is."""
    boxes = "".join('<div class="tile"><b>{}</b><span>{}</span></div>'.format(escape(value), escape(words)) for value, words in entries)
    return '<div class="tiles">{}</div>'.format(boxes)


def table(heading: Sequence[str], rows: Sequence[Sequence[Any]], numeric: Tuple[int, ...]) -> str:
    """Return a table of texts; the columns at the places in `numeric` stand to the right."""

    def cells(row: Sequence[Any], tag: str) -> str:
        kinds = [' class="n"' if place in numeric else ' class="name"' for place in range(len(row))]
        return "<tr>{}</tr>".format("".join("<{0}{1}>{2}</{0}>".format(tag, kind, escape(str(cell))) for kind, cell in zip(kinds, row)))

    body = "".join(cells(row, "td") for row in rows)
    return '<div class="scroll" tabindex="0"><table><thead>{}</thead><tbody>{}</tbody></table></div>'.format(cells(heading, "th"), body)


def card(heading: str, body: str) -> str:
    """Return HTML in a box with a heading."""
    return '<div class="card"><h3>{}</h3>{}</div>'.format(escape(heading), body)


def soft(words: str) -> str:
    """Return a paragraph that stands back."""
    return '<p class="soft">{}</p>'.format(escape(words))
