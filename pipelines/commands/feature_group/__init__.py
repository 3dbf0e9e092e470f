"""sagewright feature-group create | ingest | get-record | delete-record | query | list | describe | delete"""

from __future__ import annotations

import typer

from pipelines.commands.feature_group import create, groups, ingest, query, record


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True, help="Put prepared rows into Feature Store: a local one, or with --aws SageMaker's.", rich_markup_mode=None)
    group.command("create")(create.create)
    group.command("ingest")(ingest.ingest)
    group.command("get-record")(record.get_record)
    group.command("delete-record")(record.delete_record)
    group.command("query")(query.query)
    group.command("list")(groups.list_)
    group.command("describe")(groups.describe)
    group.command("delete")(groups.delete)
    app.add_typer(group, name="feature-group")
