"""What the tests of Clarify's job share: the reference files and a job laid out in a folder."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from jobkit.clarify import config, dataset, job
from jobkit.clarify.predictions import of_column
from jobkit.clarify.study import study

SHARED = Path(__file__).parents[4] / "shared"
REFERENCE = SHARED / "reference"
LOAN = SHARED / "data/loan/loan_data.csv"
CHECK_STEP = REFERENCE / "service_fixtures/pipeline/clarify_check_step"

needs_reference = pytest.mark.skipif(not REFERENCE.is_dir() or not LOAN.is_file(), reason="the shared reference files are not here")


def parsed(path):
    return json.loads(Path(path).read_text())


def settings(**changes):
    """Return an analysis_config.json of a table `group,label`; a change to None takes a key away."""
    made = {
        "dataset_type": "text/csv",
        "label": "label",
        "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "group", "value_or_threshold": ["b"]}],
        "methods": {"pre_training_bias": {"methods": "all"}},
        **changes,
    }
    return {key: value for key, value in made.items() if value is not None}


def as_csv(columns):
    """Return columns as CSV text with a header."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return stream.getvalue()


def lay_out(folder, given, data, name="data.csv", baseline=None):
    """Write the inputs of a job and return its folder of inputs."""
    inputs = folder / "input"
    for part in ("config", "data", "baseline"):
        (inputs / part).mkdir(parents=True, exist_ok=True)
    (inputs / "config/analysis_config.json").write_text(json.dumps(given))
    (inputs / "data" / name).write_text(data)
    if baseline is not None:
        (inputs / "baseline/analysis.json").write_text(json.dumps(baseline))
    return inputs


def run(folder, given, data, name="data.csv", baseline=None, say=lambda line: None):
    """Run the job and return its analysis.json."""
    return job.run(lay_out(folder, given, data, name, baseline), folder / "output", say)


def rows_of(columns):
    """Return lists as a Dataset."""
    made = {}
    for name, values in columns.items():
        text = any(isinstance(value, str) for value in values)
        made[name] = np.array(values, dtype=object if text else np.float64)
    return dataset.Dataset(tuple(made), made, len(next(iter(made.values()))), True)


def studied(columns, predicted=None, **changes):
    """Return the study of lists of values, with predicted labels from a column where one is named."""
    if predicted is not None:
        changes = {"methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}}, "predicted_label": predicted, **changes}
    given = config.parse(settings(**changes))
    rows = rows_of(columns)
    roles = dataset.roles(given, rows)
    said = of_column(rows.columns[roles.predicted], rows.columns[roles.label], given) if roles.predicted else None
    return study(given, rows, roles, said, lambda line: None)


def values(entry):
    """Return the metrics of one group as {name: value}."""
    return {metric.name: metric.value for metric in entry.metrics}
