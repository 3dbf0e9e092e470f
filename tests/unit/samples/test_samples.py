from __future__ import annotations

import io
from pathlib import Path

import pytest

from pipelines.config.loader import load
from pipelines.errors import ConfigError, UsageError
from pipelines.samples import write_sample
from pipelines.samples.hotel_bookings import ORDER, generate
from pipelines.scaffold import scaffold

REAL = Path(__file__).parents[3].parent / "shared/data"


@pytest.fixture(scope="module")
def bookings():
    import pandas

    return pandas.read_csv(io.BytesIO(generate()))


def test_a_seed_means_the_same_bytes():
    assert generate(500, 1) == generate(500, 1) != generate(500, 2)


def test_the_sample_has_the_flaws_of_the_real_file(bookings):
    assert bookings.shape == (20_000, 32)
    assert bookings.duplicated().mean() == pytest.approx(0.28, abs=0.002)
    assert bookings.agent.isna().mean() == pytest.approx(0.20, abs=0.01)
    assert bookings.company.isna().mean() == pytest.approx(0.91, abs=0.01)
    assert bookings.is_canceled.mean() == pytest.approx(0.55, abs=0.01)
    assert bookings.children.max() == 10
    assert (bookings.reservation_status.eq("Check-Out") == bookings.is_canceled.eq(0)).all()
    assert b",NULL," in generate(200)


def test_the_columns_are_those_of_the_real_file():
    file = REAL / "hotel/hotel_bookings.csv"
    if not file.is_file():
        pytest.skip(f"{file} is not here")
    with open(file) as handle:
        assert handle.readline().strip().split(",") == list(ORDER)


@pytest.mark.slow
def test_a_sample_is_written_once_and_never_over_something_else(tmp_path):
    assert {path.name for path in write_sample("hotel-bookings", tmp_path)} >= {"pipeline.yaml", "prod.yaml", "hotel_bookings.csv", "pipeline.schema.json"}
    assert write_sample("hotel-bookings", tmp_path) == []
    (tmp_path / "pipeline.yaml").write_text("mine")
    with pytest.raises(UsageError, match="left alone"):
        write_sample("hotel-bookings", tmp_path)
    assert (tmp_path / "pipeline.yaml").read_text() == "mine"


def test_an_unknown_sample_is_named_with_those_there_are(tmp_path):
    with pytest.raises(UsageError, match="hotel-bookings"):
        write_sample("hotels", tmp_path)


ROWS = "id,when,plan,note,empty,age,left\n" + "\n".join(
    f"u{n},2020,{'ab'[n % 2]},text {n},,{'' if n % 5 == 0 else n},{'yes' if n % 3 else 'no'}" for n in range(90)
)


def test_a_scaffold_loads_and_says_why_it_leaves_columns_out(tmp_path):
    (tmp_path / "my data.csv").write_text(ROWS)
    scaffold(tmp_path / "my data.csv", "left", tmp_path / "out", None)
    config = load(tmp_path / "out/pipeline.yaml").config
    assert (config.name, config.label.column, config.label.positive) == ("my-data", "left", "yes")
    dropped = {column for step in config.recipe if step.step == "drop_columns" for column in step.columns}
    assert dropped == {"id", "when", "note", "empty"}
    text = (tmp_path / "out/pipeline.yaml").read_text()
    assert "# has one value" in text and "# an identifier" in text
    assert any(step.step == "impute" and step.columns == ("age",) for step in config.recipe)


def test_another_delimiter_and_encoding_are_found(tmp_path):
    (tmp_path / "d.csv").write_bytes(("größe;y\n" + "1;True\n2;False\n3;True\n" * 3).encode("latin-1"))
    scaffold(tmp_path / "d.csv", "y", tmp_path, None)
    config = load(tmp_path / "pipeline.yaml").config
    assert (config.data.delimiter, config.data.encoding, config.label.positive) == (";", "latin-1", 1)


@pytest.mark.parametrize(
    ("body", "label", "words"),
    [
        ("", "y", "empty"),
        ("a,y\n", "y", "no rows"),
        ("a,y\n1,2\n3,4\n", "z", "no column 'z'"),
        ("a,y\n1,2\n", "y", "1 distinct values"),
    ],
)
def test_a_file_without_two_classes_is_refused(tmp_path, body, label, words):
    (tmp_path / "d.csv").write_text(body)
    with pytest.raises((UsageError, ConfigError), match=words):
        scaffold(tmp_path / "d.csv", label, tmp_path, None)
    assert not (tmp_path / "pipeline.yaml").exists()
