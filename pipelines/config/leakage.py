"""The section `leakage`: the checks of the prepared data, and what they stop the pipeline for."""

from __future__ import annotations

import difflib
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from pipelines.config.section import FromList, Section

Check = Literal["overlap", "groups", "time_travel", "features", "order", "shuffled_label", "dependent_rows"]
# The kinds of jobkit.leakage, which a test compares: job code is not imported to read a configuration.
Kind = Literal[
    "leaking-feature",
    "row-overlap",
    "group-overlap",
    "time-travel",
    "shuffled-label",
    "dependent-rows",
    "identifier-predicts",
    "shared-entity",
    "later-date",
    "row-order-predicts",
    "twin-rows",
]
CHECKS: tuple[Check, ...] = get_args(Check)
KINDS: tuple[str, ...] = get_args(Kind)


def _ignored(text: str) -> str:
    kind = text.partition(":")[0]
    if kind in KINDS:
        return text
    near = difflib.get_close_matches(kind.lower(), KINDS, 1, 0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ValueError(f"there is no such finding; got {text!r}, expected KIND or KIND:FEATURE with one of: {', '.join(KINDS)}.{hint}")


class Leakage(Section):
    """Check the prepared data for leaks, in the job Preprocess; findings go to its log and to leakage.json."""

    checks: Annotated[tuple[Check, ...], FromList] = Field(default=CHECKS, description="Which checks to run; none when empty")
    fail_on: Annotated[tuple[Literal[Kind, "high", "medium", "low"], ...], FromList] = Field(
        default=(), description="Findings that stop the pipeline before Train: kinds such as leaking-feature, or a severity such as high"
    )
    ignore: Annotated[tuple[Annotated[str, AfterValidator(_ignored)], ...], FromList] = Field(
        default=(), description="Findings not to report: a kind, or KIND:FEATURE"
    )
