"""The reports of Clarify's job, and the job with a model and explanations."""

from __future__ import annotations

import json
import re
import sys
import types

import numpy as np
import pytest
from clarify_case import as_csv, lay_out, settings, studied

from jobkit.clarify import job, report_html, report_notebook, report_plots, report_words
from jobkit.clarify.bias import DESCRIPTIONS, METRICS, Metric
from jobkit.clarify.report_view import SHOWN, Bars, Content, Curve, Table, sections

EXPLAINED = {
    "kernel_shap": {"label0": {"global_shap_values": {"x": 0.1, "<b>": 0.3, "odd $na_{me$": 0.0}, "expected_value": 0.4}},
    "pdp": [
        {"feature_name": "x", "data_type": "numerical", "data_distribution": [1.0], "feature_values": [1, 2.5], "model_predictions": [[0.1, 0.4]]},
        {"feature_name": "g", "data_type": "categorical", "data_distribution": [1.0], "feature_values": ["u", "<i>"], "model_predictions": [[0.1, 0.4]] * 2},
    ],
}
VIOLATIONS = {"version": "1.0", "violations": [{"facet": "g", "facet_value": "b", "metric_name": "DI", "description": "Metric value 2 <doesn't>"}]}


class Model:
    """Answer each row with its x as the score, and remember what it was asked and that it was closed."""

    def __init__(self):
        self.asked, self.closed = [], False

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.closed = True

    def predicted(self, rows):
        self.asked.append(rows)
        return rows.columns["x"]


@pytest.fixture
def model(monkeypatch):
    import jobkit.clarify

    made = Model()
    for name, module in (
        ("predictor", types.SimpleNamespace(predictor=lambda given: made)),
        ("explanations", types.SimpleNamespace(explain=lambda given, rows, asked, folder: EXPLAINED)),
    ):
        monkeypatch.setitem(sys.modules, f"jobkit.clarify.{name}", module)
        monkeypatch.setattr(jobkit.clarify, name, module, raising=False)
    return made


def columns():
    dice = np.random.default_rng(3)
    group = ["a", "b"] * 60
    return {"x": dice.random(120).tolist(), "group": group, "label": dice.integers(0, 2, 120).tolist()}


def explained_job(folder, **changes):
    methods = {"report": {"name": "report", "title": "Loans & <more>"}, "pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}}
    methods.update(shap={}, pdp={"grid_resolution": 2})
    inputs = lay_out(folder, settings(methods=methods, predictor={"model_name": "m"}, **changes), as_csv(columns()))
    said = []
    return job.run(inputs, folder / "output", said.append), folder / "output", said


@pytest.mark.slow
def test_the_model_is_asked_once_with_the_features_and_explained(tmp_path, model):
    made, output, said = explained_job(tmp_path)
    assert list(made) == ["version", "post_training_bias_metrics", "pre_training_bias_metrics", "explanations"]
    (asked,) = model.asked
    assert asked.names == ("x", "group") and asked.rows == 120 and model.closed
    names = {"analysis.json", "bias_metrics.json", "report.html", "report.ipynb", "summary.json", *(["report.pdf"] if report_plots.available() else [])}
    assert {path.name for path in output.iterdir()} == names
    assert any(line.startswith("after training, group = b: AD ") for line in said)


def test_an_analysis_without_bias_needs_no_label(tmp_path, model):
    given = settings(label=None, facet=None, label_values_or_threshold=None, methods={"shap": {}})
    made = job.run(lay_out(tmp_path, given, as_csv(columns())), tmp_path / "output", lambda line: None)
    assert list(made) == ["version", "explanations"] and not (tmp_path / "output/bias_metrics.json").exists()
    assert "Which features matter" in (tmp_path / "output/report.html").read_text()


@pytest.mark.slow
def test_the_page_asks_nobody_and_escapes_everything(tmp_path, model):
    _, output, _ = explained_job(tmp_path)
    page = (output / "report.html").read_text()
    assert "<title>Loans &amp; &lt;more&gt;</title>" in page and "<b>" not in page and "<i>" not in page
    assert not re.search(r"https?://|src=|<script", page) and "NaN" not in page
    for heading in ("What was analysed", "Bias in the data", "Bias in the predictions", "How well the model does", "Which features matter"):
        assert f">{heading}</h2>" in page
    anchors = set(re.findall(r'href="#(\w+)"', page))
    assert anchors == set(re.findall(r'<h2 id="(\w+)"', page))


@pytest.mark.slow
def test_the_notebook_is_valid_and_opens_with_tables_and_pictures(tmp_path, model):
    _, output, _ = explained_job(tmp_path)
    whole = json.loads((output / "report.ipynb").read_text())
    assert (whole["nbformat"], whole["nbformat_minor"]) == (4, 5)
    assert all(set(cell) >= {"cell_type", "id", "metadata", "source"} for cell in whole["cells"])
    text = "".join("".join(cell["source"]) for cell in whole["cells"])
    assert "| metric | value |" in text and "Loans &amp; &lt;more" in text
    pictures = [cell for cell in whole["cells"] if "attachments" in cell]
    assert len(pictures) == (5 if report_plots.available() else 0)
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.reads((output / "report.ipynb").read_text(), as_version=4))


def test_without_matplotlib_there_is_no_pdf_and_the_job_says_so(tmp_path, model, monkeypatch):
    monkeypatch.setattr(report_plots, "available", lambda: False)
    _, output, said = explained_job(tmp_path)
    assert not (output / "report.pdf").exists() and any(line.startswith("no report.pdf was made") for line in said)
    assert "| :-- |" not in (output / "report.ipynb").read_text() and "attachment:" not in (output / "report.ipynb").read_text()


@pytest.mark.slow
def test_reports_are_the_same_bytes_for_the_same_numbers(tmp_path, model):
    first, second = explained_job(tmp_path / "a")[1], explained_job(tmp_path / "b")[1]
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name


def test_violations_stand_first_and_an_empty_report_has_no_sections():
    shown = sections(Content("t", None, {}, VIOLATIONS))
    assert [section.heading for section in shown] == ["Against the baseline"]
    assert "Metric value 2 &lt;doesn&#x27;t&gt;" in report_html.page(Content("t", None, {}, VIOLATIONS))
    assert "No metric is farther" in report_html.page(Content("t", None, {}, {"violations": []}))
    assert sections(Content("t", None, {}, None)) == []


def test_every_metric_has_words_for_each_direction():
    assert set(report_words.READINGS) == set(METRICS) == set(DESCRIPTIONS)
    assert report_words.reading(Metric("DI", 0.5), "sex = f") == "sex = f is accepted less often."
    assert report_words.reading(Metric("DPL", -0.2), "sex = f") == "sex = f has the positive label more often."
    assert report_words.reading(Metric("DPL", 0.001), "sex = f") == "Practically no difference."
    assert report_words.reading(Metric("FT", None, "because"), "sex = f") == "Not measured: because."


def test_of_many_groups_the_report_shows_some_and_says_so():
    found = studied({"group": [f"g{place:03d}" for place in range(300)], "label": [0, 1] * 150}, facet=[{"name_or_index": "group"}])
    about, before = sections(Content("many", found, {}, None))
    assert [len(block.rows) for block in about.blocks if isinstance(block, Table)] == [SHOWN] and "180 more groups" in about.blocks[-1].text
    assert sum(isinstance(block, Table) for block in before.blocks) == SHOWN
    assert f"first {SHOWN} have a table below" in before.blocks[1].text


def test_infinite_and_missing_values_are_drawn():
    bars = Bars("", ("TE", "FT", "KS"), (("g", (float("inf"), None, 0.5), ("∞", "–", "0.5")), ("h", (float("-inf"), -2.0, 0.1), ("-∞", "-2", "0.1"))), "unit")
    assert "› ∞" in report_html.DRAWN[Bars](bars) and "nan" not in report_html.DRAWN[Bars](bars)
    assert report_notebook.as_table(bars) == Table("", ("", "g", "h"), (("TE", "∞", "-∞"), ("FT", "–", "-2"), ("KS", "0.5", "0.1")), (1, 2))
    flat = Curve("x", (1.0, 1.0), (("y", (2.0, 2.0)),), "mean")
    assert "nan" not in report_html.DRAWN[Curve](flat)
    if report_plots.available():
        assert report_plots.png(bars) == report_plots.png(bars) and report_plots.png(flat)[:4] == b"\x89PNG"
