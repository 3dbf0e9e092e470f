"""The images of Clarify and Model Monitor run job code that is carried along."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.local.faults import ClientFault
from pipelines.local.images import analyzers, plan_processing
from pipelines.local.images.mapped import Mapped

CLARIFY = "131013547314.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-clarify-processing:1.0"
MONITOR = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"


def request(**specification) -> dict:
    return {"AppSpecification": specification}


@pytest.mark.parametrize(("image", "name"), [(CLARIFY, "clarify.py"), (MONITOR, "monitor.py")])
def test_any_regions_analyzer_runs_the_program_that_lies_beside_the_job_library(image, name):
    command = plan_processing(image, request())
    script = Path(command.argv[1])
    assert command.argv[0] == "python3" and script.name == name and script.is_file()
    assert (Path(command.environment["PYTHONPATH"]) / "jobkit/__init__.py").is_file() and script.is_relative_to(command.environment["PYTHONPATH"])


def test_an_entrypoint_and_the_users_own_command_come_first():
    given = plan_processing(CLARIFY, request(ContainerEntrypoint=["python3", "/opt/ml/x.py"], ContainerArguments=["--a", 1]))
    assert given.argv == ("python3", "/opt/ml/x.py", "--a", "1") and "PYTHONPATH" not in given.environment
    assert plan_processing(MONITOR, request(), Mapped("*", process=("./mine",))).argv == ("./mine",)


def test_arguments_without_an_entrypoint_follow_that_of_the_image():
    assert plan_processing(MONITOR, request(ContainerArguments=["--help"])).argv[2:] == ("--help",)


def test_the_users_interpreter_and_environment_of_an_image_hold():
    command = plan_processing(CLARIFY, request(), Mapped("*", python="/opt/x/bin/python", environment={"A": "1"}, workdir="/srv"))
    assert command.environment["A"] == "1" and "PYTHONPATH" in command.environment and command.cwd == "/srv"


def test_other_images_have_no_entrypoint_here():
    with pytest.raises(ClientFault, match="no ContainerEntrypoint"):
        plan_processing("1.dkr.ecr.us-east-1.amazonaws.com/mine:1", request())


def test_only_clarify_asks_a_model():
    assert analyzers.asks_a_model(CLARIFY) and not analyzers.asks_a_model(MONITOR) and not analyzers.asks_a_model("no image")
