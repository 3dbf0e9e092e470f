"""Run an EndpointConfig step: CreateEndpointConfig, kept as a record."""

from __future__ import annotations

from pipelines.local.context import Outcome, StepRun


def execute(step_run: StepRun) -> Outcome:
    """Record the configuration and return DescribeEndpointConfigOutput as the step's properties.

    Raises:
        ClientFault: the request is not as the service takes it, or names a model that is not there.
    """
    from pipelines.local.serving import deploying
    from pipelines.local.serving.here import here_of

    name = str(step_run.arguments.get("EndpointConfigName") or step_run.job_name)
    request = {key: value for key, value in step_run.arguments.items() if key != "EndpointConfigName"}
    return Outcome("Succeeded", deploying.create_config(here_of(step_run.run), name, request))
