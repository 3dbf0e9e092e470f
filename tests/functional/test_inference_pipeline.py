"""A package as two containers: the first prepares raw rows, the second is built-in XGBoost's own."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def answers(bookings, *arguments) -> list[float]:
    done = bookings("run", "--set", "tuning=null", "--set", "training.hyperparameters.num_round=20", "--output", "json", "--quiet", *arguments, timeout_s=300)
    assert done.code == 0, done.err
    return [float(line.split(",")[0]) for line in Path(done.json["outputs"]["BatchTransform.output"]).read_text().splitlines()]


def test_two_containers_answer_with_the_very_numbers_of_one(bookings):
    one = answers(bookings)
    two = answers(bookings, "--set", "package.containers=2")
    assert len(one) > 1000
    assert one == two


def test_a_scripts_model_has_no_second_container(bookings):
    done = bookings("validate", "--set", "package.containers=2", "--set", "training.script=train.py", "--set", "tuning=null")
    assert done.code == 2
    assert "package.containers: 2 needs built-in XGBoost" in done.err
