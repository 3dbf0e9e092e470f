"""What expressions see during a run: parameters, the execution, the properties of finished steps and their property files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pipelines.definition.model import Definition
from pipelines.errors import UsageError
from pipelines.local.context import Run


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


EXECUTION: Mapping[str, Callable[[Run], str]] = {
    "StartDateTime": lambda run: _iso(run.started_at),
    "CurrentDateTime": lambda run: _iso(run.clock()),
    "PipelineName": lambda run: run.pipeline_name,
    "PipelineArn": lambda run: run.pipeline_arn,
    "PipelineExecutionId": lambda run: run.execution_id,
    "PipelineExecutionArn": lambda run: run.execution_arn,
}


@dataclass(frozen=True)
class RunScope:
    """Resolve `Get` and `Std:JsonGet` for the step called `step_name`."""

    run: Run
    definition: Definition
    parameters: Mapping[str, Any]
    properties: Mapping[str, Mapping[str, Any]]
    step_name: str
    attempt: int = 1

    def parameter(self, name: str) -> Any:
        """Return a pipeline parameter's value in its own type.

        Raises:
            KeyError: the pipeline has no such parameter.
        """
        return self.parameters[name]

    def execution(self, name: str) -> Any:
        """Return a variable of the execution as text; times are ISO 8601, UTC.

        Raises:
            KeyError: there is no such variable.
        """
        if name in ("TrainingJobName", "ProcessingJobName"):
            return self.run.job_name(self.step_name, self.attempt)
        return EXECUTION[name](self.run)

    def step(self, name: str) -> Mapping[str, Any]:
        """Return a finished step's properties.

        Raises:
            KeyError: the step has none yet.
        """
        return self.properties[name]

    def property_file(self, step: str, name: str) -> Any:
        """Return the parsed JSON of a property file: the object `<output's S3Uri>/<FilePath>`.

        Raises:
            KeyError: the step declares no such file, or has not run.
            UsageError: the file is not there or is not JSON.
        """
        declared = {file.name: file for file in self.definition.step(step).property_files}[name]
        outputs = self.properties[step]["ProcessingOutputConfig"]["Outputs"]
        uri = next(output["S3Output"]["S3Uri"] for output in outputs if output["OutputName"] == declared.output_name)
        return self.s3_json(f"{uri.rstrip('/')}/{declared.file_path}")

    def s3_json(self, uri: str) -> Any:
        """Return the parsed JSON of an object.

        Raises:
            UsageError: the object is not there or is not JSON.
        """
        try:
            return json.loads(self.run.store.read(uri))
        except ValueError as error:
            raise UsageError("this property file is not JSON", where=uri, got=str(error)) from None
