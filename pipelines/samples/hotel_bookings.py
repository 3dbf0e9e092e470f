"""Seeded hotel bookings with the flaws of real ones: duplicates, `NULL` texts, outliers, a leaking column, and a signal to learn.

Every value is made here from the seed. Shares of levels and of flaws were set to look like a public file of hotel bookings.
"""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.samples.dice import Dice

FILE = "hotel_bookings.csv"
ROWS, SEED = 20_000, 0
DUPLICATES, CANCELLED = 0.28, 0.55
FIRST_DAY = datetime.date(2015, 7, 1)
DAYS = 793
NO_SHOW = 0.025

LEVELS: Mapping[str, Mapping[str, float]] = {
    "hotel": {"Resort Hotel": 0.7, "City Hotel": 0.3},
    "meal": {"BB": 0.72, "HB": 0.22, "FB": 0.03, "Undefined": 0.028, "SC": 0.002},
    "country": {"PRT": 0.55, "GBR": 0.125, "ESP": 0.095, "IRL": 0.045, "FRA": 0.03, "DEU": 0.025, "NULL": 0.023, "CN": 0.01, "USA": 0.04, "NLD": 0.057},
    "market_segment": {"Online TA": 0.447, "Groups": 0.189, "Offline TA/TO": 0.167, "Direct": 0.126, "Corporate": 0.068, "Complementary": 0.003},
    "reserved_room_type": {"A": 0.61, "D": 0.17, "E": 0.12, "G": 0.043, "C": 0.022, "F": 0.02, "H": 0.015},
    "deposit_type": {"No Deposit": 0.911, "Non Refund": 0.085, "Refundable": 0.004},
    "customer_type": {"Transient": 0.773, "Transient-Party": 0.183, "Contract": 0.039, "Group": 0.005},
}
CHANNELS: Mapping[str, str] = {"Direct": "Direct", "Corporate": "Corporate", "Complementary": "Direct"}
SEGMENT_RISK: Mapping[str, float] = {"Online TA": 1.6, "Groups": 1.2, "Offline TA/TO": -0.9, "Direct": -1.0, "Corporate": -1.6, "Complementary": -0.6}
CUSTOMER_RISK: Mapping[str, float] = {"Transient": 0.5, "Transient-Party": -0.8, "Contract": -1.4, "Group": -1.2}
DEPOSIT_RISK: Mapping[str, float] = {"No Deposit": 0.0, "Non Refund": 4.5, "Refundable": -1.5}
SHARPNESS = 1.3


def columns(rows: int, seed: int) -> dict[str, Any]:
    """Return distinct bookings by column, in the order of the real file; 32 columns of shape (rows,)."""
    import numpy

    dice = Dice(rows, seed)
    made = {name: dice.level(shares) for name, shares in LEVELS.items()}
    made["lead_time"] = numpy.where(dice.uniform() < 0.06, 0, dice.exponential(95.0)).astype(int).clip(0, 737)
    made["stays_in_weekend_nights"] = dice.count(0.33, 0.23, 0.37, 0.03, 0.035)
    made["stays_in_week_nights"] = dice.count(0.054, 0.209, 0.179, 0.158, 0.091, 0.206, 0.033, 0.03, 0.02)
    made["adults"] = numpy.where(dice.uniform() < 0.001, 20 + dice.count(0.5, 0.3), dice.count(0.001, 0.167, 0.8))
    made["children"] = numpy.where(dice.uniform() < 0.0006, 10, dice.count(0.909, 0.044, 0.046))
    made["babies"] = dice.count(0.988, 0.011)
    made["is_repeated_guest"] = (dice.uniform() < 0.038).astype(int)
    made["previous_cancellations"] = dice.count(0.947, 0.045, 0.005)
    made["previous_bookings_not_canceled"] = dice.count(0.942, 0.023, 0.012, 0.01)
    made["assigned_room_type"] = numpy.where(dice.uniform() < 0.2, numpy.roll(made["reserved_room_type"], 1), made["reserved_room_type"])
    made["booking_changes"] = dice.count(0.837, 0.116, 0.033)
    made["agent"] = _agents(dice)
    made["company"] = numpy.where(dice.uniform() < 0.91, "NULL", (40 + dice.count(*[0.02] * 49)).astype(str))
    made["days_in_waiting_list"] = numpy.where(dice.uniform() < 0.991, 0, 40 + dice.exponential(50.0)).astype(int)
    made["adr"] = numpy.round(28 + 4.5 * made["stays_in_week_nights"] + dice.exponential(52.0), 1)
    made["required_car_parking_spaces"] = dice.count(0.918, 0.081)
    made["total_of_special_requests"] = dice.count(0.616, 0.25, 0.11, 0.02)
    arrival = (dice.uniform() * DAYS).astype(int)
    made["is_canceled"] = _cancelled(made, arrival, dice)
    return _finished(made, arrival, dice)


def _agents(dice: Dice) -> Any:
    import numpy

    known = numpy.array(["240", "250", "241", "242", "298", "314", "40"])[dice.count(0.6, 0.08, 0.05, 0.04, 0.03, 0.1)]
    others = (1 + (dice.uniform() * 140).astype(int)).astype(str)
    return numpy.where(dice.uniform() < 0.20, "NULL", numpy.where(dice.uniform() < 0.7, known, others))


def _cancelled(made: Mapping[str, Any], arrival: Any, dice: Dice) -> Any:
    """Return 0/1: a score of plausible causes, noise, and a threshold that cancels 55 % of the bookings."""
    import numpy

    risk = numpy.array([SEGMENT_RISK[segment] for segment in made["market_segment"]])
    risk = risk + numpy.array([CUSTOMER_RISK[kind] for kind in made["customer_type"]]) + numpy.array([DEPOSIT_RISK[kind] for kind in made["deposit_type"]])
    risk = risk + 1.3 * numpy.log1p(made["lead_time"] / 12.0) - 0.35 * made["total_of_special_requests"] - 0.5 * made["booking_changes"]
    risk = risk - 9.0 * (made["required_car_parking_spaces"] > 0) - 1.5 * made["is_repeated_guest"] + 1.8 * made["previous_cancellations"]
    risk = risk - 2.2 * (made["assigned_room_type"] != made["reserved_room_type"]) + 0.012 * (made["adr"] - 90) - 0.4 * made["previous_bookings_not_canceled"]
    risk = risk + 0.8 * (made["agent"] == "240") - 0.5 * (made["agent"] == "NULL") + 0.3 * made["children"].clip(0, 3)
    noisy = SHARPNESS * risk + numpy.log(1 / (1 - dice.uniform()) - 1 + 1e-12) * -1.0
    return (noisy > numpy.quantile(noisy, 1 - CANCELLED)).astype(int)


def _finished(made: dict[str, Any], arrival: Any, dice: Dice) -> dict[str, Any]:
    """Add dates and the columns that are known only afterwards, and put all in the order of the real file."""
    import numpy

    days = [FIRST_DAY + datetime.timedelta(days=int(day)) for day in arrival]
    cancelled, no_show = made["is_canceled"] == 1, dice.uniform() < NO_SHOW
    nights = made["stays_in_weekend_nights"] + made["stays_in_week_nights"]
    early = (dice.uniform() * (made["lead_time"] + 1)).astype(int)
    shift = numpy.where(cancelled & ~no_show, -early, numpy.where(cancelled, 0, nights))
    status = numpy.where(~cancelled, "Check-Out", numpy.where(no_show, "No-Show", "Canceled"))
    ends = [day + datetime.timedelta(days=int(move)) for day, move in zip(days, shift, strict=True)]
    table = {**made, **_dates(days, ends), "reservation_status": status, **_channels(made)}
    return {name: table[name] for name in ORDER}


def _channels(made: Mapping[str, Any]) -> dict[str, Any]:
    return {"distribution_channel": [CHANNELS.get(segment, "TA/TO") for segment in made["market_segment"]]}


def _dates(days: Sequence[datetime.date], ends: Sequence[datetime.date]) -> dict[str, list[Any]]:
    return {
        "arrival_date_year": [day.year for day in days],
        "arrival_date_month": [MONTHS[day.month - 1] for day in days],
        "arrival_date_week_number": [day.isocalendar()[1] for day in days],
        "arrival_date_day_of_month": [day.day for day in days],
        "reservation_status_date": [f"{day.month}/{day.day}/{day.year}" for day in ends],
    }


MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
ORDER = (
    ("hotel", "is_canceled", "lead_time", "arrival_date_year", "arrival_date_month", "arrival_date_week_number", "arrival_date_day_of_month")
    + ("stays_in_weekend_nights", "stays_in_week_nights", "adults", "children", "babies", "meal", "country", "market_segment", "distribution_channel")
    + ("is_repeated_guest", "previous_cancellations", "previous_bookings_not_canceled", "reserved_room_type", "assigned_room_type", "booking_changes")
    + ("deposit_type", "agent", "company", "days_in_waiting_list", "customer_type", "adr", "required_car_parking_spaces", "total_of_special_requests")
    + ("reservation_status", "reservation_status_date")
)


def generate(rows: int = ROWS, seed: int = SEED) -> bytes:
    """Return the file's bytes: a header and `rows` lines, of which 28 % repeat an earlier line."""
    import numpy

    distinct = rows - round(rows * DUPLICATES)
    table = columns(distinct, seed)
    lines = [tuple(_cell(value) for value in row) for row in zip(*table.values(), strict=True)]
    lines = list(dict.fromkeys(lines))
    generator = numpy.random.Generator(numpy.random.PCG64(seed + 1))
    copies = (generator.random(rows - len(lines)) * len(lines)).astype(int)
    places = numpy.argsort(numpy.concatenate([numpy.arange(len(lines)), copies + generator.random(len(copies))]), kind="stable")
    everything = [*lines, *(lines[index] for index in copies)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(ORDER)
    writer.writerows(everything[place] for place in places)
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    number = value.item() if hasattr(value, "item") else value
    return f"{number:g}" if isinstance(number, float) else str(number)
