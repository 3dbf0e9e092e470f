"""Whether a document of other people's making has the form of a lineage, so that what shows one can rely on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Test = Callable[[Any], bool]


def _is(*kinds: type) -> Test:
    return lambda value: isinstance(value, kinds)


def _mapping(key: Test, value: Test) -> Test:
    return lambda found: isinstance(found, dict) and all(key(name) and value(each) for name, each in found.items())


def _list(entry: Test) -> Test:
    return lambda found: isinstance(found, list) and all(map(entry, found))


def _members(needed: Mapping[str, Test], other: Mapping[str, Test] | None = None) -> Test:
    """Return a test for mappings: what must be there, and what may be; nothing else may."""
    known = {**needed, **(other or {})}
    return lambda found: isinstance(found, dict) and set(needed) <= set(found) <= set(known) and all(known[name](value) for name, value in found.items())


def _or(*tests: Test) -> Test:
    return lambda value: any(test(value) for test in tests)


TEXT, WHOLE, NONE, ANY = _is(str), _is(int), _is(type(None)), _is(str, int, float, bool, type(None))
PAIRS = _mapping(TEXT, ANY)
OBJECT = _members({"sha256": _or(TEXT, NONE), "bytes": WHOLE, "files": WHOLE, "made_by": _or(TEXT, NONE)})
CODE = _members({"uri": TEXT, "sha256": _or(TEXT, NONE)}, {"bytes": WHOLE, "files": WHOLE})
SEARCH = _members({"of": WHOLE, "objective": _or(TEXT, NONE), "value": ANY, "tuned": PAIRS}, {"trial": _or(TEXT, NONE)})
STEP = _members(
    {"type": TEXT},
    {
        **dict.fromkeys(("job", "image", "instance_type", "arguments", "reused_from"), TEXT),
        **dict.fromkeys(("inputs", "outputs", "queries"), _mapping(TEXT, TEXT)),
        "instances": WHOLE,
        "hyperparameters": PAIRS,
        "code": CODE,
        "search": SEARCH,
    },
)
EXECUTION = _members(
    {"execution_arn": TEXT, "definition_sha256": TEXT, "started_at": _or(TEXT, NONE)},
    dict.fromkeys(("run", "pipeline", "status", "ended_at"), _or(TEXT, NONE)),
)
GIT = _members({"commit": TEXT, "branch": _or(TEXT, NONE), "dirty": _or(_is(bool), NONE)})
HISTORY = _list(PAIRS)
IMPORTED = _members({"archive": TEXT, "sha256": TEXT, "model_package_arn": TEXT, "history": HISTORY})
DOCUMENT = _members(
    {
        "model_package_arn": TEXT,
        "execution": _or(EXECUTION, NONE),
        "git": _or(GIT, NONE),
        "environment": _mapping(TEXT, _or(ANY, _mapping(TEXT, _or(ANY, PAIRS)))),
        "parameters": PAIRS,
        "models": _list(_members({"uri": TEXT, "image": TEXT})),
        "metrics": _mapping(TEXT, TEXT),
        "objects": _mapping(TEXT, OBJECT),
        "steps": _mapping(TEXT, STEP),
        "names": _mapping(TEXT, TEXT),
    },
    {"format": WHOLE, "baselines": _mapping(TEXT, TEXT), "problem": TEXT, "moved": _mapping(TEXT, TEXT), "imported": IMPORTED},
)


def is_history(found: Any) -> bool:
    """Tell whether a document is a list of events."""
    return HISTORY(found)


def is_traced(found: Any) -> bool:
    """Tell whether a document is a lineage: every member has its type, and every object and step that is named is there."""
    if not DOCUMENT(found):
        return False
    objects, steps = found["objects"], found["steps"]
    named = {each["uri"] for each in found["models"]} | set(found["metrics"].values()) | set(found.get("baselines", {}).values())
    named |= {uri for own in steps.values() for uri in own.get("inputs", {}).values()}
    made = {each["made_by"] for each in objects.values()} - {None}
    return named <= set(objects) and made <= set(steps)
