"""A packaged model: recipe, booster and package.json, and the answers to requests of raw rows."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from jobkit import recipe as recipes
from jobkit.apply import check_names, compile_row, matrix
from jobkit.failure import JobError
from jobkit.serving import answers, csv_rows, explain, json_rows, media, parquet_rows
from jobkit.serving.booster import Model
from jobkit.serving.columns_given import known
from jobkit.serving.given import Given
from jobkit.serving.refusal import BROKEN, RequestError

MODEL_FILE, RECIPE_FILE, PACKAGE_FILE = "xgboost-model", "recipe.json", "package.json"
Body = Union[bytes, bytearray, str]


class Served:
    """Answer requests with one model; it keeps nothing of a request."""

    def __init__(self, recipe: Mapping[str, Any], package: Mapping[str, Any], model: Model) -> None:
        self.recipe, self.model, self.columns = dict(recipe), model, known(recipe)
        self.problem, self.threshold, self.classes = package["problem"], float(package.get("threshold", 0.5)), tuple(package["classes"])
        self.row, self.source = compile_row(self.recipe), self.recipe.get("source") or {}
        self.nulls = self.recipe["null_values"]
        self.strict = "fail" in (self.recipe["inference"]["missing_column"], self.recipe["inference"]["extra_column"])
        self.raw_columns = explain.raw_columns(self.recipe)
        self.label_first = self.problem == "multiclass_classification"
        self.forms: Dict[Tuple[str, int], answers.Form] = {}
        self.only_features = os.environ.get("SAGEWRIGHT_ANSWERS", "") == "features"
        self.csv_header = os.environ.get("SAGEWRIGHT_CSV_HEADER", "")

    def transform(self, body: Body, content_type: Optional[str], accept: Optional[str]) -> Tuple[bytes, str]:
        """Return the answer to a request and its content type.

        Raises:
            RequestError: the request is not what the model takes; the message is for who sent it.
        """
        kind = media.content(content_type)
        answered = media.accepted(accept, kind.format, self.csv_header)
        raw = body.encode("utf-8") if isinstance(body, str) else bytes(body)
        if not raw.strip():
            raise RequestError("the body is empty; expected rows as {}".format(kind.name))
        given = READ[kind.format](self, raw, kind)
        try:
            if self.only_features:
                return answers.feature_lines(self.features(given)), "text/csv"
            return self._answer(given, answered), answered.name
        except JobError as error:
            raise RequestError(str(error)) from None

    def _answer(self, given: Given, answered: media.Answered) -> bytes:
        features = self.features(given)
        scores = self.model.predict(features) if len(features) else np.empty((0, len(self.classes)) if self.label_first else 0, dtype=np.float32)
        told = answers.TELL[self.problem](scores, self.threshold)
        text = answers.write(told, self._form(answered.format, told), self.label_first, self._extras(features, given, answered))
        headed = answered.header == "present" or (answered.header == "same" and given.header)
        if headed and answered.format == media.CSV:
            return answers.header(self.problem, self.classes, told.numbers.shape[1]).encode("utf-8") + text
        return text

    def _form(self, format: str, told: answers.Told) -> answers.Form:
        key = (format, told.numbers.shape[1])
        if key not in self.forms:
            self.forms[key] = answers.form(format, self.problem, self.classes, key[1])
        return self.forms[key]

    def features(self, given: Given) -> np.ndarray:
        """Return the features of a request's rows, float32 of shape (rows, features).

        Raises:
            JobError: a row is not what the recipe's policies allow.
        """
        if given.table is not None:
            return matrix(given.table, self.recipe)
        if len(given.rows) == 1:
            return self._one(given.rows[0], "").reshape(1, -1)
        made = [self._one(row, "row {}: ".format(place + 1)) for place, row in enumerate(given.rows)]
        return np.array(made, dtype=np.float32).reshape(len(made), len(self.recipe["features"]))

    def _one(self, row: Mapping[str, Any], where: str) -> np.ndarray:
        try:
            return self.row(row)
        except JobError as error:
            raise JobError("{}{}".format(where, error)) from None
        except OverflowError:
            raise JobError("{}a number is too large".format(where)) from None

    def _extras(self, features: np.ndarray, given: Given, answered: media.Answered) -> Optional[Sequence[str]]:
        asked = answered.explain or ("shap" if given.explain else "")
        if not asked or not len(features):
            return None
        if answered.format == media.CSV:
            raise RequestError("Accept: CSV has no place for an explanation; ask for application/json", 406)
        names = self.recipe["features"]
        if asked == "features":
            return explain.features(features, names)
        return explain.shap(self.model.contributions(features), names, self.raw_columns, self.classes)


def _csv(served: Served, body: bytes, kind: media.Media) -> Given:
    given = csv_rows.read(body, kind.parameters.get("header"), served.columns, served.source, served.nulls)
    return _allowed(served, given)


def _json(served: Served, body: bytes, kind: media.Media) -> Given:
    return _allowed(served, json_rows.read(body, served.columns))


def _lines(served: Served, body: bytes, kind: media.Media) -> Given:
    return _allowed(served, json_rows.read_lines(body, served.columns))


def _parquet(served: Served, body: bytes, kind: media.Media) -> Given:
    return _allowed(served, parquet_rows.read(body, served.columns, served.nulls))


READ: Mapping[str, Callable[[Served, bytes, media.Media], Given]] = {media.CSV: _csv, media.JSON: _json, media.LINES: _lines, media.PARQUET: _parquet}


def _allowed(served: Served, given: Given) -> Given:
    """Hold the names of a table to the policies on missing and extra columns; a row's own are checked with it."""
    if served.strict and given.names:
        for names in given.names:
            try:
                check_names(names, served.recipe)
            except JobError as error:
                raise RequestError(str(error)) from None
    return given


def load(folder: Union[str, Path]) -> Served:
    """Return the model of an unpacked package.

    Raises:
        RequestError: a file of the package is missing or damaged (500).
    """
    place = Path(folder)
    try:
        recipe = recipes.loads((place / RECIPE_FILE).read_text(encoding="utf-8"))
        package = json.loads((place / PACKAGE_FILE).read_text(encoding="utf-8"))
        served = Served(recipe, package, Model((place / MODEL_FILE).read_bytes()))
    except (OSError, ValueError, JobError) as error:
        raise RequestError("the package in {} cannot be loaded: {}".format(place, error), BROKEN) from None
    if served.model.features != len(recipe["features"]):
        told = "the package in {} does not fit together: the model has {} features, the recipe {}"
        raise RequestError(told.format(place, served.model.features, len(recipe["features"])), BROKEN)
    return served
