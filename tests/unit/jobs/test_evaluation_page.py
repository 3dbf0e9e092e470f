"""The page of an evaluation: well-formed, without any request, and no text of the data is taken for markup."""

from __future__ import annotations

import numpy as np
import pytest

from jobkit.evaluation import bootstrap, details, judged, lift, page, slices, thresholds
from jobkit.evaluation.approved import Approved
from jobkit.evaluation.measures import BINARY, MULTICLASS, Case
from jobkit.page import curves
from tests.unit.jobs.test_evaluation_intervals import amounts, binary, classes
from tests.unit.jobs.test_evaluation_job import Page
from tests.unit.jobs.test_evaluation_slices import COSTS, cells

EVIL = "<b-evil>alert('x')</b-evil>\"&"


def drawn(case: Case, tmp_path, costs=None, rival: Case | None = None) -> str:
    chosen = None
    if case.problem == BINARY:
        chosen = thresholds.choose(case, costs, 0.5) if costs else thresholds.as_given(case, 0.5)
    used = chosen.threshold if chosen else 0.5
    case = judged.decided(case, used)
    found = details.Judged(case, 0.5, chosen, tmp_path / "none.csv")
    told = details.details(found, details.settings({}), Approved(None, {}, EVIL))
    resamples = bootstrap.draw(len(case.target), 50)
    told["slices"] = {EVIL: slices.measured(case, resamples, cells([EVIL, *np.resize(["a", "", " "], len(case.target) - 1)]))}
    if rival:
        told["lift"]["approved"] = {"compared": True, "why": "", **lift.compared(case, rival, resamples)}
    return page.page(case, judged.quality(case, used), told, EVIL)


@pytest.mark.parametrize(
    ("case", "options", "words"),
    [
        (binary(), {}, ["ROC, area", "as it was given", "Brier score"]),
        (binary(), {"costs": COSTS}, ["the cheapest on the validation split", "cost of a row"]),
        (binary(), {"rival": binary(apart=0.1)}, ["Against the approved version", "Only this model is right on"]),
        (binary()._replace(scores=binary().scores * 4 - 2), {}, ["ROC, area"]),
        (classes()._replace(classes=(EVIL, "b", "c")), {}, ["By class", "Confusion matrix"]),
        (Case(MULTICLASS, np.arange(80.0) % 40, np.arange(80) % 40, None, [str(place) for place in range(40)]), {}, ["The first 30 of 40 classes"]),
        (amounts(), {}, ["Predicted against actual", "Residuals", "How far off"]),
        (amounts()._replace(target=np.full(500, 3.0), predicted=np.full(500, 3.0)), {}, ["Residuals"]),
    ],
)
def test_every_kind_of_evaluation_has_a_page(tmp_path, case, options, words):
    text = drawn(case, tmp_path, **options)
    read = Page()
    read.feed(text)
    assert read.open == []
    assert [word for word in words if word not in text] == []
    assert "default-src 'none'" in text and "<b-evil>" not in text and "nan" not in text.split("</style>")[1].lower().replace("nance", "")


@pytest.mark.parametrize("target", [np.zeros(5), np.ones(5)])
def test_one_class_only_has_a_page(tmp_path, target):
    text = drawn(Case(BINARY, target, np.zeros(5, dtype=np.int64), np.full(5, 0.4)), tmp_path)
    assert "ROC, area 0.500" in text


@pytest.mark.parametrize(
    ("value", "told"), [(0.5, "0.500"), (0.0, "0.000"), (0.00012, "0.00012"), (19.5, "19.50"), (1234.5, "1234"), (123456.0, "123k"), (-0.25, "-0.250")]
)
def test_numbers_are_short(value, told):
    assert curves.short(value) == told
