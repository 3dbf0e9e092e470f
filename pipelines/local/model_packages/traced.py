"""Whether a document of other people's making has the form of a lineage, so that what shows one can rely on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Test = Callable[[Any], bool]


def _is(*kinds: type) -> Test:
    return lambda value: isinstance(value, kinds)


def _mapping(key: Test, value: Test) -> Test:
    return lambda found: isinstance(found, dict) and all(key(name) and value(each) for name, each in found.items())


def _members(needed: Mapping[str, Test], other: Mapping[str, Test] | None = None) -> Test:
    """Return a test for mappings: what must be there, and the form of what may be."""
    optional = other or {}
    return lambda found: (
        isinstance(found, dict)
        and all(name in found and test(found[name]) for name, test in needed.items())
        and all(name not in found or test(found[name]) for name, test in optional.items())
    )


def _or_none(test: Test) -> Test:
    return lambda value: value is None or test(value)


TEXT, WHOLE, ANY = _is(str), _is(int), _is(str, int, float, bool, type(None))
PAIRS = _mapping(TEXT, ANY)
OBJECT = _members({"sha256": _or_none(TEXT), "bytes": WHOLE, "files": WHOLE, "made_by": _or_none(TEXT)})
CODE = _members({"uri": TEXT, "sha256": _or_none(TEXT)})
SEARCH = _members({"of": WHOLE, "objective": _or_none(TEXT), "value": ANY, "tuned": PAIRS})
OPTIONAL = {
    "job": TEXT,
    "image": TEXT,
    "inputs": _mapping(TEXT, TEXT),
    "outputs": _mapping(TEXT, TEXT),
    "queries": _mapping(TEXT, TEXT),
    "hyperparameters": PAIRS,
    "arguments": TEXT,
    "reused_from": TEXT,
    "code": CODE,
    "search": SEARCH,
}
EXECUTION = _members({"execution_arn": TEXT, "definition_sha256": TEXT, "started_at": _or_none(TEXT)}, {"pipeline": TEXT})
GIT = _members({"commit": TEXT, "branch": _or_none(TEXT), "dirty": _or_none(_is(bool))})
LIBRARIES = _mapping(TEXT, PAIRS)
DOCUMENT = _members(
    {
        "model_package_arn": TEXT,
        "execution": _or_none(EXECUTION),
        "git": _or_none(GIT),
        "environment": _members({}, {"libraries": PAIRS, "pinned": LIBRARIES}),
        "parameters": PAIRS,
        "models": lambda value: isinstance(value, list) and all(map(_members({"uri": TEXT, "image": TEXT}), value)),
        "metrics": _mapping(TEXT, TEXT),
        "objects": _mapping(TEXT, OBJECT),
        "steps": _mapping(TEXT, _members({"type": TEXT}, OPTIONAL)),
        "names": _mapping(TEXT, TEXT),
    },
    {"problem": TEXT},
)


def is_traced(found: Any) -> bool:
    """Tell whether a document is a lineage: every member has its type, and every object and step that is named is there."""
    if not DOCUMENT(found):
        return False
    objects, steps = found["objects"], found["steps"]
    named = {each["uri"] for each in found["models"]} | set(found["metrics"].values())
    named |= {uri for own in steps.values() for uri in own.get("inputs", {}).values()}
    made = {each["made_by"] for each in objects.values()} - {None}
    return named <= set(objects) and made <= set(steps)
