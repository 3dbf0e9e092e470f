"""When a schedule runs: the five fields of cron, or AWS's own expression with six."""

from __future__ import annotations

import re

from pipelines.errors import UsageError

WORDS = {"hourly": "0 * * * *", "daily": "0 0 * * *", "weekly": "0 0 * * 1"}
# Days of the week, not the number of a step as in */2.
NUMBER = re.compile(r"(?<![/\d])\d+")


def schedule_expression(text: str) -> str:
    """Return AWS's `cron(minutes hours day month weekday year)` of an expression; times are UTC.

    Of day and weekday one is `?`, and Sunday is 1 (AWS, "Schedule types on EventBridge Scheduler").

    Raises:
        UsageError: it has neither five fields nor AWS's form.
    """
    text = WORDS.get(text.strip().lower(), text.strip())
    if re.fullmatch(r"(cron|rate)\(.+\)", text):
        return text
    fields = text.split()
    if len(fields) != 5:
        raise UsageError("this is no schedule", where="--cron", got=text, expected='five fields such as "0 6 * * *", hourly, daily, weekly, or cron(…)')
    minutes, hours, day, month, weekday = fields
    if weekday == "*":
        return f"cron({minutes} {hours} {'?' if day == '*' else day} {month} {'*' if day == '*' else '?'} *)"
    if day != "*":
        raise UsageError("AWS takes a day of the month or of the week", where="--cron", got=text, expected="* for one of them")
    return f"cron({minutes} {hours} ? {month} {NUMBER.sub(lambda found: str(int(found.group()) % 7 + 1), weekday)} *)"


def check_monitor(expression: str) -> str:
    """Return an expression that a monitoring schedule takes: hourly, daily, or every so many hours, at minute 0.

    Source: AWS developer guide, "The cron expression for monitoring schedule".

    Raises:
        UsageError: the service does not take it.
    """
    if not re.fullmatch(r"cron\(0 (\*|\d{1,2}(/\d{1,2})?) \? \* \* \*\)", expression):
        hint = "--service pipeline takes any."
        raise UsageError("Model Monitor does not take this schedule", where="--cron", got=expression, expected="hourly, or an hour of every day", hint=hint)
    return expression
