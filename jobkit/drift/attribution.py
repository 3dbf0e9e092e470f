"""What the model looks at in captured rows, held against what it looked at when it was trained: NDCG of global SHAP values."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from jobkit.clarify import config, dataset, drift, explanations
from jobkit.clarify.config import Config
from jobkit.clarify.dataset import Dataset
from jobkit.drift import tables
from jobkit.drift.found import Found, Measure, NotPossible
from jobkit.drift.given import Given, nothing
from jobkit.failure import JobError

Cells = Mapping[str, Optional[str]]


def explainability(given: Given) -> Found:
    """Explain rows of the span, drawn at random, with the package itself, and compare the ranking of the columns.

    The package is served by a fork of this process, so this comes before the first use of Arrow.

    Raises:
        NotPossible: there is no package, or no request was captured.
        JobError: there is no row, the baseline is not there, or the model does not answer.
    """
    from jobkit.clarify import predictor

    told, before = given.asked.document("config"), given.asked.document("constraints")
    if told is None or before is None:
        raise JobError("the baseline: got no analysis of the explanations; expected Explainability.ConfigFile and Constraints. Add `explainability:`")
    if not (given.asked.model.is_dir() and list(given.asked.model.rglob("*.tar.gz"))):
        raise NotPossible("explaining rows needs the deployed package. Register the model with one")
    settings = _settings(told, given.asked.attributes.probability)
    with predictor.predictor(settings) as model, tempfile.TemporaryDirectory() as folder:
        rows = _dataset(given, settings, Path(folder))
        baseline, notes = _shap_baseline(given, rows)
        shap = {**settings.methods["shap"], **({"baseline": baseline} if baseline else {})}
        explained = explanations.explain(settings._replace(methods={"shap": shap}), rows, model, given.asked.output)
    measured = {"version": drift.VERSION, "explanations": explained}
    found = drift.explanation_violations(before, measured)
    return Found({"analysis.json": measured}, found, _scores(before, measured), rows.rows, notes, like_clarify=True)


def _settings(told: Mapping[str, Any], probability: Optional[str]) -> Config:
    """Return the configuration of an explanation from that of the monitor; each row's values are not kept, the monitor's explanations are global.

    `probability` is where the number stands that is explained, of a model that is no package of ours: a place, or a name.
    """
    shap = {key: value for key, value in ((told.get("methods") or {}).get("shap") or {}).items() if key not in ("baseline", "save_local_shap_values")}
    place = int(probability) if probability is not None and probability.isdigit() else probability
    predictor = {**(told.get("predictor") or {}), **({"probability": place} if place is not None else {})}
    return config.parse({"dataset_type": config.CSV, "methods": {"shap": shap}, "predictor": predictor})


def _dataset(given: Given, settings: Config, folder: Path) -> Dataset:
    sample = _drawn(given)
    if not sample:
        if given.tally.counts.get("records"):
            raise NotPossible("explaining rows needs the requests, and none was captured. Capture input, too")
        raise nothing(given)
    tables.write_csv(tables.table(sample, given.model.needed()), folder / "rows.csv")
    return dataset.read_folder(settings, folder)


def _drawn(given: Given) -> List[Cells]:
    """Return so many rows of all that pass by, each with the same chance, in their order; columns that training did not have, and the label, are left out."""
    import random

    dice, kept, count = random.Random(given.asked.seed), {}, 0
    names = set(given.model.columns()) - {given.model.label}
    for row in given.rows():
        cells = {name: cell for name, cell in row.cells.items() if name in names} if names else row.cells
        if not cells:
            continue
        place = count if count < given.asked.rows else dice.randrange(count + 1)
        if place < given.asked.rows:
            kept[place] = (count, cells)
        count += 1
    return [cells for _, cells in sorted(kept.values(), key=lambda pair: pair[0])]


def _shap_baseline(given: Given, rows: Dataset) -> Tuple[List[List[Any]], Tuple[str, ...]]:
    """Return the rows from which the explanations at training started; without them they start from the middle of the rows that are explained."""
    path = given.asked.file("shap")
    if path is None:
        return [], ("the baseline of the SHAP values at training is not known: they start from the middle of the captured rows",)
    with path.open(encoding="utf-8", newline="") as stream:
        known: Sequence[Dict[str, str]] = list(csv.DictReader(stream))
    lacking = [name for name in rows.names if known and name not in known[0]]
    if not known or lacking:
        told = "the baseline of the SHAP values at training has no {}: they start from the middle of the captured rows"
        return [], (told.format(", ".join(lacking) or "row"),)
    return [[row[name] or None for name in rows.names] for row in known], ()


def _scores(before: Mapping[str, Any], now: Mapping[str, Any]) -> Dict[str, Measure]:
    old, new = (each.get("explanations", {}).get("kernel_shap", {}) for each in (before, now))
    scores = {label: drift.ndcg(old[label]["global_shap_values"], new[label]["global_shap_values"]) for label in new if label in old}
    return {"NDCG {}".format(label): Measure(score, drift.NDCG_THRESHOLD, score < drift.NDCG_THRESHOLD) for label, score in scores.items()}
