"""sagewright import-flow"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.commands import flags


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import-flow")(import_flow)


def import_flow(
    file: Annotated[Path, typer.Argument(help="A .flow file of SageMaker Data Wrangler.")],
    directory: Annotated[Path, typer.Option("--directory", "-d", help="Where to write pipeline.yaml.")] = Path("."),
    target: Annotated[str | None, typer.Option("--target", help="The column to predict; what the flow's reports name if absent.")] = None,
    refit: Annotated[bool, typer.Option("--refit", help="Fit on the training split what the flow was trained to.")] = False,
    allow_code: Annotated[bool, typer.Option("--allow-code", help="Take the flow's own Python code over into flow_steps.py.")] = False,
    output: flags.OutputFlag = flags.Output.text,
) -> int:
    """Write a pipeline.yaml for a Data Wrangler flow and report by node what became of it.

    It exits with 0 when every node was translated, and with 1, the file still written, when one was not.

    Example: sagewright import-flow HotelBookingFlow.flow
    """
    from pipelines.commands.printing import print_json
    from pipelines.flow import import_flow as import_file

    report = import_file(file, directory, target, refit, allow_code)
    if output is flags.Output.json:
        print_json(report.as_json())
    else:
        print(_told(report.as_json()))
        print(f"Next: sagewright run{'' if directory == Path('.') else f' {directory}/pipeline.yaml'} -p InputData=FILE")
    return 0 if report.complete else 1


def printable(text: str) -> str:
    """Return a text of the flow with what does not print, such as a terminal's control characters, as escapes."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def _told(report: dict[str, Any]) -> str:
    lines = []
    for node in report["nodes"]:
        what = node["kind"] or node["operator"].removeprefix("sagemaker.").removeprefix("spark.").removeprefix("visualizations.")
        became = {"translated": f"-> {node['to']}", "partly": f"-> {node['to']}, in part"}.get(node["status"], "NOT TRANSLATED")
        lines.append(f"{node['node_id'][:8]}  {what}{f' {chr(34)}' + node['name'] + chr(34) if node['name'] else ''} {became}")
        lines += [f"            lost: {text}" for text in node["lost"]]
        lines += [f"            {text}" for text in node["notes"]]
    whole = sum(node["status"] == "translated" for node in report["nodes"])
    lines += ["", *(f"! {text}" for text in report["warnings"])]
    lines += ["", f"{whole} of {len(report['nodes'])} nodes translated whole; the label is {report['label']}."]
    lines += [f"wrote {path}" for path in report["written"]]
    return "\n".join(printable(line) for line in lines)
