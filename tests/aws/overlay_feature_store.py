"""Feature Store as moto 5.2.5 lacks it: online-only groups, listing, deleting, and the whole runtime service (put, get, delete a record).

Written after botocore's model and the API reference; no evidence of what AWS does beyond those.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker import urls
from moto.sagemaker.exceptions import ResourceNotFound
from moto.sagemaker.models import sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

ACCOUNT, REGION = "123456789012", "us-east-1"
NO_STORE = {"S3StorageConfig": {"S3Uri": "s3://none"}}


def backend():
    return sagemaker_backends[ACCOUNT][REGION]


def kept(name: str) -> dict:
    """Return what the overlay keeps by group; it lives on the backend, so that moto's reset clears it."""
    return backend().__dict__.setdefault(name, {})


def install() -> None:
    """Mend the control plane and add the runtime's one path; call it before a server is made."""
    describe = SageMakerResponse.describe_feature_group

    def create_feature_group(self):
        # moto fails without an offline store, and forgets the online one.
        name, offline = self._get_param("FeatureGroupName"), self._get_param("OfflineStoreConfig")
        arn = backend().create_feature_group(
            feature_group_name=name,
            record_identifier_feature_name=self._get_param("RecordIdentifierFeatureName"),
            event_time_feature_name=self._get_param("EventTimeFeatureName"),
            feature_definitions=self._get_param("FeatureDefinitions"),
            offline_store_config=offline or json.loads(json.dumps(NO_STORE)),
            role_arn=self._get_param("RoleArn") or "",
            tags=None,
        )
        kept("groups")[name] = {"online": self._get_param("OnlineStoreConfig"), "offline": bool(offline), "polls": 1}
        return ActionResult({"FeatureGroupArn": arn})

    def describe_feature_group(self):
        # moto fails on an unknown group, and a group is ready at once; the service says Creating first.
        known = kept("groups").get(self._get_param("FeatureGroupName"))
        if known is None:
            raise ResourceNotFound(message="FeatureGroup does not exist")
        found = dict(describe(self)._result)
        if not known["offline"]:
            found.pop("OfflineStoreConfig")
        found.update({"OnlineStoreConfig": known["online"]} if known["online"] else {})
        if known["polls"]:
            known["polls"] -= 1
            found["FeatureGroupStatus"] = "Creating"
        return ActionResult(found)

    def list_feature_groups(self):
        # moto has no ListFeatureGroups.
        groups = sorted(backend().feature_groups.values(), key=lambda group: group.feature_group_name)
        summaries = [{"FeatureGroupName": g.feature_group_name, "FeatureGroupArn": g.arn, "CreationTime": g.creation_time} for g in groups]
        return ActionResult({"FeatureGroupSummaries": summaries})

    def delete_feature_group(self):
        # moto has no DeleteFeatureGroup.
        name = self._get_param("FeatureGroupName")
        if kept("groups").pop(name, None) is None:
            raise ResourceNotFound(message="FeatureGroup does not exist")
        backend().feature_groups = {arn: group for arn, group in backend().feature_groups.items() if group.feature_group_name != name}
        return EmptyResult()

    for operation in (create_feature_group, describe_feature_group, list_feature_groups, delete_feature_group):
        setattr(SageMakerResponse, operation.__name__, operation)
    urls.url_paths["{0}/FeatureGroup/(?P<group>[^/]+)$"] = runtime


def runtime(request, full_url, headers):
    """Answer PutRecord, GetRecord and DeleteRecord; moto has no sagemaker-featurestore-runtime."""
    parts = urlsplit(full_url)
    name, query = parts.path.rsplit("/", 1)[-1], {key: values for key, values in parse_qs(parts.query).items()}
    if name not in kept("groups"):
        return refused(404, "ResourceNotFound", "FeatureGroup does not exist")
    records = kept("records").setdefault(name, {})
    return {"PUT": put, "GET": get, "DELETE": delete}[request.method](request, records, query, name)


def refused(status: int, code: str, message: str):
    return status, {"x-amzn-ErrorType": code}, json.dumps({"Message": message, "message": message})


def put(request, records, query, name):
    faults = kept("faults").get(name, [])
    if faults:
        return refused(*faults.pop())
    record = json.loads(request.get_data())["Record"]
    group = next(group for group in backend().feature_groups.values() if group.feature_group_name == name)
    known = {feature["FeatureName"] for feature in group.feature_definitions}
    values = {value["FeatureName"]: value["ValueAsString"] for value in record}
    if not set(values) <= known or group.record_identifier_feature_name not in values:
        return refused(400, "ValidationError", "Validation Error: unknown feature or no record identifier")
    key, time = values[group.record_identifier_feature_name], values[group.event_time_feature_name]
    if key == "refuse-me":
        return refused(400, "ValidationError", "Validation Error: refused")
    if key not in records or time > records[key][0]:
        records[key] = (time, record)
    return 200, {}, ""


def get(request, records, query, name):
    time, record = records.get(query["RecordIdentifierValueAsString"][0], (None, None))
    wanted = query.get("FeatureName")
    kept_values = [value for value in record or [] if not wanted or value["FeatureName"] in wanted]
    return 200, {}, json.dumps({"Record": kept_values} if record else {})


def delete(request, records, query, name):
    key, time = query["RecordIdentifierValueAsString"][0], query["EventTime"][0]
    if key in records and time > records[key][0]:
        records[key] = (time, None)
    return 200, {}, ""
