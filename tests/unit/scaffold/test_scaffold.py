"""What `init` writes loads cleanly; what it cannot use it refuses with a reason and writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.config.loader import load
from pipelines.errors import UsageError
from pipelines.samples.scaffold import scaffold

REAL = Path(__file__).parents[3].parent / "shared/data"
GOOD = "a,y\n" + "".join(f"{n},{n % 2}\n" for n in range(20))


def made(tmp_path, body: str | bytes, label: str = "y", name: str | None = None, file: str = "d.csv"):
    (tmp_path / file).write_bytes(body.encode() if isinstance(body, str) else body)
    scaffold(tmp_path / file, label, tmp_path, name)
    for profile in ("local", "dev", "prod"):
        load(tmp_path / "pipeline.yaml", profile=profile)
    return load(tmp_path / "pipeline.yaml").config


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        (("0", "1"), 1),
        (("0.0", "1.0"), 1),
        (("no", "Yes"), "Yes"),
        (("True", "False"), True),
        ((" True.", " False."), " True."),
        (("2", "10"), 10),
        (("0.5", "1.5"), "1.5"),
        (("stay", "churn"), "churn"),
        (("off", "on"), "on"),
    ],
)
def test_the_positive_value_is_guessed_and_survives_yaml(tmp_path, values, positive):
    found = made(tmp_path, "a,y\n" + "".join(f"{n},{values[n % 2]}\n" for n in range(20))).label.positive
    assert found == positive and type(found) is type(positive)


def test_a_byte_order_mark_is_an_encoding_and_no_part_of_the_first_name(tmp_path):
    config = made(tmp_path, b"\xef\xbb\xbf" + GOOD.encode())
    assert config.data.encoding == "utf-8-sig"
    assert config.recipe[0].step == "drop_duplicates"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("2020.csv", "2020"),
        ("no.csv", "no"),
        ("Grüße & Küsse.csv", "gr-e-k-sse"),
        ("日本.csv", "pipeline"),
        (f"{'x' * 90}.csv", "x" * 63),
        ("a\nb: c.csv", "a-b-c"),
    ],
)
def test_any_file_name_makes_a_name(tmp_path, file, name):
    config = made(tmp_path, GOOD, file=file)
    assert (config.name, config.registration.model_package_group) == (name, name)


def test_column_names_that_yaml_would_read_otherwise_are_quoted(tmp_path):
    header = ['"no"', "1", '"a: b"', '"# x"', '"{z}"', '"é\x85"', "y"]
    config = made(tmp_path, ",".join(header) + "\n" + "".join(f",{n},1,1,1,1,{n % 2}\n" for n in range(20)))
    dropped = {column for step in config.recipe if step.step == "drop_columns" for column in step.columns}
    assert dropped == {"no", "a: b", "# x", "{z}", "é\x85"}


def test_the_index_that_pandas_writes_is_left_out(tmp_path):
    config = made(tmp_path, ",a,y\n" + "".join(f"{n},{n % 7},{n % 2}\n" for n in range(20)))
    assert config.recipe[0].columns == ("Unnamed: 0",)


@pytest.mark.parametrize(
    ("body", "options", "words"),
    [
        (GOOD.encode("utf-16"), {}, "NUL bytes"),
        ("a,a,y\n1,2,0\n1,2,1\n", {}, "the column 'a' stands twice"),
        ("a,y\n1,0\n2,\n3,1\n", {}, "1 rows have no label"),
        ("a,y\n1,2,0\n1,2,1\n", {}, "more cells than the header"),
        ("y\n0\n1\n", {}, "no column is left to learn from; got the label alone"),
        ("k,y\n7,0\n7,1\n", {}, "no column is left to learn from; got k: has one value"),
        (GOOD, {"name": "my pipe"}, "cannot name a pipeline"),
        (GOOD, {"label": "Y "}, "Did you mean y"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_nothing_is_written(tmp_path, body, options, words):
    with pytest.raises(UsageError, match=words):
        made(tmp_path, body, **options)
    assert not (tmp_path / "pipeline.yaml").exists()


def test_a_column_that_gives_the_label_away_is_left_out_with_the_reason(tmp_path):
    rows = "".join(f"{n % 7},{('out', 'gone', 'no-show')[(n % 2) * (1 + n % 3 % 2)]},{n % 2}\n" for n in range(300))
    config = made(tmp_path, "a,status,y\n" + rows)
    assert config.recipe[0].columns == ("status",)
    assert '"status"    # gives the label away' in (tmp_path / "pipeline.yaml").read_text()


def test_in_a_few_rows_nothing_is_said_to_give_the_label_away(tmp_path):
    assert made(tmp_path, GOOD).recipe[0].step == "drop_duplicates"


@pytest.mark.parametrize(
    ("file", "label"), [("churn/churn-all.csv", "Churn?"), ("loan/loan_data.csv", "approved"), ("hotel/hotel_bookings.csv", "is_canceled")]
)
def test_real_files_make_a_configuration_that_loads(tmp_path, file, label):
    path = REAL / file
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    scaffold(path, label, tmp_path, None)
    assert load(tmp_path / "pipeline.yaml").config.label.column == label
    assert ("reservation_status" in (tmp_path / "pipeline.yaml").read_text()) == (label == "is_canceled")
    assert ("reservation_status" in (tmp_path / "pipeline.yaml").read_text()) == (label == "is_canceled")
