"""sagewright lint"""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.errors import UsageError

if TYPE_CHECKING:
    from pipelines.lint.check import Finding

LEAKS = 4


class Format(str, enum.Enum):
    """Choose how findings are told."""

    text = "text"
    json = "json"
    github = "github"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("lint")(lint)


def lint(
    scripts: Annotated[list[Path] | None, typer.Argument(help="Python scripts, notebooks (.ipynb), or folders of them.")] = None,
    select: Annotated[list[str] | None, typer.Option("--select", help="Only rules that begin with this, e.g. SW1. Repeatable, or with commas.")] = None,
    ignore: Annotated[list[str] | None, typer.Option("--ignore", help="Not the rules that begin with this. Repeatable, or with commas.")] = None,
    explain: Annotated[str | None, typer.Option("--explain", help="Say what a rule finds and why, or `all`; look at no script.")] = None,
    output: Annotated[Format, typer.Option("--output", help="Print text, one JSON document, or annotations of GitHub Actions.")] = Format.text,
) -> int:
    """Look at a preprocessing or training script, without running it, for what leaks test rows into training.

    Finds fitting before splitting, get_dummies before splitting, unseeded shuffles, the label among the features and more; exit code 4 when anything is found.

    Examples: sagewright lint preprocess.py | sagewright lint notebooks/ --ignore SW2 | sagewright lint --explain SW101
    """
    from pipelines.lint.check import check
    from pipelines.lint.rules import chosen
    from pipelines.lint.sources import read, script_files

    if explain is not None:
        return _explain(explain, output)
    if not scripts:
        raise UsageError("there is nothing to look at", where="sagewright lint", expected="a Python script, a notebook, or a folder of them")
    codes = chosen(_split(select), _split(ignore))
    files = list(script_files(scripts))
    if not files:
        raise UsageError("there are no scripts here", where=" ".join(map(str, scripts)), expected=".py or .ipynb files")
    found: list[Finding] = []
    unread: list[UsageError] = []
    for file in files:
        try:
            found += check(read(file), codes)
        except UsageError as error:
            unread.append(error)
    _tell(found, unread, len(files), output)
    return UsageError.exit_code if unread else LEAKS if found else 0


def _split(given: list[str] | None) -> list[str]:
    return [each.strip() for text in given or () for each in text.split(",") if each.strip()]


def _tell(found: list[Finding], unread: list[UsageError], count: int, output: Format) -> None:
    from pipelines.commands.printing import print_json

    for error in unread:
        print(f"sagewright: {error}", file=sys.stderr)
    if output is Format.json:
        print_json({"findings": [finding.as_json() for finding in found], "scripts": count, "unread": [str(error) for error in unread]})
        return
    for finding in found:
        print(_annotation(finding) if output is Format.github else _text(finding))
    if output is Format.text:
        read = count - len(unread)
        not_read = f"; {len(unread)} could not be read" if unread else ""
        print(f"{len(found) or 'no'} finding{'' if len(found) == 1 else 's'} in {read} script{'' if read == 1 else 's'}{not_read}")


def _text(finding: Finding) -> str:
    rule = finding.rule
    code = finding.code.rstrip()
    stripped = code.lstrip()
    caret = " " * (finding.column - 1 - (len(code) - len(stripped))) + "^"
    return f"{finding.where}: {rule.code} {rule.name} ({rule.severity}): {finding.message}\n    | {stripped}\n    | {caret}\n    = {rule.advice}\n"


def _annotation(finding: Finding) -> str:
    """Return the workflow command that GitHub Actions shows beside the line."""
    kind = "error" if finding.rule.severity == "high" else "warning"
    where = f"file={_property(finding.path)}" + ("" if finding.cell is not None else f",line={finding.line},col={finding.column}")
    place = f"cell {finding.cell}, line {finding.line}: " if finding.cell is not None else ""
    text = f"{place}{finding.message}. {finding.rule.advice}"
    return f"::{kind} {where},title={finding.rule.code} {finding.rule.name}::{text.replace('%', '%25').replace(chr(10), '%0A')}"


def _property(text: str) -> str:
    return text.replace("%", "%25").replace(":", "%3A").replace(",", "%2C").replace("\n", "%0A")


def _explain(code: str, output: Format) -> int:
    from pipelines.commands.printing import print_json
    from pipelines.lint.rules import RULES, chosen

    if code != "all" and not any(each.startswith(code.upper()) for each in RULES):
        raise UsageError("there is no such rule", where="--explain", got=code, expected=f"all, or one of {', '.join(RULES)}")
    wanted = sorted(chosen([] if code == "all" else [code], []))
    rules = [RULES[each] for each in wanted]
    if output is Format.json:
        print_json([{key: getattr(rule, key) for key in ("code", "name", "severity", "message", "advice", "why")} for rule in rules])
    else:
        print("\n\n".join(f"{rule.code} {rule.name} ({rule.severity})\n  {rule.message}.\n  {rule.why}\n  Instead: {rule.advice}" for rule in rules))
    return 0
