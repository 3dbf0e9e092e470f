"""The steps of a recipe. Steps on rows come before the split; whatever learns from data is fitted on the training split only and shipped with the model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from pipelines.config.recipe_rows import Concat, DropDuplicates, DropMissing, FilterRows, Join, RowNumber, Timestamp
from pipelines.config.section import FromList, Scalar, Section, SomeTexts, Texts

Bounds = Annotated[tuple[float, float], FromList]
Auto = Literal["auto"]
Count = Annotated[int, Field(ge=1)]
DATE_PARTS = Literal[
    "year", "quarter", "month", "week", "day", "day_of_year", "day_of_week", "hour", "minute", "second", "is_weekend", "is_month_start", "is_month_end"
]


def _regex(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}; got {text!r}.") from None
    if groups > 1:
        raise ValueError(f"more than one group; got {groups} in {text!r}, expected one group (what is extracted) or none (the whole match).")
    return text


def _function(text: str) -> str:
    if not re.fullmatch(r"[\w./ \-]+\.py:[A-Za-z_]\w*", text):
        raise ValueError(f"names no function; got {text!r}, expected FILE.py:FUNCTION such as features.py:add_ratio, relative to pipeline.yaml.")
    return text


Regex = Annotated[str, AfterValidator(_regex)]
Function = Annotated[str, AfterValidator(_function)]


class Cast(Section):
    """Read columns as another type."""

    step: Literal["cast"]
    columns: dict[str, Literal["number", "integer", "boolean", "text", "date"]] = Field(min_length=1, description="The type of each column")
    on_error: Literal["fail", "null", "drop"] = Field(
        default="fail", description="What to do with a value that cannot be read so; `drop` removes the row before the split and means null at inference"
    )
    formats: Texts = Field(default=(), description="How dates are written, e.g. %d/%m/%Y, tried in order; ISO 8601 when empty")
    thousands: str = Field(default="", max_length=1, description='Mark between thousands in numbers, e.g. ","')
    decimal: Literal[".", ","] = Field(default=".", description="Decimal mark in numbers")


class DropColumns(Section):
    """Leave columns out."""

    step: Literal["drop_columns"]
    columns: Texts = Field(description="Columns to leave out")


class KeepColumns(Section):
    """Keep these columns and the label, in the order they are in, and leave all others out."""

    step: Literal["keep_columns"]
    columns: SomeTexts = Field(description="Columns to keep")


class RenameColumns(Section):
    """Give columns other names."""

    step: Literal["rename_columns"]
    columns: dict[str, str] = Field(min_length=1, description="The new name of each column")


class MoveColumns(Section):
    """Put columns at the front, or after another one; the rest keep their order."""

    step: Literal["move_columns"]
    columns: SomeTexts = Field(description="Columns to move, in their new order")
    after: str | None = Field(default=None, description="The column they come after; the front if absent")

    @model_validator(mode="after")
    def _elsewhere(self) -> Self:
        if self.after in self.columns:
            raise ValueError(f"after: {self.after!r} is one of the columns that are moved, expected another one.")
        return self


class Impute(Section):
    """Fill missing values with a statistic of the training split, or with a constant."""

    step: Literal["impute"]
    columns: Auto | Texts = Field(default="auto", description="Columns to fill; `auto` is every column that the strategy suits and that misses values")
    strategy: Literal["mean", "median", "approximate_median", "mode", "constant"] = Field(
        default="median", description="What to fill in; mode and constant also work for text; approximate_median is a value of the column, as Data Wrangler's"
    )
    value: Scalar | None = Field(default=None, description="What strategy constant fills in")
    indicator: bool = Field(default=False, description="Also add a 0/1 column `<column>_missing`")
    fitted: dict[str, float | str] = Field(
        default={}, description="Values fitted elsewhere, e.g. by Data Wrangler, by column; such a column is not fitted again"
    )

    @model_validator(mode="after")
    def _constant(self) -> Self:
        if (self.strategy == "constant") == (self.value is None):
            raise ValueError(
                "value: missing; strategy constant needs a value."
                if self.value is None
                else f"value: has no effect; got strategy {self.strategy}, expected strategy constant with a value."
            )
        return self


class Outliers(Section):
    """Treat numeric values outside bounds fitted on the training split; rows are only ever removed from that split."""

    step: Literal["outliers"]
    columns: Texts = Field(description="Numeric columns to look at")
    method: Literal["standard_deviation", "robust", "quantile", "min_max"] = Field(default="standard_deviation", description="How the bounds are found")
    threshold: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Standard deviations from the mean (4), robust ones from the median (5, clipped to the 5th to 95th percentile), or the share cut off at "
        "each end (0.01)",
    )
    low: float | None = Field(default=None, description="Lower bound of method min_max")
    high: float | None = Field(default=None, description="Upper bound of method min_max")
    action: Literal["remove", "clip", "null"] = Field(default="remove", description="Remove the row, cut the value to the bound, or make it missing")
    fitted: dict[str, Bounds] = Field(default={}, description="Bounds fitted elsewhere, by column; such a column is not fitted again")

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        given = self.low is not None or self.high is not None
        if self.method == "min_max" and not given:
            raise ValueError("low: missing; method min_max needs low, high or both.")
        if self.method != "min_max" and given:
            raise ValueError(f"{'low' if self.low is not None else 'high'}: has no effect with method {self.method}, expected method min_max.")
        if self.method == "quantile" and self.threshold is not None and self.threshold >= 0.5:
            raise ValueError(f"threshold: out of range for method quantile; got {self.threshold:g}, expected a share below 0.5 such as 0.01.")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low: above high; got {self.low:g} and {self.high:g}.")
        return self


class ReplaceRare(Section):
    """Put the levels of a text column that are rare in the training split, and those not seen there, under one name."""

    step: Literal["replace_rare"]
    columns: SomeTexts = Field(description="Text columns")
    min_share: Annotated[float, Field(ge=0, lt=1)] = Field(default=0.01, description="A level below this share of the training rows is rare")
    max_levels: Annotated[int, Field(ge=1)] = Field(default=1000, description="Most frequent levels to keep at most")
    name: str = Field(default="other", min_length=1, description="The level they become")


class OneHot(Section):
    """Replace text columns by one 0/1 column per level seen in the training split, most frequent first."""

    step: Literal["one_hot"]
    columns: Auto | Texts = Field(default="auto", description="Columns to encode; `auto` is every text column that is left")
    max_levels: Annotated[int, Field(ge=2, le=1000)] = Field(default=100, description="Most frequent levels to keep of each column")
    drop_last: bool = Field(default=False, description="Leave the rarest kept level out")
    unknown: Literal["zeros", "other", "fail"] = Field(
        default="zeros", description="A level that was not kept: all zeros, a column `<column>_other`, or an error"
    )
    missing: Literal["zeros", "level", "fail"] = Field(default="zeros", description="A missing value: all zeros, a column `<column>_missing`, or an error")
    names: Literal["safe", "raw"] = Field(default="safe", description="`safe` names columns with letters, digits and _; `raw` as Data Wrangler does")
    fitted: dict[str, Texts] = Field(default={}, description="Levels fitted elsewhere, by column; such a column is not fitted again")


class Ordinal(Section):
    """Replace the levels of text columns by 0, 1, 2 …, most frequent in the training split first or in a given order."""

    step: Literal["ordinal"]
    columns: SomeTexts = Field(description="Text columns")
    order: dict[str, Texts] = Field(default={}, description="Levels in their order, by column; the rest of the columns are ordered by frequency")
    unknown: Literal["last", "null", "fail"] = Field(default="last", description="A level not seen: one more number, missing, or an error")

    @model_validator(mode="after")
    def _once(self) -> Self:
        for column, levels in self.order.items():
            if column not in self.columns:
                raise ValueError(f"order: {column!r} is not among the columns {list(self.columns)}.")
            twice = next((level for level in levels if levels.count(level) > 1), None)
            if twice is not None:
                raise ValueError(f"order: {twice!r} stands twice in the order of {column!r}.")
        return self


class TargetEncode(Section):
    """Replace levels by the label's mean in the training split, drawn towards the overall mean; training rows get values cross-fitted over folds."""

    step: Literal["target_encode"]
    columns: SomeTexts = Field(description="Text columns")
    smoothing: Annotated[float, Field(ge=0)] = Field(default=20.0, description="The overall mean counts as much as this many rows")
    folds: Annotated[int, Field(ge=2, le=100)] = Field(default=5, description="Parts of the training split; a row's value never uses rows of its own part")


class FrequencyEncode(Section):
    """Replace levels by their share of the training rows; 0 when not seen."""

    step: Literal["frequency_encode"]
    columns: SomeTexts = Field(description="Text columns")


class Scale(Section):
    """Scale numeric columns with statistics of the training split."""

    step: Literal["scale"]
    columns: Auto | Texts = Field(default="auto", description="Numeric columns; `auto` is every one")
    method: Literal["standard", "min_max", "robust", "max_abs"] = Field(
        default="standard", description="(x - mean) / sd; to 0..1; (x - median) / interquartile range; x / max |x|"
    )


class Dates(Section):
    """Make numbers from dates: parts of the calendar, and the time since a date."""

    step: Literal["dates"]
    columns: SomeTexts = Field(description="Date columns, or text columns that hold dates")
    parts: Annotated[tuple[DATE_PARTS, ...], FromList] = Field(default=("year", "month", "day", "day_of_week"), description="New columns `<column>_<part>`")
    since: str | None = Field(default=None, description="A date such as 2015-01-01, or another date column; adds `<column>_elapsed`")
    unit: Literal["days", "hours", "minutes", "seconds"] = Field(default="days", description="Unit of the time since")
    formats: Texts = Field(default=(), description="How dates are written, e.g. %m/%d/%Y, tried in order; ISO 8601 when empty")
    keep: bool = Field(default=False, description="Keep the date column")


class Text(Section):
    """Make columns from text: its length, its number of words, what a regular expression finds."""

    step: Literal["text"]
    columns: SomeTexts = Field(description="Text columns")
    measures: Annotated[tuple[Literal["length", "words", "digits"], ...], FromList] = Field(default=(), description="New columns `<column>_<measure>`")
    extract: dict[str, Regex] = Field(default={}, description="New text columns `<column>_<name>`: the first group (or match) of each expression")
    case: Literal["keep", "lower", "upper"] = Field(default="keep", description="Also change the case of the text itself")
    strip: bool = Field(default=False, description="Also remove blanks around the text itself")
    keep: bool = Field(default=True, description="Keep the text column")


class Bin(Section):
    """Replace numbers by the number of their bin, 0 first; bounds are fitted on the training split or given."""

    step: Literal["bin"]
    columns: SomeTexts = Field(description="Numeric columns")
    method: Literal["quantile", "uniform", "edges"] = Field(default="quantile", description="Equally filled, equally wide, or given bins")
    bins: Annotated[int, Field(ge=2, le=1000)] = Field(default=10, description="Number of bins")
    edges: Annotated[tuple[float, ...], FromList] = Field(
        default=(), description="Inner edges, rising, for method edges; a value on an edge is in the upper bin"
    )

    @model_validator(mode="after")
    def _edges(self) -> Self:
        if (self.method == "edges") != bool(self.edges):
            raise ValueError(f"edges: {'missing; method edges needs them' if not self.edges else f'has no effect with method {self.method}'}.")
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"edges: not rising; got {list(self.edges)}.")
        return self


class Derive(Section):
    """Add columns made by expressions on other columns of the same row."""

    step: Literal["derive"]
    columns: dict[str, str] = Field(min_length=1, description="New column: expression, e.g. `total: adr * (weekend + week)`; quote odd names with backticks")


class PythonStep(Section):
    """Change the rows with your own function `(DataFrame) -> DataFrame`; it must treat each row by itself and keep their number and order."""

    step: Literal["python"]
    function: Function = Field(description="FILE.py:FUNCTION, relative to pipeline.yaml; the file is shipped with the job and the model")
    fit: Function | None = Field(
        default=None, description="FILE.py:FUNCTION `(DataFrame) -> dict` on the training split; its JSON-ready result is the second argument"
    )


STEPS: Mapping[str, type[Section]] = {
    "join": Join,
    "concat": Concat,
    "cast": Cast,
    "drop_columns": DropColumns,
    "keep_columns": KeepColumns,
    "rename_columns": RenameColumns,
    "move_columns": MoveColumns,
    "filter_rows": FilterRows,
    "drop_duplicates": DropDuplicates,
    "drop_missing": DropMissing,
    "impute": Impute,
    "outliers": Outliers,
    "replace_rare": ReplaceRare,
    "one_hot": OneHot,
    "ordinal": Ordinal,
    "target_encode": TargetEncode,
    "frequency_encode": FrequencyEncode,
    "scale": Scale,
    "dates": Dates,
    "text": Text,
    "bin": Bin,
    "derive": Derive,
    "python": PythonStep,
    "row_number": RowNumber,
    "timestamp": Timestamp,
}
RecipeStep = Annotated[
    Join
    | Concat
    | Cast
    | DropColumns
    | KeepColumns
    | RenameColumns
    | MoveColumns
    | FilterRows
    | DropDuplicates
    | DropMissing
    | Impute
    | Outliers
    | ReplaceRare
    | OneHot
    | Ordinal
    | TargetEncode
    | FrequencyEncode
    | Scale
    | Dates
    | Text
    | Bin
    | Derive
    | PythonStep
    | RowNumber
    | Timestamp,
    Field(discriminator="step"),
]
# What acts on the set of rows comes before the split; what learns from them comes after it; the rest may stand anywhere.
ON_ROWS = ("join", "concat", "filter_rows", "drop_duplicates", "drop_missing")
COMBINING = ("join", "concat")
FITTED = ("impute", "outliers", "replace_rare", "one_hot", "ordinal", "target_encode", "frequency_encode", "scale", "bin")


# Where a step keeps what was fitted elsewhere; with it for every column there is nothing to learn.
GIVEN: Mapping[str, str] = {"impute": "fitted", "one_hot": "fitted", "ordinal": "order", "outliers": "fitted"}


def fitted(step: Any) -> bool:
    """Tell whether a step acts on the training split: learns from it, or removes outliers from it."""
    if step.step in GIVEN and not isinstance(step.columns, str) and getattr(step, "action", "") != "remove":
        return not set(step.columns) <= set(getattr(step, GIVEN[step.step]))
    return step.step in FITTED or (step.step == "python" and step.fit is not None)
