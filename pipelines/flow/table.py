"""Every operator that has an equivalent, with its transform, and what translates it."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.flow import charts, code, columns, encode, ends, missing, outliers, rows
from pipelines.flow.translation import Translator

SPARK, CHART = "sagemaker.spark", "sagemaker.visualizations"

TRANSLATORS: Mapping[tuple[str, str], Translator] = {
    ("sagemaker.s3_source", ""): ends.s3_source,
    ("sagemaker.athena_source", ""): ends.athena_source,
    (f"{SPARK}.s3_destination", ""): ends.s3_destination,
    (f"{SPARK}.feature_store_destination", ""): ends.feature_store,
    (f"{SPARK}.infer_and_cast_type", ""): columns.infer_and_cast,
    (f"{SPARK}.cast_single_data_type", ""): columns.cast_one,
    (f"{SPARK}.manage_columns", "Drop column"): columns.drop,
    (f"{SPARK}.manage_columns", "Rename column"): columns.rename,
    (f"{SPARK}.manage_columns", "Duplicate column"): columns.duplicate,
    (f"{SPARK}.manage_columns", "Move column"): columns.move,
    (f"{SPARK}.custom_formula", ""): columns.formula,
    (f"{SPARK}.format_string", "Lower case"): columns.case("lower"),
    (f"{SPARK}.format_string", "Upper case"): columns.case("upper"),
    (f"{SPARK}.manage_rows", "Drop duplicates"): rows.drop_duplicates,
    (f"{SPARK}.join_tables", ""): rows.join,
    (f"{SPARK}.join_multi_keys", ""): rows.join,
    (f"{SPARK}.concatenate", ""): rows.concatenate,
    (f"{SPARK}.concatenate_datasets", ""): rows.concatenate,
    (f"{SPARK}.handle_missing", "Impute"): missing.impute,
    (f"{SPARK}.handle_missing", "Fill missing"): missing.fill,
    (f"{SPARK}.handle_missing", "Add indicator for missing"): missing.indicator,
    (f"{SPARK}.handle_missing", "Drop missing"): missing.drop_missing,
    (f"{SPARK}.handle_outliers", "Standard deviation numeric outliers"): outliers.standard_deviation,
    (f"{SPARK}.handle_outliers", "Robust standard deviation numeric outliers"): outliers.robust,
    (f"{SPARK}.handle_outliers", "Quantile numeric outliers"): outliers.quantile,
    (f"{SPARK}.handle_outliers", "Min-max numeric outliers"): outliers.min_max,
    (f"{SPARK}.handle_outliers", "Replace rare values"): outliers.replace_rare,
    (f"{SPARK}.process_numeric", "Scale values"): outliers.scale,
    (f"{SPARK}.encode_categorical", "One-hot encode"): encode.one_hot,
    (f"{SPARK}.encode_categorical", "Ordinal encode"): encode.ordinal,
    (f"{SPARK}.featurize_date_time", "Extract columns"): encode.date_parts,
    (f"{SPARK}.featurize_date_time", ""): encode.date_parts,
    (f"{SPARK}.custom_code", "Python (Pandas)"): code.pandas,
    (f"{CHART}.data_insights_report", ""): charts.insights,
    (f"{CHART}.quick_model", ""): charts.quick_model,
    (f"{CHART}.histogram", ""): charts.histogram,
    (f"{CHART}.scatterplot", ""): charts.scatter,
    (f"{CHART}.target_leakage", ""): charts.target_leakage,
    (f"{CHART}.feature_correlation", ""): charts.correlation,
}
