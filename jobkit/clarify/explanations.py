"""Explain a model as Clarify's job does: SHAP values, global and of each row, and partial dependence; the member `explanations` of analysis.json."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from jobkit.clarify import baseline, kernel_shap, owners, pdp, tree_shap
from jobkit.clarify.config import FILE, Config, unknown, wrong
from jobkit.clarify.dataset import Dataset, as_text, column, roles
from jobkit.failure import JobError

FOLDER, LOCAL, BASELINE, OURS = "explanations_shap", "out.csv", "baseline.csv", "explanations.json"
# Scores this near to 0 or 1 are taken for this near: half a step of float32 below 1. Log-odds stay finite.
LEAST, MOST = 1e-15, 1 - 2.0**-25
# By how much the trees' sum may differ from what the model answers, as probability or by its size.
TOLERANCE = 1e-4
IDENTITY = ("reg:squarederror", "reg:pseudohubererror", "reg:absoluteerror", "reg:quantileerror", "reg:linear")
LOGISTIC = ("binary:logistic", "reg:logistic")

AGGREGATE: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "mean_abs": lambda values: np.abs(values).mean(axis=0),
    "median": lambda values: np.median(values, axis=0),
    "mean_sq": lambda values: (values**2).mean(axis=0),
}


class Shap(NamedTuple):
    """Hold `methods.shap`; `num_samples` None for as many as the number of columns asks for."""

    baseline: Any = None
    num_clusters: int = 1
    num_samples: Optional[int] = None
    agg_method: str = "mean_abs"
    use_logit: bool = False
    seed: int = 0
    save_local_shap_values: bool = False
    features_to_explain: Tuple[Any, ...] = ()


class Found(NamedTuple):
    """Hold Shapley values (float64, shape (rows, columns, outputs)), what the baseline is worth (float64, shape (outputs,)), and how they came about."""

    values: np.ndarray
    expected: np.ndarray
    method: str


def explain(config: Config, dataset: Dataset, predictor: Any, folder: Path) -> Dict[str, Any]:
    """Return the member `explanations` of analysis.json, and write what goes with it into the job's output folder.

    That is explanations_shap/out.csv (when `save_local_shap_values`), explanations_shap/baseline.csv (when none was given) and explanations.json.

    Raises:
        JobError: a setting is none that this job knows, or the model does not answer as expected.
    """
    rows = features(config, dataset)
    result: Dict[str, Any] = {}
    ranked: List[str] = []
    if "shap" in config.methods:
        settings = shap_settings(config, rows)
        found = shap(config, settings, rows, predictor, folder)
        labels = label_names(config, len(found.expected))
        named = _named(settings, rows)
        overall = AGGREGATE[settings.agg_method](found.values)
        result["kernel_shap"] = {
            label: {
                "global_shap_values": {name: float(overall[rows.names.index(name), place]) for name in named},
                "expected_value": float(found.expected[place]),
            }
            for place, label in enumerate(labels)
        }
        if settings.save_local_shap_values:
            _write_local(config, dataset, rows, named, labels, found.values, folder / FOLDER / LOCAL)
        ranked = _write_summary(named, rows, overall, found, folder / OURS)
    if "pdp" in config.methods:
        result["pdp"] = _dependence(config, rows, predictor, ranked)
    return result


def features(config: Config, dataset: Dataset) -> Dataset:
    """Return the columns that the model is asked with.

    Raises:
        JobError: there is none.
    """
    names = roles(config, dataset).features
    if not names:
        raise JobError("{}: got no column beside label, predicted label and excluded ones, expected features to explain".format(FILE))
    return dataset._replace(names=names, columns={name: dataset.columns[name] for name in names}, coded={})


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


CHECKS: Mapping[str, Tuple[Callable[[Any], bool], str]] = {
    "baseline": (lambda value: isinstance(value, (list, dict, str)), "rows, or the place of a file"),
    "num_clusters": (_is_count, "a whole number from 1"),
    "num_samples": (_is_count, "a whole number from 1"),
    "agg_method": (lambda value: value in AGGREGATE, "one of " + ", ".join(AGGREGATE)),
    "use_logit": (lambda value: isinstance(value, bool), "true or false"),
    "seed": (lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0, "a whole number from 0"),
    "save_local_shap_values": (lambda value: isinstance(value, bool), "true or false"),
    "features_to_explain": (lambda value: isinstance(value, list), "a list of columns"),
    "grid_resolution": (_is_count, "a whole number from 1"),
    "top_k_features": (_is_count, "a whole number from 1"),
    "features": (lambda value: isinstance(value, list), "a list of columns"),
}
NOT_OURS = ("text_config", "image_config")
PDP_KEYS = ("features", "grid_resolution", "top_k_features")


def _settings(config: Config, method: str, known: Sequence[str]) -> Dict[str, Any]:
    found = {key: value for key, value in config.methods[method].items() if value is not None}
    for key, value in found.items():
        where = "methods.{}.{}".format(method, key)
        if key in NOT_OURS:
            raise JobError("{}: {}: this job explains tables, not texts or images. Run it on SageMaker Clarify's own image".format(FILE, where))
        if key not in known:
            raise unknown("methods." + method, key, known)
        if not CHECKS[key][0](value):
            raise wrong(where, value, CHECKS[key][1])
    return found


def shap_settings(config: Config, rows: Dataset) -> Shap:
    """Return `methods.shap`.

    Raises:
        JobError: a key or a value is none that the job knows.
    """
    found = _settings(config, "shap", Shap._fields)
    named = [column(rows, name, "methods.shap.features_to_explain") for name in found.get("features_to_explain", ())]
    return Shap(**{**found, "features_to_explain": tuple(named)})


def _named(settings: Shap, rows: Dataset) -> Tuple[str, ...]:
    return tuple(name for name in rows.names if not settings.features_to_explain or name in settings.features_to_explain)


def label_names(config: Config, outputs: int) -> List[str]:
    """Return what the outputs of the model are called: `label_headers` when there are as many, else label0, label1 …"""
    headers = [str(name) for name in config.predictor.get("label_headers") or ()]
    return headers if len(headers) == outputs and len(set(headers)) == outputs else ["label{}".format(place) for place in range(outputs)]


# SHAP


def shap(config: Config, settings: Shap, rows: Dataset, predictor: Any, folder: Path) -> Found:
    """Return Shapley values of the rows, exact ones of trees where these are the same game, else by asking the model.

    Raises:
        JobError: the baseline does not fit the rows, or the model does not answer as expected.
    """
    if settings.baseline is not None:
        start = baseline.given(config, settings.baseline, rows)
    else:
        start = baseline.computed(rows, settings.num_clusters, settings.seed)
        baseline.write(start, folder / FOLDER / BASELINE)
    return _of_trees(settings, rows, start, predictor) or _by_asking(settings, rows, start, predictor)


def _by_asking(settings: Shap, rows: Dataset, start: Dataset, predictor: Any) -> Found:
    samples = settings.num_samples or kernel_shap.default_samples(len(rows.names))
    made = kernel_shap.cost(kernel_shap.differs(rows, start), samples, start.rows)
    told = "SHAP: {} rows, {} columns, baseline rows: {}, at most {} coalitions a row: the model is asked about {} made-up rows"
    print(told.format(rows.rows, len(rows.names), start.rows, samples, made))
    link = log_odds if settings.use_logit else kernel_shap.identity
    found = kernel_shap.explain(predictor.scores, rows, start, samples, link, settings.seed, print)
    return Found(found.values, found.expected, "kernel_shap")


def log_odds(scores: np.ndarray) -> np.ndarray:
    """Return the log-odds of probabilities, float64, finite also at 0 and 1.

    Raises:
        JobError: a score is no probability.
    """
    wide = np.asarray(scores, dtype=np.float64)
    if wide.size and (wide.min() < 0 or wide.max() > 1):
        outside = wide[(wide < 0) | (wide > 1)][0]
        raise JobError("{}: methods.shap.use_logit: got true and the score {!r}, expected probabilities from 0 to 1. Set it false".format(FILE, float(outside)))
    kept = np.clip(wide, LEAST, MOST)
    return np.log(kept / (1 - kept))


def _of_trees(settings: Shap, rows: Dataset, start: Dataset, predictor: Any) -> Optional[Found]:
    """Return exact values of the margin of a package's trees where they are what is asked for, None where they are not.

    That is so of log-odds of a logistic model from one baseline row - of several, the log-odds of the mean probability are not the mean of the margins - and
    of models whose answer is the margin.
    """
    served = predictor.package
    if served is None or served.featuring is None:
        return None
    recipe, booster = json.loads(served.files["recipe.json"]), _booster(served.files["xgboost-model"])
    made_of = owners.of_features(recipe)
    try:
        forest = tree_shap.read(booster)
    except tree_shap.Unsupported:
        return None
    wanted = LOGISTIC if settings.use_logit and start.rows == 1 else () if settings.use_logit else IDENTITY
    if made_of is None or forest.objective not in wanted or forest.outputs != 1:
        return None
    return _summed(forest, booster, made_of, rows, start, predictor)


def _booster(content: bytes) -> Any:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(content))
    return booster


def _summed(forest: Any, booster: Any, made_of: Sequence[str], rows: Dataset, start: Dataset, predictor: Any) -> Optional[Found]:
    import xgboost

    # Raw columns that are not in the data are the same in rows and baseline, one player more that earns nothing.
    places = {name: place for place, name in enumerate(rows.names)}
    players = [places.get(name, len(places)) for name in made_of]
    given, reference = predictor.features(rows), predictor.features(start)
    values = np.zeros((rows.rows, len(places), 1))
    found = tree_shap.explain(forest, given, reference, players)[:, : len(places)]
    values[:, : found.shape[1]] = found
    expected = np.array([float(booster.predict(xgboost.DMatrix(reference), output_margin=True).astype(np.float64).mean())])
    sums, scores = values.sum(axis=1) + expected, predictor.scores(rows)
    told = 1 / (1 + np.exp(-sums)) if forest.objective in LOGISTIC else sums
    if scores.shape != sums.shape or (np.abs(told - scores) > TOLERANCE * np.maximum(1, np.abs(scores))).any():
        print("SHAP: the trees in the package do not add up to what the model answers; it is asked instead")
        return None
    print("SHAP: {} rows by the {} trees of the model, exactly".format(rows.rows, len(forest.trees)))
    return Found(values, expected, "tree_shap")


# What is written


def _write_local(config: Config, dataset: Dataset, rows: Dataset, named: Sequence[str], labels: Sequence[str], values: np.ndarray, path: Path) -> None:
    """Write the values of each row: `<feature>_<label>`, all features of a label after one another; the column that joins first, when one is named."""
    head = ["{}_{}".format(name, label) for label in labels for name in named]
    picked = values[:, [rows.names.index(name) for name in named], :].transpose(0, 2, 1).reshape(rows.rows, -1)
    lines = [",".join(map(repr, row)) for row in picked.tolist()]
    if config.joinsource is not None:
        name = column(dataset, config.joinsource, "joinsource_name_or_index")
        head = [name, *head]
        lines = ["{},{}".format(_cell(key), line) for key, line in zip(as_text(dataset.columns[name]).tolist(), lines)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in [",".join(map(_cell, head)), *lines]), encoding="utf-8")


def _cell(text: Optional[str]) -> str:
    if text is None:
        return ""
    return '"{}"'.format(text.replace('"', '""')) if any(mark in text for mark in ',"\r\n') else text


def _write_summary(named: Sequence[str], rows: Dataset, overall: np.ndarray, found: Found, path: Path) -> List[str]:
    """Write explanations.json: features by importance, the greatest first, that of several outputs being their mean; return their names in this order."""
    importance = {name: float(np.abs(overall[rows.names.index(name)]).mean()) for name in named}
    total = math.fsum(importance.values())
    ranked = sorted(named, key=lambda name: (-importance[name], name))
    told = {
        "features": [{"name": name, "importance": importance[name], "share": importance[name] / total if total else 0.0} for name in ranked],
        "rows": rows.rows,
        "method": found.method,
        "expected_value": float(found.expected[0]) if len(found.expected) == 1 else [float(value) for value in found.expected],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return ranked


# Partial dependence


def _dependence(config: Config, rows: Dataset, predictor: Any, ranked: Sequence[str]) -> List[Dict[str, Any]]:
    settings = _settings(config, "pdp", PDP_KEYS)
    names = [column(rows, name, "methods.pdp.features") for name in settings.get("features", ())]
    if not names and not ranked:
        raise JobError("{}: methods.pdp.features: got nothing, expected names of columns, since methods.shap is not there to choose them by".format(FILE))
    names = names or list(ranked[: settings.get("top_k_features", pdp.TOP_FEATURES)])
    resolution = settings.get("grid_resolution", pdp.GRID_RESOLUTION)
    made = sum(len(pdp.grid(rows.columns[name], resolution).values) for name in names) * rows.rows
    print("partial dependence: {} columns of {} rows: the model is asked about {} made-up rows".format(len(names), rows.rows, made))
    entries = []
    for name in names:
        found, scores = pdp.compute(predictor.scores, rows, name, resolution)
        entries.append(pdp.entry(name, found, scores, label_names(config, len(scores))))
    return entries
