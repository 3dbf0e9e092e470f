from __future__ import annotations

from itertools import count

from pipelines.local.journal import FILE, Journal, fold, read_events, read_state

START = {
    "execution_arn": "arn:aws:sagemaker:us-east-1:000000000000:pipeline/p/execution/abc",
    "pipeline_name": "p",
    "definition_sha256": "0",
    "parameters": {},
    "options": {},
}


def journal(tmp_path, listener=lambda event: None):
    ticks = count(100)
    return Journal(tmp_path, lambda: float(next(ticks)), listener)


def test_a_run_is_what_its_events_say(tmp_path):
    with_events = journal(tmp_path)
    with_events.append("run_started", **START)
    with_events.append("step_started", step="A", type="Processing", job_name="j")
    with_events.append("step_ended", step="A", type="Processing", status="Succeeded", properties={"x": 1}, metrics={}, cache="hit")
    with_events.append("run_ended", status="Succeeded")
    state = read_state(tmp_path)
    assert (state.status, state.execution_id, state.steps["A"].seconds, state.steps["A"].properties) == ("Succeeded", "abc", 1.0, {"x": 1})


def test_a_line_torn_by_a_crash_is_left_out_and_the_next_event_is_whole(tmp_path):
    first = journal(tmp_path)
    first.append("run_started", **START)
    first.close()
    with open(tmp_path / FILE, "ab") as handle:
        handle.write(b'{"event": "step_started", "st')
    second = journal(tmp_path)
    second.append("run_resumed")
    assert [event["event"] for event in read_events(tmp_path / FILE)] == ["run_started", "run_resumed"]


def test_resuming_keeps_only_what_succeeded(tmp_path):
    events = journal(tmp_path)
    events.append("run_started", **START)
    events.append("step_ended", step="A", type="Processing", status="Succeeded", properties={})
    events.append("step_ended", step="B", type="Training", status="Failed", failure_reason="why", properties={})
    events.append("step_started", step="C", type="Training")
    events.append("run_ended", status="Failed", failure_reason="why")
    events.append("run_resumed")
    state = read_state(tmp_path)
    assert (list(state.steps), state.status, state.failure_reason) == (["A"], "Executing", None)


def test_events_of_an_unknown_kind_change_nothing():
    assert fold(iter([{"event": "something_new", "time": 1}])) == fold(iter([]))


def test_a_listener_hears_each_event_once(tmp_path):
    heard = []
    journal(tmp_path, heard.append).append("run_started", **START)
    assert [event["event"] for event in heard] == ["run_started"]
