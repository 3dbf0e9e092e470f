"""`init`, then `run`, on real tables: each makes a pipeline that runs as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

DATA = Path(__file__).parents[2].parent / "shared/data"
CASES = {
    "bookings": ("hotel/hotel_bookings.csv", "is_canceled", [], "accuracy", 0.9),
    "churn": ("churn/churn-all.csv", "Churn?", [], "auc", 0.85),
    "loan": ("loan/loan_data.csv", "approved", [], "accuracy", 0.65),
    "wine as an amount": ("wine/winequality-red.csv", "quality", [], "r2", 0.2),
    "wine as classes": ("wine/winequality-red.csv", "quality", ["--problem", "multiclass_classification"], "accuracy", 0.5),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_init_writes_a_pipeline_that_runs_as_it_is(sagewright, case):
    file, target, flags, metric, least = CASES[case]
    if not (DATA / file).is_file():
        pytest.skip(f"{DATA / file} is not here")
    assert sagewright("init", DATA / file, "--target", target, *flags).code == 0
    done = sagewright("run", "--output", "json", "--quiet")
    assert done.code == 0, done.err
    assert done.json["status"] == "Succeeded" and done.json["model_package_arn"]
    assert done.json["metrics"][f"Evaluate.{metric}"] >= least
