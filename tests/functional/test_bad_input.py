"""Bad input: one clear message, the right exit code, nothing half-written."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile

import pytest

from tests.functional.conftest import definition, processing

HEADER = "hotel,is_canceled,lead_time"


BAD_FILES = {
    "empty": (b"", "the file is empty"),
    "header only": (f"{HEADER}\n".encode(), "has a header and no rows"),
    "wrong delimiter": (f"{HEADER}\na,1,2\n".replace(",", ";").encode(), "data.delimiter"),
    "label missing": (b"hotel,is_cancelled,lead_time\na,1,2\n", "Did you mean 'is_cancelled'"),
    "column of the recipe missing": (f"{HEADER}\na,1,2\nb,0,3\n".encode(), "there is no column 'babies'"),
    "not UTF-8": (f"{HEADER}\na,1,2\n".encode() + b"\xff,0,3\n", "byte 0xff in line 3 is not utf-8"),
    "a cell of 10 MB": (f"{HEADER}\n{'x' * 10_000_000},1,2\n".encode(), "longer than 1048576 bytes"),
    "a NUL byte": (f"{HEADER}\na\0,1,2\n".encode(), "NUL byte"),
    "a ragged row": (f"{HEADER}\na,1,2\nb,0,3,4,5\n".encode(), "line 3"),
    "a column twice": (b"is_canceled,a,a\n1,2,3\n", "stands twice"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_csv_fails_preprocess_with_a_clear_message(bookings, case):
    body, words = BAD_FILES[case]
    (bookings.folder / "bad.csv").write_bytes(body)
    done = bookings("run", "bookings.json", "-p", "InputData=bad.csv", "--output", "json", "--quiet", "--cold")
    assert done.code == 1
    assert words in done.json["failure_reason"]
    assert [step["status"] for step in done.json["steps"]] == ["Failed"]


@pytest.mark.parametrize(("label", "words"), [("1", "one class only"), ("", "have no label"), ("7", "has 3 values")])
def test_labels_that_are_no_two_classes_are_named(bookings, label, words):
    lines = (bookings.folder / "data/hotel_bookings.csv").read_text().splitlines()[:60]
    rows = [line.split(",") for line in lines]
    for index, row in enumerate(rows[1:]):
        row[1] = label if label != "7" or index % 3 == 0 else row[1]
    (bookings.folder / "bad.csv").write_text("\n".join(",".join(row) for row in rows))
    done = bookings("run", "bookings.json", "-p", "InputData=bad.csv", "--output", "json", "--quiet", "--cold")
    assert done.code == 1 and words in done.json["failure_reason"]


def test_a_missing_csv_is_a_usage_error_before_anything_runs(sagewright):
    assert sagewright("sample", "hotel-bookings").code == 0
    (sagewright.folder / "data/hotel_bookings.csv").unlink()
    done = sagewright("run")
    assert done.code == 2 and "data.input: there is no such file" in done.err
    assert not (sagewright.folder / ".sagewright/runs").exists()


def test_no_pipeline_yaml_says_what_to_do(sagewright):
    done = sagewright("run")
    assert done.code == 2 and "sagewright sample hotel-bookings" in done.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ('{"Steps": [], "Steps": []}', "stands twice"),
        ('{"Version": NaN}', "NaN is not JSON"),
        ("[" * 100_000, "nested deeper"),
        ("[]", "expected an object"),
        ("\ufeff{}", "not JSON"),
    ],
)
def test_a_damaged_definition_is_exit_2(sagewright, text, words):
    (sagewright.folder / "bad.json").write_text(text)
    done = sagewright("run", "bad.json")
    assert done.code == 2 and words in done.err


def test_steps_in_a_circle_are_named(sagewright):
    done = sagewright.run(definition(processing("A", "x.py", DependsOn=["B"]), processing("B", "x.py", DependsOn=["A"])))
    assert done.code == 2 and "in a circle: A -> B -> A" in done.err


@pytest.mark.parametrize("uri", ["s3://bkt/../../../etc/passwd", "s3://bkt/code/../../x.py"])
def test_a_key_that_climbs_out_of_its_bucket_is_refused(sagewright, uri):
    sagewright.put("s3://bkt/code/x.py", "print()")
    assert "climbs out" in sagewright.run(definition(processing("A", "x.py", inputs={"data": uri}))).err
    parameter = {"Name": "U", "Type": "String", "DefaultValue": "s3://bkt/code/"}
    document = definition(processing("A", "x.py", inputs={"data": {"Get": "Parameters.U"}}), parameters=(parameter,))
    done = sagewright.run(document, "-p", f"U={uri}")
    assert done.code == 1 and "cannot be stored" in done.json["failure_reason"]


def archive(name: str, *, link: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        entry = tarfile.TarInfo(name)
        entry.size = 0 if link else 4
        entry.type, entry.linkname = (tarfile.SYMTYPE, link) if link else (tarfile.REGTYPE, "")
        packed.addfile(entry, io.BytesIO(b"evil"))
    return buffer.getvalue()


@pytest.mark.parametrize("case", ["climbs", "absolute", "link", "no archive"])
def test_a_code_archive_that_reaches_outside_is_refused(sagewright, case):
    bodies = {"climbs": archive("../../../../evil.py"), "absolute": archive("/tmp/evil-by-tar.py"), "link": archive("x", link="/etc/passwd")}
    body = bodies.get(case, b"no archive")
    sagewright.put("s3://bkt/code/sourcedir.tar.gz", body)
    sagewright.put("s3://bkt/data/x.csv", "1,2\n")
    train = {
        "AlgorithmSpecification": {"TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0", "TrainingInputMode": "File"},
        "HyperParameters": {"sagemaker_program": "x.py", "sagemaker_submit_directory": "s3://bkt/code/sourcedir.tar.gz"},
        "OutputDataConfig": {"S3OutputPath": "s3://bkt/models"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "RoleArn": "arn:aws:iam::123456789012:role/jobs",
    }
    done = sagewright.run(definition({"Name": "Train", "Type": "Training", "Arguments": train}))
    assert done.code == 1 and "code archive" in done.json["failure_reason"]
    assert not os.path.exists("/tmp/evil-by-tar.py") and not list(sagewright.folder.rglob("evil.py"))


def test_a_script_that_exits_137_fails_its_step(sagewright):
    sagewright.put("s3://bkt/code/x.py", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert "exit code: 137" in sagewright.run(definition(processing("A", "x.py"))).json["failure_reason"]


def test_a_script_that_forks_and_hangs_ends_at_its_runtime_with_all_its_processes(sagewright):
    body = "import os, time, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nfor _ in range(2):\n  if os.fork() == 0: os.setsid()\ntime.sleep(4321)"
    sagewright.put("s3://bkt/code/x.py", body)
    step = processing("A", "x.py", arguments={"StoppingCondition": {"MaxRuntimeInSeconds": 1}})
    done = sagewright.run(definition(step), "--stop-grace", "0.5")
    assert done.code == 1 and "MaxRuntimeExceeded" in done.json["failure_reason"]
    left = subprocess.run(["pgrep", "-f", str(sagewright.folder)], capture_output=True, text=True, check=False).stdout
    assert left == ""


def test_a_full_disk_is_said_and_leaves_nothing_half_written(sagewright):
    small = sagewright.folder / "small"
    small.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(small)], capture_output=True, check=False).returncode:
        pytest.skip("a small tmpfs needs root and mount")
    try:
        sagewright.put("s3://bkt/code/x.py", "open('/opt/ml/processing/out/x', 'wb').write(b'0' * 1_000_000)")
        (small / ".sagewright").mkdir()
        os.rename(sagewright.folder / ".sagewright/s3", sagewright.folder / "s3")
        subprocess.run(["cp", "-r", str(sagewright.folder / "s3"), str(small / ".sagewright/s3")], check=True)
        done = sagewright.run(definition(processing("A", "x.py", outputs=("out",))), "--home", small / ".sagewright")
        assert done.code == 1 and "o space left" in done.out + done.err
        assert not list((small / ".sagewright/s3/bkt").glob("out/**/x"))
    finally:
        subprocess.run(["umount", str(small)], check=True)
