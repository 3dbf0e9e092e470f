"""The smaller samples: the same bytes everywhere, in the shape of the real files, with something to learn."""

from __future__ import annotations

import hashlib
import io

import pandas
import pytest

from pipelines.samples import SAMPLES, churn, loan, wine
from tests.functional.conftest import ROOT

SHARED = ROOT.parent / "shared/data"
HASHES = {
    "churn-builtin": "af970ce1f6f72df1",
    "wine-quality": "0f93371553669760",
    "loan-approval": "300308e868e13026",
}


@pytest.mark.parametrize("name", HASHES)
def test_a_seed_means_the_same_bytes(name):
    assert hashlib.sha256(b"".join(SAMPLES[name]().values())).hexdigest()[:16] == HASHES[name]


def test_churn_has_the_rows_and_columns_of_the_real_files():
    files = churn.generate()
    shapes = {name: pandas.read_csv(io.BytesIO(body), header=None).shape for name, body in files.items()}
    assert shapes == {"train.csv": (2333, 70), "validation.csv": (666, 70), "batch.csv": (334, 69)}
    label = pandas.read_csv(io.BytesIO(files["train.csv"]), header=None)[0]
    assert 0.12 < label.mean() < 0.17


@pytest.mark.parametrize(("module", "real"), [(wine, "wine/winequality-red.csv"), (loan, "loan/loan_data.csv")])
def test_a_table_looks_like_the_real_one(module, real):
    if not (SHARED / real).is_file():
        pytest.skip(f"{SHARED / real} is not here")
    (body,) = module.generate().values()
    ours, theirs = pandas.read_csv(io.BytesIO(body)), pandas.read_csv(SHARED / real)
    assert list(ours.columns) == list(theirs.columns) and len(ours) == len(theirs)
    assert list(ours.dtypes.map(lambda kind: kind.kind)) == list(theirs.dtypes.map(lambda kind: kind.kind)) or module is loan
    numbers = theirs.select_dtypes("number")
    distance = ((ours[numbers.columns].mean() - numbers.mean()) / numbers.std()).abs()
    assert distance.max() < 0.35, distance.to_dict()
    assert not set(body.decode().splitlines()[1:]) & set((SHARED / real).read_text().splitlines()[1:])


def test_loans_are_approved_as_often_and_women_less_often():
    (body,) = loan.generate().values()
    table = pandas.read_csv(io.BytesIO(body))
    approved = (table["approved"] == "Y").groupby(table["gender"]).mean()
    assert 0.58 < (table["approved"] == "Y").mean() < 0.75 and approved[1] - approved[0] > 0.02
