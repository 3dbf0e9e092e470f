"""moto 5.2.5 lacks monitoring schedules. What stands here is no evidence of what AWS does beyond botocore's model.

It keeps the request, refuses an unknown definition and a second schedule of one name, and answers for unknown ones as botocore models it.
"""

from __future__ import annotations

import datetime

from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse

from tests.aws.overlay import ResourceNotFound, ValidationException

TIME = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def kept(self):
    # On the backend itself, so that a reset of moto forgets it.
    return self.sagemaker_backend.__dict__.setdefault("overlay_schedules", {})


def arn(self, name):
    return f"arn:aws:sagemaker:{self.region}:{self.current_account}:monitoring-schedule/{name}"


def put(self, name):
    kept(self)[name] = self._get_param("MonitoringScheduleConfig")
    return ActionResult({"MonitoringScheduleArn": arn(self, name)})


def create_monitoring_schedule(self):
    name = self._get_param("MonitoringScheduleName")
    if name in kept(self):
        raise ValidationException(f"Monitoring Schedule {name} already exists.")
    return put(self, name)


def update_monitoring_schedule(self):
    name = self._get_param("MonitoringScheduleName")
    if name not in kept(self):
        raise ResourceNotFound(f"Monitoring Schedule {name} does not exist.")
    return put(self, name)


def describe_monitoring_schedule(self):
    name = self._get_param("MonitoringScheduleName")
    if name not in kept(self):
        raise ResourceNotFound(f"Monitoring Schedule {name} does not exist.")
    times = {"CreationTime": TIME, "LastModifiedTime": TIME}
    about = {"MonitoringScheduleArn": arn(self, name), "MonitoringScheduleName": name, "MonitoringScheduleStatus": "Scheduled", **times}
    return ActionResult({**about, "MonitoringScheduleConfig": kept(self)[name]})


def list_monitoring_schedules(self):
    return ActionResult({"MonitoringScheduleSummaries": []})


def install() -> None:
    """Add the operations to moto's SageMaker."""
    for operation in (create_monitoring_schedule, update_monitoring_schedule, describe_monitoring_schedule, list_monitoring_schedules):
        setattr(SageMakerResponse, operation.__name__, operation)
