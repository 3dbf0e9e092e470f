"""sagewright monitor baseline | run | report | schedule"""

from __future__ import annotations

import typer

from pipelines.commands.monitor import baseline, report, run, schedule

HELP = """Hold what an endpoint captured against the baseline of training: quality of data and model, bias, what the model looks at.

Example: sagewright monitor run hotel-bookings --hours 24
"""


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True, help=HELP, rich_markup_mode=None)
    group.command("baseline")(baseline.baseline)
    group.command("run")(run.run)
    group.command("report")(report.report)
    group.command("schedule")(schedule.schedule)
    app.add_typer(group, name="monitor")
