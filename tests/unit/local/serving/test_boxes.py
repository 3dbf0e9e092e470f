"""Making the container of a definition: model packages, workers, ports, interpreters and what is refused."""

from __future__ import annotations

import pytest

from pipelines.local.faults import ClientFault
from pipelines.local.home import Home
from pipelines.local.images import requirements
from pipelines.local.images.mapped import Images, read
from pipelines.local.launcher import ColdLauncher
from pipelines.local.serving import boxes
from pipelines.local.serving.boxes import Machine
from pipelines.local.serving.http_container import HttpContainer
from pipelines.local.serving.model_server import ModelServer
from pipelines.local.serving.served_model import serve_model
from tests.functional.endpoints_here import SKLEARN, XGBOOST, packed

ARN = "arn:aws:sagemaker:us-east-1:000000000000:"


@pytest.fixture
def machine(tmp_path):
    home = Home(tmp_path)
    return Machine(home.store, home.registry, ColdLauncher("shim"), Images(), cores=4)


def make(machine, tmp_path, **definition):
    return boxes.make(machine, {"Image": XGBOOST, **definition}, "box", tmp_path / "box", {}, machine.cores)


def test_a_container_has_a_worker_for_each_core_unless_told_otherwise(machine, tmp_path):
    assert make(machine, tmp_path).workers == 4
    told = make(machine, tmp_path, Environment={"SAGEMAKER_MODEL_SERVER_WORKERS": "2"})
    assert (told.workers, told.spec.cores) == (2, 2)
    assert make(machine, tmp_path, Environment={"SAGEMAKER_MODEL_SERVER_WORKERS": "many"}).workers == 4
    assert make(machine, tmp_path, Mode="MultiModel").workers == 1


def test_no_worker_may_take_more_than_its_part_of_the_memory(machine, tmp_path, monkeypatch):
    monkeypatch.setattr(boxes, "usable_memory_bytes", lambda: 8000)
    assert make(machine, tmp_path).spec.memory_bytes == 2000
    assert make(machine, tmp_path, Environment={"SAGEMAKER_MODEL_SERVER_WORKERS": "2"}).spec.memory_bytes == 4000
    assert make(machine, tmp_path, Mode="MultiModel").spec.memory_bytes == 8000


def test_the_environment_of_a_container_is_the_images_and_its_own(machine, tmp_path):
    environment = make(machine, tmp_path, Environment={"A": "1"}).spec.environment
    assert {key: environment[key] for key in ("A", "AWS_REGION", "SAGEMAKER_REGION", "SAGEWRIGHT_IMAGE")} == {
        "A": "1",
        "AWS_REGION": "us-east-1",
        "SAGEMAKER_REGION": "us-east-1",
        "SAGEWRIGHT_IMAGE": XGBOOST,
    }


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ({"Image": ""}, "has no Image"),
        ({"Image": "1.dkr.ecr.us-east-1.amazonaws.com/unknown:1"}, "unknown"),
        ({"ModelDataUrl": "s3://models/none.tar.gz"}, "could not find model data at s3://models/none.tar.gz"),
        ({"ModelDataUrl": "https://models/none.tar.gz"}, "not an S3 URI"),
        ({"ModelDataUrl": "s3://models/../../etc/passwd"}, "cannot be stored"),
        ({"Environment": {"SAGEMAKER_SUBMIT_DIRECTORY": "s3://code/none.tar.gz"}}, "no such object"),
    ],
)
def test_what_cannot_be_made_says_why(machine, tmp_path, definition, said):
    with pytest.raises(ClientFault, match=said):
        make(machine, tmp_path, **definition)


def test_a_model_that_is_not_packed_is_copied(machine, tmp_path):
    machine.store.put_bytes("s3://models/plain/xgboost-model", b"m")
    source = {"S3DataSource": {"S3Uri": "s3://models/plain/", "S3DataType": "S3Prefix", "CompressionType": "None"}}
    make(machine, tmp_path, ModelDataSource=source)
    assert (tmp_path / "box/opt/ml/model/xgboost-model").read_bytes() == b"m"


def test_requirements_of_the_code_get_an_environment_on_top_of_the_images(machine, tmp_path, monkeypatch):
    asked = []

    def environment(wanted, base, **more):
        asked.append((wanted, base))
        if "wrong" in str(wanted):
            raise requirements.InstallError("no such package")
        return "/envs/python"

    monkeypatch.setattr(requirements, "environment", environment)
    told = {"SAGEMAKER_PROGRAM": "inference.py"}
    machine.store.put_bytes("s3://models/m.tar.gz", packed({"code/inference.py": "", "code/requirements.txt": "humanize==4\n"}))
    assert make(machine, tmp_path, Image=SKLEARN, ModelDataUrl="s3://models/m.tar.gz", Environment=told).spec.python == "/envs/python"
    assert "humanize==4" in str(asked[0][0])
    assert make(machine, tmp_path, Image=SKLEARN, ModelDataUrl="s3://models/m.tar.gz").spec.python is None
    machine.store.put_bytes("s3://models/m.tar.gz", packed({"code/inference.py": "", "code/requirements.txt": "wrong==4\n"}))
    with pytest.raises(ClientFault, match="requirements.txt of the model's code cannot be installed: no such package"):
        make(machine, tmp_path, Image=SKLEARN, ModelDataUrl="s3://models/m.tar.gz", Environment=told)


def test_an_image_with_a_program_of_its_own_is_asked_over_http(machine, tmp_path):
    mapped = Machine(machine.store, machine.registry, machine.launcher, Images(map=read({"*/own:*": {"serve": ["python3", "serve.py"]}}, tmp_path, "map")))
    definition = {"Image": "1.dkr.ecr.us-east-1.amazonaws.com/own:1", "Environment": {"SAGEMAKER_BIND_TO_PORT": "7001"}}
    box = boxes.make(mapped, definition, "box", tmp_path / "box", {}, 1)
    assert isinstance(box, HttpContainer)
    assert box.spec.environment["SAGEMAKER_BIND_TO_PORT"] == "7001"


def test_a_model_package_is_the_containers_that_it_holds(machine):
    held = [{"Image": XGBOOST, "Environment": {"A": "1"}}]
    request = {"ModelPackageGroupName": "Group", "InferenceSpecification": {"Containers": held}}
    package = machine.registry.register(request, arn_prefix=ARN, token="t")
    found = boxes.resolve(machine, [{"ModelPackageName": package["ModelPackageArn"], "Environment": {"B": "2"}}])
    assert found == [{"Image": XGBOOST, "Environment": {"A": "1", "B": "2"}}]
    with pytest.raises(ClientFault, match="ModelPackageName"):
        boxes.resolve(machine, [{"ModelPackageName": f"{ARN}model-package/none/1"}])


def test_a_model_has_one_to_fifteen_containers(machine, tmp_path):
    for count in (0, 16):
        with pytest.raises(ClientFault, match="1 to 15 containers"):
            serve_model(machine, [{"Image": XGBOOST}] * count, "m", tmp_path / "m")
    made = serve_model(machine, [{"Image": XGBOOST}, {"Image": SKLEARN, "ContainerHostname": "second"}], "m", tmp_path / "m")
    assert (list(made.hostnames), [type(each) for each in made.containers]) == (["container-0", "second"], [ModelServer, ModelServer])
    assert len({each.spec.name for each in made.containers}) == len({each.spec.job_dir for each in made.containers}) == 2
