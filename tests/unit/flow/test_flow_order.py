"""The order of a recipe: inputs are combined first, and a step that was fitted elsewhere may stand before the split."""

from __future__ import annotations

import pytest

from jobkit import recipe
from jobkit.failure import JobError
from pipelines.config.model import PipelineConfig
from pipelines.config.recipe import fitted
from pipelines.config.rules import impossible
from pipelines.flow.fitting import validated

DEDUPE = {"step": "drop_duplicates"}
GIVEN = [
    {"step": "impute", "columns": ["a"], "fitted": {"a": 1}},
    {"step": "outliers", "columns": ["a"], "action": "clip", "fitted": {"a": [0, 1]}},
    {"step": "one_hot", "columns": ["a"], "fitted": {"a": ["x"]}},
    {"step": "ordinal", "columns": ["a"], "order": {"a": ["x"]}},
]
LEARNT = [
    {"step": "impute", "columns": ["a", "b"], "fitted": {"a": 1}},
    {"step": "impute", "columns": "auto", "fitted": {"a": 1}},
    {"step": "outliers", "columns": ["a"], "action": "remove", "fitted": {"a": [0, 1]}},
    {"step": "one_hot", "columns": "auto", "fitted": {"a": ["x"]}},
    {"step": "ordinal", "columns": ["a"]},
    {"step": "scale", "columns": ["a"]},
]


def problems(*steps):
    others = {"more": {"input": "m.csv"}} if any("other" in step for step in steps) else {}
    config = PipelineConfig.model_validate({"name": "p", "data": {"input": "x.csv", "others": others}, "label": {"column": "y"}, "recipe": list(steps)})
    return [text for _, text in impossible(config)]


def places(*steps):
    return recipe.divide([validated(step).model_dump(mode="json") for step in steps])


@pytest.mark.parametrize("step", GIVEN)
def test_rows_may_be_dropped_after_a_step_that_was_fitted_elsewhere(step):
    assert not fitted(validated(step)) and problems(step, DEDUPE) == []
    assert [len(part) for part in places(step, DEDUPE)] == [0, 2, 0]


@pytest.mark.parametrize("step", LEARNT)
def test_rows_may_not_be_dropped_after_a_step_that_acts_on_the_training_split(step):
    assert fitted(validated(step)) and "fitted on the training split" in problems(step, DEDUPE)[0]
    with pytest.raises(JobError, match="before the steps that are fitted"):
        places(step, DEDUPE)


@pytest.mark.parametrize("step", [{"step": "join", "other": "more", "columns": ["a"]}, {"step": "concat", "other": "more"}])
def test_inputs_are_combined_first(step):
    assert problems(step, DEDUPE) == [] == problems(step, step, DEDUPE)
    assert "inputs are combined first" in problems(DEDUPE, step)[0] and len(problems(DEDUPE, step)) == 1
    with pytest.raises(JobError, match="inputs are combined first"):
        places(DEDUPE, step)
