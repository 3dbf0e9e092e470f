"""The steps of a recipe that add, remove or number rows: they come before the split and never act at inference."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipelines.config.section import Section, SomeTexts, Texts


class Join(Section):
    """Add the columns of another input to the rows that have the same key, before the split; at inference the raw row holds them already."""

    step: Literal["join"]
    other: str = Field(description="The input to join, a name under `data.others`")
    columns: SomeTexts = Field(description="Key columns; they have the same names in both inputs")
    how: Literal["left", "inner", "right", "outer"] = Field(default="left", description="Which rows to keep")
    suffix: str = Field(default="_other", min_length=1, description="What is added to the name of a column that both inputs have")


class Concat(Section):
    """Append the rows of another input, before the split; columns that only one of them has are missing in the other."""

    step: Literal["concat"]
    other: str = Field(description="The input whose rows are appended, a name under `data.others`")


class FilterRows(Section):
    """Keep the rows for which an expression is true, before the split; no row is removed at inference."""

    step: Literal["filter_rows"]
    where: str = Field(min_length=1, description="Expression such as `adr > 0 and market_segment != 'Complementary'`")


class DropDuplicates(Section):
    """Keep one of equal rows, before the split; whole rows, or rows equal in `columns`."""

    step: Literal["drop_duplicates"]
    columns: Texts = Field(default=(), description="Compare these columns only; all when empty")
    keep: Literal["first", "last"] = Field(default="first", description="Which of equal rows stays")


class DropMissing(Section):
    """Remove rows with missing values, before the split; no row is removed at inference."""

    step: Literal["drop_missing"]
    columns: Texts = Field(default=(), description="Look at these columns only; all when empty")


class RowNumber(Section):
    """Add a column that numbers the rows; it is an id of the exported data and never a feature."""

    step: Literal["row_number"]
    column: str = Field(description="The new column")
    start: int = Field(default=1, description="The first number")
    position: Annotated[int, Field(ge=0)] = Field(default=0, description="Where the column stands, 0 first")


class Timestamp(Section):
    """Add a column with one time for all rows, in seconds since 1970 (UTC); it dates the exported data and is never a feature."""

    step: Literal["timestamp"]
    column: str = Field(description="The new column")
    value: float | None = Field(default=None, description="The time; that of the run if absent")
    position: Annotated[int, Field(ge=0)] = Field(default=0, description="Where the column stands, 0 first")
