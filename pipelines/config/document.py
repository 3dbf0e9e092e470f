"""Write docs/configuration.md from the configuration's model, so that the two cannot disagree: `python -m pipelines.config.document`."""

from __future__ import annotations

import inspect
import json
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipelines.config.model import PipelineConfig
from pipelines.config.schema import schema_text

HEAD = """# Configuration

`pipeline.yaml` is strict: an unknown key, a wrong type or a combination that makes no sense is an error that names file, line, key, what was got,
what was expected and the nearest known key; all problems come at once. Editors check it while you type with `pipeline.schema.json`, which `sagewright
sample` and `init` write beside it.

## Where values come from
Flags (`--set KEY=VALUE`, `--role-arn`, `--bucket`, `--region`) win over the profile (`--profile NAME` overlays `profiles/NAME.yaml`; mappings are
merged key by key, lists replaced), that over `pipeline.yaml`, that over the defaults. Pipeline *parameters* get their values for one run from `-p
NAME=VALUE`, else `--params-file`, else the defaults that the configuration gave them; `parameters:` in the YAML or a profile changes these defaults.
`sagewright validate --explain` prints every value with file and line. An entry of `parameters:` wins over the key it belongs to (`Seed` over `seed`), unless
that key is set in a stronger layer.

```
sagewright run --set training.hyperparameters.num_round=50 --set 'gate[0].at_least=0.9'    # configuration keys; the pipeline is compiled anew
sagewright run -p Seed=1 -p MinAccuracy=0.9                                                # parameters of one run
sagewright run --params-file nightly.yaml                                                  # the same from a YAML or JSON file of names and values
sagewright upsert --profile prod                                                           # profiles/prod.yaml beside pipeline.yaml
```

Types are taken as YAML reads them: quote `"no"`, `"3.2-0"` and dates where text is meant. Anchors and aliases work, merge keys (`<<`) do not; a file has at
most 1 MiB, 20,000 values (aliases followed) and 40 levels.

The parameters: `InputData`, `Seed`, `DecisionThreshold`, `ProcessingInstanceType`, `ProcessingInstanceCount`, `TrainingInstanceType`,
`TrainingInstanceCount`, `ModelApprovalStatus`, one for each [bar of the gate](gates.md): `MinAccuracy`, `MaxFalseNegative` …, and what a run takes of the
latest approved version: `ApprovedModel`, a `…Baseline` for each check, and `SkipChecks` where checks are managed ones.

A gate's metrics are those of `evaluation.json` on the test split; which there are is a matter of the [problem](problems.md). Steps on the set of rows (`join`,
`concat`, `filter_rows`, `drop_duplicates` …) act before the split and come first; what is fitted is fitted on the training split only.

## Keys
"""


def markdown() -> str:
    """Return the page: one table a section, nested sections after the one that holds them."""
    parts = [HEAD]
    for name, model in _sections():
        doc = (model.__doc__ or "").strip().splitlines()[0]
        parts += [f"### {name}", doc, "", "| key | type | default | meaning |", "|---|---|---|---|", *_rows(model), ""]
    return "\n".join(parts)


def _sections() -> Iterator[tuple[str, type[BaseModel]]]:
    seen: list[type[BaseModel]] = []
    open_: list[tuple[str, Any]] = [("(top level)", PipelineConfig)]
    while open_:
        name, model = open_.pop(0)
        if model in seen:
            continue
        seen.append(model)
        yield name, model
        prefix = "" if model is PipelineConfig else f"{name}."
        for key, field in model.model_fields.items():
            for inner in _models(field.annotation):
                step = typing.get_args(inner.model_fields["step"].annotation)[0] if "step" in inner.model_fields else ""
                open_.append((f"{prefix}{key}{f': {step}' if step else ''}", inner))


def _models(annotation: Any) -> list[type[BaseModel]]:
    if inspect.isclass(annotation) and not typing.get_origin(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in typing.get_args(annotation) for model in _models(inner)]


def _rows(model: type[BaseModel]) -> Iterator[str]:
    for key, field in model.model_fields.items():
        default = "**needed**" if field.is_required() else "" if _models(field.annotation) else f"`{_shown(field.get_default())}`"
        yield f"| `{key}` | {_type(field)} | {default} | {field.description or ''} |"


def _shown(value: Any) -> str:
    return "null" if value is None else json.dumps(value)


def _type(field: FieldInfo) -> str:
    return _type_name(field.annotation).replace("|", "or")


def _type_name(annotation: Any) -> str:
    if annotation is type(None):
        return "nothing"
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(dict.fromkeys(_type_name(part) for part in inner))
    if origin is typing.Annotated:
        return _type_name(inner[0])
    if origin is tuple:
        return f"list of {_type_name(inner[0])}"
    if origin is dict:
        return "keys and values"
    names = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    return names.get(annotation, "section")


def main() -> int:
    """Write the page and the examples' schemas of this checkout."""
    root = Path(__file__).resolve().parents[2]
    (root / "docs" / "configuration.md").write_text(markdown(), encoding="utf-8")
    for example in sorted((root / "examples").glob("*/pipeline.yaml")):
        example.with_name("pipeline.schema.json").write_text(schema_text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
