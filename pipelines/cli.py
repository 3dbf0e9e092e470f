"""The command `sagewright`: parse, hand over to one command, turn every error into one message and an exit code."""

from __future__ import annotations

import errno
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from pipelines.errors import InternalError, Interrupted, RunFailed, SagewrightError, UsageError

# One verb a module; a module's `register(app)` adds its command. The order is the order of the help text.
COMMANDS = (
    "sample",
    "init",
    "import_flow",
    "profile",
    "lint",
    "validate",
    "graph",
    "compile",
    "run",
    "resume",
    "runs",
    "compare",
    "status",
    "logs",
    "trials",
    "registry",
    "approve",
    "deploy",
    "serve",
    "invoke",
    "endpoints",
    "loadtest",
    "monitor",
    "autoscale",
    "export",
    "feature_group",
    "upsert",
    "images",
    "warm",
    "doctor",
)


# Objects made before garbage is looked for. Imports make many and hardly any garbage: at Python's own 700 a tenth of a command's start went there.
COLLECT_AFTER = 50_000
# Click's base class of usage errors, whether Typer carries Click inside (since 0.20) or imports it.
USAGE_ERRORS: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


def build_app(only: str = "") -> typer.Typer:
    """Return the application with every command registered, or with the one that is asked for: the others take 0.1 s."""
    app = typer.Typer(
        name="sagewright",
        help="SageMaker Pipelines for tabular machine learning: run the very definition you upsert, locally, in seconds.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback()(_options)
    chosen = only.replace("-", "_")
    for name in (chosen,) if chosen in COMMANDS and "_" not in only else COMMANDS:
        importlib.import_module(f"pipelines.commands.{name}").register(app)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"sagewright {version('sagewright')}")
        raise typer.Exit


def _options(version: bool = typer.Option(False, "--version", help="Print the version and leave.", is_eager=True, callback=_print_version)) -> None:
    """Take the options that stand before a command."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and leave the process with its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    gc.set_threshold(COLLECT_AFTER)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # to look for them Pydantic reads the metadata of every installed distribution
    try:
        code = build_app(arguments[0] if arguments else "")(arguments, standalone_mode=False)
    except SagewrightError as error:
        code = _tell(error, arguments)
    except USAGE_ERRORS as error:
        code = _misused(error.format_message(), arguments)
    except (KeyboardInterrupt, typer.Abort):
        code = _tell(Interrupted("interrupted", hint="`sagewright resume` goes on with a run that was stopped."), arguments)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  whoever read our output has left; nothing more can be said
        code = 0
    except OSError as error:
        code = _tell(_of_the_system(error, arguments), arguments)
    except Exception as error:  # noqa: BLE001  the last boundary: a defect becomes one message and a file that says where
        code = _tell(_defect(error), arguments)
    gc.freeze()  # the interpreter looks for cycles when it ends, among all that was imported
    sys.exit(code if isinstance(code, int) else 0)


def _of_the_system(error: OSError, arguments: Sequence[str]) -> SagewrightError:
    """Say what the operating system refused: a folder that cannot be written, a full disk."""
    again = "`sagewright resume`" if arguments[:1] in (["run"], ["resume"]) else "try again"
    hint = f"Free some space, then {again}." if error.errno == errno.ENOSPC else ""
    kind = RunFailed if error.errno == errno.ENOSPC else UsageError
    return kind(error.strerror or str(error), where=str(error.filename or "local state"), hint=hint)


def _misused(message: str, arguments: Sequence[str]) -> int:
    if message.startswith("Usage:"):
        print(message, file=sys.stderr)
        return UsageError.exit_code
    return _tell(UsageError(message.rstrip("."), where=f"sagewright {' '.join(arguments[:1])}".strip(), hint="See --help."), arguments)


def _tell(error: SagewrightError, arguments: Sequence[str]) -> int:
    from pipelines.commands.printing import visible

    if _wants_json(arguments):
        import json

        print(json.dumps(error.as_dict(), indent=1))
    print(f"sagewright: {visible(str(error))}", file=sys.stderr)
    return error.exit_code


def _wants_json(arguments: Sequence[str]) -> bool:
    return "--output=json" in arguments or any(pair == ("--output", "json") for pair in zip(arguments, arguments[1:], strict=False))


def _defect(error: Exception) -> InternalError:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="sagewright-defect-", suffix=".txt", delete=False) as report:
        report.write(f"{sys.version}\n{sys.argv}\n\n{traceback.format_exc()}")
    return InternalError(f"this is a defect of Sagewright: {type(error).__name__}: {error}", hint=f"The details are in {report.name}; please report them.")


if __name__ == "__main__":
    main()
