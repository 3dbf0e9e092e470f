"""Endpoints with many models: the container's API over HTTP, and the platform that loads, evicts and answers.

The API is held against what was measured on multi-model-server 1.1.11 (contracts.md 2.5); that server itself needs Java, which is not here.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import botocore.exceptions
import httpx
import pytest

from pipelines.local.home import Home
from pipelines.local.images.mapped import Images
from pipelines.local.launcher import WarmLauncher
from pipelines.local.serving.boxes import Machine
from pipelines.local.serving.hosted import listening
from pipelines.local.serving.loop import HttpServer, new_loop
from pipelines.local.serving.many_models import ManyModels, private_bytes
from pipelines.local.serving.many_models_app import ManyModelsApp
from pipelines.local.serving.served_model import serve_model
from tests.functional.endpoints_here import SKLEARN, Place, Server, client, eventually, packed

NAMED = """
import os
def model_fn(folder): return open(folder + "/name").read()
def transform_fn(model, body, content_type, accept, context):
    if body == b"headers": return context.headers["x-amzn-sagemaker-target-model"], "text/plain"
    if body == b"pid": return str(os.getpid()), "text/plain"
    return model, "text/plain"
"""
PLAIN = {"content-type": "text/x"}


def many(place, environment=None, **rest):
    """Return the container definition of the models below s3://many/models/."""
    told = {"SAGEMAKER_PROGRAM": "inference.py", **(environment or {})}
    return {"Image": SKLEARN, "Mode": "MultiModel", "ModelDataUrl": "s3://many/models/", "Environment": told, **rest}


def put(place, name, **files):
    place.store.put_bytes(f"s3://many/models/{name}", packed({"name": name, "code/inference.py": NAMED, **files}))


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    """Serve the API of a container with many models, and yield a client and the container's /opt/ml."""
    home = tmp_path_factory.mktemp("api") / "home"
    launcher, ready, stop, held = WarmLauncher("auto"), threading.Event(), threading.Event(), {}
    machine = Machine(Home(home).store, Home(home).registry, launcher, Images())

    async def work():
        model = serve_model(machine, [many(None)], "api", home / "serving/api")
        await model.start()
        listener = listening(0)
        models = ManyModels(model.containers[0], 4 * 2**30)
        server = HttpServer(ManyModelsApp(models), listener)
        await server.start()
        held.update(url=f"http://127.0.0.1:{listener.getsockname()[1]}", ml=model.containers[0].ml, models=models)
        ready.set()
        await asyncio.get_running_loop().run_in_executor(None, stop.wait)
        await server.close(1.0)
        await model.close()
        listener.close()

    def run():
        loop = new_loop()
        loop.run_until_complete(work())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(60)
    with httpx.Client(base_url=held["url"], timeout=30, trust_env=False) as http:
        http.ml, http.models = held["ml"], held["models"]
        yield http
    stop.set()
    thread.join(30)
    launcher.close()


def lay(api, name, text="fine", code=NAMED):
    folder = api.ml / "models" / name / "model"
    (folder / "code").mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(text)
    (folder / "code/inference.py").write_text(code)
    return f"/opt/ml/models/{name}/model"


def test_a_model_is_loaded_listed_described_asked_and_unloaded(api):
    url = lay(api, "m1")
    loaded = api.post("/models", json={"model_name": "m1", "url": url})
    assert (loaded.status_code, loaded.json()) == (200, {"status": "Workers scaled"})
    again = api.post("/models", json={"model_name": "m1", "url": url})
    assert (again.status_code, again.json()) == (409, {"code": 409, "type": "ConflictStatusException", "message": "Model m1 is already registered."})
    assert api.get("/models").json() == {"models": [{"modelName": "m1", "modelUrl": url}]}
    described = api.get("/models/m1").json()
    assert (described["modelName"], described["modelUrl"], len(described["workers"])) == ("m1", url, 1)
    asked = api.post("/models/m1/invoke", content=b"headers", headers={**PLAIN, "X-Amzn-SageMaker-Target-Model": "its name"})
    assert (asked.status_code, asked.text) == (200, "its name")
    gone = api.delete("/models/m1")
    assert (gone.status_code, gone.json()) == (200, {"status": 'Model "m1" unregistered'})
    for call in (api.get("/models/m1"), api.delete("/models/m1"), api.post("/models/m1/invoke", content=b"x")):
        assert (call.status_code, call.json()["type"]) == (404, "ModelNotFoundException")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"", 400),
        (b"\xff", 400),
        (b"{}", 400),
        (b'{"model_name": "x"}', 400),
        (b'{"url": "/opt/ml/models/x/model"}', 400),
        (b'{"model_name": 3, "url": "/opt/ml/models/x/model"}', 400),
        (b'{"model_name": "", "url": "/opt/ml/models/x/model"}', 400),
        (b'{"model_name": "x", "url": "/opt/ml/models/none/model"}', 404),
        (b'{"model_name": "x", "url": "/opt/ml/models/../model"}', 404),
        (b'{"model_name": "x", "url": "/opt/ml/models"}', 404),
        (b'{"model_name": "x", "url": "/etc"}', 404),
        (b'{"model_name": "x", "url": "opt/ml/models/x"}', 404),
        (b'{"model_name": "x", "url": "/opt/ml/models/\\u0000"}', 404),
    ],
)
def test_what_cannot_be_loaded_has_its_status_and_is_json(api, body, status):
    answer = api.post("/models", content=body)
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "type", "message"}
    assert api.get("/models").json() == {"models": []}


def test_a_model_whose_code_fails_is_500_with_the_reason_and_not_loaded(api):
    url = lay(api, "bad", code="raise ValueError('not this one')")
    answer = api.post("/models", json={"model_name": "bad", "url": url})
    assert (answer.status_code, answer.json()["type"]) == (500, "InternalServerException")
    assert "not this one" in answer.json()["message"]
    assert api.get("/models/bad").status_code == 404


def test_lists_come_in_pages(api):
    for number in range(5):
        assert api.post("/models", json={"model_name": f"p{number}", "url": lay(api, f"p{number}")}).status_code == 200
    names, token = [], "0"
    while token:
        page = api.get("/models", params={"limit": 2, "next_page_token": token}).json()
        names += [each["modelName"] for each in page["models"]]
        token = page.get("nextPageToken")
    assert names == [f"p{number}" for number in range(5)]
    for wrong in ({"limit": "x"}, {"next_page_token": "-1"}, {"limit": "²"}):
        assert api.get("/models", params=wrong).status_code == 400
    for name in names:
        api.delete(f"/models/{name}")


@pytest.mark.parametrize("name", ["a b", "a/b", "ä", "100%", "%41", "..", "a?b#c"])
def test_names_are_opaque(api, name):
    from urllib.parse import quote

    assert api.post("/models", json={"model_name": name, "url": lay(api, "opaque", name)}).status_code == 200
    quoted = quote(name, safe="").replace("..", "%2E%2E")
    assert api.get(f"/models/{quoted}").json()["modelName"] == name
    assert api.post(f"/models/{quoted}/invoke", content=b"x", headers=PLAIN).text == name
    assert api.delete(f"/models/{quoted}").status_code == 200


def test_no_memory_is_507(api):
    before, api.models.memory_bytes = api.models.memory_bytes, 1000
    answer = api.post("/models", json={"model_name": "large", "url": lay(api, "large", "x" * 2000)})
    api.models.memory_bytes = before
    assert (answer.status_code, answer.json()["type"]) == (507, "InsufficientMemoryException")


def test_a_model_unloaded_while_it_loads_is_no_hang(api):
    url = lay(api, "slow", code="import time\ntime.sleep(1)\n" + NAMED)
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(api.post, "/models", json={"model_name": "slow", "url": url})
        eventually(lambda: "slow" in api.models.loaded)
        assert api.delete("/models/slow").status_code == 200
        assert loading.result(10).status_code == 500
    assert api.post("/models", json={"model_name": "slow", "url": url}).status_code == 200
    assert api.delete("/models/slow").status_code == 200


def test_what_is_no_path_is_404_json(api):
    for method, path in (("GET", "/"), ("POST", "/models/a/b/c"), ("PUT", "/models"), ("GET", "/models/a/invoke")):
        answer = api.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (404, 404)


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("many") / "home")
    for number in range(6):
        put(place, f"m{number}.tar.gz")
    put(place, "deep/er/m.tar.gz")
    put(place, "wrong.tar.gz", **{"code/inference.py": "raise ValueError('not this one')"})
    place.store.put_bytes("s3://many/models/torn.tar.gz", b"torn")
    place.store.put_bytes("s3://many/secret.tar.gz", packed({"name": "SECRET", "code/inference.py": NAMED}))
    place.store.put_bytes("s3://other/secret.tar.gz", packed({"name": "SECRET", "code/inference.py": NAMED}))
    place.simple("many", many(place))
    place.simple("brief", many(place, MultiModelConfig={"ModelCacheSetting": "Disabled"}))
    server = Server(place.home)
    server.place = place
    server.until("ready:", 120)
    yield server
    assert server.stop() == 0


def ask(runtime, target, body=b"x", endpoint="many", **options):
    return runtime.invoke_endpoint(EndpointName=endpoint, TargetModel=target, ContentType="text/x", Body=body, **options)["Body"].read().decode()


def test_every_target_model_answers_for_itself(platform):
    runtime = client(platform.url)
    for target in ("m0.tar.gz", "m1.tar.gz", "deep/er/m.tar.gz", "m0.tar.gz"):
        assert ask(runtime, target) == target
        assert ask(runtime, target, b"headers") == target


def test_a_model_without_cache_is_loaded_each_time(platform):
    runtime = client(platform.url)
    assert len({ask(runtime, "m2.tar.gz", b"pid", "brief") for _ in range(3)}) == 3
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: ask(runtime, "m3.tar.gz", b"x", "brief"), range(30))) == {"m3.tar.gz"}
    eventually(lambda: not [path for path in (platform.home / "serving/endpoints/brief-1").rglob("models/*") if path.is_dir()])


@pytest.mark.parametrize(
    "target",
    [
        "../secret.tar.gz",
        "a/../../secret.tar.gz",
        "/../secret.tar.gz",
        "..",
        ".",
        "none.tar.gz",
        "/etc/passwd",
        "s3://other/secret.tar.gz",
        "deep",
        "m0.tar.gz/",
        "x" * 1024,
    ],
)
def test_no_target_leads_out_of_the_prefix(platform, target):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        ask(client(platform.url), target)
    assert type(caught.value).__name__ == "ValidationError"
    assert "Failed to download model data" in str(caught.value)


def test_an_absolute_target_is_one_below_the_prefix(platform):
    assert ask(client(platform.url), "/m0.tar.gz") == "m0.tar.gz"


def test_wrong_models_are_errors_of_their_own(platform):
    runtime = client(platform.url)
    for target, kind in (("wrong.tar.gz", "ModelError"), ("torn.tar.gz", "ValidationError"), ("", "ValidationError")):
        with pytest.raises((botocore.exceptions.ClientError, botocore.exceptions.ParamValidationError)) as caught:
            runtime.invoke_endpoint(EndpointName="many", Body=b"x", **({"TargetModel": target} if target else {}))
        assert type(caught.value).__name__ == kind
    assert ask(runtime, "m0.tar.gz") == "m0.tar.gz"


def test_names_that_nobody_has_leave_nothing_behind(platform):
    runtime = client(platform.url)
    before = len(list((platform.home / "serving/endpoints/many-1").rglob("*")))
    for number in range(50):
        with pytest.raises(botocore.exceptions.ClientError):
            ask(runtime, f"none-{number}")
    assert len(list((platform.home / "serving/endpoints/many-1").rglob("*"))) <= before


@pytest.mark.slow
def test_two_hundred_models_are_answered_within_the_memory_of_a_hundred(tmp_path):
    """Under load from eight threads, most of it on a few models as it is in life; every answer is the right one's."""
    place = Place(tmp_path / "home")
    code = "DATA = bytearray(4 * 2**20)\nDATA[::4096] = b'x' * len(DATA[::4096])\n" + NAMED
    for number in range(200):
        put(place, f"m{number}.tar.gz", **{"code/inference.py": code})
    probe = Server(Place(tmp_path / "home").home)
    place.simple("probe", many(place))
    probe.status("probe", "InService", timeout_s=120)
    ask(client(probe.url), "m0.tar.gz", endpoint="probe")
    each_bytes = private_bytes(int(ask(client(probe.url), "m0.tar.gz", b"pid", "probe")))
    place.records.delete("endpoint", "probe")
    place.simple("many", many(place, {"SAGEWRIGHT_MODEL_MEMORY_MB": str(100 * each_bytes // 2**20)}))
    probe.status("many", "InService", timeout_s=120)
    runtime, most, stop = client(probe.url), [0], threading.Event()

    def watch():
        while not stop.is_set():
            most[0] = max(most[0], len(list((tmp_path / "home/serving/endpoints/many-1/AllTraffic/opt/ml/models").glob("[0-9a-f]*"))))
            time.sleep(0.05)

    watching = threading.Thread(target=watch)
    watching.start()
    maker = random.Random(1)
    targets = [f"m{number}.tar.gz" for number in range(200)] + [f"m{min(199, int(maker.expovariate(0.03)))}.tar.gz" for _ in range(600)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda target: ask(runtime, target), targets))
    stop.set()
    watching.join()
    assert answers == targets
    assert 50 < most[0] <= 110
    assert probe.stop() == 0


def test_the_command_serves_a_container_with_many_models_and_says_where_they_lie(tmp_path):
    place = Place(tmp_path / "home")
    put(place, "m0.tar.gz")
    place.simple("many", many(place))
    server = Server(place.home, "many", "--container")
    models = Path(server.until("/opt/ml/models of the container is").partition(" is ")[2].partition(";")[0])
    (models / "mine/code").mkdir(parents=True)
    (models / "mine/name").write_text("mine")
    (models / "mine/code/inference.py").write_text(NAMED)
    url = server.until("the container of many on").split()[-1]
    with httpx.Client(base_url=url, timeout=30) as asked:
        assert asked.post("/models", json={"model_name": "mine", "url": "/opt/ml/models/mine"}).status_code == 200
        assert asked.post("/models/mine/invoke", content=b"x", headers=PLAIN).text == "mine"
    assert server.stop() == 0
