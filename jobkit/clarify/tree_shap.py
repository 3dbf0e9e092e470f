"""Exact Shapley values of the margin of boosted trees against baseline rows, for players that are groups of features.

The game is the interventional one: a player in the coalition takes all its features from the row, the others take theirs from a baseline row. In it a leaf
is worth its value when every player on its path satisfies all its conditions there, by the row or by the baseline. With p players that only the row
satisfies and q that only the baseline does, each of the p earns (p-1)! q! / (p+q)! of the value, each of the q loses p! (q-1)! / (p+q)! of it, and the others
earn nothing; a leaf that some player satisfies by neither earns nobody anything.

What a row earns of a part of a tree depends on nothing but which conditions there it satisfies. So trees are cut into parts of few conditions, and each
becomes a table with one entry for each pattern of satisfied conditions; the mean over the baseline rows is in it: more baseline rows cost a row nothing.
"""

from __future__ import annotations

import json
import math
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from jobkit.failure import JobError

# A part of a tree has at most so many conditions: its patterns are numbers of one byte.
BITS = 8
CHUNK = 8192
# A condition is a node and whether its left child is wanted; a path has those of each player on it.
Condition = Tuple[int, bool]
Path = Dict[int, Tuple[Condition, ...]]


class Tree(NamedTuple):
    """Hold a tree by nodes, shape (nodes,): split feature, threshold (float32), where missing goes, children (-1 at leaves), value at leaves."""

    feature: List[int]
    threshold: np.ndarray
    missing_left: List[bool]
    left: List[int]
    right: List[int]
    value: np.ndarray
    output: int


class Forest(NamedTuple):
    """Hold the trees of a booster, how many features and outputs it has, and its objective."""

    trees: Tuple[Tree, ...]
    features: int
    outputs: int
    objective: str


class Unsupported(JobError):
    """Say that a booster is none whose Shapley values are calculated here."""


def read(booster: Any) -> Forest:
    """Return the trees of an XGBoost booster.

    Raises:
        Unsupported: it is linear, has categorical splits or leaves of several values.
    """
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    boosted = learner["gradient_booster"]
    model = boosted.get("gbtree", boosted).get("model")
    if model is None or "trees" not in model:
        raise Unsupported("the booster is {}, not trees".format(boosted.get("name")))
    weights = boosted.get("weight_drop") or [1.0] * len(model["trees"])
    trees = [_tree(found, output, weight) for found, output, weight in zip(model["trees"], model["tree_info"], weights)]
    outputs = max(1, int(learner["learner_model_param"]["num_class"]))
    return Forest(tuple(trees), int(learner["learner_model_param"]["num_feature"]), outputs, learner["objective"]["name"])


def _tree(found: Mapping[str, Any], output: int, weight: float) -> Tree:
    if any(found.get("split_type") or ()) or int(found["tree_param"].get("size_leaf_vector") or 1) > 1:
        raise Unsupported("the booster has categorical splits or leaves of several values")
    conditions = np.array(found["split_conditions"], dtype=np.float32)
    value = np.where(np.array(found["left_children"]) < 0, conditions, np.float32(0)).astype(np.float64) * weight
    missing_left = [bool(word) for word in found["default_left"]]
    return Tree(found["split_indices"], conditions, missing_left, found["left_children"], found["right_children"], value, output)


def explain(forest: Forest, rows: np.ndarray, baseline: np.ndarray, players: Optional[Sequence[int]] = None) -> np.ndarray:
    """Return Shapley values of the margin, float64 of shape (rows, players, outputs).

    `rows` and `baseline` are features, float32 of shape (rows, features), NaN for missing; `players` names for each feature the player that owns it, from 0;
    by default each feature is a player of its own.
    """
    owners = list(range(forest.features)) if players is None else [int(player) for player in players]
    count = max(owners, default=-1) + 1
    result = np.zeros((len(rows), count, forest.outputs))
    references = np.ascontiguousarray(baseline.T)
    cut = [(tree, parts(tree, owners, Ways(tree, references))) for tree in forest.trees]
    for start in range(0, len(rows), CHUNK):
        columns = np.ascontiguousarray(rows[start : start + CHUNK].T)
        values = np.zeros((forest.outputs, count, columns.shape[1]))
        missing = np.isnan(columns).any(axis=1).tolist()
        for tree, found in cut:
            ways = Ways(tree, columns, missing)
            for part in found:
                part.add(ways, values[tree.output])
        result[start : start + CHUNK] = values.transpose(2, 1, 0)
    return result


class Ways:
    """Know which conditions of a tree rows satisfy; `columns` are their features, float32 of shape (features, rows).

    `missing` tells for each feature whether some value is missing, to spare looking where none is.
    """

    def __init__(self, tree: Tree, columns: np.ndarray, missing: Optional[Sequence[bool]] = None) -> None:
        self.rows = columns.shape[1]
        left = np.zeros((len(tree.left), self.rows), dtype=bool)
        for node, child in enumerate(tree.left):
            if child >= 0:
                feature = tree.feature[node]
                np.less(columns[feature], tree.threshold[node], out=left[node])
                if tree.missing_left[node] and (missing is None or missing[feature]):
                    left[node] |= np.isnan(columns[feature])
        self.left = left.view(np.uint8)
        self.right = self.left ^ 1
        self._known: Dict[Tuple[Condition, ...], np.ndarray] = {}

    def all(self, conditions: Tuple[Condition, ...]) -> np.ndarray:
        """Return whether rows satisfy all of some conditions, uint8 of 0 and 1, shape (rows,)."""
        node, to_left = conditions[-1]
        last = (self.left if to_left else self.right)[node]
        if len(conditions) == 1:
            return last
        if conditions not in self._known:
            self._known[conditions] = last & self.all(conditions[:-1])
        return self._known[conditions]


class Leaf(NamedTuple):
    """Be a part that is one leaf on whose way there are too many players for a table; `patterns` (bool, shape (patterns, players)) tell what the baseline
    satisfies, `shares` how many of its rows do so, 0 to 1."""

    value: float
    path: Tuple[Tuple[Condition, ...], ...]
    players: Tuple[int, ...]
    patterns: np.ndarray
    shares: np.ndarray

    def add(self, ways: Ways, values: np.ndarray) -> None:
        """Add what rows earn of this leaf to `values`, float64 of shape (players, rows)."""
        gain, loss = weights(len(self.players))
        found = [ways.all(conditions) for conditions in self.path]
        for pattern, share in zip(self.patterns.tolist(), self.shares.tolist()):
            gaining, losing = ([place for place, holds in enumerate(pattern) if holds == wanted] for wanted in (False, True))
            alive = np.flatnonzero(np.bitwise_and.reduce([found[place] for place in gaining])) if gaining else np.arange(ways.rows)
            if not len(alive):
                continue
            unmet = np.array([found[place][alive] ^ 1 for place in losing]).reshape(len(losing), len(alive))
            lost = unmet.sum(axis=0, dtype=np.intp)
            gained, given = gain[len(gaining), lost] * (self.value * share), loss[len(gaining), lost] * (self.value * share)
            for place in gaining:
                values[self.players[place], alive] += gained
            for place, missed in zip(losing, unmet):
                values[self.players[place], alive] -= given * missed


class Part(NamedTuple):
    """Hold a part of a tree: its conditions, those of each player on the way to its root and then its nodes, and a row of its table for each player."""

    above: Tuple[Tuple[Condition, ...], ...]
    nodes: Tuple[int, ...]
    players: Tuple[int, ...]
    table: np.ndarray

    def add(self, ways: Ways, values: np.ndarray) -> None:
        """Add what rows earn of this part to `values`, float64 of shape (players, rows)."""
        code = self.codes(ways).astype(np.intp)
        for player, column in zip(self.players, self.table):
            values[player] += column.take(code)

    def codes(self, ways: Ways) -> np.ndarray:
        """Return which conditions rows satisfy as the bits of a number, the first the lowest, uint8 of shape (rows,)."""
        code = np.zeros(ways.rows, dtype=np.uint8)
        for node in reversed(self.nodes):
            np.add(code, code, out=code)
            np.bitwise_or(code, ways.left[node], out=code)
        for conditions in reversed(self.above):
            np.add(code, code, out=code)
            np.bitwise_or(code, ways.all(conditions), out=code)
        return code


def parts(tree: Tree, owners: Sequence[int], baseline: Ways) -> List[Any]:
    """Cut a tree into parts of at most BITS conditions; `owners` are the players that own the features."""
    inner = _inner(tree)
    tabled: List[Tuple[int, Path]] = []
    found: List[Any] = []
    stack: List[Tuple[int, Path]] = [(0, {})]
    while stack:
        node, path = stack.pop()
        if len(path) + len(inner[node]) <= BITS:
            tabled.append((node, path))
        elif tree.left[node] < 0:
            found.append(_leaf(tree, node, path, baseline))
        else:
            stack += _children(tree, owners, node, path)
    return [*_tables(tree, owners, baseline, [(node, path, inner[node]) for node, path in tabled if path or inner[node]]), *found]


def _inner(tree: Tree) -> List[Tuple[int, ...]]:
    """Return for each node the inner nodes at and below it; when they are too many, no more than tells so."""
    order, stack = [], [0]
    while stack:
        node = stack.pop()
        order.append(node)
        stack += [tree.left[node], tree.right[node]] if tree.left[node] >= 0 else []
    inner: List[Tuple[int, ...]] = [()] * len(tree.left)
    for node in reversed(order):
        if tree.left[node] >= 0:
            inner[node] = (node, *inner[tree.left[node]], *inner[tree.right[node]])[: BITS + 1]
    return inner


def _children(tree: Tree, owners: Sequence[int], node: int, path: Path) -> Iterator[Tuple[int, Path]]:
    player = owners[tree.feature[node]]
    for child, to_left in ((tree.left[node], True), (tree.right[node], False)):
        yield child, {**path, player: (*path.get(player, ()), (node, to_left))}


def _leaf(tree: Tree, node: int, path: Path, baseline: Ways) -> Leaf:
    codes = np.array([baseline.all(conditions) for conditions in path.values()], dtype=bool)
    patterns, counts = np.unique(codes.T, axis=0, return_counts=True)
    return Leaf(float(tree.value[node]), tuple(path.values()), tuple(path), patterns, counts / baseline.rows)


class Entries(NamedTuple):
    """Gather the leaves of a tree's parts: for each and each distinct pattern of the baseline in the part its value, that pattern, and by player of its path
    the bits of its conditions, how they must be, and the row of the table that is the player's."""

    value: List[float]
    pattern: List[int]
    masks: List[List[int]]
    wanted: List[List[int]]
    slots: List[List[int]]


def _tables(tree: Tree, owners: Sequence[int], baseline: Ways, found: Sequence[Tuple[int, Path, Tuple[int, ...]]]) -> List[Part]:
    """Return parts by their roots, the paths there and their nodes."""
    entries, made, rows, widest = Entries([], [], [], [], []), [], 0, 0
    for root, path, nodes in found:
        players = tuple(sorted({*path, *(owners[tree.feature[node]] for node in nodes)}))
        part = Part(tuple(path.values()), nodes, players, np.empty(0))
        codes, counts = np.unique(part.codes(baseline), return_counts=True)
        shared = list(zip(codes.tolist(), (counts / baseline.rows).tolist()))
        slots = {player: rows + place for place, player in enumerate(players)}
        for value, conditions in _leaves(tree, owners, root, path, nodes):
            for code, share in shared:
                _enter(entries, value * share, code, conditions, slots)
        made.append((part, rows))
        rows, widest = rows + len(players), max(widest, len(path) + len(nodes))
    table = _filled(entries, rows, widest)
    return [part._replace(table=table[start : start + len(part.players)]) for part, start in made]


Bits = Dict[int, Tuple[int, int]]


def _leaves(tree: Tree, owners: Sequence[int], root: int, path: Path, nodes: Tuple[int, ...]) -> Iterator[Tuple[float, Bits]]:
    """Yield for each leaf of a part its value, and by player the bits of its conditions and how they must be."""
    bit = {node: 1 << (len(path) + place) for place, node in enumerate(nodes)}
    stack: List[Tuple[int, Bits]] = [(root, {player: (1 << place, 1 << place) for place, player in enumerate(path)})]
    while stack:
        node, conditions = stack.pop()
        if tree.left[node] < 0:
            yield float(tree.value[node]), conditions
            continue
        player = owners[tree.feature[node]]
        mask, wanted = conditions.get(player, (0, 0))
        stack.append((tree.left[node], {**conditions, player: (mask | bit[node], wanted | bit[node])}))
        stack.append((tree.right[node], {**conditions, player: (mask | bit[node], wanted)}))


def _enter(entries: Entries, value: float, code: int, conditions: Bits, slots: Mapping[int, int]) -> None:
    """Add one entry; up to BITS players are filled up with such as are always satisfied, which earn nothing."""
    blank = [0] * (BITS - len(conditions))
    entries.value.append(value)
    entries.pattern.append(code)
    entries.masks.append([mask for mask, _ in conditions.values()] + blank)
    entries.wanted.append([wanted for _, wanted in conditions.values()] + blank)
    entries.slots.append([slots[player] for player in conditions] + blank)


def _filled(entries: Entries, rows: int, width: int) -> np.ndarray:
    """Return what each player of each part earns by pattern, float64 of shape (rows, 2 ** width)."""
    table = np.zeros((rows, 1 << width))
    if not entries.value:
        return table
    masks = np.array(entries.masks, dtype=np.uint8)
    used = int((masks != 0).sum(axis=1).max())
    masks, wanted = masks[:, :used], np.array(entries.wanted, dtype=np.uint8)[:, :used]
    slots = np.array(entries.slots)[:, :used]
    baseline = (np.array(entries.pattern, dtype=np.uint8)[:, None] & masks) == wanted
    row = (np.arange(1 << width).astype(np.uint8) & masks[:, :, None]) == wanted[:, :, None]
    gained, given = _earned(np.array(entries.value), row, baseline, used)
    for place in range(used):
        holds, real = baseline[:, place, None], masks[:, place] != 0
        earned = np.where(holds, -given * ~row[:, place], gained)
        np.add.at(table, slots[real, place], earned[real])
    return table


def _earned(value: np.ndarray, row: np.ndarray, baseline: np.ndarray, players: int) -> Tuple[np.ndarray, np.ndarray]:
    """Return what each gaining player gains and each losing one loses, float64 of shape (entries, patterns)."""
    alive = (row | baseline[:, :, None]).all(axis=1) * value[:, None]
    lost = (baseline[:, :, None] & ~row).sum(axis=1, dtype=np.uint8)
    gain, loss = weights(players)
    gaining = (~baseline).sum(axis=1)[:, None]
    return gain[gaining, lost] * alive, loss[gaining, lost] * alive


def weights(players: int) -> Tuple[np.ndarray, np.ndarray]:
    """Return what of a leaf's value each gaining player gains and each losing one loses, by how many gain and how many lose."""
    shape = (players + 1, players + 1)
    gain, loss, f = np.zeros(shape), np.zeros(shape), math.factorial
    for p in range(players + 1):
        for q in range(players + 1 - p):
            gain[p, q] = f(p - 1) * f(q) / f(p + q) if p else 0.0
            loss[p, q] = f(p) * f(q - 1) / f(p + q) if q else 0.0
    return gain, loss
