"""sagewright endpoints list | show | delete"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands import flags

if TYPE_CHECKING:
    from pipelines.local.serving.records import Records


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True, help="Look at the endpoints that are deployed here.", rich_markup_mode=None)
    group.command("list")(list_)
    group.command("show")(show)
    group.command("delete")(delete)
    app.add_typer(group, name="endpoints")


def list_(home: flags.HomeFlag, output: flags.OutputFlag = flags.Output.text) -> int:
    """List the endpoints of this machine.

    Example: sagewright endpoints list
    """
    from pipelines.commands.printing import print_json, table
    from pipelines.local.serving.records import Records

    records = Records(home)
    found = [_described(records, name) for name in records.names("endpoint")]
    if output is flags.Output.json:
        print_json({"url": records.url(), "endpoints": found})
        return 0
    rows = [[each["EndpointName"], each["EndpointStatus"], each["EndpointConfigName"], str(each.get("LastModifiedTime", ""))[:19]] for each in found]
    print(table(rows, ["ENDPOINT", "STATUS", "CONFIGURATION", "CHANGED"]) if rows else "No endpoint is deployed here yet.")
    url = records.url()
    if rows:
        print(f"\nServed on {url}" if url else "\nNot served now; `sagewright serve` serves them.")
    return 0


def _described(records: Records, name: str) -> dict[str, Any]:
    """Return an endpoint's record; of a damaged one what is wrong."""
    from pipelines.local.faults import ClientFault

    try:
        return records.read("endpoint", name)
    except ClientFault as error:
        return {"EndpointName": name, "EndpointStatus": "damaged", "EndpointConfigName": str(error), "FailureReason": str(error)}


def show(home: flags.HomeFlag, name: Annotated[str, typer.Argument(help="The endpoint's name.")], output: flags.OutputFlag = flags.Output.text) -> int:
    """Show an endpoint as DescribeEndpoint would, with its configuration and its models.

    Example: sagewright endpoints show hotel-bookings
    """
    from pipelines.commands.printing import print_json
    from pipelines.commands.serving_machine import known_endpoint
    from pipelines.local.serving.records import Records

    known_endpoint(home, name)
    records = Records(home)
    record = records.read("endpoint", name)
    config = records.read("endpoint configuration", record["EndpointConfigName"])
    variants = [*config["ProductionVariants"], *(config.get("ShadowProductionVariants") or [])]
    models = {each["ModelName"]: records.read("model", each["ModelName"]) for each in variants if records.has("model", each.get("ModelName", ""))}
    print_json({"Endpoint": record, "EndpointConfig": config, "Models": models})
    return 0


def delete(home: flags.HomeFlag, name: Annotated[str, typer.Argument(help="The endpoint's name.")]) -> int:
    """Delete an endpoint; a server that runs stops it. Its configuration and models stay.

    Example: sagewright endpoints delete hotel-bookings
    """
    from pipelines.commands.serving_machine import known_endpoint
    from pipelines.local.serving.records import Records

    known_endpoint(home, name)
    records = Records(home)
    with records.changing():
        records.delete("endpoint", name)
    print(f"{name} is deleted")
    return 0
