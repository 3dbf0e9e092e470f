"""What every part of the configuration is made from: strict, frozen sections and the types that more than one of them uses."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _as_tuple(value: Any) -> Any:
    """Take a YAML list for a tuple; everything else about types stays strict."""
    return tuple(value) if isinstance(value, list) else value


FromList = BeforeValidator(_as_tuple)
Texts = Annotated[tuple[str, ...], FromList]
SomeTexts = Annotated[tuple[str, ...], Field(min_length=1), FromList]
INSTANCE_TYPE = r"^ml\.[a-z0-9\-]+\.[a-z0-9]+$"
InstanceType = Annotated[str, Field(pattern=INSTANCE_TYPE, description="SageMaker instance type, e.g. ml.m5.xlarge")]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Scalar = bool | int | float | str


class Section(BaseModel):
    """Refuse unknown keys, other types and later changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=())
