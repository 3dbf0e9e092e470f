from __future__ import annotations

import json

import pytest

from pipelines.definition.model import loads
from pipelines.local.faults import ClientFault
from pipelines.local.transform import settings
from pipelines.local.transform.refusals import refused
from pipelines.local.transform.settings import MB


def request(**changes):
    """Return a request; `Input`, `Output` and `Processing` change those parts."""
    given = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bkt/in"}}, **changes.pop("Input", {})}
    wanted = {"S3OutputPath": "s3://bkt/out", **changes.pop("Output", {})}
    processing = {"DataProcessing": changes.pop("Processing")} if "Processing" in changes else {}
    return {"ModelName": "m", "TransformInput": given, "TransformOutput": wanted, **processing, **changes}


CSV = {"Input": {"ContentType": "text/csv", "SplitType": "Line"}, "Output": {"Accept": "text/csv; charset=utf-8", "AssembleWith": "Line"}}


def test_the_defaults_are_those_of_the_service():
    found = settings.read(request(), {})
    assert (found.split, found.single, found.lines, found.payload_bytes, found.concurrent) == ("None", False, False, 6 * MB, 1)
    assert (found.timeout_s, found.retries) == (600, 3)


def test_the_request_comes_before_the_container_and_the_container_before_the_defaults():
    said = {"MaxConcurrentTransforms": 8, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 4}
    found = settings.read(request(), said)
    assert (found.concurrent, found.single, found.payload_bytes) == (8, True, 4 * MB)
    assert found.words == "MaxConcurrentTransforms=8, MaxPayloadInMB=4, BatchStrategy=SINGLE_RECORD"
    asked = request(MaxConcurrentTransforms=2, BatchStrategy="MultiRecord", MaxPayloadInMB=0)
    assert (settings.read(asked, said).concurrent, settings.read(asked, said).single, settings.read(asked, said).payload_bytes) == (2, False, 0)
    assert settings.read(request(MaxConcurrentTransforms=0), said).concurrent == 8


@pytest.mark.parametrize(
    "said", [{"MaxConcurrentTransforms": "many", "MaxPayloadInMB": None, "BatchStrategy": 3}, {"MaxConcurrentTransforms": -1}, {"MaxConcurrentTransforms": 0}]
)
def test_a_container_may_say_anything(said):
    found = settings.read(request(), said)
    assert (found.concurrent, found.payload_bytes, found.single) == (1, 6 * MB, False)


def test_what_a_container_wishes_is_kept_to_100_mb():
    assert settings.read(request(), {"MaxConcurrentTransforms": 64, "MaxPayloadInMB": 20}).concurrent == 5
    assert settings.read(request(), {"MaxPayloadInMB": 5000}).payload_bytes == 100 * MB


def test_a_container_that_wants_a_stream_gets_none_where_records_are_processed():
    assert settings.read(request(), {"MaxPayloadInMB": 0}).streams
    assert settings.read(request(**CSV, Processing={"JoinSource": "Input"}), {"MaxPayloadInMB": 0}).payload_bytes == 6 * MB


def test_the_environment_tells_only_what_the_request_gives():
    assert settings.environment(request()) == {"SAGEMAKER_BATCH": "true"}
    told = settings.environment(request(MaxPayloadInMB=0, BatchStrategy="SingleRecord", MaxConcurrentTransforms=3, Environment={"A": "1"}))
    assert told == {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "0",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "3",
        "A": "1",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"MaxPayloadInMB": 100},
        {"MaxPayloadInMB": 25, "MaxConcurrentTransforms": 4},
        {"MaxPayloadInMB": 0, "MaxConcurrentTransforms": 100},
        {**CSV, "Processing": {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}},
        {"Input": {"SplitType": "RecordIO"}, "Output": {"AssembleWith": "Line"}},
        {"Input": CSV["Input"], "Output": {"Accept": "application/json"}, "Processing": {"InputFilter": "$[:14]", "OutputFilter": "$['class']"}},
        {"Input": {"ContentType": "application/json"}, "Output": {"Accept": "application/json"}, "Processing": {"JoinSource": "Input"}},
        {"Processing": {"InputFilter": "$", "JoinSource": "None", "OutputFilter": "$"}},
        {"Environment": {str(number): "x" for number in range(16)}},
    ],
)
def test_what_the_service_takes_is_taken(changes):
    settings.refuse(request(**changes))


JSON_OUT = {"Accept": "application/json", "AssembleWith": "Line"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB: this number is not allowed; got 101, expected 0 to 100."),
        (
            {"MaxPayloadInMB": 26, "MaxConcurrentTransforms": 4},
            "got 4 x 26 MB, expected at most 100 MB. Give at most 3 transforms at a time, or a smaller payload.",
        ),
        ({"MaxConcurrentTransforms": "x"}, "MaxConcurrentTransforms: this number is not allowed"),
        ({"BatchStrategy": "MULTI_RECORD"}, "BatchStrategy: this is no value of it; got 'MULTI_RECORD', expected one of MultiRecord, SingleRecord."),
        ({"Input": {"SplitType": "Csv"}}, "TransformInput.SplitType: this is no value of it"),
        ({"Input": {"CompressionType": "Zip"}}, "TransformInput.CompressionType"),
        ({"Output": {"AssembleWith": "RecordIO"}}, "TransformOutput.AssembleWith"),
        ({"ModelClientConfig": {"InvocationsMaxRetries": 4}}, "InvocationsMaxRetries: this number is not allowed; got 4, expected 0 to 3"),
        ({"ModelClientConfig": {"InvocationsTimeoutInSeconds": 0}}, "expected 1 to 3600"),
        ({"Environment": {str(number): "x" for number in range(17)}}, "Environment: there are too many variables; got 17, expected at most 16"),
        ({"Output": {"S3OutputPath": "/tmp/out"}}, "TransformOutput.S3OutputPath '/tmp/out': this is not an S3 URI"),
        ({"DataCaptureConfig": {"DestinationS3Uri": "x"}}, "DataCaptureConfig.DestinationS3Uri 'x'"),
        ({"DataCaptureConfig": {"DestinationS3Uri": "s3://bkt/c", "GenerateInferenceId": True}}, "GenerateInferenceId needs a format"),
        ({"Processing": {"InputFilter": "$..a"}}, "DataProcessing.InputFilter: this JSONPath is not one"),
        ({"Processing": {"InputFilter": "$[0]"}}, "TransformInput.ContentType: DataProcessing.InputFilter needs a format that can be processed; got none"),
        ({**CSV, "Processing": {"OutputFilter": "$.score"}}, "DataProcessing.OutputFilter: a CSV row has no names"),
        (
            {"Input": {"ContentType": "text/csv"}, "Output": CSV["Output"], "Processing": {"JoinSource": "Input"}},
            "TransformInput.SplitType: CSV is processed line by line",
        ),
        ({"Input": CSV["Input"], "Output": {"Accept": "text/csv"}, "Processing": {"JoinSource": "Input"}}, "SplitType Line and AssembleWith None"),
        (
            {"Input": CSV["Input"], "Output": JSON_OUT, "Processing": {"JoinSource": "Input"}},
            "input and output are of different formats; got text/csv and application/json",
        ),
        ({**CSV, "MaxPayloadInMB": 0, "Processing": {"JoinSource": "Input"}}, "MaxPayloadInMB 0: a stream cannot be filtered"),
    ],
)
def test_what_the_service_refuses_is_refused_with_what_to_do(changes, said):
    with pytest.raises(ClientFault) as caught:
        settings.refuse(request(**changes))
    assert said in str(caught.value)


def refused_of(arguments):
    step = {"Name": "Batch", "Type": "Transform", "Arguments": {"TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1}, **arguments}}
    return [str(problem) for problem in refused(loads(json.dumps({"Version": "2020-12-01", "Steps": [step]})))]


def test_a_definition_says_before_it_runs_what_would_be_refused():
    source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": {"Get": "Parameters.In"}}}}
    output = {"S3OutputPath": {"Std:Join": {"On": "/", "Values": ["s3:/", "x"]}}}
    assert refused_of(request(Input=source, Output=output)) == []
    (said,) = refused_of(request(Input=source, Output=output, MaxPayloadInMB=101))
    assert said.startswith("$.Steps[0].Arguments: step Batch: MaxPayloadInMB: this number is not allowed")
    assert refused_of(request(Input=source, Output=output, MaxPayloadInMB=101, BatchStrategy={"Get": "Parameters.Strategy"})) == []
    assert refused_of({"TransformInput": {"Get": "Parameters.x"}}) == []
