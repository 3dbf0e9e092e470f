"""The section `profile`: findings are named as the job names them, and a slip is answered with the nearest name."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipelines.config.profile import Profile


def test_kinds_and_severities_stop_a_pipeline():
    section = Profile.model_validate({"fail_on": ["leaking-feature", "high"], "ignore": ["outliers", "missing-values:agent"]})
    assert section.fail_on == ("leaking-feature", "high") and section.ignore == ("outliers", "missing-values:agent")


@pytest.mark.parametrize(
    "wrong", [{"fail_on": ["leaking"]}, {"fail_on": ["fatal"]}, {"sample_rows": 1}, {"scatters": [{"x": "a"}]}, {"instance_type": "ml.m5.large"}]
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        Profile.model_validate(wrong)


def test_an_ignored_finding_that_does_not_exist_names_the_nearest():
    with pytest.raises(ValidationError, match="Did you mean missing-values"):
        Profile.model_validate({"ignore": ["missing-value:agent"]})


def test_the_job_reads_nothing_that_only_the_step_is_made_of():
    assert not {"script", "volume_size_gb", "max_runtime_s", "environment"} & set(Profile().settings())
