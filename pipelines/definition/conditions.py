"""Conditions: comparisons and their combinations, evaluated whole so that every comparison can be told."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipelines.definition.expressions import ExpressionError, Scope, evaluate, expression_kind

COMPARISONS: Mapping[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "Equals": ("==", operator.eq),
    "NotEquals": ("!=", operator.ne),
    "GreaterThan": (">", operator.gt),
    "GreaterThanOrEqualTo": (">=", operator.ge),
    "LessThan": ("<", operator.lt),
    "LessThanOrEqualTo": ("<=", operator.le),
}
OPPOSITES: Mapping[str, str] = {"==": "!=", "!=": "==", ">": "<=", "<=": ">", ">=": "<", "<": ">=", "in": "not in", "not in": "in"}
# Reports of which the last name alone would not tell what is meant.
TOLD_WHOLE = frozenset({"attack", "confidence", "confusion_matrix", "counts", "facets", "lift", "slices"})


@dataclass(frozen=True)
class CheckedCondition:
    """State one comparison with both its values, and whether it held.

    `condition` is the place of the condition that it is a part of, and `missed` whether that condition as a whole did not hold.
    """

    text: str
    holds: bool
    left: Any
    operator: str
    right: Any
    condition: int = 0
    missed: bool = False


Checked = tuple[bool, tuple[CheckedCondition, ...]]


def evaluate_conditions(conditions: Sequence[Mapping[str, Any]], scope: Scope) -> Checked:
    """Return whether all conditions hold, and every comparison in them in order; none is left out because an earlier one failed.

    Raises:
        ExpressionError: a value is not there, a condition has an unknown type, or two values cannot be compared.
    """
    results = [_evaluate(condition, scope) for condition in conditions]
    told = (replace(check, condition=place, missed=not holds) for place, (holds, checks) in enumerate(results) for check in checks)
    return all(holds for holds, _ in results), tuple(told)


def _evaluate(condition: Mapping[str, Any], scope: Scope) -> Checked:
    kind = str(condition.get("Type"))
    if kind in COMPARISONS:
        return _compare(condition, scope)
    if kind not in COMBINATIONS:
        raise ExpressionError("there is no such condition", got=repr(kind), expected=f"one of: {', '.join([*COMPARISONS, *COMBINATIONS])}")
    return COMBINATIONS[kind](condition, scope)


def _number(value: Any) -> Any:
    """Return text that is a number as a number, for a comparison with a number."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _compare(condition: Mapping[str, Any], scope: Scope) -> Checked:
    symbol, compare = COMPARISONS[condition["Type"]]
    left, right = evaluate(condition.get("LeftValue"), scope), evaluate(condition.get("RightValue"), scope)
    if isinstance(left, (int, float)) != isinstance(right, (int, float)):
        left, right = _number(left), _number(right)
    try:
        holds = bool(compare(left, right))
    except TypeError:
        raise ExpressionError("these values cannot be compared", got=f"{left!r} {symbol} {right!r}") from None
    return holds, (CheckedCondition(f"{label(condition.get('LeftValue'))}: {left} {symbol} {right}", holds, left, symbol, right),)


def label(value: Any) -> str:
    """Return a few words for the value that a condition looks at: the last names of its path."""
    kind = expression_kind(value)
    if kind == "Std:JsonGet":
        parts = str(value[kind].get("Path", "")).split(".")
        parts = parts[:-1] if parts[-1] == "value" else parts
        if parts == ["violations"]:
            file = value[kind].get("PropertyFile")
            step = str(file.get("Get", "")).split(".")[1:2] if isinstance(file, Mapping) else []
            return " of ".join([*parts, *step])
        return ".".join(parts[-3:] if any(part.partition("[")[0] in TOLD_WHOLE for part in parts) else parts[-1:])
    return str(value[kind]).split(".", 1)[-1] if kind == "Get" else str(value)[:60]


def _in(condition: Mapping[str, Any], scope: Scope) -> Checked:
    query = evaluate(condition.get("QueryValue", condition.get("Value")), scope)
    values = evaluate(condition.get("Values", condition.get("In")), scope)
    holds = query in values if isinstance(values, list) else False
    told = label(condition.get("QueryValue", condition.get("Value")))
    return holds, (CheckedCondition(f"{told}: {query} in {values}", holds, query, "in", values),)


def _not(condition: Mapping[str, Any], scope: Scope) -> Checked:
    inner = condition.get("Condition", condition.get("Expression"))
    if not isinstance(inner, Mapping):
        raise ExpressionError("Not takes one Condition", got=str(inner)[:80])
    holds, checks = _evaluate(inner, scope)
    return not holds, tuple(_opposite(check) for check in checks)


def _opposite(check: CheckedCondition) -> CheckedCondition:
    """Return a comparison the other way round: what has to hold where it stands below Not."""
    symbol = OPPOSITES[check.operator]
    told = f"{check.text.partition(': ')[0]}: {check.left} {symbol} {check.right}"
    return CheckedCondition(told, not check.holds, check.left, symbol, check.right)


def _not_in(condition: Mapping[str, Any], scope: Scope) -> Checked:
    return _not({"Condition": {**condition, "Type": "In"}}, scope)


def _or(condition: Mapping[str, Any], scope: Scope) -> Checked:
    results = [_evaluate(part, scope) for part in condition.get("Conditions") or []]
    return any(holds for holds, _ in results), tuple(check for _, checks in results for check in checks)


def _and(condition: Mapping[str, Any], scope: Scope) -> Checked:
    return evaluate_conditions(condition.get("Conditions") or [], scope)


COMBINATIONS: Mapping[str, Callable[[Mapping[str, Any], Scope], Checked]] = {"In": _in, "NotIn": _not_in, "Not": _not, "Or": _or, "And": _and}


def every_condition(conditions: Any) -> Iterator[Any]:
    """Yield every condition in raw ones, combinations and what they combine; an entry that is no object is yielded as it is."""
    for condition in conditions if isinstance(conditions, list) else [conditions]:
        yield condition
        if isinstance(condition, Mapping):
            for key in ("Condition", "Conditions"):
                if key in condition:
                    yield from every_condition(condition[key])
