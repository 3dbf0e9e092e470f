"""sagewright feature-group create | ingest | get-record | delete-record | query | list | describe | delete"""

from __future__ import annotations

import typer

from pipelines.commands.feature_group import create, groups, ingest, query, record

HELP = """Put prepared rows into Feature Store: a local one, or with --aws SageMaker's.

Example: sagewright feature-group create bookings --from rows.parquet --record-id booking_id --event-time at
"""


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True, help=HELP, rich_markup_mode=None)
    group.command("create")(create.create)
    group.command("ingest")(ingest.ingest)
    group.command("get-record")(record.get_record)
    group.command("delete-record")(record.delete_record)
    group.command("query")(query.query)
    group.command("list")(groups.list_)
    group.command("describe")(groups.describe)
    group.command("delete")(groups.delete)
    app.add_typer(group, name="feature-group")
