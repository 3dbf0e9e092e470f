"""Seeded red wines: eleven measurements in the ranges of real ones, and a score that follows alcohol, acidity and sulphates."""

from __future__ import annotations

from typing import Any

from pipelines.samples.dice import Dice

FILE = "winequality-red.csv"
ROWS, SEED, REPEATED = 1599, 0, 240
ORDER = ("fixed acidity", "volatile acidity", "citric acid", "residual sugar", "chlorides", "free sulfur dioxide", "total sulfur dioxide", "density") + (
    "pH",
    "sulphates",
    "alcohol",
    "quality",
)
DIGITS = (1, 3, 2, 1, 3, 1, 1, 5, 2, 2, 1, 0)


def generate() -> dict[str, bytes]:
    """Return the file: a header and 1,599 wines, of which 240 repeat an earlier one."""
    import numpy

    table = columns(ROWS - REPEATED, SEED)
    lines = [",".join(f"{value:.{digits}f}" for value, digits in zip(row, DIGITS, strict=True)) for row in zip(*table.values(), strict=True)]
    copies = (Dice(REPEATED, SEED + 1).uniform() * len(lines)).astype(int)
    order = numpy.argsort(numpy.concatenate([numpy.arange(len(lines)), copies + 0.5]), kind="stable")
    everything = [*lines, *(lines[number] for number in copies)]
    return {FILE: "\n".join([",".join(ORDER), *(everything[number] for number in order), ""]).encode()}


def columns(rows: int, seed: int) -> dict[str, Any]:
    """Return the columns in the order of the real file, float64 of shape (rows,)."""
    import numpy

    dice = Dice(rows, seed)
    body, age = dice.normal(), dice.normal()
    made: dict[str, Any] = {
        "fixed acidity": (8.3 + 1.4 * body + dice.normal(0, 1.0)).clip(4.6, 15.9),
        "volatile acidity": (0.53 - 0.06 * body + dice.normal(0, 0.16)).clip(0.12, 1.58),
        "citric acid": (0.27 + 0.12 * body + dice.normal(0, 0.14)).clip(0, 1),
        "residual sugar": (1.7 + dice.exponential(0.8)).clip(0.9, 15.5),
        "chlorides": (0.065 + dice.exponential(0.022)).clip(0.012, 0.611),
        "free sulfur dioxide": numpy.round(3 + dice.exponential(13)).clip(1, 72),
        "alcohol": (9.2 + dice.exponential(1.2) + 0.2 * age).clip(8.4, 14.9),
        "sulphates": (0.52 + dice.exponential(0.13) + 0.02 * body).clip(0.33, 2.0),
    }
    made["total sulfur dioxide"] = numpy.round(made["free sulfur dioxide"] + 4 + dice.exponential(26)).clip(6, 289)
    made["pH"] = (3.31 - 0.1 * body + dice.normal(0, 0.11)).clip(2.74, 4.01)
    made["density"] = (0.9968 + 0.0008 * body - 0.0008 * (made["alcohol"] - 10.4) + dice.normal(0, 0.0009)).clip(0.98, 1.01)
    score = 5.62 + 0.34 * (made["alcohol"] - 10.4) - 1.3 * (made["volatile acidity"] - 0.53) + 1.1 * numpy.log(made["sulphates"] / 0.63)
    made["quality"] = numpy.round(score - 0.002 * (made["total sulfur dioxide"] - 46) + dice.normal(0, 0.45)).clip(3, 8)
    return {name: made[name] for name in ORDER}
