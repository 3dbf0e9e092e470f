"""What moto 5.2.5 lacks or gets wrong, mended for our tests. None of it is evidence of what AWS does beyond botocore's model and AWS's documentation."""

from __future__ import annotations

import json

from moto.core.exceptions import ServiceException
from moto.sagemaker.responses import SageMakerResponse

from pipelines.definition.checks import check


class ValidationException(ServiceException):
    """Answer as the service does to a definition that it refuses."""

    code = "ValidationException"


class ResourceNotFound(ServiceException):
    """Answer as botocore models an unknown pipeline; moto says ValidationException."""

    code = "ResourceNotFound"


def install() -> None:
    """Wrap the pipeline operations of moto's SageMaker."""
    create, update, describe = SageMakerResponse.create_pipeline, SageMakerResponse.update_pipeline, SageMakerResponse.describe_pipeline

    def checked(original):
        def call(self):
            # moto lies: it accepts any text as a definition; the service parses and validates it.
            text = self._get_param("PipelineDefinition")
            problems = [p for p in check(_parsed(text)) if p.severity == "error"] if text is not None else []
            if problems:
                raise ValidationException(f"Unable to parse pipeline definition: {problems[0]}")
            return original(self)

        return call

    def described(self):
        # moto lies: an unknown pipeline is a ValidationException there; a definition from S3 is returned as the text of a Python dict.
        name = self._get_param("PipelineName")
        if name not in self.sagemaker_backend.pipelines:
            raise ResourceNotFound(f"Pipeline '{name}' does not exist.")
        pipeline = self.sagemaker_backend.pipelines[name]
        if isinstance(pipeline.pipeline_definition, dict):
            pipeline.pipeline_definition = json.dumps(pipeline.pipeline_definition)
        return describe(self)

    SageMakerResponse.create_pipeline = checked(create)
    SageMakerResponse.update_pipeline = checked(update)
    SageMakerResponse.describe_pipeline = described


def _parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        raise ValidationException("Unable to parse pipeline definition: not JSON") from None
