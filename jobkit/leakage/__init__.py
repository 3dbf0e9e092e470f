"""The leakage firewall: what a prepared data set must not show. `check` looks at the splits, the features and the recipe, and reports findings."""

from jobkit.leakage.checks import CHECKS, KINDS, check
from jobkit.leakage.evidence import Case

__all__ = ["CHECKS", "KINDS", "Case", "check"]
