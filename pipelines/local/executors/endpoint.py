"""Run an Endpoint step: CreateEndpoint, or UpdateEndpoint where there is one of this name."""

from __future__ import annotations

from pipelines.local.context import Outcome, StepRun


def execute(step_run: StepRun) -> Outcome:
    """Deploy and return DescribeEndpointOutput as the step's properties; the step fails when the containers do not become healthy.

    Raises:
        ClientFault: the request is not as the service takes it, or names a configuration that is not there.
    """
    from pipelines.local.serving import deploying
    from pipelines.local.serving.here import here_of

    request = step_run.arguments
    name = str(request.get("EndpointName") or step_run.job_name)
    told = step_run.run.images.tell
    record = deploying.create_or_update(here_of(step_run.run), name, str(request["EndpointConfigName"]), request.get("DeploymentConfig"), told)
    reason = record.get("FailureReason")
    return Outcome("Failed" if reason else "Succeeded", record, failure_reason=reason)
