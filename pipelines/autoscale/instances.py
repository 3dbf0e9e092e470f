"""Instance types of real-time endpoints: vCPUs, memory, list price.

vCPUs and memory are those of the EC2 types of the same names. Prices are list prices of real-time inference on demand in us-east-1 in US dollars an hour, as
they were widely quoted in 2025; they were not read from AWS's price list by us, change, and differ by region and contract: check them, or pass your own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipelines.errors import UsageError

PRICES_OF = "us-east-1, real-time inference on demand, list prices as quoted in 2025: check them"


@dataclass(frozen=True)
class Instance:
    """Describe a type: vCPUs, memory in GiB, US dollars an hour, GPUs, and whether its CPU lives on credits."""

    name: str
    vcpus: int
    memory_gib: float
    usd_per_hour: float
    gpus: int = 0
    burstable: bool = False


INSTANCES: Mapping[str, Instance] = {
    each.name: each
    for each in (
        Instance("ml.t2.medium", 2, 4, 0.056, burstable=True),
        Instance("ml.m5.large", 2, 8, 0.115),
        Instance("ml.m5.xlarge", 4, 16, 0.23),
        Instance("ml.m5.2xlarge", 8, 32, 0.461),
        Instance("ml.m5.4xlarge", 16, 64, 0.922),
        Instance("ml.m5.12xlarge", 48, 192, 2.765),
        Instance("ml.c5.large", 2, 4, 0.102),
        Instance("ml.c5.xlarge", 4, 8, 0.204),
        Instance("ml.c5.2xlarge", 8, 16, 0.408),
        Instance("ml.c5.4xlarge", 16, 32, 0.816),
        Instance("ml.c5.9xlarge", 36, 72, 1.836),
        Instance("ml.r5.large", 2, 16, 0.151),
        Instance("ml.r5.xlarge", 4, 32, 0.302),
        Instance("ml.r5.2xlarge", 8, 64, 0.605),
        Instance("ml.g4dn.xlarge", 4, 16, 0.7364, 1),
        Instance("ml.g5.xlarge", 4, 16, 1.408, 1),
    )
}


def table(prices: Mapping[str, float]) -> dict[str, Instance]:
    """Return the types with prices of the user's own in the place of those that are known.

    Raises:
        UsageError: a price is for a type that is not known, or no price.
    """
    for name, price in prices.items():
        if name not in INSTANCES or not 0 <= price < 1000:
            raise UsageError("this is no price", where="--price", got=f"{name}={price}", expected=f"US dollars an hour for one of: {', '.join(INSTANCES)}")
    return {name: replace(each, usd_per_hour=prices.get(name, each.usd_per_hour)) for name, each in INSTANCES.items()}


def instance(name: str, known: Mapping[str, Instance]) -> Instance:
    """Return a type by name.

    Raises:
        UsageError: it is not known.
    """
    if name not in known:
        raise UsageError("this instance type is not in the table", where="--instance-type", got=repr(name), expected=f"one of: {', '.join(known)}")
    return known[name]
