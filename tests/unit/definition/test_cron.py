"""When a schedule runs."""

from __future__ import annotations

import pytest

from pipelines.definition.cron import check_monitor, schedule_expression
from pipelines.errors import UsageError


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("hourly", "cron(0 * ? * * *)"),
        ("daily", "cron(0 0 ? * * *)"),
        ("weekly", "cron(0 0 ? * 2 *)"),
        ("30 6 * * 1-5", "cron(30 6 ? * 2-6 *)"),
        ("0 6 1 * *", "cron(0 6 1 * ? *)"),
        ("0 6 * * 0", "cron(0 6 ? * 1 *)"),
        ("0 6 * * */2", "cron(0 6 ? * */2 *)"),
        ("0 6 * * 7", "cron(0 6 ? * 1 *)"),
        ("cron(0 6 ? * * *)", "cron(0 6 ? * * *)"),
        ("rate(1 hour)", "rate(1 hour)"),
    ],
)
def test_five_fields_become_aws_s_six(given, made):
    assert schedule_expression(given) == made


@pytest.mark.parametrize("given", ["", "0 6 * *", "0 6 1 * 1", "sometimes"])
def test_what_is_no_schedule_is_refused(given):
    with pytest.raises(UsageError):
        schedule_expression(given)


@pytest.mark.parametrize(
    ("given", "taken"), [("cron(0 * ? * * *)", True), ("cron(0 0/6 ? * * *)", True), ("cron(30 * ? * * *)", False), ("rate(1 hour)", False)]
)
def test_model_monitor_takes_hours_of_every_day(given, taken):
    if taken:
        assert check_monitor(given) == given
        return
    with pytest.raises(UsageError, match="Model Monitor does not take this schedule"):
        check_monitor(given)
