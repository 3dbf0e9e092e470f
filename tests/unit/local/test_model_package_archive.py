"""Archives of model packages: the same bytes, the same version elsewhere, and hostile ones refused with nothing left behind."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import UsageError
from pipelines.local.home import Home
from pipelines.local.model_packages import archive, beside, lineage
from pipelines.local.model_packages.importing import import_package
from pipelines.local.model_packages.traced import is_traced

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
STATISTICS = {"regression_metrics": {"rmse": {"value": 2.5, "standard_deviation": "NaN"}}, "rows": 7}


def home(tmp_path, name="home"):
    return Home(tmp_path / name)


def registered(place, **changes):
    place.store.put_bytes("s3://bkt/m/model.tar.gz", b"model" * 1000)
    place.store.put_bytes("s3://bkt/e/evaluation.json", json.dumps(STATISTICS).encode())
    request = {
        "ModelPackageGroupName": "g",
        "ModelPackageDescription": "what",
        "InferenceSpecification": {
            "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://bkt/m/model.tar.gz"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://bkt/e/evaluation.json"}}},
    }
    return place.registry.register({**request, **changes}, arn_prefix=ARN, token="run/Register", by="ada")


def exported(tmp_path):
    place = home(tmp_path)
    archive.export(place, registered(place), tmp_path / "a.tar.gz")
    return tmp_path / "a.tar.gz"


def test_the_same_version_gives_the_same_bytes(tmp_path):
    place = home(tmp_path)
    package = registered(place)
    for name in ("a.tar.gz", "b.tar.gz"):
        archive.export(place, package, tmp_path / name)
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz", "b.tar.gz", "home"]


def test_a_version_arrives_whole_in_another_home(tmp_path):
    other = home(tmp_path, "other")
    package = import_package(other, exported(tmp_path), "staging", by="grace")
    assert (package["ModelPackageArn"], package["ModelApprovalStatus"]) == (f"{ARN}model-package/staging/1", "PendingManualApproval")
    uri = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    assert uri.startswith("s3://sagewright-local/imported/") and other.store.read(uri) == b"model" * 1000
    assert beside.metrics(other, package) == {"rmse": 2.5, "rows": 7.0}
    traced = lineage.load(other, package)
    assert traced["imported"]["history"][0]["by"] == "ada" and traced["model_package_arn"] == package["ModelPackageArn"]
    assert other.registry.history("staging")[0]["by"] == "grace"
    assert list((tmp_path / "other/imports").iterdir()) == []


def test_each_import_is_a_new_version_and_can_be_exported_again(tmp_path):
    other = home(tmp_path, "other")
    file = exported(tmp_path)
    assert [import_package(other, file, None)["ModelPackageVersion"] for _ in range(2)] == [1, 2]
    archive.export(other, other.registry.version("g", 2), tmp_path / "again.tar.gz")
    third = import_package(home(tmp_path, "third"), tmp_path / "again.tar.gz", None)
    assert home(tmp_path, "third").store.exists(third["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])


def test_a_model_that_is_a_folder_keeps_its_files(tmp_path):
    place = home(tmp_path)
    place.store.put_bytes("s3://bkt/folder/a/one.bin", b"1")
    place.store.put_bytes("s3://bkt/folder/two.bin", b"2")
    source = {"S3DataSource": {"S3Uri": "s3://bkt/folder/", "S3DataType": "S3Prefix", "CompressionType": "None"}}
    package = registered(place, InferenceSpecification={"Containers": [{"Image": IMAGE, "ModelDataSource": source}]})
    archive.export(place, package, tmp_path / "f.tar.gz")
    other = home(tmp_path, "other")
    uri = import_package(other, tmp_path / "f.tar.gz", None)["InferenceSpecification"]["Containers"][0]["ModelDataSource"]["S3DataSource"]["S3Uri"]
    assert uri.endswith("/") and sorted(item.relative for item in other.store.list(uri)) == ["a/one.bin", "two.bin"]


def test_an_object_that_is_gone_is_named(tmp_path):
    place = home(tmp_path)
    package = registered(place)
    place.store.path("s3://bkt/m/model.tar.gz").unlink()
    with pytest.raises(UsageError, match="s3://bkt/m/model.tar.gz"):
        archive.export(place, package, tmp_path / "a.tar.gz")
    assert not list(tmp_path.glob("*.tar.gz*"))


def members(file):
    with tarfile.open(file) as tar:
        return [(entry, tar.extractfile(entry).read()) for entry in tar]


def packed(file, entries):
    with tarfile.open(file, "w:gz") as tar:
        for entry, body in entries:
            entry.size = len(body) if entry.isreg() else 0
            tar.addfile(entry, io.BytesIO(body))
    return file


def changed(file, **bodies):
    """Write the archive anew with other documents, hashes and sizes made to fit."""
    entries = members(file)
    manifest = json.loads(entries[0][1])
    new = {f"{name}.json": json.dumps(value).encode() for name, value in bodies.items()}
    for name, body in new.items():
        manifest["files"][name] |= {"sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)}
    new["manifest.json"] = json.dumps(manifest).encode()
    return packed(file, [(entry, new.get(entry.name, body)) for entry, body in entries])


def refused(tmp_path, file, words):
    other = home(tmp_path, "other")
    with pytest.raises(UsageError, match=words):
        import_package(other, file, None)
    assert other.registry.groups() == [] and not (tmp_path / "other/s3").exists()
    assert list((tmp_path / "other/imports").iterdir()) == []


def link(name, kind, target="/etc/passwd"):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


@pytest.mark.parametrize("name", ["/etc/cron.d/x", "../up", "objects/../../up", "objects/model/0/../../../up", "extra"])
def test_members_with_other_names_are_refused(tmp_path, name):
    file = exported(tmp_path)
    refused(tmp_path, packed(file, [*members(file), (tarfile.TarInfo(name), b"x")]), "not in the manifest")


@pytest.mark.parametrize(
    "name", ["/etc/cron.d/x", "../up", "objects/model/0/../x", "objects/model/0/.sagewright-partial-1", "objects//x/y", "objects/model/0/a\\b"]
)
def test_a_manifest_with_such_names_is_refused(tmp_path, name):
    file = exported(tmp_path)
    entries = members(file)
    manifest = json.loads(entries[0][1])
    manifest["files"][name] = {"sha256": hashlib.sha256(b"x").hexdigest(), "bytes": 1, "uri": "s3://bkt/x"}
    body = json.dumps(manifest).encode()
    refused(tmp_path, packed(file, [(entries[0][0], body), *entries[1:], (tarfile.TarInfo(name), b"x")]), "not one that can be")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_links_devices_and_folders_are_refused(tmp_path, kind):
    file = exported(tmp_path)
    entries = [(link(entry.name, kind), b"") if entry.name.endswith("model.tar.gz") else (entry, body) for entry, body in members(file)]
    refused(tmp_path, packed(file, entries), "a link, a device")


def test_a_member_that_comes_twice_is_refused(tmp_path):
    file = exported(tmp_path)
    entries = members(file)
    refused(tmp_path, packed(file, [*entries, entries[-1]]), "a copy of another one")


def test_other_bytes_than_the_manifest_says_are_refused(tmp_path):
    file = exported(tmp_path)
    entries = [(entry, body[:-1] + b"!" if entry.name.endswith("model.tar.gz") else body) for entry, body in members(file)]
    refused(tmp_path, packed(file, entries), "another SHA-256")


def test_an_object_that_is_missing_is_named(tmp_path):
    file = exported(tmp_path)
    refused(tmp_path, packed(file, [each for each in members(file) if not each[0].name.endswith("model.tar.gz")]), "1 members are missing")


def test_an_object_that_the_description_does_not_name_is_refused(tmp_path):
    file = exported(tmp_path)
    package = json.loads(dict((entry.name, body) for entry, body in members(file))["package.json"])
    package.pop("ModelMetrics")
    refused(tmp_path, changed(file, package=package), "not one that the description names")


@pytest.mark.parametrize("change", [{"ModelPackageGroupName": "../up"}, {"InferenceSpecification": {"Containers": "all"}}, {"Tags": 3}])
def test_a_description_that_the_service_would_not_take_is_refused(tmp_path, change):
    file = exported(tmp_path)
    package = json.loads(dict((entry.name, body) for entry, body in members(file))["package.json"])
    refused(tmp_path, changed(file, package={**package, **change}), "not what CreateModelPackage takes|not one that the description names")


def test_a_bomb_ends_before_it_fills_anything(tmp_path):
    file = exported(tmp_path)
    entries = members(file)
    manifest = json.loads(entries[0][1])
    name = next(name for name in manifest["files"] if name.endswith("model.tar.gz"))
    size = 3 << 30
    manifest["files"][name]["bytes"] = size
    refused(tmp_path, packed(file, [(entries[0][0], json.dumps(manifest).encode())]), "too much or too little")


def test_a_header_that_claims_gigabytes_is_not_read_into_memory(tmp_path):
    file = tmp_path / "pax.tar.gz"
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = tarfile.XHDTYPE, 8 << 30
    with gzip.open(file, "wb") as out:
        out.write(entry.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20))
    refused(tmp_path, file, "not imported")


@pytest.mark.parametrize("body", [b"", b"no archive", gzip.compress(b"", mtime=0), gzip.compress(b"x" * 5000, mtime=0)])
def test_what_is_no_archive_is_refused(tmp_path, body):
    (tmp_path / "x.tar.gz").write_bytes(body)
    refused(tmp_path, tmp_path / "x.tar.gz", "not imported")


def test_half_an_archive_is_refused(tmp_path):
    file = exported(tmp_path)
    file.write_bytes(file.read_bytes()[:-200])
    refused(tmp_path, file, "not imported")


@pytest.mark.slow
@settings(max_examples=150)
@given(st.data())
def test_no_damage_is_imported_or_crashes(tmp_path_factory, data):
    tmp_path = tmp_path_factory.mktemp("d")
    file = exported(tmp_path)
    plain = bytearray(gzip.decompress(file.read_bytes()))
    place = data.draw(st.integers(0, len(plain) - 1))
    plain[place] ^= data.draw(st.integers(1, 255))
    file.write_bytes(gzip.compress(bytes(plain)))
    other = home(tmp_path, "other")
    try:
        package = import_package(other, file, None)
    except UsageError:
        assert other.registry.groups() == []
    else:  # a byte that means nothing: padding, or an owner's name
        assert other.store.read(package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]) == b"model" * 1000


def test_a_lineage_of_another_form_is_not_kept(tmp_path):
    file = exported(tmp_path)
    other = home(tmp_path, "other")
    package = import_package(other, changed(file, lineage={"models": [{"uri": 3}], "steps": []}), None)
    assert "could not be read" in lineage.load(other, package)["problem"]


def test_a_lineage_or_history_that_is_too_deep_to_write_is_not_kept(tmp_path):
    file = exported(tmp_path)
    deep: list = []
    for _ in range(400):
        deep = [deep]
    traced = json.loads(dict((entry.name, body) for entry, body in members(file))["lineage.json"])
    other = home(tmp_path, "other")
    package = import_package(other, changed(file, lineage={**traced, "more": deep}, history=[{"by": deep}]), None)
    found = lineage.load(other, package)
    assert "could not be read" in found["problem"] and found["imported"]["history"] == []


def test_a_lineage_as_it_is_made_has_the_form_that_is_checked(tmp_path):
    place = home(tmp_path)
    assert is_traced(lineage.load(place, registered(place)))
