"""The sample is made, not copied: the same bytes everywhere, and a signal that is neither plain nor absent."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.config.loader import load
from pipelines.samples import examples_root
from pipelines.samples.hotel_bookings import generate

ROOT = Path(__file__).parents[3]
REAL = ROOT.parent / "shared/data/hotel/hotel_bookings.csv"


def test_a_seed_means_the_same_bytes_with_every_python_and_numpy():
    assert hashlib.sha256(generate(2000, 7)).hexdigest() == "753e902d17e65d3e8691bb1a3d1369fb6b6e05aca814fda2ff5df0073ceb354d"


def test_no_row_is_one_of_the_real_file():
    if not REAL.is_file():
        pytest.skip(f"{REAL} is not here")
    assert not set(REAL.read_text().splitlines()[1:]) & set(generate().decode().splitlines()[1:])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_xgboost_after_the_recipe_of_the_example_learns_as_much_as_from_real_bookings(tmp_path, seed):
    xgboost = pytest.importorskip("xgboost")
    metrics = pytest.importorskip("sklearn.metrics")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from jobkit import table
    from processing import preprocess

    config = load(examples_root() / "hotel-bookings/pipeline.yaml").config.as_json()
    (tmp_path / "rows.csv").write_bytes(generate(seed=seed))
    rows = table.read_table(tmp_path, config["data"], table.Wanted([config["label"]["column"]]))
    prepared = preprocess.prepare(rows, config, 0, {})
    given = {**config["training"]["hyperparameters"], "seed": 0, "nthread": 2}
    rounds = given.pop("num_round")
    matrices = {name: xgboost.DMatrix(np.column_stack(list(columns.values())), prepared.labels[name]) for name, columns in prepared.features.items()}
    scores = xgboost.train(given, matrices["train"], rounds).predict(matrices["test"])
    truth = prepared.labels["test"]
    assert 0.80 <= metrics.accuracy_score(truth, scores >= 0.5) <= 0.86
    assert 0.88 <= metrics.roc_auc_score(truth, scores) <= 0.93
