"""The probe: two attacks on one model, what it knows better of its training rows than of others, and a verdict."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple

import numpy as np

from jobkit.failure import JobError
from jobkit.privacy import measures, shadows, target
from jobkit.privacy.target import Rows

FORMAT, VERSION = "sagewright.privacy", 1
FEWEST_ROWS, WIDE = 20, 0.1
MOST_SHADOWS = 64
ATTACKS = ("loss_threshold", "shadow_models")


class Settings(NamedTuple):
    """Hold how to probe: how many shadow models, at most how many rows of each split, the area (0.5 to 1) from which on a model memorises, and the seed."""

    shadow_models: int = 4
    rows: int = 5000
    at_most: float = 0.6
    seed: int = 0


def settings(given: Mapping[str, Any], seed: int) -> Settings:
    """Return the settings of a job.

    Raises:
        JobError: a number is outside of what makes sense, or a key is not known.
    """
    unknown = sorted(set(given) - {"shadow_models", "rows", "at_most"})
    if unknown:
        raise JobError("privacy: there is no setting {!r}; expected one of: at_most, rows, shadow_models".format(unknown[0]))
    made = Settings(**given)._replace(seed=seed)
    for name, low, high in (("shadow_models", 0, MOST_SHADOWS), ("rows", FEWEST_ROWS, 10**7), ("at_most", 0.5, 1), ("seed", 0, 2**31)):
        value = getattr(made, name)
        if not isinstance(value, (int, float)) or not low <= value <= high:
            raise JobError("privacy.{}: this is out of range; got {!r}, expected {} to {}".format(name, value, low, high))
    return made


def probe(booster: Any, members: Rows, others: Rows, problem: str, how: Settings, given: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the document of privacy.json; `members` were trained on, `others` were not, `given` are hyperparameters that are known.

    Raises:
        JobError: a split has fewer than 20 rows.
    """
    for name, rows in (("train", members), ("test", others)):
        if len(rows.labels) < FEWEST_ROWS:
            raise JobError("{}: too few rows to probe; got {}, expected at least {}".format(name, len(rows.labels), FEWEST_ROWS))
    members, others = members.take(drawn(len(members.labels), how.rows, how.seed)), others.take(drawn(len(others.labels), how.rows, how.seed + 1))
    said = [target.answers(booster, rows.features, problem) for rows in (members, others)]
    loss = [target.losses(answer, rows.labels) for answer, rows in zip(said, (members, others))]
    params, rounds = target.hyperparameters(booster, given)
    attacks: Dict[str, Any] = {"loss_threshold": measures.separation(-loss[0], -loss[1], how.seed)}
    if how.shadow_models:
        score = shadows.attack(shadows.train(members, params, rounds, problem, how.shadow_models, how.seed), problem)
        scored = [score(shadows.signs(answer, rows.labels), rows.labels) for answer, rows in zip(said, (members, others))]
        attacks["shadow_models"] = {**measures.separation(scored[0], scored[1], how.seed), "models": how.shadow_models}
    counts = {"members": len(members.labels), "non_members": len(others.labels)}
    found = {"attack": attacks, "gap": _gap(loss, problem), "rows": counts, "at_most": how.at_most, "seed": how.seed, "problem": problem}
    return {"format": FORMAT, "version": VERSION, **found, "hyperparameters": {**params, "num_round": rounds}, **_judged(attacks, how.at_most)}


def drawn(count: int, most: int, seed: int) -> np.ndarray:
    """Return places of at most `most` of `count` rows, drawn at random and in their order (int64, shape (rows,))."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.RandomState(seed).choice(count, most, replace=False))


def _gap(loss: List[np.ndarray], problem: str) -> Dict[str, Any]:
    """Return how wrong the model is on either split, in one number each; `loss` are two arrays, float64 of shape (rows,)."""
    means = [float(np.mean(values)) for values in loss]
    metric, numbers = ("rmse", [mean**0.5 for mean in means]) if problem == "regression" else ("log_loss", means)
    return {"metric": metric, "train": round(numbers[0], 6), "test": round(numbers[1], 6)}


def _judged(attacks: Mapping[str, Any], at_most: float) -> Dict[str, Any]:
    """Return whether the model memorises, the verdict in words, and warnings where the rows are too few to be sure."""
    over = [name for name in ATTACKS if name in attacks and attacks[name]["auc"] > at_most]
    wide = [name for name in ATTACKS if name in attacks and attacks[name]["upper"] - attacks[name]["lower"] > WIDE]
    told = "; ".join("{} {auc:.3f} ({lower:.3f} to {upper:.3f})".format(WORDS[name], **attacks[name]) for name in ATTACKS if name in attacks)
    verdict = "the model memorises its training rows" if over else "the model does not tell its training rows from others"
    advice = ". Train fewer rounds, shallower trees or with more regularisation, or drop columns that name single rows" if over else ""
    warning = "{}: the interval is wide, {lower:.3f} to {upper:.3f}; there are too few rows to be sure"
    return {
        "memorises": bool(over),
        "verdict": {"findings": len(over), "message": "{}: {}; at most {:.3f} is allowed{}".format(verdict, told, at_most, advice)},
        "warnings": [warning.format(WORDS[name], **attacks[name]) for name in wide],
    }


WORDS: Mapping[str, str] = {"loss_threshold": "AUC by loss", "shadow_models": "AUC by shadow models"}
