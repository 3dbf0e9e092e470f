"""A pipeline whose rows are the result of a query: composed as the service's DatasetDefinition, run here by DuckDB."""

from __future__ import annotations

import json

import pytest

from tests.functional.conftest import definition, processing

SHOW = "import pathlib, shutil\nshutil.copytree('/opt/ml/processing/input/raw', '/opt/ml/processing/rows', dirs_exist_ok=True)\n"
QUERY = "SELECT name, sum(amount) AS total FROM sales GROUP BY name ORDER BY name"


def athena(query: str = QUERY, **changes) -> dict:
    wanted = {"Catalog": "AwsDataCatalog", "Database": "shop", "QueryString": query, "OutputS3Uri": "s3://bkt/athena/", "OutputFormat": "PARQUET", **changes}
    return {"AthenaDatasetDefinition": wanted, "LocalPath": "/opt/ml/processing/input/raw", "InputMode": "File", "DataDistributionType": "FullyReplicated"}


def queried(dataset: dict, **changes) -> dict:
    step = processing("Rows", "show.py", outputs=("rows",), **changes)
    step["Arguments"]["ProcessingInputs"].append({"InputName": "raw", "DatasetDefinition": dataset})
    return definition(step)


@pytest.fixture
def shop(sagewright):
    sagewright.put("s3://bkt/code/show.py", SHOW)
    (sagewright.folder / "sales.csv").write_text("Name,amount,day\nann,1,2020-01-02\nbob,2,2020-01-03\nann,4,2020-01-04\n")
    return sagewright


def rows(shop, done):
    import pyarrow.parquet as parquet

    run = done.json["execution_arn"].rsplit("/", 1)[-1]
    return parquet.read_table(shop.store / f"bkt/out/{run}/Rows/rows").to_pylist()


def yaml_of(bookings, data: str) -> None:
    text = (bookings.folder / "pipeline.yaml").read_text().partition("\nbatch_transform:")[0] + "\n"
    line = next(line for line in text.splitlines() if "input: data/hotel_bookings.csv" in line)
    (bookings.folder / "pipeline.yaml").write_text(text.replace(line, data))


def recipes(bookings) -> list[bytes]:
    return [path.read_bytes() for path in sorted((bookings.store / "sagewright-local/hotel-bookings/executions").glob("*/Preprocess/recipe/recipe.json"))]


@pytest.mark.slow
def test_bookings_by_a_query_give_the_same_recipe_as_bookings_from_the_file(bookings):
    until = ("--until", "Preprocess", "--quiet", "--cold")
    assert bookings("run", *until).code == 0
    tables = "    tables: {bookings: data/hotel_bookings.csv}"
    yaml_of(bookings, f"  athena:\n    database: hotels\n    query: SELECT * FROM bookings\n    output_s3_uri: s3://sagewright-local/athena/\n{tables}\n")
    assert bookings("run", *until).code == 0
    yaml_of_text = (bookings.folder / "pipeline.yaml").read_text().partition("\nbatch_transform:")[0] + "\n"
    names = (bookings.folder / "data/hotel_bookings.csv").read_text().split("\n", 1)[0].strip()
    (bookings.folder / "pipeline.yaml").write_text(
        yaml_of_text.replace("SELECT * FROM", f"SELECT {names} FROM").replace(tables, f"{tables}\n    output_format: TEXTFILE")
    )
    done = bookings("run", *until)
    assert done.code == 0, done.err
    first, second, third = (json.loads(text) for text in sorted(recipes(bookings), key=len))
    assert first["features"] and first == second
    assert third.pop("null_values") == [*first.pop("null_values"), "\\N"]
    # Hive's dialect is kept, since a package takes rows as the files were written, too.
    dialect, usual = third.pop("source"), first.pop("source")
    assert dialect == {**usual, "delimiter": "\x01", "quote": ""}
    assert third == first


def test_a_bare_definition_gets_its_tables_from_the_command_line(shop):
    done = shop.run(queried(athena()), "--table", "sales=sales.csv")
    assert done.code == 0, done.err
    assert rows(shop, done) == [{"name": "ann", "total": 5}, {"name": "bob", "total": 2}]


def test_the_table_may_be_named_with_its_database_and_the_dialect_is_athenas(shop):
    query = (
        "SELECT name, date_diff('day', date_parse(day, '%Y-%m-%d'), timestamp '2020-01-05') AS age FROM \"AwsDataCatalog\".shop.SALES s WHERE s.name = 'bob'"
    )
    done = shop.run(queried(athena(query)), "--table", "shop.sales=sales.csv")
    assert done.code == 0, done.err
    assert rows(shop, done) == [{"name": "bob", "age": 2}]


def test_a_table_without_a_file_stops_the_run_before_it_starts(shop):
    done = shop.run(queried(athena("SELECT s.name FROM sales s JOIN shops ON s.name = shops.name")), "--table", "sales=sales.csv")
    assert done.code == 2
    assert "there is no local file for table shop.shops" in done.err
    assert "shop.sales, shop.shops" in done.err
    assert not (shop.folder / ".sagewright/runs").exists()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT a FROM sales, read_csv('/etc/passwd') AS t(a)",
        "DROP TABLE sales",
        "SELECT 1 AS a; SELECT 2 AS b",
        "COPY sales TO 'out.csv'",
    ],
)
def test_a_query_that_wants_more_than_rows_of_tables_is_refused_before_anything_starts(shop, query):
    done = shop.run(queried(athena(query)), "--table", "sales=sales.csv")
    assert done.code == 2, done.out
    assert not (shop.folder / ".sagewright/runs").exists()


def test_redshift_is_refused_by_name_before_anything_starts(shop):
    redshift = {"ClusterId": "c", "Database": "d", "DbUser": "u", "QueryString": "q", "ClusterRoleArn": "arn:aws:iam::123456789012:role/r"}
    dataset = {"RedshiftDatasetDefinition": {**redshift, "OutputS3Uri": "s3://bkt/x", "OutputFormat": "PARQUET"}, "LocalPath": "/opt/ml/processing/input/raw"}
    done = shop.run(queried(dataset))
    assert done.code == 2
    assert "RedshiftDatasetDefinition does not run locally" in done.err
    assert not (shop.folder / ".sagewright/runs").exists()


def test_other_rows_in_the_table_are_another_key_of_the_cache(shop):
    document = queried(athena(), CacheConfig={"Enabled": True, "ExpireAfter": "P1D"})
    first = shop.run(document, "--table", "sales=sales.csv")
    again = shop.run(document, "--table", "sales=sales.csv")
    with open(shop.folder / "sales.csv", "a") as more:
        more.write("bob,3,2020-01-09\n")
    changed = shop.run(document, "--table", "sales=sales.csv")
    assert [done.json["steps"][0]["cache"] for done in (first, again, changed)] == [
        "miss: first run of this step",
        "hit",
        f"miss: ProcessingInputs changed since {first.json['execution_arn'].rsplit('/', 1)[-1]}",
    ]
    assert rows(shop, changed)[1] == {"name": "bob", "total": 5}


def test_a_resumed_run_reads_the_table_as_it_was_when_the_run_started(shop):
    shop.put("s3://bkt/code/show.py", "raise SystemExit(1)")
    failed = shop.run(queried(athena()), "--table", "sales=sales.csv")
    assert failed.code == 1
    (shop.folder / "sales.csv").write_text("name,amount,day\nzoe,9,x\n")
    shop.put("s3://bkt/code/show.py", SHOW)
    done = shop("resume", "--output", "json", "--cold", "--quiet")
    assert done.code == 0, done.err
    assert [row["name"] for row in rows(shop, done)] == ["ann", "bob"]


def test_a_query_that_fails_says_why(shop):
    done = shop.run(queried(athena("SELECT nme FROM sales")), "--table", "sales=sales.csv")
    assert done.code == 1
    assert 'Referenced column "nme" not found' in done.json["failure_reason"]


def test_a_dataset_without_a_query_does_not_pass_the_checks(shop):
    done = shop.run(queried({"LocalPath": "/opt/ml/processing/input/raw"}))
    assert done.code == 2
    assert "no query" in done.err


@pytest.mark.slow
def test_the_configurations_input_is_the_one_table_and_a_flag_wins_over_it(bookings):
    athena_yaml = (
        "  input: data/hotel_bookings.csv\n  athena: {database: hotels, query: SELECT * FROM bookings, output_s3_uri: 's3://sagewright-local/athena/'}"
    )
    yaml_of(bookings, athena_yaml)
    until = ("--until", "Preprocess", "--output", "json", "--quiet", "--cold")
    assert bookings("run", *until).code == 0
    (bookings.folder / "few.csv").write_text("is_canceled\n1\n0\n")
    for name in ("bookings", "hotels.bookings", "AwsDataCatalog.hotels.bookings"):
        done = bookings("run", *until, "--table", f"{name}=few.csv")
        assert done.code == 1, name
        assert "there is no column" in done.json["failure_reason"]


def test_a_file_in_an_encoding_that_duckdb_lacks_is_told(bookings):
    athena_yaml = (
        "  encoding: cp1252\n  input: data/hotel_bookings.csv\n  athena: {database: h, query: SELECT * FROM b, output_s3_uri: 's3://sagewright-local/a/'}"
    )
    yaml_of(bookings, athena_yaml)
    done = bookings("run", "--quiet", "--cold")
    assert done.code == 2
    assert "this text encoding does not work" in done.err
