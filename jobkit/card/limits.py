"""What the service's schema of model cards allows, checked without a JSON Schema library, which the image does not have."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from jobkit.failure import JobError

CONTENT_CHARACTERS = 100_000
ALL_GROUPS, MOST_GROUPS = 1_000_000, (100, 50, 20, 8, 3)
OBSERVATION_CHARACTERS = 2096
CURVE_POINTS = (200, 100, 50, 25, 12)
RISKS = ("High", "Medium", "Low", "Unknown")
STATUSES = ("Draft", "PendingReview", "Approved", "Archived")
FUNCTIONS = ("Maximize", "Minimize")
# Characters that a text may have, by its place.
LENGTHS: Mapping[str, int] = {
    **{"model_overview." + name: 1024 for name in ("model_description", "model_creator", "algorithm_type", "model_owner")},
    **{"intended_uses." + name: 2048 for name in ("purpose_of_model", "intended_uses", "factors_affecting_model_efficiency", "explanations_for_risk_rating")},
    **{"business_details." + name: 2048 for name in ("business_problem", "business_stakeholders", "line_of_business")},
    "training_details.training_observations": 1024,
    "training_details.objective_function.notes": 1024,
    "training_details.objective_function.function.facet": 63,
    "training_details.objective_function.function.condition": 63,
    "training_details.training_job_details.training_arn": 1024,
    "additional_information.ethical_considerations": 2048,
    "additional_information.caveats_and_recommendations": 2048,
}
CHOICES: Mapping[str, Sequence[str]] = {
    "intended_uses.risk_rating": RISKS,
    "training_details.objective_function.function.function": FUNCTIONS,
}
CUSTOM_CHARACTERS = 1024


def texts(value: Any, place: str = "") -> List[Tuple[str, Any]]:
    """Return the leaves of a card's sections with their places, e.g. `intended_uses.risk_rating`."""
    if isinstance(value, Mapping):
        return [leaf for name, own in value.items() for leaf in texts(own, "{}.{}".format(place, name) if place else str(name))]
    return [(place, value)]


def check(card: Mapping[str, Any]) -> None:
    """Check what people wrote into a card; what was made of results is made to fit.

    Raises:
        JobError: a text is none, is too long or is not one of those that the service knows.
    """
    for place, value in texts({name: own for name, own in card.items() if name != "evaluation_details"}):
        if place in CHOICES and value not in CHOICES[place]:
            told = "model_card.{}: this is not one of the service's values; got {!r}, expected one of: {}"
            raise JobError(told.format(place, value, ", ".join(CHOICES[place])))
        limit = LENGTHS.get(place) or (CUSTOM_CHARACTERS if place.startswith("additional_information.custom_details.") else 0)
        if limit:
            _text(place, value, limit)


def _text(place: str, value: Any, limit: int) -> None:
    if not isinstance(value, str):
        raise JobError("model_card.{}: this is no text; got {!r}, expected a text. Put it in quotes".format(place, value))
    if len(value) > limit:
        raise JobError("model_card.{}: this is too long; got {} characters, expected at most {}. Shorten it".format(place, len(value), limit))


def content(card: Mapping[str, Any]) -> str:
    """Return a card as compact JSON of at most 100,000 characters, which CreateModelPackage takes.

    Until it fits, curves are thinned, then groups of metrics left out, which the observations of their evaluation say.

    Raises:
        JobError: it is longer with 12 points a curve and 3 groups an evaluation, too.
    """
    shorter = [(points, ALL_GROUPS) for points in CURVE_POINTS] + [(CURVE_POINTS[-1], most) for most in MOST_GROUPS]
    text = _dumps(card)
    for points, most in shorter:
        if len(text) <= CONTENT_CHARACTERS:
            return text
        text = _dumps(cut(thinned(card, points), most))
    if len(text) > CONTENT_CHARACTERS:
        told = "model_card: it does not fit into a model package; got {} characters, expected at most {}. Evaluate fewer slices, or explain fewer features"
        raise JobError(told.format(len(text), CONTENT_CHARACTERS))
    return text


def cut(card: Mapping[str, Any], most: int) -> Dict[str, Any]:
    """Return a card with at most so many groups of metrics in each evaluation, the first ones."""
    parts = []
    for part in card.get("evaluation_details", ()):
        groups = part.get("metric_groups", ())
        left = len(groups) - most
        if left > 0:
            told = "{} of {} groups of metrics did not fit in here. {}".format(left, len(groups), part.get("evaluation_observation", "")).strip()
            part = {**part, "evaluation_observation": told[:OBSERVATION_CHARACTERS], "metric_groups": list(groups[:most])}
        parts.append(part)
    return {**card, "evaluation_details": parts}


def _dumps(card: Mapping[str, Any]) -> str:
    return json.dumps(card, separators=(",", ":"), allow_nan=False)


def thinned(card: Mapping[str, Any], points: int) -> Dict[str, Any]:
    """Return a card whose curves have at most so many points, the first and the last among them."""

    def entry(own: Mapping[str, Any]) -> Dict[str, Any]:
        value = own["value"]
        if own["type"] != "linear_graph" or len(value) <= points:
            return dict(own)
        return {**own, "value": [value[round(place * (len(value) - 1) / (points - 1))] for place in range(points)]}

    def group(own: Mapping[str, Any]) -> Dict[str, Any]:
        return {**own, "metric_data": [entry(each) for each in own["metric_data"]]}

    parts = [{**part, "metric_groups": [group(each) for each in part.get("metric_groups", ())]} for part in card.get("evaluation_details", ())]
    return {**card, "evaluation_details": parts}
