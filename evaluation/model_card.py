"""Write the model card: model_card.json in the service's schema, registry.json with it as one text, and model_card.html."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from jobkit import failure, package
from jobkit.card import content, limits, page
from jobkit.paths import processing

# Inputs and the file of each that is read; all but the first may be missing.
FILES = (
    ("evaluation", "evaluation", "evaluation.json"),
    ("details", "evaluation", "evaluation_details.json"),
    ("bias", "bias", "analysis.json"),
    ("pre_bias", "pre_bias", "analysis.json"),
    ("explanations", "explanations", "analysis.json"),
    ("privacy", "privacy", "privacy.json"),
)


def main(argv: Sequence[str]) -> int:
    """Read `evaluation` and what else there is, write `model_card/`, and print how large the card in the registry is."""
    given = _parser().parse_args(list(argv))
    job = json.loads((Path(__file__).resolve().parent / "job.json").read_text(encoding="utf-8"))
    status = (job.get("model_card") or {}).get("status") or "Draft"
    if status not in limits.STATUSES:
        expected = ", ".join(limits.STATUSES)
        raise failure.JobError("model_card.status: this is not one of the service's values; got {!r}, expected one of: {}".format(status, expected))
    card = content.card(job, _known(given), read())
    limits.check(card)
    text = limits.content(content.packaged(card))
    folder = processing("model_card")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_card.json").write_text(json.dumps(card, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    (folder / "registry.json").write_text(json.dumps({"content": text, "status": status}, sort_keys=True) + "\n", encoding="utf-8")
    (folder / "model_card.html").write_text(page.page(card, status), encoding="utf-8", errors="replace")
    print("model card: {} sections, {} evaluations, {} characters".format(len(card), len(card.get("evaluation_details", ())), len(text)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE", help="a hyperparameter; before one of job.json of that name")
    parser.add_argument("--metric", action="append", default=[], metavar="NAME=VALUE", help="a metric of the training job")
    parser.add_argument("--training-job-name", default="", help="name or ARN of the training job")
    parser.add_argument("--model-data-url", default="", help="URI of the model")
    parser.add_argument("--image", default="", help="URI of the image that trained")
    parser.add_argument("--training-dataset", action="append", default=[], metavar="URI", help="a data set that was trained on")
    return parser


def _known(given: argparse.Namespace) -> content.Known:
    metrics = {name: _number(name, value) for name, value in _pairs("--metric", given.metric)}
    parameters = dict(_pairs("--parameter", given.parameter))
    return content.Known(parameters, metrics, given.training_job_name, given.model_data_url, given.image, tuple(given.training_dataset))


def _pairs(flag: str, texts: Sequence[str]) -> List[Tuple[str, str]]:
    for text in texts:
        if not text.partition("=")[0] or "=" not in text:
            raise failure.JobError("{}: this is no name with a value; got {!r}, expected NAME=VALUE".format(flag, text))
    return [(text.partition("=")[0], text.partition("=")[2]) for text in texts]


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise failure.JobError("--metric: {} is no number; got {!r}, expected e.g. 0.9".format(name, text)) from None


def read() -> Dict[str, Mapping[str, Any]]:
    """Return the documents of the inputs that are there, and of the package its description and recipe.

    Raises:
        JobError: evaluation.json is missing, or a document cannot be read.
    """
    places = [(name, processing(folder) / file) for name, folder, file in FILES]
    if not places[0][1].is_file():
        raise failure.JobError("evaluation: there is no evaluation.json; got nothing, expected what Evaluate writes. Run Evaluate before")
    found: Dict[str, Mapping[str, Any]] = {name: _document(path.read_bytes(), "{}/{}".format(name, path.name)) for name, path in places if path.is_file()}
    if processing("package").is_dir():
        archive = package.find(processing("package"))
        files = package.read(archive)
        packed = {"package": "package.json", "recipe": "recipe.json"}
        found.update({name: _document(files[file], file) for name, file in packed.items() if file in files})
        found["package"] = {**found.get("package", {}), "sha256": package.sha256(archive.read_bytes())}
    return found


def _document(body: bytes, place: str) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
        if isinstance(document, dict):
            return document
        told = "a " + type(document).__name__
    except ValueError as error:
        told = str(error)
    raise failure.JobError("{}: this cannot be read; got {}, expected a JSON object".format(place, told))


if __name__ == "__main__":
    sys.exit(failure.run(main))
