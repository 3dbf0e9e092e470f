"""What PackageModel packs, what it refuses, and what the skew check says of a package that is not what was trained."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobkit import package as packages
from jobkit import sample as samples
from jobkit.failure import JobError
from jobkit.serving import child
from processing import package_model, preprocess
from tests.unit.jobs import apart
from tests.unit.jobs import packages as made
from tests.unit.jobs.recipes import job, step

pytestmark = pytest.mark.slow


def archive(*members: tuple[str, bytes | None, bytes]) -> bytes:
    """Return a tar.gz of (name, body, type)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for name, body, kind in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.size, entry.linkname = kind, len(body or b""), "/etc/passwd"
            packed.addfile(entry, io.BytesIO(body or b""))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("/etc/evil", b"x", tarfile.REGTYPE)], "leads out of the archive"),
        ([("a/../../evil", b"x", tarfile.REGTYPE)], "leads out of the archive"),
        ([("link", None, tarfile.SYMTYPE)], "is a link or a device"),
        ([("link", None, tarfile.LNKTYPE)], "is a link or a device"),
        ([("device", None, tarfile.CHRTYPE)], "is a link or a device"),
        ([("pipe", None, tarfile.FIFOTYPE)], "is a link or a device"),
    ],
)
def test_an_archive_that_leads_elsewhere_is_refused(tmp_path, members, words):
    path = tmp_path / "model.tar.gz"
    path.write_bytes(archive(*members))
    with pytest.raises(JobError, match=words):
        packages.read(path)


def test_a_bomb_and_a_damaged_archive_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "SMALL_BYTES", 1 << 20)
    path = tmp_path / "model.tar.gz"
    path.write_bytes(archive(("zeros", bytes(64 << 20), tarfile.REGTYPE)))
    with pytest.raises(JobError, match="it unpacks to more than"):
        packages.read(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(JobError):
        packages.read(path)


def test_the_same_content_is_the_same_bytes_and_every_member_has_its_hash(tmp_path):
    files = made.package()
    packed = packages.pack(files)
    time.sleep(0.01)
    assert packed == packages.pack(dict(reversed(list(files.items()))))
    (tmp_path / "model.tar.gz").write_bytes(packed)
    assert packages.read(tmp_path / "model.tar.gz") == files
    about = made.about(files)
    assert set(about["files"]) == set(files) - {"package.json"} and {"code/inference.py", "code/jobkit/serving/model.py", "recipe.json"} <= set(files)
    assert about["threshold"] == 0.4 and about["serves"] == "jobkit" and about["features"] == json.loads(files["recipe.json"])["features"]
    assert not [name for name in files if "profile" in name or "leakage" in name]


def test_the_package_serves_by_itself_without_anything_of_this_checkout(tmp_path):
    folder = made.written(made.package(), tmp_path)
    code = f"import inference; m = inference.model_fn({str(folder)!r}); print(inference.transform_fn(m, '1,A,x,3,2024-01-01', 'text/csv', None))"
    environment = {**os.environ, "PYTHONPATH": str(folder / "code")}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith("(b'0."), done.stderr


def test_a_model_that_brings_its_inference_code_keeps_it_and_gets_no_jobkit():
    recipe = made.package()["recipe.json"]
    model = {"model.joblib": b"forest", "code/inference.py": b"def model_fn(folder): ...\n", "code/requirements.txt": b""}
    files = package_model.contents(model, recipe, made.ROOT / "processing", 0.5)
    assert set(files) == {*model, "recipe.json", "package.json"} and files["code/inference.py"] == model["code/inference.py"]
    assert made.about(files)["serves"] == "own"
    bare = package_model.contents({"weights.bin": b"1"}, recipe, made.ROOT / "processing", 0.5)
    assert made.about(bare)["serves"] == "none" and set(bare) == {"weights.bin", "recipe.json", "package.json"}
    with pytest.raises(JobError, match="'recipe.json', which is the name of one that is added"):
        package_model.contents({"recipe.json": b""}, recipe, made.ROOT / "processing", 0.5)


# The whole way: Preprocess writes a sample, PackageModel a package, SkewCheck a certificate


STEPS = [step("impute", columns=["nights"], strategy="median"), step("one_hot", columns=["room", "agent"]), step("drop_columns", columns=["arrival"])]


@pytest.fixture
def ml(tmp_path, monkeypatch):
    """Return a folder that the jobs take for /opt/ml/processing."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    return tmp_path / "processing"


def prepare(ml, text: str, steps=STEPS, name="rows.csv", **settings) -> dict:
    """Run Preprocess over a file and return the files of a package of the model that is trained on what it wrote."""
    import xgboost

    (ml / "input/raw").mkdir(parents=True, exist_ok=True)
    data = settings.pop("data", {})
    (ml / "input/raw" / name).write_text(text, encoding=data.get("encoding", "utf-8"))
    given = job(steps, label="y", positive="1", **settings)
    given["data"].update(data)
    given["data"]["format"] = "auto"
    rows, _, left, source = preprocess.read(given)
    prepared = preprocess.prepare(rows, {**given, "recipe": left}, 3, {})
    prepared.recipe.update({"source": source})
    (ml / "recipe").mkdir(parents=True, exist_ok=True)
    (ml / "recipe/recipe.json").write_text(preprocess.recipe.dumps(prepared.recipe), encoding="utf-8")
    preprocess._sample({**given, "sample": 150}, prepared, 3)
    features = np.column_stack(list(prepared.features["train"].values())).astype(np.float32)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(features, prepared.labels["train"]), 8)
    model = {"xgboost-model": bytes(booster.save_raw("ubj"))}
    return package_model.contents(model, (ml / "recipe/recipe.json").read_bytes(), made.ROOT / "processing", 0.5)


def check(ml, files: dict | bytes, rows: int = 120) -> dict:
    (ml / "package").mkdir(parents=True, exist_ok=True)
    (ml / "package/model.tar.gz").write_bytes(files if isinstance(files, bytes) else packages.pack(files))
    # A process of its own, as a job is one: this one has run XGBoost, whose threads do not survive a fork.
    code, said = apart.run("processing.skew_check", ["--rows", str(rows)], os.environ, ml.parent)
    assert code == 0, said
    return json.loads((ml / "certificate/skew.json").read_text())


def table(**columns) -> pd.DataFrame:
    return made.rows(300).assign(**columns)


def test_a_package_that_is_what_was_trained_has_a_certificate(ml):
    files = prepare(ml, table().to_csv(index=False))
    told = check(ml, files)
    assert told["verdict"] == {"findings": 0, "message": "120 rows through three paths, the same to the last bit"}
    assert told["largest_difference"] == 0.0 and told["paths"]["batch"]["rows"] == told["paths"]["endpoint"]["rows"] == 120
    assert told["registry"] == {"rows": "120", "sha256": told["sha256"], "largest_difference": "0.0"}
    assert len(told["sha256"]) == 64 and told["canary"]["median_ms"] > 0


def test_the_sample_has_the_very_lines_of_the_file_and_rows_of_every_split(ml):
    text = table(room="A b").to_csv(index=False).replace("\n", "\r\n")
    prepare(ml, text)
    lines = (ml / "sample/rows.csv").read_text().splitlines()
    about = json.loads((ml / "sample/sample.json").read_text())
    raw = text.split("\r\n")
    assert about["as_they_came"] and lines[0] == raw[0] and lines[1:] == [raw[row + 1] for row in about["rows"]]
    assert about["splits"] == {"train": 50, "validation": 50, "test": 50} and about["rows"] == sorted(about["rows"])


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"delimiter": ";"}},
        {"extra_column": "fail"},
        {"extra_column": "fail", "missing_column": "fail", "wrong_type": "fail"},
        {"name": "rows.jsonl"},
        {"quoted": True},
        {"data": {"encoding": "utf-16"}},
    ],
)
def test_other_files_and_policies_are_replayed_too(ml, changes):
    frame = table(room=np.where(np.arange(300) % 3, "A; \n b", "é"), agent=np.random.default_rng(0).choice(["007", "12", "x"], 300))
    frame = frame if changes.pop("quoted", None) or changes.get("name") else frame.assign(room=frame["room"].str.replace("\n", ""))
    data = changes.get("data", {})
    text = frame.to_json(orient="records", lines=True) if changes.get("name") else frame.to_csv(index=False, sep=data.get("delimiter", ","))
    told = check(ml, prepare(ml, text, **changes))
    assert told["verdict"] == {"findings": 0, "message": "120 rows through three paths, the same to the last bit"}


def test_training_rows_that_are_encoded_by_other_folds_are_no_finding(ml):
    files = prepare(ml, table().to_csv(index=False), [step("target_encode", columns=["room", "agent"]), step("drop_columns", columns=["arrival"])])
    assert "train" not in json.loads((ml / "sample/sample.json").read_text())["splits"]
    assert check(ml, files)["verdict"]["findings"] == 0


def changed(files: dict, name: str, old: bytes, new: bytes, *, honest: bool) -> dict:
    """Return the package with some bytes of a file changed; with `honest` package.json says so."""
    body = files[name].replace(old, new, 1)
    assert body != files[name]
    about = json.loads(files["package.json"])
    about["files"][name] = packages.sha256(body) if honest else about["files"][name]
    return {**files, name: body, "package.json": json.dumps(about).encode()}


def test_one_byte_of_the_recipe_is_found_by_its_hash_by_the_recipe_and_by_the_rows(ml):
    files = prepare(ml, table().to_csv(index=False))
    median = json.loads(files["recipe.json"])["steps"][0]["values"]["nights"]
    wrong = changed(files, "recipe.json", f'"nights": {median}'.encode(), f'"nights": {median + 1}'.encode(), honest=False)
    told = check(ml, wrong)
    assert told["verdict"]["findings"] == 4 and "recipe.json was changed: its sha256 is" in told["verdict"]["message"]
    assert "not the one that Preprocess wrote: line" in told["verdict"]["message"] and told["largest_difference"] == 1.0
    honest = check(ml, changed(files, "recipe.json", f'"nights": {median}'.encode(), f'"nights": {median + 1}'.encode(), honest=True))
    assert honest["verdict"]["findings"] == 3
    assert f"nights: the training has {median}, the package {median + 1}" in honest["verdict"]["message"]


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("code/inference.py", b"return load(model_dir)", b"raise KeyError('not here')", "the canary failed: the package did not load: KeyError: 'not here'"),
        ("code/inference.py", b"return model.transform", b"import os; os._exit(3); return model.transform", "the canary failed: no answer to /invocations"),
        (
            "code/jobkit/serving/answers.py",
            b"scores.astype(np.float64)",
            b"np.nextafter(scores, np.float32(2)).astype(np.float64)",
            "the answer: the training has",
        ),
        ("xgboost-model", b"{L", b"xx", "canary failed"),
    ],
)
def test_whatever_is_wrong_with_the_code_is_a_finding_and_names_it(ml, name, old, new, words):
    files = changed(prepare(ml, table().to_csv(index=False)), name, old, new, honest=True)
    told = check(ml, files)
    assert told["verdict"]["findings"] >= 1 and words in told["verdict"]["message"]


def test_files_that_are_too_many_or_too_few_are_findings(ml):
    files = prepare(ml, table().to_csv(index=False))
    assert "code/extra.py is in the package, and package.json does not name it" in check(ml, {**files, "code/extra.py": b""})["verdict"]["message"]
    less = {name: body for name, body in files.items() if name != "code/jobkit/run.py"}
    assert "code/jobkit/run.py is missing from the package" in check(ml, less)["verdict"]["message"]


def test_a_package_with_code_of_its_own_is_held_to_its_files_only(ml):
    prepare(ml, table().to_csv(index=False))
    recipe = (ml / "recipe/recipe.json").read_bytes()
    files = package_model.contents({"code/inference.py": b"def model_fn(folder): ...\n"}, recipe, made.ROOT / "processing", 0.5)
    told = check(ml, files)
    assert told["verdict"]["findings"] == 0 and told["rows"] == 0 and "code of its own" in told["verdict"]["message"]


def flipped(body: bytes, place: int, bit: int) -> bytes:
    return body[:place] + bytes([body[place] ^ 1 << bit]) + body[place + 1 :]


@pytest.mark.parametrize("where", [b'"features"', b'"columns"', b'"names"', b'"problem"', b"{"])
def test_any_byte_of_the_recipe_is_a_finding_also_when_the_recipe_cannot_be_applied_any_more(ml, where):
    files = prepare(ml, table().to_csv(index=False))
    recipe = files["recipe.json"]
    told = check(ml, {**files, "recipe.json": flipped(recipe, recipe.rindex(where) + len(where) + 8, 1)}, 5)
    assert told["verdict"]["findings"] >= 2 and "recipe.json was changed" in told["verdict"]["message"]
    honest = {**json.loads(files["package.json"]), "serves": "jobkiu"}
    assert "package.json says serves 'jobkiu'" in check(ml, {**files, "package.json": json.dumps(honest).encode()}, 5)["verdict"]["message"]


def test_features_by_other_names_are_a_finding(ml):
    files = prepare(ml, table().to_csv(index=False))
    name = json.loads(files["recipe.json"])["features"][-1]
    told = check(ml, {**files, "recipe.json": files["recipe.json"].replace(f'"{name}"'.encode(), f'"{name}_"'.encode())}, 5)
    assert any(words in told["verdict"]["message"] for words in ("cannot be compared with the training", "the canary failed"))


@pytest.mark.parametrize("damage", ["no package.json", "a byte of the archive", "half of the archive", "no archive"])
def test_a_package_that_cannot_be_read_is_a_finding_not_a_failure(ml, damage):
    files = prepare(ml, table().to_csv(index=False))
    packed = packages.pack(files)
    broken = {
        "no package.json": packages.pack({"a": b""}),
        "a byte of the archive": flipped(packed, len(packed) // 2, 3),
        "half of the archive": packed[: len(packed) // 2],
        "no archive": b"nothing",
    }
    assert check(ml, broken[damage], 5)["verdict"]["findings"] >= 1


def test_the_servers_end_with_the_block_and_with_whoever_made_them(tmp_path):
    folder = made.written(made.package(), tmp_path)
    code = (
        "import os, sys, pathlib\nfrom jobkit.serving import child\n"
        f"with child.running(pathlib.Path({str(folder)!r}), 'code/inference.py', {{}}) as client:\n"
        "    client.healthy()\n    print(client.connection.port, flush=True)\n    os._exit(0) if sys.argv[1] == 'vanish' else None\n"
    )
    for how in ("vanish", "leave"):
        done = subprocess.run([sys.executable, "-c", code, how], cwd=made.ROOT, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        client = child.Client(int(done.stdout), 0, 2.0)
        for _ in range(50):
            try:
                client.connection.connect()
            except OSError:
                break
            client.connection.close()
            time.sleep(0.05)
        else:
            pytest.fail("the server still listens")


def test_a_split_of_rows_is_sampled_without_reading_more_than_it_needs():
    origins = {"train": np.arange(0, 10**6, 2), "validation": np.arange(1, 10**6, 4), "test": np.arange(3, 10**6, 4)}
    chosen = samples.choose(origins, [], 500, 7)
    assert len(chosen.rows) == len(set(chosen.rows.tolist())) == 501 and {name: len(found) for name, found in chosen.places.items()} == dict.fromkeys(
        origins, 167
    )
    assert np.array_equal(chosen.rows, samples.choose(origins, [], 500, 7).rows)


CELLS = ["a", "", "b c", "7", '"x"', '"y, z"', '"two\nlines"', '"a ""quote"""', '"\r\n"', "é"]


@pytest.mark.parametrize("seed", range(40))
def test_the_lines_of_any_file_are_its_rows(tmp_path, monkeypatch, seed):
    dice = np.random.default_rng(seed)
    monkeypatch.setattr(samples, "BLOCK_BYTES", int(dice.integers(1, 60)))
    end = ["\n", "\r\n"][seed % 2]
    kinds = CELLS[: [4, len(CELLS)][seed % 4 > 1]]
    drawn = [",".join(["r", *dice.choice(kinds, 2)]) for _ in range(60)]
    blank = [end * int(dice.random() < 0.1) for _ in drawn]
    text = "k,a,b" + end + "".join(line + end + more for line, more in zip(drawn, blank, strict=False))
    (tmp_path / "rows.csv").write_bytes((text if seed % 3 else text.rstrip("\r\n")).encode())
    data = {"encoding": "utf-8", "delimiter": ",", "quote": '"', "null_values": [""]}
    wanted = np.sort(dice.choice(60, 20, replace=False))
    found = samples._lines([tmp_path / "rows.csv"], data, wanted, 60)
    assert found == ["k,a,b", *(drawn[place] for place in wanted)]
    assert samples._lines([tmp_path / "rows.csv"], data, wanted, 61) is None


def test_a_recipe_with_a_function_of_ones_own_takes_all_of_jobkit_along():
    root = Path(packages.__file__).parents[1]
    fitted = {"steps": [{"step": "python", "function": "jobkit/failure.py:explain"}]}
    known = {"code/" + path.relative_to(root).as_posix() for path in (root / "jobkit").rglob("*.py")}
    assert known <= set(package_model.code(root / "processing", fitted))
    assert not known <= set(package_model.code(root / "processing", {"steps": []}))
