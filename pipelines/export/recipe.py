"""What is exported: the settings of a pipeline's Preprocess job, the user's own files, and the fitted recipe where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.export.steps import LEARNED, Calls, calls
from pipelines.jobs import job_module

COMBINING = ("join", "concat")


@dataclass(frozen=True)
class Source:
    """Hold a pipeline's name, its configuration as JSON-ready members, the text of the files that `python` steps name, and the fitted recipe.

    `inputs` maps `raw` and the names of other inputs to where their files are, for a notebook to read.
    """

    name: str
    config: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=dict)
    fitted: Mapping[str, Any] | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Return the label's column."""
        return str(self.config["label"]["column"])

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        """Return the steps as they are run: without the columns that are not even read."""
        found: list[Mapping[str, Any]] = job_module("jobkit.recipe").without(self.config["recipe"], self.not_needed)
        return found

    @property
    def not_needed(self) -> list[str]:
        """Return the columns that are dropped before any step looks at them."""
        recipe = job_module("jobkit.recipe")
        steps, kept = self.config["recipe"], {self.label, self.config["split"]["column"]}
        dropped = [name for step in steps if step["step"] == "drop_columns" for name in step["columns"]]
        return [name for name in recipe.unused(steps, list(dict.fromkeys(dropped))) if name not in kept]

    @property
    def ids(self) -> list[str]:
        """Return the columns that number or date rows; they are never features."""
        return [step["column"] for step in self.config["recipe"] if step["step"] in ("row_number", "timestamp")]

    @property
    def seed(self) -> int:
        """Return the seed of the run, else of the configuration."""
        return int(self.fitted["seed"] if self.fitted and "seed" in self.fitted else self.config["seed"])

    @property
    def problem(self) -> str:
        """Return what kind of problem the label makes."""
        return str(self.config["problem"])

    @property
    def classes(self) -> list[str]:
        """Return the names of several classes, in the order of their numbers."""
        label_text = job_module("jobkit.label").label_text
        return [label_text(name) for name in self.config["label"]["classes"]]

    @property
    def positive(self) -> str:
        """Return the label's positive value as text; only for two classes."""
        if self.fitted and "label" in self.fitted:
            return str(self.fitted["label"]["classes"][-1])
        return str(job_module("jobkit.label").label_text(self.config["label"]["positive"]))


@dataclass(frozen=True)
class Numbered:
    """Hold a step with its number (from 1), as configured and as code."""

    number: int
    config: Mapping[str, Any]
    calls: Calls


def divided(source: Source) -> tuple[list[Numbered], list[Numbered], list[Numbered]]:
    """Return the steps that combine inputs, those before the split, and those that learn and all after them.

    Raises:
        UsageError: the steps do not stand in an order that works.
    """
    steps = source.steps
    try:
        sizes = [len(part) for part in job_module("jobkit.recipe").divide(steps)]
    except job_module("jobkit.failure").JobError as error:
        raise UsageError(str(error), where="recipe") from None
    numbered = [Numbered(number, step, calls(step, number)) for number, step in enumerate(steps, 1)]
    return numbered[: sizes[0]], numbered[sizes[0] : sizes[0] + sizes[1]], numbered[sizes[0] + sizes[1] :]


def state_of(source: Source) -> dict[str, Any] | None:
    """Return what the fitted recipe learned, as the exported functions keep it; None without one.

    Raises:
        UsageError: the recipe was fitted by another configuration.
    """
    if source.fitted is None:
        return None
    steps = [(number, step) for number, step in enumerate(source.steps, 1) if step["step"] not in (*_on_rows(), "row_number", "timestamp")]
    states = list(source.fitted["steps"])
    renamed = {"keep_columns": "drop_columns"}
    if [renamed.get(step["step"], step["step"]) for _, step in steps] != [state["step"] for state in states]:
        raise UsageError(
            "the fitted recipe has other steps than the configuration", where="recipe.json", hint="Run the pipeline again, or name the run with --run."
        )
    learned = {f"{step['step']}_{number}": _learned(step, state) for (number, step), state in zip(steps, states, strict=True) if _keeps(step)}
    schema = {entry["name"]: entry["kind"] for entry in source.fitted["schema"]}
    return {"schema": schema, **learned, "columns": list(source.fitted["columns"]), "features": list(source.fitted["features"])}


def _on_rows() -> Sequence[str]:
    names: Sequence[str] = job_module("jobkit.steps.table").ON_ROWS
    return names


def _keeps(step: Mapping[str, Any]) -> bool:
    """Tell whether a step keeps state, learned or given."""
    return step["step"] in LEARNED and (step["step"] != "python" or bool(step["fit"]))


def _learned(step: Mapping[str, Any], state: Mapping[str, Any]) -> Any:
    return {key: state[key] for key in LEARNED[step["step"]]}


def user_files(config: Mapping[str, Any], root: Path) -> dict[str, str]:
    """Return the text of the files that `python` steps name, by their place relative to pipeline.yaml.

    Raises:
        UsageError: one is not there.
    """
    names = [step[key].rpartition(":")[0] for step in config["recipe"] if step["step"] == "python" for key in ("function", "fit") if step[key]]
    found = {}
    for name in dict.fromkeys(names):
        if not (root / name).is_file():
            raise UsageError("there is no such file", where="recipe", got=str(root / name), expected="a Python file, relative to pipeline.yaml")
        found[name] = (root / name).read_text(encoding="utf-8")
    return found


def read_recipe(file: Path) -> Mapping[str, Any]:
    """Return a fitted recipe.

    Raises:
        UsageError: the file is not there, or holds none.
    """
    if not file.is_file():
        raise UsageError("there is no such file", where=str(file), expected="the recipe.json of a run")
    try:
        found: Mapping[str, Any] = job_module("jobkit.recipe").loads(file.read_text(encoding="utf-8"))
    except (job_module("jobkit.failure").JobError, UnicodeDecodeError) as error:
        raise UsageError(str(error), where=str(file)) from None
    return found
