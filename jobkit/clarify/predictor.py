"""Ask the model: over SageMaker Runtime's API where the environment names its address, else the package in the input `model`, served by a process beside."""

from __future__ import annotations

import http.client
import json
import os
import tempfile
import urllib.parse
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Type

import numpy as np

from jobkit import package
from jobkit.clarify import answers, templates
from jobkit.clarify.answers import Answers, Wanted
from jobkit.clarify.config import CSV, FILE, JSON, JSON_LINES, PARQUET, Config
from jobkit.clarify.dataset import Dataset
from jobkit.failure import JobError
from jobkit.paths import processing
from jobkit.serving import child

ADDRESS = "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"
TIMEOUT_S = 300.0
SHOWN_BYTES = 200
BINARY, MULTICLASS, REGRESSION = "binary_classification", "multiclass_classification", "regression"
# What the service sends along with a request, by the key of `predictor`.
HEADERS: Mapping[str, str] = {"target_model": "X-Amzn-SageMaker-Target-Model", "custom_attributes": "X-Amzn-SageMaker-Custom-Attributes"}
# Where our own packages answer scores and labels.
OURS: Mapping[Tuple[str, str], Wanted] = {
    (BINARY, CSV): Wanted(CSV, 0, 1),
    (BINARY, JSON_LINES): Wanted(JSON_LINES, "probability", "label"),
    (BINARY, JSON): Wanted(JSON, "predictions[*].probability", "predictions[*].label"),
    (MULTICLASS, CSV): Wanted(CSV, None, 0),
    (MULTICLASS, JSON_LINES): Wanted(JSON_LINES, "probabilities", "label"),
    (MULTICLASS, JSON): Wanted(JSON, "predictions[*].probabilities", "predictions[*].label"),
    (REGRESSION, CSV): Wanted(CSV, 0),
    (REGRESSION, JSON_LINES): Wanted(JSON_LINES, "value"),
    (REGRESSION, JSON): Wanted(JSON, "predictions[*].value"),
}


class Endpoint:
    """Ask an endpoint over SageMaker Runtime's API (POST /endpoints/NAME/invocations), over a connection that is kept."""

    def __init__(self, address: str, name: str, headers: Mapping[str, str], timeout_s: float = TIMEOUT_S) -> None:
        parts = urllib.parse.urlsplit(address)
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.connection = make(parts.hostname or "", parts.port, timeout=timeout_s)
        self.path = "{}/endpoints/{}/invocations".format(parts.path.rstrip("/"), urllib.parse.quote(name, safe=""))
        self.name, self.headers = name, dict(headers)

    def ask(self, body: bytes, content_type: str, accept: str) -> bytes:
        """Return the answer to a request; a connection that was closed meanwhile is opened once more.

        Raises:
            JobError: the endpoint cannot be reached, or refuses the request.
        """
        headers = {**self.headers, "Content-Type": content_type, "Accept": accept}
        for last in (False, True):
            try:
                self.connection.request("POST", self.path, body, headers)
                response = self.connection.getresponse()
                text = response.read()
                break
            except (OSError, http.client.HTTPException) as error:
                self.connection.close()
                if last or isinstance(error, TimeoutError):
                    told = "the endpoint {}: no answer: {}. Check that it is in service"
                    raise JobError(told.format(self.name, error or type(error).__name__)) from None
        if response.status != 200:
            shown = text[:SHOWN_BYTES].decode("utf-8", "replace")
            told = "the endpoint {}: got status {}, expected 200. Its answer begins with {!r}. Check predictor.content_type and the templates in {}"
            raise JobError(told.format(self.name, response.status, shown, FILE))
        return text

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class Package(NamedTuple):
    """Hold a served package: its files, package.json, and clients of the process that answers and of that which gives features."""

    files: Mapping[str, bytes]
    about: Mapping[str, Any]
    answering: child.Client
    featuring: Optional[child.Client]

    def ask(self, body: bytes, content_type: str, accept: str) -> bytes:
        """Return the answer to a request.

        Raises:
            JobError: the package does not load, or refuses the request.
        """
        try:
            return self.answering.invoke(body, content_type, accept)
        except child.Asked as error:
            raise JobError("the model in the input `model`: {}".format(str(error)[: 3 * SHOWN_BYTES])) from None

    def close(self) -> None:
        """Do nothing: the processes end with the Predictor."""


class Predictor:
    """Ask a model about rows. Close it, or use it in a `with` block, to end what it started; `calls` counts requests, `asked` rows."""

    def __init__(self, config: Config, caller: Any, wanted: Wanted, held: ExitStack, served: Optional[Package] = None) -> None:
        self.config, self.caller, self.wanted, self.package, self._held = config, caller, wanted, served, held
        self.content_type = _content_type(config)
        self.calls, self.asked = 0, 0

    def __enter__(self) -> "Predictor":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.close()

    def close(self) -> None:
        """End the processes and connections that belong to this predictor."""
        self._held.close()

    def predict(self, rows: Dataset) -> np.ndarray:
        """Return scores, float64 of shape (rows,), or (rows, outputs) of several; `rows` holds the features only.

        Raises:
            JobError: see `scores`.
        """
        scores = self.scores(rows)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def scores(self, rows: Dataset) -> np.ndarray:
        """Return scores, float64 of shape (rows, outputs).

        Raises:
            JobError: the model refuses a request, or answers otherwise than `predictor` says or without scores.
        """
        found = self._asked(rows, _scored(self.wanted)).scores
        if found is None:
            raise JobError("{}: predictor.probability: got nothing, expected where the scores stand in the model's answer".format(FILE))
        return found

    def answers(self, rows: Dataset) -> Answers:
        """Return scores and labels of rows.

        Raises:
            JobError: the model refuses a request, or answers otherwise than `predictor` says.
        """
        return self._asked(rows, self.wanted)

    def _asked(self, rows: Dataset, wanted: Wanted) -> Answers:
        # A script of its own is asked as the service asks it, without a header.
        ours = isinstance(self.caller, Package) and self.content_type == CSV and self.caller.about.get("serves") == "jobkit"
        form = templates.form(self.content_type, rows.names, self.config.predictor, header=ours)
        found = []
        for body, count in templates.requests(form, rows):
            answer = self.caller.ask(body, self.content_type + ("; header=present" if ours else ""), wanted.accept)
            found.append(answers.read(answer, wanted, count))
            self.calls, self.asked = self.calls + 1, self.asked + count
        return _joined(found)

    def predicted(self, rows: Dataset) -> np.ndarray:
        """Return what bias is measured on: the labels that the model answers where `predictor.label` names them or there is nothing else, else the scores.

        Labels are float64 where all are numbers, else objects, of shape (rows,); scores see `predict`.

        Raises:
            JobError: the model refuses a request, or answers otherwise than `predictor` says.
        """
        found = self.answers(rows)
        if found.labels is not None and (self.config.predictor.get("label") is not None or found.scores is None):
            return _numeric(_chosen(found.labels, found.scores))
        return found.scores[:, 0] if found.scores.shape[1] == 1 else found.scores  # type: ignore[union-attr,index]

    def features(self, rows: Dataset) -> np.ndarray:
        """Return what the recipe of the package makes of rows, float32 of shape (rows, features).

        Raises:
            JobError: there is no package, or it refuses the rows.
        """
        if self.package is None or self.package.featuring is None:
            raise JobError("the features that the model sees are known of a package of ours only")
        form = templates.form(CSV, rows.names, {}, header=True)
        parts = []
        for body, count in templates.requests(form, rows):
            text = self.package.featuring.invoke(body, CSV + "; header=present", CSV).decode("ascii")
            parts.append(np.array(text.replace("\n", ",").rstrip(",").split(","), dtype=np.float64).astype(np.float32).reshape(count, -1))
        return np.concatenate(parts)


def _scored(wanted: Wanted) -> Wanted:
    """Return where scores stand, without labels; the SDK's `model_scores` of an explanation arrives as `label` alone."""
    known = wanted.probability is not None or bool(wanted.several)
    return wanted._replace(probability=wanted.probability if known else wanted.label, label=None)


def _joined(found: Sequence[Answers]) -> Answers:
    scores = [part.scores for part in found if part.scores is not None]
    labels = [part.labels for part in found if part.labels is not None]
    if len({part.shape[1] for part in scores}) > 1:
        raise JobError("the model's answers: got different numbers of scores a row in different requests, expected one number")
    return Answers(np.concatenate(scores) if scores else None, np.concatenate(labels) if labels else None)


def _numeric(labels: np.ndarray) -> np.ndarray:
    """Return labels as float64 where every one is a number."""
    try:
        return np.array([float(label) for label in labels], dtype=np.float64)
    except (TypeError, ValueError):
        return labels


def _chosen(labels: np.ndarray, scores: Optional[np.ndarray]) -> np.ndarray:
    """Return of several labels a row that of the highest score."""
    if not any(isinstance(label, list) for label in labels):
        return labels
    if scores is None or any(not isinstance(label, list) or len(label) != scores.shape[1] for label in labels):
        raise JobError("{}: predictor.probability: got nothing that fits the lists of labels, expected the score of each label".format(FILE))
    made = np.empty(len(labels), dtype=object)
    made[:] = [label[place] for label, place in zip(labels, scores.argmax(axis=1))]
    return made


def _content_type(config: Config) -> str:
    found = str(config.predictor.get("content_type") or config.dataset_type).lower()
    return CSV if found == PARQUET else found


def wanted(config: Config) -> Wanted:
    """Return where scores and labels stand in answers, as the configuration says."""
    given = config.predictor
    return Wanted(str(given.get("accept_type") or _content_type(config)).lower(), given.get("probability"), given.get("label"))


def predictor(config: Config) -> Predictor:
    """Return the way to ask the model of a configuration.

    A package is served by forks of this process, so call this before anything here runs Arrow or XGBoost.

    Raises:
        JobError: there is neither an endpoint nor a package, or the package is damaged.
    """
    address, given = os.environ.get(ADDRESS), config.predictor
    name = given.get("endpoint_name") or given.get("model_name")
    with ExitStack() as held:
        served = _served(config, held) if list(processing("input/model").rglob("*.tar.gz")) else None
        if address and name:
            headers = {header: str(given[key]) for key, header in HEADERS.items() if given.get(key)}
            endpoint = Endpoint(address, str(name), headers)
            held.callback(endpoint.close)
            return Predictor(config, endpoint, wanted(config), held.pop_all(), served)
        if served is None:
            told = "there is no model to ask: got no endpoint (predictor.endpoint_name or model_name in {}, its address in {}) and no {} in the input `model`"
            raise JobError(told.format(FILE, ADDRESS, package.ARCHIVE))
        return Predictor(config, served, _of_ours(config, served.about), held.pop_all(), served)


def _served(config: Config, held: ExitStack) -> Package:
    files = package.read(package.find(processing("input/model")))
    about = _about(files)
    folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
    package.unpack(files, folder)
    if package.INFERENCE not in files:
        raise JobError("the model in the input `model`: got no {} in {}, expected the code that answers".format(package.INFERENCE, package.ARCHIVE))
    answering = held.enter_context(child.running(folder, package.INFERENCE, {"SAGEMAKER_BATCH": "true"}, TIMEOUT_S))
    featuring = None
    if "shap" in config.methods and about.get("serves") == "jobkit":
        featuring = held.enter_context(child.running(folder, package.INFERENCE, {"SAGEWRIGHT_ANSWERS": "features", "SAGEMAKER_BATCH": "true"}, TIMEOUT_S))
    return Package(files, about, answering, featuring)


def _about(files: Mapping[str, bytes]) -> Dict[str, Any]:
    try:
        return dict(json.loads(files["package.json"]))
    except (KeyError, ValueError, TypeError):
        return {}


def _of_ours(config: Config, about: Mapping[str, Any]) -> Wanted:
    """Return where scores and labels stand: as the configuration says, else where packages of ours put them."""
    told = wanted(config)
    usual = OURS.get((str(about.get("problem")), told.accept))
    if told.probability is not None or told.label is not None or usual is None or about.get("serves") != "jobkit":
        return told
    several: List[int] = list(range(1, len(about["classes"]) + 1)) if usual.accept == CSV and about["problem"] == MULTICLASS else []
    return usual._replace(several=tuple(several))
