"""What `init` writes loads cleanly; what it cannot use it refuses with a reason and writes nothing."""

from __future__ import annotations

import datetime
import random
import re
from pathlib import Path

import pandas as pd
import pytest

from pipelines.config.loader import load
from pipelines.errors import UsageError
from pipelines.scaffold import scaffold

REAL = Path(__file__).parents[3].parent / "shared/data"
GOOD = "a,y\n" + "".join(f"{n * n % 11},{n % 2}\n" for n in range(20))


def made(tmp_path, body: str | bytes, label: str = "y", name: str | None = None, file: str = "d.csv"):
    (tmp_path / file).write_bytes(body.encode() if isinstance(body, str) else body)
    scaffold(tmp_path / file, label, tmp_path, name)
    for profile in ("local", "dev", "prod"):
        load(tmp_path / "pipeline.yaml", profile=profile)
    return load(tmp_path / "pipeline.yaml").config


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "positive"),
    [
        (("0", "1"), 1),
        (("0.0", "1.0"), 1),
        (("no", "Yes"), "Yes"),
        (("True", "False"), 1),
        ((" True.", " False."), " True."),
        (("2", "10"), 10),
        (("0.5", "1.5"), "1.5"),
        (("stay", "churn"), "churn"),
        (("off", "on"), "on"),
    ],
)
def test_the_positive_value_is_guessed_and_survives_yaml(tmp_path, values, positive):
    found = made(tmp_path, "a,y\n" + "".join(f"{n * n % 11},{values[n % 2]}\n" for n in range(20))).label.positive
    assert found == positive and type(found) is type(positive)


def test_a_byte_order_mark_is_an_encoding_and_no_part_of_the_first_name(tmp_path):
    config = made(tmp_path, b"\xef\xbb\xbf" + GOOD.encode())
    assert config.data.encoding == "utf-8-sig"
    assert not [step for step in config.recipe if step.step == "drop_columns"]


@pytest.mark.slow
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
    config = made(tmp_path, ",".join(header) + "\n" + "".join(f",{n * n % 11},1,1,1,1,{n % 2}\n" for n in range(20)))
    dropped = {column for step in config.recipe if step.step == "drop_columns" for column in step.columns}
    assert dropped == {"no", "a: b", "# x", "{z}", "é\x85"}


def test_the_index_that_pandas_writes_is_left_out(tmp_path):
    config = made(tmp_path, ",a,y\n" + "".join(f"{n},{n % 7},{n % 2}\n" for n in range(20)))
    assert ("",) in [step.columns for step in config.recipe if step.step == "drop_columns"]


@pytest.mark.parametrize(
    ("body", "options", "words"),
    [
        ("a,a,y\n1,2,0\n1,2,1\n", {}, "the column 'a' stands twice"),
        ("a,y\n1,2,0\n1,2,1\n", {}, "line 2 has 3 cells"),
        ("y\n" + "0\n1\n" * 3, {}, "no column is left to learn from; got the label alone"),
        ("k,y\n" + "7,0\n7,1\n" * 3, {}, "no column is left to learn from; got k: has one value"),
        ("a,y\n" + "1,Yes\n2,no\n3,yes \n4,No\n" * 9, {}, "values of the label differ by case only; got 'Yes' and 'yes'"),
        ("a,y\n" + "".join(f'{n},"4,{100 + n}.50"\n' for n in range(200)), {}, "the label holds numbers as text; got such as '4,100.50'"),
        ("a,y\n" + "1,0\n" * 99 + "2,1\n", {}, "class '1' has 1 row; expected at least 3 of each class"),
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
    assert ("status",) in [step.columns for step in config.recipe if step.step == "drop_columns"]
    assert '"status"    # gives the label away' in (tmp_path / "pipeline.yaml").read_text()


def steps(config):
    return [step.model_dump(exclude_defaults=True) for step in config.recipe]


def test_rows_without_a_label_are_left_out_with_a_reason(tmp_path):
    config = made(tmp_path, GOOD + "3,\n")
    assert steps(config)[0] == {"step": "drop_missing", "columns": ("y",)}
    assert "1 rows have no label" in (tmp_path / "pipeline.yaml").read_text()


def test_numbers_with_separators_and_words_for_nothing_become_numbers(tmp_path):
    rows = "".join(f'"{1000 + n * 137 % 9999:,}",{n * n % 11 if n % 9 else "n/a"},{n % 2}\n' for n in range(200))
    made_steps = steps(made(tmp_path, "amount,score,y\n" + rows))
    assert {"step": "cast", "columns": {"amount": "number"}, "on_error": "null", "thousands": ","} in made_steps
    assert {"step": "cast", "columns": {"score": "number"}, "on_error": "null"} in made_steps
    assert "one_hot" not in [step["step"] for step in made_steps]


def test_amounts_with_a_sign_are_taken_out_of_the_text(tmp_path):
    rows = "".join(f'"$ {1000 + n * 137 % 9999:,}.50",{n % 2}\n' for n in range(200))
    made_steps = steps(made(tmp_path, "price,y\n" + rows))
    assert [step["step"] for step in made_steps][-2:] == ["text", "cast"] or [step["step"] for step in made_steps][-1] == "cast"
    assert {"price_amount": "number"} in [step["columns"] for step in made_steps]


def test_dates_in_several_formats_are_dates(tmp_path):
    forms = ("%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%d %b %Y", "%b %d, %Y")
    days = [datetime.date(2020, 1, 1) + datetime.timedelta(days=n * 37 % 900) for n in range(300)]
    rows = "".join(f'"{day.strftime(forms[n % 5])}",{n * n % 11},{n % 2}\n' for n, day in enumerate(days))
    (found,) = [step for step in steps(made(tmp_path, "day,a,y\n" + rows)) if step["step"] == "dates"]
    assert found["columns"] == ("day",) and set(found["formats"]) >= set(forms)


def test_the_bars_are_below_the_quick_model_and_never_below_guessing(tmp_path):
    drawn = random.Random(0)
    triples = [(drawn.randrange(10_000), drawn.randrange(10_000), drawn.randrange(6_000)) for _ in range(2000)]
    rows = "".join(f"{a},{b},{int(a + b + noise > 13_000)}\n" for a, b, noise in triples)
    config = made(tmp_path, "a,b,y\n" + rows)
    text = (tmp_path / "pipeline.yaml").read_text()
    reached, constant = map(float, re.findall(r"accuracy.*reached ([\d.]+), always guessing the same ([\d.]+)", text)[0])
    assert constant - 0.011 <= config.gate[0].at_least < reached


@pytest.mark.parametrize(("values", "problem"), [("abc", "multiclass_classification"), (range(9), "regression"), ((0.5, 1.25, 7.75), "regression")])
def test_the_problem_is_guessed_from_the_label(tmp_path, values, problem):
    (tmp_path / "d.csv").write_text("a,y\n" + "".join(f"{n * n % 11},{values[n % len(values)]}\n" for n in range(200)))
    scaffold(tmp_path / "d.csv", "y", tmp_path)
    assert f"problem: {problem}\n" in (tmp_path / "pipeline.yaml").read_text()


@pytest.mark.parametrize(("mark", "encoding"), [(";", "utf-8"), ("\t", "utf-16"), ("|", "latin-1"), (",", "utf-8-sig")])
def test_delimiter_and_encoding_are_found(tmp_path, mark, encoding):
    body = GOOD.replace("a,y", "größe,y").replace(",", mark)
    config = made(tmp_path, body.encode(encoding))
    assert (config.data.delimiter, config.data.encoding) == (mark, encoding)


def test_a_folder_of_files_and_compressed_parquet_are_taken_as_they_are(tmp_path):
    frame = pd.DataFrame({"a": [n * n % 11 for n in range(100)], "y": [n % 2 for n in range(100)]})
    (tmp_path / "rows").mkdir()
    frame.to_parquet(tmp_path / "rows/1.parquet")
    frame.to_parquet(tmp_path / "rows/2.parquet")
    scaffold(tmp_path / "rows", "y", tmp_path)
    assert load(tmp_path / "pipeline.yaml").config.data.input == "rows"


def test_in_a_few_rows_nothing_is_said_to_give_the_label_away(tmp_path):
    assert [step.step for step in made(tmp_path, GOOD).recipe] == ["drop_duplicates"]


@pytest.mark.slow
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
