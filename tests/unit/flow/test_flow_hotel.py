"""The real flow of the hotel bookings, imported and run as the service ran it: all rows, no split."""

from __future__ import annotations

import json

import pytest

from jobkit import recipe, table
from jobkit.steps.base import Context
from pipelines.config.loader import load
from pipelines.flow import import_flow
from tests.unit.flow.flows import REAL_FLOW, REAL_ROWS, SHARED

pytestmark = pytest.mark.skipif(not REAL_FLOW.is_file(), reason=f"{REAL_FLOW} is not here")
REFERENCE = json.loads((SHARED / "data/reference.json").read_text())["data_wrangler_hotel"] if REAL_FLOW.is_file() else {}


def ran(tmp_path, refit: bool):
    """Return the report, the configuration, the states and the rows after each step of the flow, all rows taken for training rows."""
    report = import_flow(REAL_FLOW, tmp_path, refit=refit)
    config = load(tmp_path / "pipeline.yaml").config
    data, steps = config.data.model_dump(mode="json"), [step.model_dump(mode="json") for step in config.recipe]
    as_text = [name for name, kind in steps[0]["columns"].items() if kind in ("text", "date")]
    rows = table.read_table(REAL_ROWS, data, table.Wanted([config.label.column], as_text))
    states, after, context = [], [rows], Context(label=config.label.column, training=True)
    for step in steps[:-1]:  # the last one is ours: it drops what XGBoost cannot take
        state, rows = recipe.run(rows, [step], context)
        states += state
        after.append(rows)
    return report, config, states, after


@pytest.fixture(scope="module", params=[False, True], ids=["trained", "refitted"])
def hotel(request, tmp_path_factory):
    return request.param, *ran(tmp_path_factory.mktemp("hotel"), request.param)


def test_every_node_is_translated_whole(hotel):
    _, report, _, _, _ = hotel
    assert len(report.made.outcomes) == REFERENCE["flow_nodes"] == 21
    assert report.complete and {outcome.status for outcome in report.made.outcomes} == {"translated"}


def test_the_rows_of_each_stage_are_those_of_the_service(hotel):
    counts = [len(rows) for rows in hotel[4]]
    assert sorted(set(counts), reverse=True) == REFERENCE["rows_by_stage"]


def test_the_columns_are_those_of_the_services_own_export_in_order(hotel):
    expected = [entry["name"] for entry in json.loads((SHARED / "reference/flow_feature_group_column_schemas.json").read_text())]
    assert list(hotel[4][-1].columns) == expected and len(expected) == REFERENCE["columns_out"]


def test_the_fitted_state_is_that_of_the_service(hotel):
    refit, _, config, states, _ = hotel
    found = {state["step"]: state for state in states}
    assert found["impute"]["values"] == {"agent": REFERENCE["trained_state"]["agent_approximate_median"]}
    assert found["outliers"]["bounds"]["children"] == pytest.approx(REFERENCE["trained_state"]["children_bounds_4_sd_after_dedupe"], abs=1e-9)
    decoded = json.loads((SHARED / "reference/flow_onehot_decoded.json").read_text())
    assert found["one_hot"]["levels"] == {name: entry["labels"] for name, entry in decoded.items()}
    assert [bool(getattr(step, "fitted", {})) for step in config.recipe if step.step in ("impute", "one_hot", "outliers")] == [not refit] * 3


def test_the_duplicates_are_those_that_the_service_counted(hotel):
    from jobkit.steps.rows import first_of_equals

    cast = hotel[4][1]
    first = first_of_equals(cast, list(cast.columns))
    copies = (first != range(len(first))).nonzero()[0]
    assert len({*copies, *first[copies]}) / len(first) == pytest.approx(REFERENCE["duplicate_rows_fraction_all_copies"], abs=1e-12)


def test_the_leak_is_told_and_stands_in_the_file(hotel, tmp_path):
    report = import_flow(REAL_FLOW, tmp_path)
    assert any(text.startswith("LEAK") and "reservation_status'" in text for text in report.made.warnings)
    assert '#   columns: ["reservation_status"]' in (tmp_path / "pipeline.yaml").read_text()


def test_text_that_is_left_is_dropped_at_the_end_and_that_is_told(hotel):
    _, report, config, _, after = hotel
    left = [name for name, column in after[-1].columns.items() if column.kind != "number"]
    assert config.recipe[-1].step == "drop_columns" and set(config.recipe[-1].columns) == set(left)
    assert any("Dropped at the end" in text for text in report.made.warnings)


def test_charts_stand_in_the_profile(hotel):
    profile = hotel[2].profile
    assert [chart.column for chart in profile.histograms] == ["arrival_date_month", "market_segment"]
    assert [(chart.x, chart.y, chart.facet_by) for chart in profile.scatters] == [
        ("total_of_special_requests", "lead_time", None),
        ("booking_changes", "lead_time", "arrival_date_year"),
    ]
    assert (profile.target_leakage.max_features, profile.correlation) == (32, "linear")


def test_the_label_comes_from_the_flows_own_report(hotel):
    label = hotel[2].label
    assert (label.column, label.positive, hotel[2].problem) == ("is_canceled", 1, "binary_classification")
