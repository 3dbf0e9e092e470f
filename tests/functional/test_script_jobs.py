"""Training jobs of one's own: scripts with requirements, mapped images, several instances, piped channels, checkpoints, stopping."""

from __future__ import annotations

import json
import sys
import tarfile

import pytest
import xgboost

from tests.functional.conftest import IMAGE, ROLE, ROOT, Command, archive, definition

SCIKIT_LEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2"
TORCH = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.5-cpu-py311"
CODE = "s3://bkt/code/sourcedir.tar.gz"
LEAVES_MODEL = "import os; open(os.environ['SM_MODEL_DIR'] + '/m.txt', 'w').write('done')\n"


def training(*, image: str = SCIKIT_LEARN, instances: int = 1, channels: tuple[dict, ...] = (), hyperparameters: dict | None = None, **changes) -> dict:
    """Return a Training step in script mode on the code archive above."""
    arguments = {
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "HyperParameters": {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": f'"{CODE}"', **(hyperparameters or {})},
        "InputDataConfig": list(channels),
        "OutputDataConfig": {"S3OutputPath": "s3://bkt/out"},
        "ResourceConfig": {"InstanceCount": instances, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 120},
        **changes,
    }
    if not channels:
        del arguments["InputDataConfig"]
    return {"Name": "Train", "Type": "Training", "Arguments": arguments}


def channel(name: str, *, distribution: str = "FullyReplicated", **more) -> dict:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://bkt/{name}/", "S3DataDistributionType": distribution}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}, **more}


def files_of(sagewright: Command, done, output: str = "Train.model") -> dict[str, str]:
    with tarfile.open(done.json["outputs"][output]) as packed:
        return {member.name: packed.extractfile(member).read().decode() for member in packed if member.isfile()}


@pytest.fixture
def scripts(sagewright, tmp_path):
    """Return what puts a script and its other files into the store; environments are kept in a folder of the test's own."""
    sagewright.environment["SAGEWRIGHT_CACHE"] = str(tmp_path / "cache")

    def put(script: str, **files: str) -> Command:
        sagewright.put(CODE, archive(train__py=script, **files))
        return sagewright

    return put


@pytest.fixture
def package(tmp_path):
    """Return a requirement of a small package that is nowhere installed, as a wheel on this disk."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    import zipfile

    with zipfile.ZipFile(folder / "tinything-1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tinything.py", "VALUE = 42\n")
        wheel.writestr("tinything-1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinything\nVersion: 1.2\n")
        wheel.writestr("tinything-1.2.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("tinything-1.2.dist-info/RECORD", "")
    return f"tinything @ file://{folder}/tinything-1.2-py3-none-any.whl"


def test_requirements_are_installed_once_into_an_environment_of_their_own(scripts, package):
    script = "import tinything, sklearn, sys; print(tinything.VALUE, sys.prefix)\n" + LEAVES_MODEL
    sagewright = scripts(script, requirements__txt=f"# mine\nscikit-learn>=1\n{package}\n")
    done = sagewright.run(definition(training()))
    assert done.code == 0, done.err
    assert "installing tinything @ file://" in done.err and "/cache/images/requirements-" in sagewright("logs").out and "42" in sagewright("logs").out
    again = sagewright.run(definition(training(hyperparameters={"x": "1"})))
    assert again.code == 0 and "installing" not in again.err
    listed = sagewright("images", "list").out
    assert "requirements: tinything @ file://" in listed
    name = listed.split()[0]
    assert sagewright("images", "remove", name).code == 0 and "none made yet" in sagewright("images", "list").out


def test_requirements_that_are_there_are_not_installed_and_those_that_cannot_be_fail_the_job(scripts):
    sagewright = scripts("import sklearn\n", requirements__txt="scikit-learn\nnumpy; python_version < '3'\n")
    done = sagewright.run(definition(training()))
    assert done.code == 0 and "installing" not in done.err
    sagewright = scripts("print('never')", requirements__txt="no-such-package-of-ours @ file:///nowhere/x.whl\n")
    done = sagewright.run(definition(training(hyperparameters={"x": "1"})))
    assert done.code == 1
    reason = done.json["failure_reason"]
    assert "AlgorithmError: InstallRequirementsError:\nExitCode 1\nErrorMessage" in reason and "-m pip install -r requirements.txt" in reason
    done = sagewright.run(definition(training(EnableNetworkIsolation=True)))
    assert "the job has no network" in done.json["failure_reason"]


def test_a_package_is_installed_and_run_as_a_module(scripts):
    setup = "from setuptools import setup\nsetup(name='mine', version='1', py_modules=['train', 'other'])\n"
    sagewright = scripts("import other; other.say()\n", setup__py=setup, other__py="def say(): print('from the package')\n")
    done = sagewright.run(definition(training()))
    assert done.code == 0, done.json["failure_reason"]
    assert "from the package" in sagewright("logs").out


def test_an_image_of_a_framework_runs_on_the_users_own_interpreter(scripts, tmp_path):
    sagewright = scripts("import sys, os; print('BASE', sys.executable, os.environ['FLAVOUR'])\n" + LEAVES_MODEL)
    refused = sagewright.run(definition(training(image=TORCH)))
    assert refused.code == 1 and "say in `images.map` what it stands for on this machine" in refused.json["failure_reason"]
    (tmp_path / "bin").mkdir()
    own = tmp_path / "bin/python"
    own.write_text(f'#!/bin/sh\nFLAVOUR=torch exec "{sys.executable}" "$@"\n')
    own.chmod(0o755)
    (tmp_path / "map.yaml").write_text("pytorch-training:2.*: {python: bin/python}\n")
    done = sagewright.run(definition(training(image=TORCH)), "--image-map", "map.yaml")
    assert done.code == 0, done.json["failure_reason"]
    assert "BASE" in sagewright("logs").out and " torch" in sagewright("logs").out


def test_a_container_of_ones_own_is_mapped_to_a_command(sagewright, tmp_path):
    program = tmp_path / "algorithm.sh"
    program.write_text('#!/bin/sh\npwd; echo "$GREETING"; cat /opt/ml/input/config/hyperparameters.json; cp /opt/ml/input/data/train/* /opt/ml/model/\n')
    program.chmod(0o755)
    sagewright.put("s3://bkt/train/a.csv", "1,2\n")
    entry = {"train": ["./algorithm.sh"], "environment": {"GREETING": "hello"}, "workdir": "/opt/ml/input"}
    (tmp_path / "map.json").write_text(json.dumps({"*/mine": entry}))
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/mine:7"
    step = training(image=image, channels=(channel("train"),), HyperParameters={"depth": "3"})
    done = sagewright.run(definition(step), "--image-map", "map.json")
    if "only Python programs run here" in (done.json["failure_reason"] or ""):
        pytest.skip("no namespaces here; a program that is no Python cannot run")
    assert done.code == 0 and files_of(sagewright, done) == {"a.csv": "1,2\n"}
    log = sagewright("logs").out
    assert "/opt/ml/input\nhello" in log and '{"depth": "3"}' in log


MEETING = """
import json, os, socket, sys, time
here = json.load(open('/opt/ml/input/config/resourceconfig.json'))
files = sorted(os.listdir('/opt/ml/input/data/train'))
print('I am', here['current_host'], 'of', here['hosts'], 'with', files)
open(os.environ['SM_MODEL_DIR'] + '/' + here['current_host'], 'w').write(','.join(files))
open(os.environ['SM_MODEL_DIR'] + '/same', 'w').write(here['current_host'])
print(f"score={len(files)};")
"""


def test_several_instances_are_as_many_processes_with_their_share_of_the_data(scripts):
    sagewright = scripts(MEETING)
    for name in "abcde":
        sagewright.put(f"s3://bkt/train/{name}.csv", "1\n")
    step = training(instances=2, channels=(channel("train", distribution="ShardedByS3Key"),))
    step["Arguments"]["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "score", "Regex": "score=(.*?);"}]
    done = sagewright.run(definition(step), "--isolation", "auto")
    if "one job at a time has /opt/ml" in (done.json["failure_reason"] or ""):
        done = sagewright.run(definition(step), "--isolation", "shim")
    assert done.code == 0, done.json["failure_reason"]
    assert files_of(sagewright, done) == {"algo-1": "a.csv,c.csv,e.csv", "algo-2": "b.csv,d.csv", "same": "algo-1"}
    log = sagewright("logs").out
    assert "==> Train (algo-2) <==" in log and "I am algo-2 of ['algo-1', 'algo-2'] with ['b.csv', 'd.csv']" in log


def test_when_one_instance_fails_the_others_are_stopped_and_its_words_are_the_reason(scripts):
    script = "import json, sys, time\nif json.load(open('/opt/ml/input/config/resourceconfig.json'))['current_host'] == 'algo-2': raise ValueError('only me')\n"
    sagewright = scripts(script + "time.sleep(60)\n")
    done = sagewright.run(definition(training(instances=2)), "--isolation", "shim", timeout_s=50)
    assert done.code == 1 and "ValueError: only me" in done.json["failure_reason"]


def test_built_in_xgboost_trains_on_shards_as_one(sagewright):
    rows = [f"{number % 2},{number % 2 + number / 1000:.3f},{number % 7}" for number in range(400)]
    for part in range(4):
        sagewright.put(f"s3://bkt/train/{part}.csv", "\n".join(rows[part::4]) + "\n")
    shape = {"num_round": "4", "objective": "binary:logistic", "eval_metric": "logloss"}
    step = training(image=IMAGE, instances=2, channels=(channel("train", distribution="ShardedByS3Key"),), HyperParameters=shape)
    done = sagewright.run(definition(step))
    if "one job at a time has /opt/ml" in (done.json["failure_reason"] or ""):
        done = sagewright.run(definition(step), "--isolation", "shim")
    assert done.code == 0, done.json["failure_reason"]
    log = sagewright("logs").out
    first, second = log.split("==> Train (algo-2) <==")
    assert first.count("[3]\ttrain-logloss") == 1 and "[3]\ttrain-logloss" not in second
    assert "Train matrix has 200 rows" in first and "Train matrix has 200 rows" in second
    booster = xgboost.Booster()
    booster.load_model(bytearray(_member(done, "xgboost-model")))
    assert booster.num_boosted_rounds() == 4


def test_several_instances_go_on_from_one_checkpoint(sagewright):
    for part in range(2):
        sagewright.put(f"s3://bkt/train/{part}.csv", "".join(f"{n % 2},{n % 2 + n / 1000:.3f},{n % 7}\n" for n in range(part, 200, 2)))
    logs = []
    for rounds in ("3", "6"):
        shape = {"num_round": rounds, "objective": "binary:logistic", "eval_metric": "logloss"}
        parts = (channel("train", distribution="ShardedByS3Key"),)
        step = training(image=IMAGE, instances=2, channels=parts, HyperParameters=shape, CheckpointConfig={"S3Uri": "s3://bkt/ck"})
        done = sagewright.run(definition(step), "--isolation", "shim", timeout_s=100)
        assert done.code == 0, done.json["failure_reason"]
        logs.append(sagewright("logs").out)
    assert "Resuming from iteration 3" in logs[1] and "[5]\ttrain-logloss" in logs[1] and "[2]\ttrain" not in logs[1]
    booster = xgboost.Booster()
    booster.load_model(bytearray(_member(done, "xgboost-model")))
    assert booster.num_boosted_rounds() == 6


def test_several_instances_without_network_are_refused(scripts):
    done = scripts(LEAVES_MODEL).run(definition(training(instances=2, EnableNetworkIsolation=True)), "--isolation", "shim")
    assert done.code == 1 and "2 instances with EnableNetworkIsolation do not reach each other" in done.json["failure_reason"]


def _member(done, name: str) -> bytes:
    with tarfile.open(done.json["outputs"]["Train.model"]) as packed:
        return packed.extractfile(name).read()


READS_PIPE = """
import gzip, os, sys
folder = '/opt/ml/input/data'
for epoch in range(3):
    with open(f'{folder}/train_{epoch}', 'rb') as pipe:
        print('EPOCH', epoch, pipe.read() if epoch != 1 else pipe.read(3))
print('MODE', os.environ['SM_INPUT_DATA_CONFIG'])
"""


MAGIC = b"\x0a\x23\xd7\xce"
RECORDS = b"".join(MAGIC + b"\x04\x00\x00\x00" + line for line in (b"1,2\n", b"3,4\n"))


@pytest.mark.parametrize(("wrapper", "wanted"), [("None", b"1,2\n3,4\n"), ("RecordIO", RECORDS)])
def test_a_piped_channel_is_read_once_an_epoch(scripts, wrapper, wanted):
    sagewright = scripts(READS_PIPE)
    sagewright.put("s3://bkt/train/a.csv", "1,2\n")
    sagewright.put("s3://bkt/train/b.csv", "3,4\n")
    done = sagewright.run(definition(training(channels=(channel("train", InputMode="Pipe", RecordWrapperType=wrapper),))), timeout_s=60)
    assert done.code == 0, done.json["failure_reason"]
    log = sagewright("logs").out
    assert f"EPOCH 0 {wanted!r}" in log and f"EPOCH 1 {wanted[:3]!r}" in log and f"EPOCH 2 {wanted!r}" in log and '"TrainingInputMode":"Pipe"' in log


def test_a_piped_channel_that_nobody_reads_holds_nothing_up(scripts):
    sagewright = scripts(LEAVES_MODEL)
    sagewright.put("s3://bkt/train/a.csv", "1,2\n")
    assert sagewright.run(definition(training(channels=(channel("train", InputMode="Pipe"),))), timeout_s=30).code == 0


def test_checkpoints_come_back_and_a_job_that_runs_too_long_leaves_its_model(scripts):
    script = "import os, time, pathlib\nplace = pathlib.Path('/opt/ml/checkpoints'); print('FOUND', sorted(p.name for p in place.iterdir()))\n"
    sagewright = scripts(script + "(place / 'one').write_text('1')\n" + LEAVES_MODEL + "time.sleep(60)\n")
    step = training(CheckpointConfig={"S3Uri": "s3://bkt/checkpoints"}, StoppingCondition={"MaxRuntimeInSeconds": 3})
    done = sagewright.run(definition(step), "--stop-grace", "1")
    assert done.code == 1 and "MaxRuntimeExceeded" in done.json["failure_reason"]
    assert (sagewright.store / "bkt/checkpoints/one").read_text() == "1"
    (packed,) = (sagewright.store / "bkt/out").rglob("model.tar.gz")
    with tarfile.open(packed) as model:
        assert model.getnames() == ["m.txt"]
    sagewright.run(definition(step), "--stop-grace", "1")
    assert "FOUND ['one']" in sagewright("logs").out


def test_the_root_of_the_project_is_not_on_the_search_path_of_a_script(scripts):
    sagewright = scripts("import sys\nprint('PATHS', sys.path)\ntry:\n    import jobkit\n    print('LEAK')\nexcept ImportError:\n    print('clean')\n")
    assert sagewright.run(definition(training())).code == 0
    assert repr(str(ROOT)) not in sagewright("logs").out.split("PATHS")[1].split("\n")[0]


def test_a_piped_file_that_is_no_gzip_fails_the_job(scripts):
    sagewright = scripts("print(open('/opt/ml/input/data/train_0', 'rb').read())\n")
    sagewright.put("s3://bkt/train/a.csv.gz", "1,2\n")
    done = sagewright.run(definition(training(channels=(channel("train", InputMode="Pipe", CompressionType="Gzip"),))), timeout_s=60)
    assert done.code == 1 and "ClientError: channel 'train' cannot be piped: Not a gzipped file" in done.json["failure_reason"]


def test_a_script_may_make_or_take_away_pipes_and_folders_of_its_own(scripts):
    script = "import os, shutil\nos.mkfifo('/opt/ml/input/data/train_2')\nprint('READ', open('/opt/ml/input/data/train_0').read())\n"
    sagewright = scripts(script + "os.remove('/opt/ml/input/data/train_1')\nshutil.rmtree('/opt/ml/output')\n")
    sagewright.put("s3://bkt/train/a.csv", "1,2\n")
    done = sagewright.run(definition(training(channels=(channel("train", InputMode="Pipe"),))), timeout_s=60)
    assert done.code == 0, done.json["failure_reason"]
    assert "READ 1,2" in sagewright("logs").out


def test_checkpoints_of_every_instance_are_kept_and_odd_files_of_the_model_named(scripts):
    script = "import os\nhost = os.environ['SM_CURRENT_HOST']\nopen(f'/opt/ml/checkpoints/{host}', 'w').close()\n"
    sagewright = scripts(script + "os.symlink('/etc/passwd', os.environ['SM_MODEL_DIR'] + '/latest')\n")
    done = sagewright.run(definition(training(instances=2, CheckpointConfig={"S3Uri": "s3://bkt/ck"})), "--isolation", "shim")
    assert done.code == 0, done.json["failure_reason"]
    assert sorted(path.name for path in (sagewright.store / "bkt/ck").iterdir()) == ["algo-1", "algo-2"]
    assert "links and special files are left out of the model: latest" in done.err


def test_requirements_that_lead_elsewhere_are_refused(scripts):
    done = scripts("print('never')", requirements__txt="-r /etc/passwd\n").run(definition(training()))
    assert done.code == 1 and "'-r /etc/passwd' leads to another file" in done.json["failure_reason"]
    done = scripts("print('never')", requirements__txt="===\n").run(definition(training(hyperparameters={"x": "1"})))
    assert done.code == 1 and "requirements.txt:1:1" in done.json["failure_reason"].partition("\nCommand")[0]
    assert "/tmp/" not in done.json["failure_reason"].partition("\nCommand")[0]  # where the file was copied to says nothing
