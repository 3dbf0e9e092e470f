"""sagewright registry list | show | card | latest | history | lineage | compare | export | import | delete | rule"""

from __future__ import annotations

import typer

from pipelines.commands.registry import cards, comparing, deleting, looking, moving, tracing
from pipelines.commands.registry.looking import parse_version

__all__ = ["parse_version", "register"]
HELP = """Look at the local Model Registry, compare its versions, take them elsewhere. `sagewright approve` approves.

Example: sagewright registry latest hotel-bookings --output json
"""


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True, help=HELP, rich_markup_mode=None)
    group.command("list")(looking.list_)
    group.command("show")(looking.show)
    group.command("card")(cards.card)
    group.command("latest")(looking.latest)
    group.command("history")(looking.history)
    group.command("lineage")(tracing.lineage)
    group.command("compare")(comparing.compare)
    group.command("export")(moving.export)
    group.command("import")(moving.import_)
    group.command("delete")(deleting.delete)
    group.command("rule")(looking.rule)
    app.add_typer(group, name="registry")
