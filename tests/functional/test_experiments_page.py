"""The code of docs/experiments.md does what it says."""

from __future__ import annotations

import json
import re
import sys
import types

import pytest

from tests.functional.conftest import ROOT

PAGE = (ROOT / "docs/experiments.md").read_text()


@pytest.fixture(autouse=True)
def jobkit_beside_the_script(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setenv("SAGEWRIGHT_EXPERIMENT_DIR", str(tmp_path))


def code(kind):
    return re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL).group(1)


def logged(folder, event):
    entries = [json.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()]
    return [entry for entry in entries if entry["event"] == event]


def test_the_script_of_the_page_logs_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(code("python"), {})
    assert [entry["value"] for entry in logged(tmp_path, "metric")] == [1 / (epoch + 1) for epoch in range(10)]
    assert (tmp_path / "files/texts/notes.txt").read_text() == "done"


def test_the_callback_of_the_page_logs_every_epoch(tmp_path, monkeypatch):
    class Callback:
        def __init__(self):
            self.params, self.model = None, None

        def set_params(self, params):
            self.params = params

    keras = types.ModuleType("keras")
    keras.callbacks = types.SimpleNamespace(Callback=Callback)
    monkeypatch.setitem(sys.modules, "keras", keras)

    class Model:
        def fit(self, x, y, epochs, callbacks):
            for each in callbacks:
                each.set_params({"epochs": epochs, "verbose": "auto", "steps": None})
                each.on_train_begin()
                for epoch in range(epochs):
                    each.on_epoch_end(epoch, {"loss": 1.0 / (epoch + 1), "val_loss": 2.0 / (epoch + 1)})
            return "history"

    space = {}
    exec(code("python keras"), space)
    assert space["fit"](Model(), [1], [0], epochs=3) == "history"
    metrics = [(entry["name"], entry["value"], entry["step"]) for entry in logged(tmp_path, "metric")]
    assert metrics == [(name, size / (epoch + 1), epoch) for epoch in range(3) for name, size in (("loss", 1.0), ("val_loss", 2.0))]
    assert {entry["name"]: entry["value"] for entry in logged(tmp_path, "parameter")} == {"epochs": 3, "verbose": "auto"}
    assert logged(tmp_path, "ended")[0]["status"] == "completed"


def test_the_regular_expression_of_the_page_is_that_of_run():
    from jobkit.run import metric_regex

    assert f"`{metric_regex('loss')}`" in PAGE
