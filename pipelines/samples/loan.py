"""Seeded loan applications: credit history decides most, and women with the same history are approved a little less often, for bias checks to find."""

from __future__ import annotations

import csv
import io
from typing import Any

from pipelines.samples.dice import Dice

FILE = "loan_data.csv"
ROWS, SEED = 598, 0
TERMS = {"360": 0.84, "180": 0.072, "480": 0.023, "300": 0.02, "240": 0.012, "120": 0.012, "84": 0.007, "60": 0.014}
AREAS = {"Semiurban": 0.376, "Urban": 0.331, "Rural": 0.293}


def generate() -> dict[str, bytes]:
    """Return the file: a header and 598 applications."""
    table = columns(ROWS, SEED)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    return {FILE: out.getvalue().encode()}


def columns(rows: int, seed: int) -> dict[str, Any]:
    """Return the columns in the order of the real file, shape (rows,)."""
    import numpy

    dice = Dice(rows, seed)
    male, graduate = dice.uniform() < 0.814, dice.uniform() < 0.778
    married = dice.uniform() < numpy.where(male, 0.72, 0.36)
    income = numpy.round(1500 + dice.exponential(2600) + 1400 * graduate).astype(int).clip(150, 81000)
    partner = numpy.where(married & (dice.uniform() < 0.7), numpy.round(900 + dice.exponential(1500)), 0).astype(int)
    amount = numpy.round(60 + 0.011 * (income + partner) + dice.exponential(32)).astype(int).clip(5, 650)
    area, history = dice.level(AREAS), dice.uniform() < 0.816
    employed = dice.uniform() < 0.13
    score = -3.0 + 4.2 * history + 0.5 * (area == "Semiurban") + 0.35 * male + 0.25 * graduate - 0.9 * employed - 0.004 * (amount - 146)
    return {
        "loan_id": [f"LP{1000 + 3 * number:06d}" for number in range(1, rows + 1)],
        "gender": male.astype(int),
        "married": numpy.where(married, "Yes", "No"),
        "dependents": dice.count(0.585, 0.177, 0.172, 0.04),
        "education": numpy.where(graduate, "Graduate", "Not Graduate"),
        "self_employed": employed.astype(int),
        "applicant_income": income,
        "coapplicant_income": partner,
        "loan_amount": amount,
        "term": dice.level(TERMS),
        "credit_history": history.astype(int),
        "property_area": area,
        "approved": numpy.where(dice.happens(score), "Y", "N"),
    }
