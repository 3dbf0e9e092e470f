"""Damaged and hostile flows end in one error that says what is wrong, or in a report; never in a traceback."""

from __future__ import annotations

import base64
import io
import json
import tracemalloc
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import UsageError
from pipelines.flow import document, import_flow, spark_model
from pipelines.flow.document import parse_flow, read_flow
from pipelines.flow.importing import import_nodes
from pipelines.flow.table import TRANSLATORS
from pipelines.flow.translation import Untranslated
from pipelines.flow.writing import yaml_text
from tests.unit.flow.flows import chain, imported, node, source, types


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "nested too deep"),
        ('{"nodes": ' + "9" * 5000 + "}", "not JSON"),
        ("[]", "no list `nodes`"),
        ("null", "no list `nodes`"),
        ('{"nodes": {}}', "no list `nodes`"),
        ('{"nodes": []}', "no nodes"),
        ('{"nodes": [7]}', "nodes[0]: this node is not an object"),
        ('{"nodes": [{}]}', "nodes[0].node_id"),
        ('{"nodes": [{"node_id": "a"}]}', "nodes[0].operator"),
        ('{"nodes": [{"node_id": "a", "operator": "x_0.1"}]}', "nodes[0].type"),
        ('{"nodes": [{"node_id": "a", "operator": "x_0.1", "type": "OTHER"}]}', "no such type of node"),
        ('{"nodes": [{"node_id": "a", "operator": "x_0.1", "type": "SOURCE", "parameters": 3}]}', "parameters: this is not an object"),
        ('{"nodes": [{"node_id": "a", "operator": "x_0.1", "type": "SOURCE", "trained_parameters": "x"}]}', "trained_parameters: this is not an object"),
        ('{"nodes": [{"node_id": "a", "operator": "x_0.1", "type": "SOURCE", "inputs": "x"}]}', "not a list of objects"),
        ('{"nodes": [{"node_id": "a", "operator": "x_0.1", "type": "SOURCE", "inputs": [{}]}]}', "inputs[0].node_id"),
        ('{"nodes": [{"node_id": "a", "operator": "x_0.1", "type": "SOURCE", "inputs": [{"node_id": "gone"}]}]}', "'gone'"),
    ],
)
def test_what_is_no_flow_is_refused_with_its_place(text, told):
    with pytest.raises(UsageError) as refused:
        parse_flow(text, "bad.flow")
    assert told in str(refused.value) and "bad.flow" in str(refused.value)


def test_nodes_in_a_circle_are_refused():
    nodes = [node("a", "TRANSFORM", "x", "b"), node("b", "TRANSFORM", "x", "a")]
    with pytest.raises(UsageError, match="in a circle; got the nodes a, b"):
        imported(nodes)


def test_two_nodes_of_one_id_are_refused():
    with pytest.raises(UsageError, match="one id"):
        imported([source(), source()])


def test_more_nodes_than_a_flow_ever_has_are_refused():
    with pytest.raises(UsageError, match="too many nodes"):
        imported([{}] * (document.MOST_NODES + 1))


@pytest.mark.slow
def test_a_chain_of_many_nodes_in_the_wrong_order_is_sorted_soon():
    count = document.MOST_NODES - 2
    nodes = [node(f"n{place}", "TRANSFORM", "x", f"n{place - 1}" if place else "types") for place in range(count)][::-1]
    made = imported([*nodes, types(), source()])
    assert [outcome.node.id for outcome in made.outcomes][:3] == ["source", "types", "n0"]


def test_a_file_that_is_not_there_and_one_that_is_not_text_are_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        read_flow(tmp_path / "none.flow")
    with pytest.raises(UsageError, match="cannot read"):
        read_flow(tmp_path)
    (tmp_path / "x.flow").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        read_flow(tmp_path / "x.flow")


def test_a_huge_file_is_not_even_read(tmp_path, monkeypatch):
    monkeypatch.setattr(document, "LARGEST_FILE", 10)
    (tmp_path / "x.flow").write_text("{}" * 20)
    with pytest.raises(UsageError, match="too large for a flow"):
        read_flow(tmp_path / "x.flow")


def test_a_flow_without_a_label_asks_for_one():
    with pytest.raises(UsageError, match="--target COLUMN"):
        imported(chain(), target=None)


def test_a_label_that_the_sources_do_not_have_is_refused_with_the_nearest():
    nodes = [source(), types(schema={"is_canceled": "long", "adr": "float"})]
    with pytest.raises(UsageError, match="got 'is_cancelled'.*is_canceled"):
        imported(nodes, target="is_cancelled")


@pytest.mark.parametrize("mark", ["||", "\0", '"'])
def test_a_mark_that_divides_no_cells_is_told(mark):
    outcome = imported([source(s3FieldDelimiter=mark), types()]).outcomes[0]
    assert outcome.status == "not translated" and "divides no cells" in outcome.lost[0]


@pytest.mark.slow
def test_a_zip_bomb_in_the_trained_state_is_not_unpacked():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("data/x.parquet", "w", force_zip64=True) as stream:
        for _ in range(200):
            stream.write(bytes(2**20))
    bomb = base64.b85encode(packed.getvalue()).decode()
    tracemalloc.start()
    with pytest.raises(Untranslated, match="unpacks to more"):
        spark_model.labels(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * spark_model.LARGEST_FILE


def test_a_parquet_file_that_decodes_to_very_much_is_not_read():
    import pyarrow as pa
    import pyarrow.parquet as parquet

    body, packed = io.BytesIO(), io.BytesIO()
    parquet.write_table(pa.table({"labelsArray": [[["x"] * (spark_model.MOST_LABELS + 1)]]}), body)
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("data/x.parquet", body.getvalue())
    with pytest.raises(Untranslated, match="not that of a StringIndexer"):
        spark_model.labels(base64.b85encode(packed.getvalue()).decode())


def test_a_pipeline_that_needs_a_hand_is_written_and_told(tmp_path):
    (tmp_path / "x.flow").write_text(json.dumps({"nodes": [source(), types(schema={"y": "long"})]}))
    bad = json.dumps({"nodes": [node("s", "SOURCE", "sagemaker.redshift_source")]})
    (tmp_path / "bad.flow").write_text(bad)
    report = import_flow(tmp_path / "bad.flow", tmp_path / "out", "y")
    assert not report.complete and (tmp_path / "out/pipeline.yaml").is_file()
    assert "put your file here" in (tmp_path / "out/pipeline.yaml").read_text()


# Anything at all in the places that translators read

KEYS = sorted(
    {
        *("input_column", "output_column", "column_to_drop", "column_to_move", "new_name", "move_type", "target_column", "fill_value", "strategy", "index"),
        *("column_type", "numeric_parameters", "standard_deviations", "lower_quantile", "upper_quantile", "lower_threshold", "fix_method", "scaler"),
        *("invalid_handling_strategy", "drop_last", "output_style", "code", "pandas_parameters", "formula", "x_axis", "y_axis", "color_by", "max_features"),
        *("dataset_definition", "s3ExecutionContext", "s3Uri", "schema", "join_type", "left_column", "join_keys", "string_indexer_model", "impute_value"),
    }
)
WORDS = st.sampled_from(
    ["a", "b", "y", "c", "when", "", "Keep", "Clip", "Remove", "Mean", "Numeric", "Move to end", "1", "nan", "1e999", "a + b", "`", "\n# x: [", "s3://b/k"]
)
ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS, st.text(max_size=8))
VALUES = st.recursive(
    ODD, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(st.sampled_from(KEYS), WORDS), inner, max_size=4)), max_leaves=8
)
MEMBERS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6)


@st.composite
def any_flow(draw):
    """Draw a chain of known operators with any parameters under the names that they read."""
    nodes, last = [source(**draw(st.dictionaries(st.sampled_from(["s3ContentType", "s3FieldDelimiter", "s3HasHeader"]), ODD, max_size=2))), types()], "types"
    for place in range(draw(st.integers(1, 4))):
        operator, kind = draw(st.sampled_from(sorted(TRANSLATORS)))
        of_kind = "".join(letter if letter.isalnum() else "_" for letter in kind.lower()) + "_parameters"
        inner, trained = draw(MEMBERS), draw(VALUES)
        given = {"operator": kind, of_kind: inner, **draw(MEMBERS)} if kind else inner
        kind_of_node = "VISUALIZATION" if "visual" in operator else "DESTINATION" if "destination" in operator else "TRANSFORM"
        nodes.append(node(f"n{place}", kind_of_node, operator, last, parameters=given, trained_parameters={of_kind: trained, **draw(MEMBERS)}))
        last = f"n{place}" if kind_of_node == "TRANSFORM" else last
    return nodes


def test_a_schema_that_is_none_is_passed_over():
    last = node("n0", "TRANSFORM", "sagemaker.athena_source_0.1", "types", parameters={}, trained_parameters={"schema": True})
    assert import_nodes(parse_flow(json.dumps({"nodes": [source(), types(), last]}), "x.flow"), "y", False, False).outcomes[-1].lost


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(any_flow(), st.booleans(), st.booleans())
def test_any_parameters_end_in_a_report_and_a_file_that_is_yaml(nodes, refit, allow_code):
    import yaml

    made = import_nodes(parse_flow(json.dumps({"nodes": nodes}), "x.flow"), "y", refit, allow_code)
    assert [outcome.node.id for outcome in made.outcomes] == [entry["node_id"] for entry in nodes]
    assert all(outcome.status == "translated" or outcome.lost for outcome in made.outcomes)
    assert yaml.safe_load(yaml_text(made))["label"]["column"] == "y"


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_as_a_model_are_refused(body):
    with pytest.raises(Untranslated):
        spark_model.labels(base64.b85encode(body).decode())
