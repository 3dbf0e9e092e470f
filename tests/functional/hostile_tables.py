"""Three tables as nobody wants to get them: hostile names, hostile values, and a hostile file."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import random
from pathlib import Path

DATES = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d %b %Y", "%Y%m%dT%H%M%S")


def hostile_names(path: Path, rows: int = 1_200, twice: str = "x") -> Path:
    """Names with commas, quotes, unicode, spaces, leading digits, line breaks, nothing, and one of them twice unless `twice` is another."""
    dice = random.Random(1)
    names = ["a,b", 'say "hi"', "naïve café", "two words", "1st", "x", twice, "", "列", "line\nbreak", "-dash", "class", "x.1", "did it churn?"]
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(names)
        for _ in range(rows):
            label = dice.random() < 0.4
            numbers = [round(dice.gauss(label, 1), 3) for _ in names[:-1]]
            numbers[3] = dice.choice(["red, or so", 'the "blue"', "grün", ""])
            numbers[8] = dice.choice(["一", "二", "三"])
            numbers[11] = dice.choice(["<b>", "&amp;", "'; drop table"])
            writer.writerow([*numbers, "yes" if label else "no"])
    return path


def hostile_values(path: Path, rows: int = 12_000) -> Path:
    """Mixed types, all null, one value, 10,000 levels, dates in five formats, thousands separators, signs and units."""
    dice = random.Random(2)
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["mixed", "nothing", "constant", "many", "when", "one_format", "amount", "price", "share", "flag", "huge", "target"])
        for row in range(rows):
            label = int(dice.random() < 0.3)
            day = dt.datetime(2020, 1, 1) + dt.timedelta(days=dice.randrange(1500))
            writer.writerow(
                [
                    dice.choice([1, "two", 3.5, "", "NaN", "1e5", "0x10", "TRUE", None]),
                    "",
                    "same",
                    f"level {row % 10_000}",
                    day.strftime(dice.choice(DATES)),
                    day.strftime("%Y-%m-%d"),
                    f"{dice.gauss(5000 + 1200 * label, 900):,.2f}",
                    f"${dice.random() * 100:.2f}",
                    f"{dice.random():.1%}",
                    dice.choice(["Y", "n", "yes", "No", "T", "F", " y "]),
                    dice.choice(["inf", "-inf", "1e308", "1e400", 7]),
                    label,
                ]
            )
    return path


def hostile_format(path: Path, rows: int = 900) -> Path:
    """Semicolons, Latin-1, gzip, decimal commas and points for thousands, null markers, blanks around values, line breaks and quotes within."""
    dice = random.Random(3)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(["Größe", "Umsatz EUR", "Ort", "Bemerkung", "Kündigung"])
    for _ in range(rows):
        label = dice.random() < 0.5
        amount = f"{dice.gauss(12_345 + 4_000 * label, 1500):,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")
        writer.writerow(
            [
                f"{dice.gauss(1.7, 0.1):.2f}".replace(".", ","),
                dice.choice([amount, amount, "n/a", "-"]),
                dice.choice([" Köln", "Köln ", "München", "?"]),
                dice.choice(['sagte "nie; wieder"', "zwei\nZeilen", ""]),
                "ja" if label else "nein",
            ]
        )
    path.write_bytes(gzip.compress(text.getvalue().encode("latin-1")))
    return path
