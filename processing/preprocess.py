"""Prepare raw rows: combine inputs, drop duplicates, split, then fit on the training split only."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple

import numpy as np

from jobkit import failure, leakage, raw_rows, recipe, sample, seals, table, write
from jobkit import label as labels
from jobkit.columns import Table, side_by_side
from jobkit.paths import processing
from jobkit.split import SPLITS, split
from jobkit.steps.base import Context


class Prepared(NamedTuple):
    """Hold the result: for each split the label (float64, shape (rows,): 0 and 1, places of classes, or amounts), the features, and the fitted recipe.

    `origins` tells which of the `raw` rows each row was (int64).
    """

    labels: Dict[str, np.ndarray]
    features: Dict[str, Dict[str, np.ndarray]]
    recipe: recipe.Fitted
    raw: Table
    origins: Dict[str, np.ndarray]


def main(argv: Sequence[str]) -> int:
    """Read `input/raw`, write `train`, `validation`, `test` (Parquet: label first, then the features; CSV when asked), `recipe`, `leakage` and `sample`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="seed of the split")
    seed = parser.parse_args(list(argv)).seed
    if seed < 0:
        raise failure.JobError("the seed is {}; expected a whole number from 0".format(seed))
    job = json.loads((Path(__file__).resolve().parent / "job.json").read_text(encoding="utf-8"))
    rows, others, steps, source = read(job)
    print("read {} rows, {} columns".format(len(rows), len(rows.columns)))
    prepared = prepare(rows, {**job, "recipe": steps}, seed, others)
    prepared.recipe.update({"source": source} if source else {})
    for name, label in prepared.labels.items():
        told = labels.told(label, job["problem"], prepared.recipe["label"]["classes"])
        print("{}: {} rows, {} features, {}".format(name, len(label), len(prepared.recipe["features"]), told))
    tasks: List[Callable[[], None]] = [lambda name=name: _write(name, prepared, job) for name in SPLITS]  # type: ignore[misc]
    others_to_do = [lambda: _check({**job, "recipe": steps}, prepared, seed), lambda: _sample(job, prepared, seed), lambda: _raw(job, prepared)]
    side_by_side(lambda task: task(), [*tasks, *others_to_do], len(rows))
    (processing("recipe") / "recipe.json").write_text(recipe.dumps(prepared.recipe), encoding="utf-8")
    seals.write(processing("recipe"), {name: processing(name) for name in SPLITS})
    if job.get("output", {}).get("format") == "csv":
        # A text, since it becomes a hyperparameter.
        shape = {"feature_dim": str(len(prepared.recipe["features"]))}
        (processing("recipe") / "shape.json").write_text(json.dumps(shape) + "\n", encoding="utf-8")
    return 0


def _check(job: Mapping[str, Any], prepared: Prepared, seed: int) -> None:
    """Look for leaks, print what is found and write leakage.json."""
    case = leakage.Case(prepared.raw, prepared.features, prepared.labels, prepared.origins, job, prepared.recipe, seed)
    report = leakage.check(case, job["leakage"])
    for finding in report["findings"]:
        print("leakage, {}: {} {}".format(finding["severity"], finding["message"], finding["advice"]))
    folder = processing("leakage")
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "leakage.json").write_text(text + "\n", encoding="utf-8", errors="replace")


def _sample(job: Mapping[str, Any], prepared: Prepared, seed: int) -> None:
    """Keep `sample` rows of the job for the check that what serves the model makes the same features of them."""
    if not job.get("sample"):
        return
    chosen = sample.choose(prepared.origins, prepared.recipe["steps"], job["sample"], seed)
    source = prepared.recipe.get("source") or {}
    files = table.files_of(processing("input/raw")) if source and _is_csv(job["data"]) else []
    text = sample.text(files, {**job["data"], **({} if files else SIMPLE)}, prepared.raw, chosen.rows)
    columns = sample.features(chosen, prepared.origins, prepared.features)
    sample.save(processing("sample"), chosen, columns, text, source if files else SIMPLE)


def _raw(job: Mapping[str, Any], prepared: Prepared) -> None:
    """Keep raw rows as CSV where the job asks for them: `all`, those of the split `test` in its order, the first `explained` of these."""
    asked = job.get("raw") or {}
    if not asked:
        return
    source = prepared.recipe.get("source") or {}
    files = table.files_of(processing("input/raw")) if source else []
    raw = raw_rows.Raw(files, job["data"], bool(files) and _is_csv(job["data"]), prepared.raw)
    test = raw_rows.of(raw, prepared.origins["test"]) if set(asked) - {"all"} else None
    if asked.get("all"):
        raw_rows.write(processing("raw") / "rows.csv", raw_rows.of(raw, np.arange(len(prepared.raw))))
    if asked.get("test"):
        raw_rows.write(processing("raw_test") / raw_rows.FILE, test)
    if asked.get("explained"):
        raw_rows.write(processing("raw_explained") / raw_rows.FILE, test.slice(0, asked["explained"]))


SIMPLE = {"delimiter": ",", "quote": '"'}


def _write(name: str, prepared: Prepared, job: Mapping[str, Any]) -> None:
    """Write a split as `output` of the job says: Parquet, or CSV with or without the label."""
    output = job.get("output", {"format": "parquet", "label": True})
    label = {job["label"]["column"]: prepared.labels[name].astype(np.float32)} if output["label"] else {}
    columns = {**label, **prepared.features[name]}
    parts = output.get("parts", 1) if name in TRAINED_ON else 1
    for part in range(parts):
        file = "{}.{}".format(name if parts == 1 else "{}-{:02d}".format(name, part), output["format"])
        share = columns if parts == 1 else {key: values[part::parts] for key, values in columns.items()}
        WRITERS[output["format"]](share, processing(name) / file)


# Of these splits each instance of a training may get its share.
TRAINED_ON = ("train", "validation")
WRITERS = {"parquet": write.parquet, "csv": write.csv}


def read(job: Mapping[str, Any]) -> Tuple[Table, Dict[str, Table], List[Dict[str, Any]], Dict[str, Any]]:
    """Return the raw rows without the columns that nothing needs, the other inputs by name, the recipe for what was read, and how the files are written.

    The last is empty where inputs are combined: then no file has rows as the model takes them.
    """
    steps, label = job["recipe"], job["label"]["column"]
    kept = {label, job["split"].get("column")}
    unread: List[str] = []
    header: List[str] = []

    def unneeded(names: Sequence[str]) -> Sequence[str]:
        header[:] = names
        unread[:] = [name for name in recipe.unused(steps, names) if name not in kept]
        return unread

    as_text = [name for step in steps if step["step"] == "cast" for name, kind in step["columns"].items() if kind in ("text", "date")]
    rows = table.read_table(processing("input/raw"), job["data"], table.Wanted([label], as_text, unneeded))
    others = {name: table.read_table(processing("input/" + name), data, table.Wanted()) for name, data in job["data"].get("others", {}).items()}
    return rows, others, recipe.without(steps, unread), _source(job["data"], header or list(rows.columns), steps)


def _source(data: Mapping[str, Any], names: Sequence[str], steps: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """Return the columns of the raw files in their order, and how CSV among them is written."""
    if any(step["step"] in recipe.COMBINING for step in steps):
        return {}
    dialect = {"delimiter": data["delimiter"], "quote": data.get("quote", '"')} if _is_csv(data) else SIMPLE
    return {"columns": list(names), **dialect}


def _is_csv(data: Mapping[str, Any]) -> bool:
    return table.file_format(table.files_of(processing("input/raw"))[0], data.get("format", "auto")) == "csv"


def prepare(rows: Table, job: Mapping[str, Any], seed: int, others: Mapping[str, Table]) -> Prepared:
    """Split the rows, fit the recipe on the training split and apply it to all.

    Raises:
        JobError: the label or a recipe step does not fit the rows.
    """
    label, settings = job["label"]["column"], job["split"]
    context = Context(label=label, training=True, seed=seed, others=others, ids=recipe.ids(job["recipe"]))
    combine, early, late = recipe.divide(job["recipe"])
    _, rows = recipe.run(rows, combine, context)
    schema, raw = recipe.schema_of(rows, label), rows
    before, rows = recipe.run(rows, early, context)
    if not len(rows):
        raise failure.JobError("no row is left before the split; look at the steps that remove rows")
    target, classes = labels.READ[job["problem"]](rows[label], job["label"])
    by = raw[settings["column"]].take(rows.origin) if settings.get("column") is not None else None
    parts = split(labels.strata(target, job["problem"]), settings, seed, by)
    whole = np.full(len(raw), np.nan)
    whole[rows.origin] = target
    after, train = recipe.run(rows.take(parts["train"]), late, context._replace(target=whole))
    fitted = recipe.finish(schema, before, after, train, context)
    fitted.update(_settings(job, classes, seed), rows={"train": len(parts["train"]), "train_after": len(train)})
    splits = {"train": train, **{name: recipe.transform(rows.take(parts[name]), fitted) for name in SPLITS[1:]}}
    origins = {name: part.origin for name, part in splits.items()}
    numbers = {name: whole[origin] for name, origin in origins.items()}
    return Prepared(numbers, {name: recipe.features(part, fitted) for name, part in splits.items()}, fitted, raw, origins)


def _settings(job: Mapping[str, Any], classes: Sequence[str], seed: int) -> Dict[str, Any]:
    label = {"column": job["label"]["column"], "problem": job["problem"], "classes": list(classes)}
    return {"label": label, "seed": seed, "inference": job["inference"], "null_values": list(job["data"]["null_values"])}


if __name__ == "__main__":
    sys.exit(failure.run(main))
