"""Seeded phone customers, prepared for built-in XGBoost: no header, the label first, plans, states and area codes as columns of 0 and 1."""

from __future__ import annotations

from typing import Any

from pipelines.samples.dice import Dice

ROWS, SEED = 3333, 0
STATES, AREAS = 51, (0.497, 0.252)
TRAIN, VALIDATION = 2333, 666


def generate() -> dict[str, bytes]:
    """Return the files: training and validation rows, and rows without label to predict."""
    import numpy

    table = columns(ROWS, SEED)
    rows = numpy.column_stack(list(table.values()))
    parts = {"train.csv": rows[:TRAIN], "validation.csv": rows[TRAIN : TRAIN + VALIDATION], "batch.csv": rows[TRAIN + VALIDATION :, 1:]}
    return {name: "".join(",".join(f"{value:g}" for value in row) + "\n" for row in part).encode() for name, part in parts.items()}


def columns(rows: int, seed: int) -> dict[str, Any]:
    """Return the columns in order, float64 of shape (rows,), the label first."""
    import numpy

    dice = Dice(rows, seed)
    made: dict[str, Any] = {
        "account_length": numpy.round(dice.normal(101, 40)).clip(1, 243),
        "voice_messages": numpy.where(dice.uniform() < 0.277, numpy.round(dice.normal(29, 7.5)).clip(4, 51), 0),
    }
    for name, minutes in (("day", 180), ("evening", 201), ("night", 201)):
        made[f"{name}_minutes"] = numpy.round(dice.normal(minutes, 52).clip(0, 400), 1)
        made[f"{name}_calls"] = numpy.round(dice.normal(100, 20)).clip(0, 175)
    made["international_minutes"] = numpy.round(dice.normal(10.2, 2.8).clip(0, 20), 1)
    made["international_calls"] = dice.count(0.005, 0.05, 0.15, 0.2, 0.19, 0.14, 0.1, 0.065, 0.035, 0.033)
    made["service_calls"] = dice.count(0.209, 0.354, 0.228, 0.129, 0.05, 0.02, 0.007)
    plan = dice.uniform() < 0.097
    state, area = (dice.uniform() * STATES).astype(int), dice.count(*AREAS)
    marks = {f"state_{number}": state == number for number in range(STATES)} | {f"area_{number}": area == number for number in range(3)}
    voice = made["voice_messages"] > 0
    plans = {"international_no": ~plan, "international_yes": plan, "voice_no": ~voice, "voice_yes": voice}
    return {"churn": _churned(made, plan, dice).astype(float), **made, **marks, **plans}


def _churned(made: dict[str, Any], plan: Any, dice: Dice) -> Any:
    """Return who leaves: long days without a voice plan, an international plan that is not used, and the fourth call to the service."""
    bill = made["day_minutes"] * 0.17 + made["evening_minutes"] * 0.085 + made["night_minutes"] * 0.045
    costly = (bill > 70) & (made["voice_messages"] == 0)
    abroad = plan & ((made["international_calls"] < 3) | (made["international_minutes"] > 13))
    upset = (made["service_calls"] > 3) & (made["day_minutes"] < 170)
    return dice.happens(-3.6 + 6.0 * costly + 6.5 * abroad + 5.5 * upset)
