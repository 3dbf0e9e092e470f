"""Shapley values of any model by Kernel SHAP: a weighted regression of the model's answers on coalitions of columns.

All coalitions are asked when they are no more than `samples`; then the values are exact. Else the smallest and largest are, as far as the samples go, and of
the others random ones in pairs with their complements. The values add up exactly in any case. A column that is in a row as in every baseline row earns nothing.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple

import numpy as np

# At most so many made-up rows are asked for at once.
BATCH = 100_000
TELL_EVERY = 200
Predict = Callable[[Any], np.ndarray]
Link = Callable[[np.ndarray], np.ndarray]
Tell = Callable[[str], None]


class Explained(NamedTuple):
    """Hold Shapley values (float64, shape (rows, columns, outputs)), and what the baseline is worth (float64, shape (outputs,))."""

    values: np.ndarray
    expected: np.ndarray


class Block(NamedTuple):
    """Hold rows that are explained by the same coalitions: their places, those columns that vary, the coalitions (bool, shape (coalitions, columns))."""

    rows: np.ndarray
    varying: np.ndarray
    coalitions: np.ndarray


class Plan(NamedTuple):
    """Hold coalitions of players (bool, shape (coalitions, players)) and what makes values of their answers (float64, shape (players, coalitions))."""

    coalitions: np.ndarray
    solve: np.ndarray


def default_samples(columns: int) -> int:
    """Return how many coalitions are asked when nobody says: 2048 and two a column, as Kernel SHAP's authors do."""
    return 2048 + 2 * columns


def explain(predict: Predict, rows: Any, baseline: Any, samples: int, link: Link, seed: int, tell: Tell) -> Explained:
    """Return the Shapley values of `link` of the answers of `predict`; `rows` and `baseline` are Datasets of the same columns.

    Raises:
        JobError: what `predict` and `link` raise.
    """
    answers, expected = link(predict(rows)), link(predict(baseline).mean(axis=0, keepdims=True))[0]
    differing = differs(rows, baseline)
    values = np.zeros((rows.rows, len(rows.names), len(expected)))
    plans: Dict[int, Plan] = {}
    done, told = 0, 0
    for blocks in _batches(differing, samples, seed, baseline.rows, plans, tell):
        asked = _ask(predict, rows, baseline, blocks)
        for block, answered in zip(blocks, asked):
            _solve(values, block, plans[len(block.varying)], link(answered), answers, expected)
            done += len(block.rows)
        if done - told >= TELL_EVERY:
            told = done
            tell("explained {} of {} rows".format(done, rows.rows))
    return Explained(values, expected)


def differs(rows: Any, baseline: Any) -> np.ndarray:
    """Return whether a row's value is another than that of some baseline row, bool of shape (rows, columns); missing equals missing."""
    found = np.zeros((rows.rows, len(rows.names)), dtype=bool)
    for place, name in enumerate(rows.names):
        for value in baseline.columns[name]:
            found[:, place] |= ~_same(rows.columns[name], value)
    return found


def _same(column: np.ndarray, value: Any) -> np.ndarray:
    if column.dtype.kind == "f" and value != value:
        return np.isnan(column)
    return np.asarray(column == value, dtype=bool)


def cost(differing: np.ndarray, samples: int, baseline: int) -> int:
    """Return how many made-up rows the model will be asked about."""
    players, counts = np.unique(differing.sum(axis=1), return_counts=True)
    return int(sum(count * _number(int(m), samples) for m, count in zip(players, counts))) * baseline


def _number(players: int, samples: int) -> int:
    return min(2**players - 2, max(samples, 2)) if players > 1 else 0


def _batches(differing: np.ndarray, samples: int, seed: int, baseline: int, plans: Dict[int, Plan], tell: Tell) -> Iterator[List[Block]]:
    """Yield blocks that together ask about BATCH rows or a few more."""
    kinds, members = np.unique(differing, axis=0, return_inverse=True)
    gathered, size = [], 0  # type: List[Block], int
    for kind, varying in enumerate(kinds):
        rows, places = np.flatnonzero(members.ravel() == kind), np.flatnonzero(varying)
        plan = _planned(len(places), samples, seed, plans, tell)
        coalitions = np.zeros((len(plan.coalitions), differing.shape[1]), dtype=bool)
        coalitions[:, places] = plan.coalitions
        step = max(1, BATCH // max(1, len(coalitions) * baseline))
        for start in range(0, len(rows), step):
            gathered.append(Block(rows[start : start + step], places, coalitions))
            size += len(gathered[-1].rows) * len(coalitions) * baseline
            if size >= BATCH:
                yield gathered
                gathered, size = [], 0
    if gathered:
        yield gathered


def _planned(players: int, samples: int, seed: int, plans: Dict[int, Plan], tell: Tell) -> Plan:
    if players not in plans:
        plans[players] = plan(players, samples, seed)
        if players > 1 and len(plans[players].coalitions) < players:
            told = "only {} coalitions of {} columns are asked; their values share what is left alike. Raise num_samples to at least {}"
            tell(told.format(len(plans[players].coalitions), players, default_samples(players)))
    return plans[players]


def plan(players: int, samples: int, seed: int) -> Plan:
    """Return the coalitions to ask, and how their answers become values."""
    if players < 2:
        return Plan(np.zeros((0, players), dtype=bool), np.zeros((players, 0)))
    coalitions, weights = every(players) if 2**players - 2 <= samples else some(players, samples, seed)
    basis = _basis(players)
    root = np.sqrt(weights)[:, None]
    solve = basis @ np.linalg.pinv(root * (coalitions @ basis), rcond=1e-12) * root.T
    return Plan(coalitions, solve)


def _basis(players: int) -> np.ndarray:
    """Return an orthonormal basis of what sums to zero, float64 of shape (players, players - 1): so all players stand alike, and the sum is exact."""
    full = np.column_stack([np.ones(players), np.eye(players)[:, : players - 1]])
    return np.linalg.qr(full)[0][:, 1:]


def every(players: int) -> Tuple[np.ndarray, np.ndarray]:
    """Return all coalitions but the empty and the whole one, and their weights in the regression."""
    numbers = np.arange(1, 2**players - 1)
    coalitions = (numbers[:, None] >> np.arange(players) & 1).astype(bool)
    weight = np.array([0.0] + [(players - 1) / (math.comb(players, size) * size * (players - size)) for size in range(1, players)])
    return coalitions, weight[coalitions.sum(axis=1)]


def some(players: int, samples: int, seed: int) -> Tuple[np.ndarray, np.ndarray]:
    """Return at most `samples` coalitions (at least one pair) and their weights: sizes from both ends whole while they can be, of the others random pairs."""
    samples = max(2, samples)
    sizes = list(range(1, players // 2 + 1))
    share = np.array([(players - 1) / (size * (players - size)) * (1 if 2 * size == players else 2) for size in sizes])
    share /= share.sum()
    chosen, weights, place = [], [], 0  # type: List[np.ndarray], List[np.ndarray], int
    while place < len(sizes):
        size = sizes[place]
        number = math.comb(players, size) * (1 if 2 * size == players else 2)
        if (samples - sum(map(len, chosen))) * share[place] / share[place:].sum() < number:
            break
        chosen.append(_whole(players, size))
        weights.append(np.full(number, share[place] / number))
        place += 1
    left = samples - sum(map(len, chosen))
    if place < len(sizes) and left >= 2:
        drawn, counts = _drawn(players, np.array(sizes[place:]), share[place:], left, np.random.default_rng(seed))
        chosen.append(drawn)
        weights.append(counts * (share[place:].sum() / counts.sum()))
    return np.concatenate(chosen), np.concatenate(weights)


def _whole(players: int, size: int) -> np.ndarray:
    """Return all coalitions of a size, and their complements if these are of another."""
    places = np.array(list(itertools.combinations(range(players), size)))
    found = np.zeros((len(places), players), dtype=bool)
    np.put_along_axis(found, places, True, axis=1)
    return found if 2 * size == players else np.concatenate([found, ~found])


def _drawn(players: int, sizes: np.ndarray, share: np.ndarray, number: int, dice: np.random.Generator) -> Tuple[np.ndarray, np.ndarray]:
    """Return distinct random coalitions in pairs with their complements, and how often each was drawn."""
    picked = dice.choice(sizes, size=number // 2, p=share / share.sum())
    order = np.argsort(np.argsort(dice.random((len(picked), players)), axis=1), axis=1)
    found = order < picked[:, None]
    distinct, counts = np.unique(np.concatenate([found, ~found]), axis=0, return_counts=True)
    return distinct, counts.astype(np.float64)


def _ask(predict: Predict, rows: Any, baseline: Any, blocks: List[Block]) -> List[np.ndarray]:
    """Return the mean answers over the baseline for each block, float64 of shape (rows of the block, coalitions, outputs)."""
    row = np.concatenate([np.repeat(block.rows, len(block.coalitions)) for block in blocks])
    taken = np.concatenate([np.tile(block.coalitions, (len(block.rows), 1)) for block in blocks])
    if not len(row):
        return [np.zeros((len(block.rows), 0, 1)) for block in blocks]
    answers = predict(mixed(rows, baseline, row, taken))
    means = answers.reshape(len(row), baseline.rows, -1).mean(axis=1)
    ends = np.cumsum([len(block.rows) * len(block.coalitions) for block in blocks])[:-1]
    return [part.reshape(len(block.rows), -1, means.shape[1]) for block, part in zip(blocks, np.split(means, ends))]


def mixed(rows: Any, baseline: Any, row: np.ndarray, taken: np.ndarray) -> Any:
    """Return made-up rows: the columns `taken` (bool, shape (made, columns)) of the rows at `row`, the others of each baseline row in turn."""
    columns = {}
    for place, name in enumerate(rows.names):
        own = np.repeat(rows.columns[name][row], baseline.rows)
        other = np.tile(baseline.columns[name], len(row))
        columns[name] = np.where(np.repeat(taken[:, place], baseline.rows), own, other)
    return rows._replace(columns=columns, rows=len(row) * baseline.rows)


def _solve(values: np.ndarray, block: Block, plan: Plan, answered: np.ndarray, answers: np.ndarray, expected: np.ndarray) -> None:
    """Put the values of a block's rows where they belong."""
    players = len(block.varying)
    if not players:
        return
    total = answers[block.rows] - expected
    even = total[:, None, :] / players
    found = np.repeat(even, players, axis=1)
    if players > 1:
        size = plan.coalitions.sum(axis=1)
        rest = answered - expected - size[None, :, None] * even
        found = found + np.einsum("pc,rco->rpo", plan.solve, rest)
    values[block.rows[:, None], block.varying[None, :]] = found


def identity(answers: np.ndarray) -> np.ndarray:
    """Return answers as they are, float64."""
    return np.asarray(answers, dtype=np.float64)
