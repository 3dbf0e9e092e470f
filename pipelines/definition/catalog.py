"""The step types that the service knows: whose request their arguments are, and what a `Get` may read of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class StepType:
    """Describe a step type.

    `operation` is the API call whose request the arguments are (None: a shape of its own), `filled` the members that the service fills in,
    `describes` the shape that properties are read from, `extra` the type's own step-level keys, `needs` those of them without which it cannot run,
    `properties` names that can be read beside the shape's; `retries` and `caches` say whether RetryPolicies and CacheConfig have an effect.
    """

    operation: str | None = None
    filled: frozenset[str] = frozenset()
    describes: str | None = None
    extra: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()
    retries: bool = True
    caches: bool = True


def _set(*names: str) -> frozenset[str]:
    return frozenset(names)


_BASELINES = _set("CalculatedBaselineConstraints", "BaselineUsedForDriftCheckConstraints")
_STATISTICS = _set("CalculatedBaselineStatistics", "BaselineUsedForDriftCheckStatistics")
_CHECK_KEYS = _set("CheckType", "SkipCheck", "FailOnViolation", "RegisterNewBaseline", "ModelPackageGroupName", "SuppliedBaselineConstraints")
_PROCESSING = _set("ProcessingJobName")

STEP_TYPES: Mapping[str, StepType] = {
    "Processing": StepType("CreateProcessingJob", _PROCESSING, "DescribeProcessingJobResponse"),
    "Training": StepType("CreateTrainingJob", _set("TrainingJobName"), "DescribeTrainingJobResponse"),
    "Tuning": StepType(
        "CreateHyperParameterTuningJob",
        _set("HyperParameterTuningJobName"),
        "DescribeHyperParameterTuningJobResponse",
        properties=_set("TrainingJobSummaries"),
    ),
    "Transform": StepType("CreateTransformJob", _set("TransformJobName"), "DescribeTransformJobResponse"),
    "Model": StepType("CreateModel", _set("ModelName"), "DescribeModelOutput", caches=False),
    "RegisterModel": StepType("CreateModelPackage", _set(), "DescribeModelPackageOutput", caches=False),
    "Condition": StepType(properties=_set("Outcome"), retries=False, caches=False),
    "Fail": StepType(retries=False, caches=False),
    "Lambda": StepType(extra=_set("FunctionArn", "OutputParameters"), needs=_set("FunctionArn"), properties=_set("OutputParameters")),
    "Callback": StepType(extra=_set("SqsQueueUrl", "OutputParameters"), needs=_set("SqsQueueUrl"), properties=_set("OutputParameters")),
    "QualityCheck": StepType(
        "CreateProcessingJob",
        _PROCESSING,
        "DescribeProcessingJobResponse",
        _CHECK_KEYS | _set("SuppliedBaselineStatistics"),
        _set("CheckType"),
        _BASELINES | _STATISTICS,
        retries=False,
    ),
    "ClarifyCheck": StepType(
        "CreateProcessingJob",
        _PROCESSING,
        "DescribeProcessingJobResponse",
        _CHECK_KEYS | _set("ModelName"),
        _set("CheckType"),
        _BASELINES,
        retries=False,
    ),
    "EMR": StepType(properties=_set("*")),
    "EMRServerless": StepType(properties=_set("*")),
    "AutoML": StepType("CreateAutoMLJob", _set("AutoMLJobName"), "DescribeAutoMLJobResponse", properties=_set("BestCandidateProperties")),
    "EndpointConfig": StepType("CreateEndpointConfig", _set("EndpointConfigName"), "DescribeEndpointConfigOutput"),
    "Endpoint": StepType("CreateEndpoint", _set("EndpointName"), "DescribeEndpointOutput", retries=False),
    "InferenceComponent": StepType("CreateInferenceComponent", _set("InferenceComponentName"), "DescribeInferenceComponentOutput", retries=False),
    "Lineage": StepType(properties=_set("ActionArns", "ArtifactArns", "ContextArns", "Associations"), retries=False),
    "Job": StepType("CreateJob", _set("JobName"), "DescribeJobResponse", properties=_set("JobConfigDocument")),
    "Cleanup": StepType(retries=False),
    "ForEach": StepType(properties=_set("*"), retries=False),
    "Athena": StepType(properties=_set("*")),
    "BedrockCustomModel": StepType(properties=_set("*")),
    "BedrockCustomModelDeployment": StepType(properties=_set("*")),
    "BedrockProvisionedModelThroughput": StepType(properties=_set("*")),
    "BedrockModelImport": StepType(properties=_set("*")),
    "HubContent": StepType(properties=_set("*")),
}
EXECUTION_VARIABLES = frozenset(
    {"StartDateTime", "CurrentDateTime", "PipelineName", "PipelineArn", "PipelineExecutionId", "PipelineExecutionArn", "TrainingJobName", "ProcessingJobName"}
)
