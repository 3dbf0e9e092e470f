"""Every error a user can meet, and the exit code each one ends with.

SagewrightError                     where: what; got X, expected Y. Do Z.
├── UsageError              2       the command line, a file it names, the environment
│   ├── ConfigError         2       pipeline.yaml, a profile, a parameters file
│   ├── DefinitionError     2       a definition document (carries every Problem found)
│   └── UnsupportedStep     2       a step type that cannot run here, refused before anything starts
├── RunFailed               1       an execution ended Failed
│   ├── QualityGateClosed   3       ... at a quality gate that Sagewright generated
│   └── GuardClosed         4       ... at a bias, leakage or skew gate that Sagewright generated
├── BudgetExceeded          5       a cost limit
├── CloudError              6       AWS refused or could not be reached
├── InternalError          70       a defect of Sagewright
└── Interrupted           130       Ctrl-C or SIGTERM
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

EXIT_OK = 0


class SagewrightError(Exception):
    """Say where something is wrong, what was got, what was expected and what to do.

    Every part but `what` may be left empty; `str()` joins the parts that are there.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", got: str = "", expected: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.got, self.expected, self.hint = what, where, got, expected, hint

    def __str__(self) -> str:
        facts = ", ".join(part for part in (self.got and f"got {self.got}", self.expected and f"expected {self.expected}") if part)
        sentence = f"{self.where + ': ' if self.where else ''}{self.what}{'; ' + facts if facts else ''}"
        sentence = sentence if sentence.endswith((".", "!", "?")) else sentence + "."
        return f"{sentence} {self.hint}".strip()

    def as_dict(self) -> dict[str, Any]:
        """Return the parts as JSON-ready members, for `--output json`."""
        parts = {"what": self.what, "where": self.where, "got": self.got, "expected": self.expected, "hint": self.hint}
        return {"error": type(self).__name__, "exit_code": self.exit_code, "message": str(self), **{k: v for k, v in parts.items() if v}}


class UsageError(SagewrightError):
    """Refuse a command line, a file it names or an environment it needs."""

    exit_code = 2


class ConfigError(UsageError):
    """Refuse a pipeline configuration, a profile or a parameters file."""


@dataclass(frozen=True)
class Problem:
    """State one thing wrong with a definition document.

    `path` is a JSON path such as `$.Steps[2].Arguments.RoleArn`; `severity` is `error` or `warning`; `code` names the rule.
    """

    path: str
    message: str
    hint: str = ""
    severity: str = "error"
    code: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message.rstrip('.') + '. ' + self.hint if self.hint else self.message}"


class DefinitionError(UsageError):
    """Refuse a definition document, with every problem that was found in it."""

    def __init__(self, problems: tuple[Problem, ...], *, where: str = "definition") -> None:
        count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
        super().__init__("\n".join([f"{count} in the pipeline definition", *(f"  {problem}" for problem in problems)]), where=where)
        self.problems = problems

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"

    def as_dict(self) -> dict[str, Any]:
        """Return the message and each problem as JSON-ready members."""
        return {**super().as_dict(), "problems": [vars(problem) for problem in self.problems]}


class UnsupportedStep(UsageError):
    """Refuse to run a definition that holds a step type no local executor exists for."""


class RunFailed(SagewrightError):
    """Report an execution that ended Failed."""

    exit_code = 1


class QualityGateClosed(RunFailed):
    """Report an execution that a generated quality gate ended."""

    exit_code = 3


class GuardClosed(RunFailed):
    """Report an execution that a generated bias, leakage or skew gate ended."""

    exit_code = 4


class BudgetExceeded(SagewrightError):
    """Report a cost above the limit that was set."""

    exit_code = 5


class CloudError(SagewrightError):
    """Report that AWS refused a call or could not be reached."""

    exit_code = 6


class InternalError(SagewrightError):
    """Report a defect of Sagewright itself."""

    exit_code = 70


class Interrupted(SagewrightError):
    """Report that the user or the system asked the command to stop."""

    exit_code = 130
