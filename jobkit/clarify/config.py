"""Read `analysis_config.json`, the file that says to Clarify's processing job what to analyse, and refuse what this job cannot do by its key."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from jobkit.failure import JobError

CSV, JSON_LINES, JSON, PARQUET = "text/csv", "application/jsonlines", "application/json", "application/x-parquet"
DATASET_TYPES = (CSV, JSON_LINES, JSON, PARQUET)
PRE_TRAINING = ("CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD")
POST_TRAINING = ("AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "FT", "GE", "RD", "SD", "TE")
FILE = "analysis_config.json"
DEFAULT_THRESHOLD = 0.5
Column = Union[str, int]


class Facet(NamedTuple):
    """Name a sensitive attribute; `values` are those of the disadvantaged group, or the threshold that it is above; none: each value in turn."""

    name_or_index: Column
    values: Tuple[Any, ...]


class Config(NamedTuple):
    """Hold analysis_config.json. Columns are names or places from 0; of JSON they are paths into a record; `methods` and `predictor` stay as they are."""

    dataset_type: str = CSV
    headers: Tuple[str, ...] = ()
    features: Optional[str] = None
    label: Optional[Column] = None
    label_values: Tuple[Any, ...] = ()
    facets: Tuple[Facet, ...] = ()
    group: Optional[Column] = None
    predicted_label: Optional[Column] = None
    predicted_label_headers: Tuple[str, ...] = ()
    predicted_label_dataset_uri: Optional[str] = None
    facet_headers: Tuple[str, ...] = ()
    facet_dataset_uri: Optional[str] = None
    joinsource: Optional[Column] = None
    excluded: Tuple[Column, ...] = ()
    probability_threshold: Optional[float] = None
    predictor: Mapping[str, Any] = {}
    methods: Mapping[str, Any] = {}

    @property
    def pre_training(self) -> Tuple[str, ...]:
        """Return the names of the metrics to compute on the observed labels, sorted."""
        return _metrics(self.methods, "pre_training_bias", PRE_TRAINING)

    @property
    def post_training(self) -> Tuple[str, ...]:
        """Return the names of the metrics to compute on the predicted labels, sorted."""
        return _metrics(self.methods, "post_training_bias", POST_TRAINING)

    @property
    def explains(self) -> bool:
        """Tell whether SHAP values or partial dependence are asked for."""
        return "shap" in self.methods or "pdp" in self.methods

    @property
    def title(self) -> str:
        """Return the title of the report."""
        return str(self.methods.get("report", {}).get("title") or "Analysis Report")


def read(path: Path) -> Config:
    """Return the configuration in a file.

    Raises:
        JobError: the file is not there, is no JSON, or has a key or value that the job does not know.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise JobError("there is no {} in the input `config`; expected the file that says what to analyse".format(path.name)) from None
    except (OSError, ValueError) as error:
        raise JobError("{}: this is not JSON: {}".format(path.name, error)) from None
    return parse(raw)


def parse(raw: Any) -> Config:
    """Return a configuration from parsed JSON.

    Raises:
        JobError: a key is unknown or not supported, or a value is none that the service takes.
    """
    if not isinstance(raw, dict):
        raise wrong("", raw, "an object with the keys dataset_type, label, facet, methods …")
    for key, value in raw.items():
        _check_key(key, value)
    fields = {name: raw[key] for key, name in PLAIN.items() if raw.get(key) is not None}
    lists = {name: tuple(raw[key]) for key, name in LISTS.items() if raw.get(key) is not None}
    given = raw.get("facet") or []
    facets = tuple(Facet(entry["name_or_index"], tuple(entry.get("value_or_threshold") or ())) for entry in given)
    made = Config(**{**fields, **lists, "facets": facets, "dataset_type": raw.get("dataset_type", CSV).lower()})
    _check_methods(made)
    return made


PLAIN: Mapping[str, str] = {
    "features": "features",
    "label": "label",
    "group_variable": "group",
    "predicted_label": "predicted_label",
    "predicted_label_dataset_uri": "predicted_label_dataset_uri",
    "facet_dataset_uri": "facet_dataset_uri",
    "joinsource_name_or_index": "joinsource",
    "probability_threshold": "probability_threshold",
    "predictor": "predictor",
    "methods": "methods",
}
LISTS: Mapping[str, str] = {
    "headers": "headers",
    "label_values_or_threshold": "label_values",
    "predicted_label_headers": "predicted_label_headers",
    "facet_headers": "facet_headers",
    "excluded_columns": "excluded",
}


def wrong(key: str, got: Any, expected: str) -> JobError:
    """Return the error about a value: its key, what stands there (cut at 120 characters) and what is expected."""
    told = json.dumps(got, ensure_ascii=False, default=str)
    return JobError("{}{}: got {}, expected {}".format(FILE, ": " + key if key else "", told if len(told) <= 120 else told[:119] + "…", expected))


def unknown(key: str, name: str, known: Sequence[str]) -> JobError:
    """Return the error about a name that is none of the known ones; it names the nearest."""
    near = difflib.get_close_matches(name, known, 1)
    hint = ". Did you mean {!r}?".format(near[0]) if near else ""
    return JobError("{}: {}: {!r} is unknown; expected one of {}{}".format(FILE, key, name, ", ".join(known), hint))


def _check_key(key: str, value: Any) -> None:
    if key in NOT_OURS:
        raise JobError("{}: {}: {}; this job analyses tables. Run it on SageMaker Clarify's own image".format(FILE, key, NOT_OURS[key]))
    if key not in KEYS:
        raise unknown("key", key, sorted(KEYS))
    if value is None:
        return
    fits, expected = KEYS[key]
    if not fits(value):
        raise wrong(key, value, expected)


def _is_column(value: Any) -> bool:
    return isinstance(value, str) and value != "" or isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _is_type(value: Any) -> bool:
    return isinstance(value, str) and value.lower() in DATASET_TYPES


def _is_value(value: Any) -> bool:
    return isinstance(value, (int, float, str))


def _list_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _is_facet(value: Any) -> bool:
    known = isinstance(value, dict) and set(value) <= {"name_or_index", "value_or_threshold"}
    return known and _is_column(value.get("name_or_index")) and _list_of(_is_value)(value.get("value_or_threshold") or [])


COLUMN = "the name of a column, or its place from 0"
KEYS: Mapping[str, Tuple[Callable[[Any], bool], str]] = {
    "version": (_is_text, "text"),
    "dataset_type": (_is_type, "one of " + ", ".join(DATASET_TYPES)),
    "dataset_uri": (_is_text, "text"),
    "headers": (_list_of(_is_text), "a list of names"),
    "label": (_is_column, COLUMN),
    "predicted_label": (_is_column, COLUMN),
    "features": (_is_text, "a path into a record, e.g. features"),
    "label_values_or_threshold": (_list_of(_is_value), "a list of the positive values, or of one threshold"),
    "probability_threshold": (_is_share, "a number from 0 to 1"),
    "facet": (_list_of(_is_facet), "a list of {name_or_index, value_or_threshold: [values]}"),
    "facet_dataset_uri": (_is_text, "text"),
    "facet_headers": (_list_of(_is_text), "a list of names"),
    "predicted_label_dataset_uri": (_is_text, "text"),
    "predicted_label_headers": (_list_of(_is_text), "a list of names"),
    "excluded_columns": (_list_of(_is_column), "a list of names or places of columns"),
    "joinsource_name_or_index": (_is_column, COLUMN),
    "group_variable": (_is_column, COLUMN),
    "methods": (_is_object, "an object with any of report, pre_training_bias, post_training_bias, shap, pdp"),
    "predictor": (_is_object, "an object with model_name, content_type …"),
}
NOT_OURS: Mapping[str, str] = {"time_series_data_config": "time series are not supported", "segment_config": "segments are not supported"}
METHODS = ("report", "pre_training_bias", "post_training_bias", "shap", "pdp")


def _metrics(methods: Mapping[str, Any], method: str, known: Tuple[str, ...]) -> Tuple[str, ...]:
    if method not in methods:
        return ()
    chosen = methods[method].get("methods", "all")
    if chosen == "all":
        return known
    names = [chosen] if isinstance(chosen, str) else chosen
    return tuple(name for name in known if name in names)


def _check_methods(config: Config) -> None:
    for name, settings in config.methods.items():
        if name == "asymmetric_shapley_value":
            raise JobError("{}: methods.{}: time series are not supported by this job. Run it on SageMaker Clarify's own image".format(FILE, name))
        if name not in METHODS:
            raise unknown("methods", name, METHODS)
        if not isinstance(settings, dict):
            raise wrong("methods." + name, settings, "an object")
    known: Dict[str, Tuple[str, ...]] = {"pre_training_bias": PRE_TRAINING, "post_training_bias": POST_TRAINING}
    for name, metrics in known.items():
        if name in config.methods:
            _check_metrics("methods.{}.methods".format(name), config.methods[name].get("methods", "all"), metrics)
            _check_bias(config, name)


def _check_metrics(key: str, chosen: Any, known: Tuple[str, ...]) -> None:
    if chosen == "all":
        return
    names = [chosen] if isinstance(chosen, str) else chosen
    if not isinstance(names, list) or not names:
        raise wrong(key, chosen, '"all" or a list of ' + ", ".join(known))
    for name in names:
        if name not in known:
            raise unknown(key, str(name), known)


def _check_bias(config: Config, method: str) -> None:
    needed = (("label", config.label), ("label_values_or_threshold", config.label_values or None), ("facet", config.facets or None))
    for key, value in needed:
        if value is None:
            raise JobError("{}: {}: got nothing, expected it because methods.{} is there".format(FILE, key, method))
