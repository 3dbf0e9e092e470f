"""Write the reports of an analysis: report.html, report.ipynb and, where matplotlib is, report.pdf."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from jobkit.clarify import report_html, report_notebook, report_plots
from jobkit.clarify.report_view import Content, where
from jobkit.clarify.report_words import short_value

__all__ = ["Content", "short_value", "where", "write"]


def write(content: Content, folder: Path, say: Callable[[str], None]) -> None:
    """Write the reports into a folder; `say` tells when there is no PDF."""
    drawn = report_plots.available()
    (folder / "report.html").write_text(report_html.page(content), encoding="utf-8")
    (folder / "report.ipynb").write_text(report_notebook.notebook(content, report_plots.png if drawn else None), encoding="utf-8")
    if not drawn:
        say("no report.pdf was made, since this image has no matplotlib; report.html holds the same")
        return
    from jobkit.clarify import report_pdf

    report_pdf.write(content, folder / "report.pdf")
