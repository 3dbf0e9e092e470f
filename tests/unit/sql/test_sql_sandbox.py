"""A query in DuckDB's own words, as if it had come through the translation: what the process itself refuses."""

from __future__ import annotations

import gzip

import pytest

from pipelines.errors import Interrupted, UsageError
from pipelines.sql.query import translate
from pipelines.sql.sandbox import TableFiles, run


@pytest.fixture
def people(tmp_path):
    (tmp_path / "people.csv").write_text('Name,age,born\nann,7,2020-01-02\n"b,ob",NULL,2021-01-02\n')
    (tmp_path / "secret.csv").write_text("word\nxyzzy\n")
    return {"table_0": TableFiles((str(tmp_path / "people.csv"),), "csv", {"null_values": ["", "NULL"]})}


@pytest.mark.slow
@pytest.mark.parametrize(
    "hostile",
    [
        "SELECT content FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_blob('{folder}/secret.csv')",
        "SELECT * FROM '{folder}/secret.csv'",
        "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
        "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
        "SELECT * FROM sqlite_scan('/etc/passwd', 'x')",
        "SELECT getenv('HOME') AS home",
        "SELECT * FROM request",
    ],
)
def test_a_query_reads_nothing_but_the_files_of_its_tables(people, tmp_path, hostile):
    with pytest.raises(UsageError):
        run(hostile.format(folder=tmp_path), people, tmp_path / "out", "PARQUET")
    assert not (tmp_path / "out").exists() or (tmp_path / "out").stat().st_size == 0


@pytest.mark.parametrize("hostile", ["COPY table_0 TO '{folder}/made.csv'", "SET enable_external_access = true", "ATTACH '{folder}/made.db'", "INSTALL httpfs"])
def test_a_query_changes_nothing(people, tmp_path, hostile):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UsageError):
        run(hostile.format(folder=tmp_path), people, tmp_path / "out", "PARQUET")
    assert sorted(tmp_path.iterdir()) == before


def test_the_columns_are_in_lower_case_and_typed_by_all_values(people, tmp_path):
    import pyarrow.parquet as parquet

    done = run("SELECT *, sum(age) OVER () AS S FROM table_0", people, tmp_path / "out.parquet", "PARQUET")
    assert done.columns == ("name", "age", "born", "s")
    table = parquet.read_table(tmp_path / "out.parquet")
    assert [str(field.type) for field in table.schema] == ["string", "int64", "string", "int64"]
    assert table.column("age").to_pylist() == [7, None]


def test_text_is_written_as_hive_writes_it(people, tmp_path):
    assert run("SELECT name, age FROM table_0", people, tmp_path / "out.gz", "TEXTFILE").rows == 2
    assert gzip.decompress((tmp_path / "out.gz").read_bytes()) == b"ann\x017\nb,ob\x01\\N\n"


def test_a_table_without_files_has_its_columns_and_no_row(tmp_path):
    empty = {"table_0": TableFiles((), columns={"id": "BIGINT", "day": "VARCHAR"})}
    assert run("SELECT id, day FROM table_0", empty, tmp_path / "out.parquet", "PARQUET").rows == 0


def test_a_query_can_be_stopped(people, tmp_path):
    with pytest.raises(Interrupted):
        run("SELECT count(*) AS n FROM range(1000000000000) a, range(1000000) b", people, tmp_path / "out", "PARQUET", stopping=lambda: True)


def test_tables_are_found_below_subqueries_and_common_names_are_not_tables():
    query = translate("WITH t AS (SELECT a FROM x) SELECT t.a FROM t WHERE a IN (SELECT b FROM Other.Y)", "AwsDataCatalog", "db")
    assert sorted(map(str, query.tables.values())) == ["db.x", "other.y"]
    assert query.columns == ("a",)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("3 / 2", 1),
        ("-3 / 2", -1),
        ("3.0 / 2", 1.5),
        ("cast(3 AS double) / 2", 1.5),
        ("format('%s-%s %.1f%%', 'a', 3, 2.25)", "a-3 2.2%"),
        ("concat('a', NULL)", None),
        ("greatest(1, NULL)", None),
        ("date_format(timestamp '2024-05-01 10:00:00', '%Y-%m')", "2024-05"),
        ("day_of_week(date '2024-05-05')", 7),
        ("element_at(split('a,b', ','), 2)", "b"),
        ("json_extract_scalar('{\"a\": 1}', '$.a')", "1"),
        ("regexp_extract('ab12', '[0-9]+')", "12"),
        ("try_cast('x' AS integer)", None),
        ("date_diff('day', date '2024-05-01', date '2024-05-31')", 30),
    ],
)
def test_an_expression_means_what_it_means_in_athena(tmp_path, expression, value):
    import pyarrow.parquet as parquet

    run(translate(f"SELECT {expression} AS x", "c", "d").sql, {}, tmp_path / "out.parquet", "PARQUET")
    (found,) = parquet.read_table(tmp_path / "out.parquet").column("x").to_pylist()
    assert (found if found is None or isinstance(found, str) else float(found)) == value


def test_a_column_may_be_named_with_database_and_table():
    query = translate('SELECT db.x.a, "X".b FROM db.x', "AwsDataCatalog", "db")
    assert query.sql == 'SELECT x.a, "X".b FROM table_0 AS "x"'


@pytest.mark.parametrize("text", ["SELECT count(*) FROM x", "SELECT a, a FROM x", "INSERT INTO x VALUES (1)", "SELECT", "", "nonsense", "SELECT (" * 5000])
def test_what_athena_could_not_store_is_refused(text):
    with pytest.raises(UsageError):
        translate(text, "c", "d")
