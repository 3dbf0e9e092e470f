"""Raw rows in, answers out: formats, layouts, errors, and the same bits by every way."""

from __future__ import annotations

import csv
import gc
import io
import json
import math
import resource
import weakref

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xgboost

from jobkit.apply import apply
from jobkit.serving import booster as boosters
from jobkit.serving import csv_rows, given, json_rows, parquet_rows
from jobkit.serving.columns_given import known
from jobkit.serving.model import load
from jobkit.serving.refusal import RequestError
from tests.unit.jobs.packages import PROBLEMS, package, rows, written
from training.inference import model_fn, transform_fn

pytestmark = pytest.mark.slow

CSV, JSON, LINES, PARQUET = "text/csv", "application/json", "application/jsonlines", "application/x-parquet"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return model_fn(str(written(package(), tmp_path_factory.mktemp("package"))))


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return rows(300, seed=5).drop(columns="y")


@pytest.fixture(scope="module")
def expected(model, frame) -> np.ndarray:
    """Ask the bare booster for the features of the rows (float32, shape (rows,))."""
    booster = xgboost.Booster()
    booster.load_model(bytearray(model.model.content))
    return booster.predict(xgboost.DMatrix(features(model, frame)))


def features(model, frame: pd.DataFrame) -> np.ndarray:
    return apply(frame.assign(arrival=pd.to_datetime(frame["arrival"])), model.recipe).to_numpy()


def ask(model, body, content_type: str | None = CSV, accept: str | None = None) -> bytes:
    return transform_fn(model, body, content_type, accept)[0]


def probabilities(answer: bytes) -> np.ndarray:
    return np.array([float(row[0]) for row in csv.reader(io.StringIO(answer.decode()))], dtype=np.float32)


def objects(frame: pd.DataFrame) -> list[dict]:
    return [{key: None if value is None or value != value else value for key, value in row.items()} for row in frame.to_dict("records")]


def same(found, wanted) -> bool:
    one, other = np.atleast_1d(np.asarray(found, dtype=np.float32)), np.atleast_1d(np.asarray(wanted, dtype=np.float32))
    return np.array_equal(one.view(np.int32), other.view(np.int32))


@pytest.mark.parametrize("header", [True, False])
def test_one_row_of_csv_many_and_both_layouts_give_the_bits_of_the_bare_booster(model, frame, expected, header):
    whole = frame.to_csv(index=False, header=header)
    assert same(probabilities(ask(model, whole)), expected)
    names = frame.iloc[:0].to_csv(index=False) if header else ""
    for place in range(0, len(frame), 7):
        assert same(probabilities(ask(model, names + frame.iloc[[place]].to_csv(index=False, header=False))), expected[place])
    as_in_file = frame.assign(y=1, unread="x")[["nights", "room", "y", "agent", "price", "arrival", "unread"]]
    assert same(probabilities(ask(model, as_in_file.to_csv(index=False, header=False))), expected)
    assert same(probabilities(ask(model, as_in_file.drop(columns="y").head(9).to_csv(index=False, header=False))), expected[:9])


def test_the_quickest_way_to_ask_keeps_the_booster_that_it_asks():
    """The library would read freed memory otherwise."""
    rows = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    made = xgboost.train({"nthread": 1}, xgboost.DMatrix(rows, label=rows[:, 0]), 3)
    expected, gone, ask_it = made.inplace_predict(rows), weakref.ref(made), boosters.straight(made)
    del made
    gc.collect()
    assert gone() is not None and same(ask_it(rows), expected)


def test_commas_are_read_where_semicolons_were_trained_on_however_long_the_row_is():
    """As one value, between semicolons, the row would be longer than the csv module takes."""
    columns = known({"schema": [{"name": "a", "kind": "text"}, {"name": "b", "kind": "text"}], "source": {"columns": ["a", "b"]}})
    for names in (b"a,b\n", b""):
        body = names + b"u,v\n" + b"x" * 70_000 + b"," + b"y" * 70_000 + b"\n"
        given = csv_rows.read(body, None, columns, {"delimiter": ";"}, [])
        assert given.header == bool(names)
        assert given.rows == [{"a": "u", "b": "v"}, {"a": "x" * 70_000, "b": "y" * 70_000}]


def test_a_row_with_an_extra_member_that_elsewhere_holds_rows_is_a_row(model, frame, expected):
    (item,) = objects(frame.head(1))
    told = json.loads(ask(model, json.dumps({**item, "data": "x", "inputs": 3}), JSON))["predictions"]
    assert same([row["probability"] for row in told], expected[:1])


@pytest.mark.parametrize("count", [1, 5, 200])
def test_every_json_layout_gives_the_same_answers(model, frame, expected, count):
    items = objects(frame.head(count))
    lists = [list(item.values()) for item in items]
    bodies = [items, lists, {"instances": items}, {"instances": lists}, {"Input": lists}, {"instances": [{"features": values} for values in lists]}]
    for body in [*bodies, *([items[0], {"instances": items[0]}, lists[0]] if count == 1 else [])]:
        told = json.loads(ask(model, json.dumps(body), JSON))["predictions"]
        assert same([row["probability"] for row in told], expected[:count]), str(body)[:80]
    lines = "\n".join(map(json.dumps, items))
    told = [json.loads(line) for line in ask(model, lines, LINES).decode().splitlines()]
    assert same([row["probability"] for row in told], expected[:count])


def test_parquet_is_read_too_and_answered_in_json(model, frame, expected):
    buffer = io.BytesIO()
    frame.assign(y=1).to_parquet(buffer, index=False)
    body, kind = transform_fn(model, buffer.getvalue(), PARQUET, "*/*")
    assert kind == JSON and same([row["probability"] for row in json.loads(body)["predictions"]], expected)


def test_a_little_parquet_that_stands_for_more_rows_than_a_request_may_hold_is_refused(model, monkeypatch):
    monkeypatch.setattr(parquet_rows, "MOST_VALUES", 1_000_000)
    rows = parquet_rows.MOST_VALUES // len(model.columns.schema) + 1
    table = pa.table({"nights": pa.chunked_array([pa.nulls(rows, pa.int64())])})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    assert len(buffer.getvalue()) < 100_000
    with pytest.raises(RequestError, match=f"holds {rows} rows; expected at most {rows - 1}"):
        transform_fn(model, buffer.getvalue(), PARQUET, "*/*")


def test_the_same_long_text_in_every_row_of_parquet_takes_its_memory_once(model):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    buffer = io.BytesIO()
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), pa.array(["x" * 2_000_000]))
    pq.write_table(pa.table({"room": texts}), buffer, compression="zstd", store_schema=False)
    assert len(json.loads(transform_fn(model, buffer.getvalue(), PARQUET, "*/*")[0])["predictions"]) == 2000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000


def test_few_rows_and_many_are_read_to_the_same_features(model, frame, monkeypatch):
    body = frame.to_csv(index=False).encode()
    hostile = b"+5,A,007,1e3,2024-02-30\n 7 ,, ,nan,2024-02-03 10:00:00\ntrue,z,1e5,inf,20240101\n5.,NULL,12.0,.5,x\n1_0,A,+7,0x10,1.5\n"
    made = {}
    for many in (0, 10**9):
        monkeypatch.setattr(csv_rows, "MANY", many)
        made[many] = [model.features(csv_rows.read(text, None, model.columns, model.source, model.nulls)) for text in (body, hostile)]
    assert all(same(one, other) for one, other in zip(made[0], made[10**9], strict=False))


VALUES = [None, "", "NULL", 5, 5.0, -0.0, 2.5, True, False, "7", " 7 ", "x", 10**17, 10**17 + 1, 1e300, math.nan, math.inf, "true", "2024-02-03", 20240203]


def test_values_of_json_are_read_alike_alone_and_among_others(model, monkeypatch):
    dice = np.random.default_rng(3)
    items = [{name: VALUES[dice.integers(len(VALUES))] for name in model.columns.schema} for _ in range(400)]
    items += [{name: value for name in model.columns.schema} for value in VALUES]
    alone = np.array([model.row(item) for item in items])
    monkeypatch.setattr(json_rows, "MANY", 0)
    assert same(model.features(json_rows.read(json.dumps(items).encode(), model.columns)), alone)


def test_numbers_read_back_as_the_very_float32_of_the_model(model, frame, expected):
    for count in (3, 300):
        answer = json.loads(ask(model, frame.head(count).to_csv(index=False), CSV, JSON))["predictions"]
        assert [row["probability"] for row in answer] == [float(value) for value in expected[:count]]


def test_the_label_is_its_own_text_by_the_threshold(model, frame, expected):
    classes = PROBLEMS["binary_classification"][1]
    wanted = [classes[int(value >= 0.4)] for value in expected.astype(np.float64)]
    for count in (5, 300):
        answer = ask(model, frame.head(count).to_csv(index=False)).decode()
        assert [row[1] for row in csv.reader(io.StringIO(answer))] == wanted[:count]
        told = json.loads(ask(model, frame.head(count).to_csv(index=False), CSV, JSON))["predictions"]
        assert [row["label"] for row in told] == wanted[:count]
    assert len(set(wanted)) == 2


@pytest.mark.parametrize("count", [4, 300])
def test_several_classes_have_a_label_and_a_probability_each(frame, tmp_path, count):
    model = load(written(package("multiclass_classification"), tmp_path))
    body = frame.head(count).to_csv(index=False)
    told = json.loads(ask(model, body, CSV, JSON))["predictions"]
    scores = model.model.narrow.predict(xgboost.DMatrix(features(model, frame.head(count))))
    assert same([list(row["probabilities"].values()) for row in told], scores)
    assert [row["label"] for row in told] == [PROBLEMS["multiclass_classification"][1][place] for place in scores.argmax(axis=1)]
    cells = list(csv.reader(io.StringIO(ask(model, body).decode())))
    assert [row[0] for row in cells] == [row["label"] for row in told] and same([row[1:] for row in cells], scores)


@pytest.mark.parametrize("count", [4, 300])
def test_an_amount_is_one_value(frame, tmp_path, count):
    model = load(written(package("regression"), tmp_path))
    scores = model.model.narrow.predict(xgboost.DMatrix(features(model, frame.head(count))))
    assert same(probabilities(ask(model, frame.head(count).to_csv(index=False))), scores)
    told = json.loads(ask(model, frame.head(count).to_csv(index=False), CSV, JSON))["predictions"]
    assert same([row["value"] for row in told], scores)


def test_shap_values_add_up_to_the_margin_by_feature_and_by_raw_column(model, frame):
    scored = features(model, frame.head(3))
    margin = model.model.narrow.predict(xgboost.DMatrix(scored), output_margin=True)
    told = json.loads(ask(model, frame.head(3).to_csv(index=False), CSV, "application/json; explain=shap"))["predictions"]
    by_member = json.loads(ask(model, json.dumps({"explain": True, "instances": objects(frame.head(3))}), JSON))["predictions"]
    assert told == by_member
    for row, wanted in zip(told, margin, strict=False):
        parts = row["explanation"]
        assert set(parts["contributions"]) == set(model.recipe["features"]) and set(parts["columns"]) >= {"room", "agent", "price", "nights"}
        for members in (parts["contributions"], parts["columns"]):
            assert sum(members.values()) + parts["base_value"] == pytest.approx(wanted, abs=1e-4)
    groups = model.recipe["steps"][1]["names"]["room"]
    assert told[0]["explanation"]["columns"]["room"] == pytest.approx(
        sum(value for name, value in told[0]["explanation"]["contributions"].items() if name in groups), abs=1e-6
    )


def test_several_classes_are_explained_one_by_one(frame, tmp_path):
    model = load(written(package("multiclass_classification"), tmp_path))
    (told,) = json.loads(ask(model, frame.head(1).to_csv(index=False), CSV, "application/json; explain=shap"))["predictions"]
    assert list(told["explanation"]) == PROBLEMS["multiclass_classification"][1]


def test_the_features_can_be_asked_for(model, frame):
    told = json.loads(ask(model, frame.head(2).to_csv(index=False), CSV, "application/json; explain=features"))["predictions"]
    wanted = features(model, frame.head(2))
    assert same([[math.nan if value is None else value for value in row["features"].values()] for row in told], wanted)


@pytest.mark.parametrize(
    ("content", "header", "lines"),
    [("text/csv", "text/csv", 2), ("text/csv", "text/csv; header=present", 3), ("text/csv", "text/csv; header=same", 3), (None, None, 2)],
)
def test_csv_begins_with_a_header_when_asked_to(model, frame, content, header, lines):
    answer = ask(model, frame.head(2).to_csv(index=False), content, header).decode()
    assert answer.count("\n") == lines and answer.startswith("probability,label\n") == (lines == 3)
    bare = ask(model, frame.head(2).to_csv(index=False, header=False), content, header).decode()
    assert bare.count("\n") == (3 if header and "present" in header else 2)


def test_a_batch_job_pairs_the_header_with_a_header_when_its_environment_says_so(frame, tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEWRIGHT_CSV_HEADER", "same")
    model = load(written(package(), tmp_path))
    body = frame.head(3).to_csv(index=False)
    assert ask(model, body).decode().count("\n") == 4
    first, rest = body.split("\n", 1)
    assert ask(model, first + "\n") == b"probability,label\n" and ask(model, rest).decode().count("\n") == 3


def test_a_header_may_be_declared(model, frame):
    body = frame.head(2).to_csv(index=False)
    assert ask(model, body, "text/csv; header=present") == ask(model, body)
    with pytest.raises(RequestError, match="header=maybe"):
        ask(model, body, "text/csv; header=maybe")


def test_columns_in_another_order_and_extra_ones_change_nothing(model, frame, expected):
    mixed = frame.assign(extra=1)[["extra", *reversed(frame.columns)]]
    assert same(probabilities(ask(model, mixed.to_csv(index=False))), expected)


def test_policies_that_say_fail_are_held_by_every_way(frame, tmp_path):
    model = load(written(package(extra_column="fail", missing_column="fail", wrong_type="fail"), tmp_path))
    for count in (2, 200):
        part = frame.head(count)
        assert ask(model, part.to_csv(index=False))
        for wrong, words in (
            (part.assign(extra=1), "'extra' was not in the training data"),
            (part.drop(columns="price"), "'price' is missing"),
            (part.assign(y=1), "'y' was not in the training data"),
            (part.assign(price="dear"), "'price': 'dear' is not a number"),
        ):
            with pytest.raises(RequestError, match=words):
                ask(model, wrong.to_csv(index=False))
            with pytest.raises(RequestError, match=words):
                ask(model, json.dumps(objects(wrong)), JSON)


@pytest.mark.parametrize(
    ("body", "content", "accept", "status", "words"),
    [
        ("", CSV, None, 400, "the body is empty"),
        (" \n", JSON, None, 400, "the body is empty"),
        ("1,2,3\n", CSV, None, 400, r"row 1: got 3 values; expected 5 \(nights, room, agent, price, arrival\), or 6 as in the training file, or 7"),
        ("1,A,x,3,2024-01-01\n1,A\n", CSV, None, 400, "row 2: got 2 values"),
        ("nights,price\n1\n", CSV, None, 400, "row 1: got 1 values; expected 2, as the header has"),
        ("nights,nights\n1,2\n", CSV, None, 400, "'nights' stands twice"),
        ("a,b\n1,2\n", "text/csv; header=present", None, 400, "none of its columns is known; got 'a', 'b'"),
        (b"nights,room\n1,\xff\n", CSV, None, 400, "byte 0xff in line 2 is not UTF-8"),
        ("1,A,x,3,2024-01-01\n" * 100 + "1,2\n", CSV, None, 400, "row 101: got 2 values"),
        (b"1,A,x,3,2024-01-01\n" * 100 + b"1,\xff,x,3,2024-01-01\n", CSV, None, 400, "in line 101 is not UTF-8"),
        ("{", JSON, None, 400, "this is not JSON"),
        (b'"\xff"', JSON, None, 400, "it is not UTF-8"),
        ("[]", JSON, None, 400, "the list of rows is empty"),
        ("3", JSON, None, 400, "got a number; expected an object or a list of rows"),
        ('{"a": 1}', JSON, None, 400, "none of its columns is known; got 'a', expected nights"),
        ('[{"nights": 1}, {"nights": [1]}]', JSON, None, 400, "row 2: column 'nights' holds a list"),
        ('{"instances": [[1, 2]]}', JSON, None, 400, r"instances\[0\]: got 2 values"),
        ('{"nights": 1' + "0" * 400 + "}", JSON, None, 400, "a number is too large"),
        ('{"nights": 1}\n{"nights": 1', LINES, None, 400, "line 2 of the JSON Lines: this is not JSON"),
        ("no parquet", PARQUET, None, 400, "this is not Parquet"),
        ("<a/>", "application/xml", None, 415, "does not take 'application/xml'; expected text/csv"),
        ("nights\n1\n", CSV, "image/png", 406, "does not answer 'image/png'"),
        ("nights\n1\n", CSV, "text/csv; explain=shap", 406, "CSV has no place"),
        ("nights\n1\n", CSV, "application/json; explain=lime", 406, "explain=lime; expected shap or features"),
    ],
)
def test_a_request_that_cannot_be_answered_says_where_what_and_what_was_expected(model, body, content, accept, status, words):
    with pytest.raises(RequestError, match=words) as refused:
        ask(model, body, content, accept)
    assert refused.value.status == status


def test_accept_takes_the_first_that_can_be_answered(model, frame):
    body = frame.head(1).to_csv(index=False)
    assert transform_fn(model, body, CSV, "image/png, application/json;q=0.9")[1] == JSON
    assert transform_fn(model, body, CSV, "*/*")[1] == CSV and transform_fn(model, body, None, None)[1] == CSV


@pytest.mark.parametrize("params", [{}, {"booster": "dart", "rate_drop": 0.3}, {"booster": "gblinear"}, {"num_parallel_tree": 3}])
def test_the_quick_ways_answer_as_predict_does(params, frame, tmp_path):
    model = load(written(package(booster=params), tmp_path))
    given = np.concatenate([features(model, frame)] * 10)
    assert len(given) > boosters.WIDE
    sure = boosters.matrix(model.model.narrow)(given)
    assert same(model.model.predict(given), sure)
    assert same(np.concatenate([model.model.predict(given[place : place + 1]) for place in range(300)]), sure[:300])
    assert same(model.model.predict(given[:50]), sure[:50])


def test_one_proxy_answers_requests_of_every_size(model, frame):
    given = features(model, frame)
    sure = boosters.matrix(model.model.narrow)(given)
    for count in (1, 7, 1, 40, 2):
        assert same(model.model.predict(given[:count]), sure[:count])


def test_the_shortest_way_is_the_one_that_is_taken(model):
    assert "straight" in model.model._few.__qualname__


def test_a_package_that_does_not_fit_together_is_not_loaded(tmp_path):
    files = package()
    recipe = json.loads(files["recipe.json"])
    recipe["columns"], recipe["features"] = recipe["columns"][1:], recipe["features"][1:]
    with pytest.raises(RequestError, match="does not fit together: the model has") as refused:
        load(written({**files, "recipe.json": json.dumps(recipe).encode()}, tmp_path / "a"))
    assert refused.value.status == 500
    with pytest.raises(RequestError, match="cannot be loaded: recipe.json: not JSON"):
        load(written({**files, "recipe.json": b"{"}, tmp_path / "b"))
    with pytest.raises(RequestError, match="cannot be loaded"):
        load(tmp_path / "c")


def test_requests_side_by_side_do_not_disturb_each_other(model, frame, expected):
    from concurrent.futures import ThreadPoolExecutor

    bodies = [frame.iloc[[place]].to_csv(index=False, header=False) for place in range(200)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda body: probabilities(ask(model, body))[0], bodies * 3))
    assert same(found, np.tile(expected[:200], 3))


def test_a_table_of_json_rows_is_made_from_the_same_number_on_for_all(model):
    assert json_rows.MANY == csv_rows.MANY == given.MANY
