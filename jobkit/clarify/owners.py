"""Say which raw column each feature of a recipe comes from, where every feature comes from one alone."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional

from jobkit import expression

Owners = Dict[str, str]
State = Mapping[str, Any]


class Shared(Exception):
    """Say that a step makes a column of several others, or of what nobody can tell."""


def of_features(recipe: Mapping[str, Any]) -> Optional[List[str]]:
    """Return for each feature the raw column it is made of, None when some feature is made of several or by code of the user's."""
    owners = {entry["name"]: entry["name"] for entry in recipe["schema"]}
    try:
        for state in recipe["steps"]:
            owners = FOLLOW[state["step"]](owners, state)
        return [owners[name] for name in recipe["columns"]]
    except (Shared, KeyError):
        return None


def _same(owners: Owners, state: State) -> Owners:
    return owners


def _dropped(owners: Owners, state: State) -> Owners:
    return {name: owner for name, owner in owners.items() if name not in state["columns"]}


def _renamed(owners: Owners, state: State) -> Owners:
    return {state["columns"].get(name, name): owner for name, owner in owners.items()}


def _imputed(owners: Owners, state: State) -> Owners:
    return {**owners, **{new: owners[name] for name, new in state["indicators"].items()}}


def _one_hot(owners: Owners, state: State) -> Owners:
    made = {new: owners[name] for name in state["columns"] for new in (*state["names"][name], *state["extra"][name].values())}
    return {**{name: owner for name, owner in owners.items() if name not in state["columns"]}, **made}


def _dates(owners: Owners, state: State) -> Owners:
    if state["since"] is not None:
        raise Shared
    return _parts(owners, state, [*state["parts"], *(["elapsed"] if state["start"] is not None else [])])


def _text(owners: Owners, state: State) -> Owners:
    return _parts(owners, state, [*state["measures"], *state["extract"]])


def _parts(owners: Owners, state: State, parts: List[str]) -> Owners:
    made = {"{}_{}".format(name, part): owners[name] for name in state["columns"] for part in parts}
    return {**{name: owner for name, owner in owners.items() if state["keep"] or name not in state["columns"]}, **made}


def _derived(owners: Owners, state: State) -> Owners:
    for new, source in state["columns"].items():
        found = {owners[name] for name in expression.names(source)}
        if len(found) != 1:
            raise Shared
        owners = {**owners, new: found.pop()}
    return owners


# Steps that are not here make Shapley values of raw columns a matter of asking the model.
FOLLOW: Mapping[str, Callable[[Owners, State], Owners]] = {
    "drop_columns": _dropped,
    "rename_columns": _renamed,
    "move_columns": _same,
    "impute": _imputed,
    "outliers": _same,
    "scale": _same,
    "bin": _same,
    "cast": _same,
    "replace_rare": _same,
    "one_hot": _one_hot,
    "ordinal": _same,
    "frequency_encode": _same,
    "target_encode": _same,
    "dates": _dates,
    "text": _text,
    "derive": _derived,
}
