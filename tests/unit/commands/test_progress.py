from __future__ import annotations

import io

import pytest
from rich.console import Console

from pipelines.commands.flags import pairs
from pipelines.commands.formats import Format, write
from pipelines.commands.printing import number, run_report, table, visible
from pipelines.commands.progress import Live, Plain
from pipelines.errors import UsageError
from pipelines.local.journal import fold

START = {
    "event": "run_started",
    "time": 0.0,
    "execution_arn": "arn:x/execution/abc",
    "pipeline_name": "p",
    "definition_sha256": "",
    "parameters": {},
    "options": {},
}
EVENTS = [
    START,
    {"event": "step_started", "time": 1.0, "step": "Train", "type": "Training", "attempt": 1, "job_name": "j"},
    {"event": "step_retried", "time": 1.5, "step": "Train", "type": "Training", "fault": "Step.THROTTLING", "attempt": 1, "wait_s": 30.0, "waited": False},
    {
        "event": "step_ended",
        "time": 3.0,
        "step": "Train",
        "type": "Training",
        "status": "Succeeded",
        "metrics": {"validation:auc": 0.91234},
        "cache": "miss: first run of this step",
    },
    {"event": "step_ended", "time": 4.0, "step": "Prep", "type": "Processing", "status": "Succeeded", "cache": "hit", "metrics": {}, "properties": {}},
    {"event": "step_ended", "time": 5.0, "step": "Stop", "type": "Fail", "status": "Failed", "failure_reason": "why", "properties": {}},
]


def test_plain_progress_is_a_line_an_event(capsys):
    with Plain() as plain:
        for event in EVENTS:
            plain.hear(event)
    assert capsys.readouterr().err.splitlines() == [
        "run abc of p",
        "Train: started",
        "Train: retry 1 after Step.THROTTLING (the service would wait 30 s)",
        "Train: ok 2.00 s validation:auc 0.9123 (miss: first run of this step)",
        "Prep: ok 0.00 s cached",
        "Stop: FAILED 0.00 s why",
    ]


TRIAL = {"number": 1, "definition": 0, "name": "t-2", "tuned": {"eta": "0.5"}}
SEARCH = {"time": 1.0, "step": "Tune", "type": "Tuning"}
SEARCHED = [
    START,
    {**SEARCH, "event": "step_started"},
    {**SEARCH, "event": "trial_started", "number": 1, "of": 4, "metric": "loss", "name": "t-2", "tuned": TRIAL["tuned"], "best": None},
    {**SEARCH, "event": "trial_ended", "number": 1, "best": 1, "trial": {"trial": TRIAL, "status": "Completed", "objective": 0.25, "summary": {}}},
    {**SEARCH, "event": "step_ended", "status": "Stopped", "properties": {}},
    {"event": "run_ended", "time": 2.0, "status": "Stopped"},
]
RESUMED = [
    {"event": "run_resumed", "time": 3.0},
    {**SEARCH, "event": "step_started"},
    {**SEARCH, "event": "trial_started", "number": 2, "of": 4, "metric": "loss", "name": "t-3", "tuned": {"eta": "0.6"}, "best": 1},
]


def test_a_resumed_search_counts_the_trials_of_before_and_knows_the_best(capsys):
    with Plain(fold(iter(SEARCHED))) as plain:
        for event in [*RESUMED, {**SEARCH, "event": "step_ended", "status": "Stopped", "properties": {}}]:
            plain.hear(event)
    assert "1 of 4 jobs, best loss 0.2500 (#2)" in capsys.readouterr().err
    live = Live(["Tune"], fold(iter(SEARCHED)))
    for event in RESUMED:
        live.hear(event)
    assert "0.2500" in drawn(live)


def test_a_trial_that_failed_is_one_line_whatever_its_script_said(capsys):
    summary = {"FailureReason": "AlgorithmError: ExecuteUserScriptError:\nExitCode 1\r\nErrorMessage"}
    with Plain() as plain:
        for event in [*SEARCHED[:3], {**SEARCHED[3], "trial": {"trial": TRIAL, "status": "Failed", "objective": None, "summary": summary}}]:
            plain.hear(event)
    assert "Tune #2: FAILED AlgorithmError: ExecuteUserScriptError: ExitCode 1 ErrorMessage" in capsys.readouterr().err.splitlines()[-1]
    write([{"reason": "a\nb", "next": "c"}], Format.text)
    assert capsys.readouterr().out.splitlines()[1] == "a b     c"


def drawn(live: Live) -> str:
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system="standard")
    console.print(live._draw())
    return console.file.getvalue()


def test_live_progress_has_a_line_a_step_and_a_bar():
    live = Live(["Prep", "Train", "Later"])
    for event in EVENTS[:3]:
        live.hear(event)
    running = drawn(live)
    assert "●" in running and "Train" in running and "·" in running and "━" in running
    for event in [*EVENTS[3:], {"event": "run_ended", "time": 6.0, "status": "Failed", "failure_reason": "why"}]:
        live.hear(event)
    ended = drawn(live)
    assert "validation:auc 0.9123" in ended and "cached" in ended and "Later" not in ended and "━" not in ended


def test_the_report_says_what_to_do_next():
    step = {"name": "Train", "type": "Training", "status": "Failed", "seconds": 1.0, "cache": "", "failure_reason": "x"}
    summary = {
        "status": "Failed",
        "execution_arn": "a/abc",
        "seconds": 1.0,
        "steps": [step],
        "metrics": {},
        "failure_reason": "Step failure: x",
        "model_package_arn": None,
    }
    told = run_report(summary, {"0": {"0": 5, "1": 1}, "1": {"0": 2, "1": 7}}, ["accuracy is 0.1, the bar is >= 0.5"])
    assert "actual 1          2            7" in told and "Missed: accuracy is 0.1" in told
    assert "sagewright logs abc Train" in told and "sagewright resume abc" in told


@pytest.mark.parametrize(("value", "text"), [(1.0, "1"), (0.123456, "0.1235"), (600, "600"), (-2.5, "-2.5000")])
def test_numbers_are_short(value, text):
    assert number(value) == text


def test_a_table_is_aligned():
    assert table([["a", 1], ["bbb", 22]], ["X", "Y"]).splitlines() == ["X    Y", "a    1", "bbb  22"]


@pytest.mark.parametrize("given", [["x"], ["=1"], ["a=1", "a=2"]])
def test_pairs_need_a_name_once(given):
    with pytest.raises(UsageError):
        pairs(given, "-p")


def test_a_value_may_hold_an_equals_sign():
    assert pairs(["a=b=c"], "-p") == {"a": "b=c"}


def test_what_a_terminal_would_obey_is_shown_as_escapes_and_text_of_every_language_as_it_is():
    assert visible("a\x1b[31mb\x07\r\x9b2J\u202ec") == "a\\x1b[31mb\\x07\\r\\x9b2J\\u202ec"
    assert visible("Köln\t東京\u3000ok\n") == "Köln\t東京\u3000ok\n"
    assert "\x1b" not in table([["\x1b]0;title\x07"]], ["NAME"])
