"""What a check step asks for: its own keys beside the request of the processing job, with every expression replaced by its value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.local.checks.kinds import KINDS, Kind
from pipelines.local.faults import ClientFault

TRUTHS: Mapping[str, bool] = {"true": True, "false": False}


@dataclass(frozen=True)
class Check:
    """Hold a check: what is compared (`check_type`), whether it is (not `skip`), whether the result becomes the baseline (`register`).

    `fails` tells whether a violation fails the step. A baseline is `supplied` by URI, or that of the newest approved version in `group`.
    """

    check_type: str
    skip: bool = False
    register: bool = False
    fails: bool = True
    group: str | None = None
    supplied: Mapping[str, str] | None = None
    model_name: str | None = None

    @property
    def kind(self) -> Kind:
        """Return what its type is."""
        return KINDS[self.check_type]

    @property
    def needs_previous(self) -> bool:
        """Tell whether there has to be a baseline already: it is compared with, or stays the baseline (developer guide, lifecycle)."""
        return not (self.skip and self.register)


def read(keys: Mapping[str, Any]) -> Check:
    """Return the check that a step's own keys ask for; what is absent or null has the service's default.

    Raises:
        ClientFault: a value is not of its type.
    """
    check_type = str(keys.get("CheckType"))
    if check_type not in KINDS:
        raise ClientFault(f"CheckType {check_type!r} is not known; expected one of {', '.join(KINDS)}")
    supplied = {item: str(keys[f"SuppliedBaseline{item}"]) for item in KINDS[check_type].items if keys.get(f"SuppliedBaseline{item}")}
    return Check(
        check_type,
        skip=_truth(keys, "SkipCheck", absent=False),
        register=_truth(keys, "RegisterNewBaseline", absent=False),
        fails=_truth(keys, "FailOnViolation", absent=True),
        group=str(keys["ModelPackageGroupName"]).rsplit(":model-package-group/", 1)[-1] if keys.get("ModelPackageGroupName") else None,
        supplied=supplied,
        model_name=str(keys["ModelName"]) if keys.get("ModelName") else None,
    )


def _truth(keys: Mapping[str, Any], name: str, *, absent: bool) -> bool:
    value = keys.get(name)
    found = absent if value is None else value if isinstance(value, bool) else TRUTHS.get(str(value).lower())
    if found is None:
        raise ClientFault(f"{name} is {value!r}; expected true or false")
    return found
