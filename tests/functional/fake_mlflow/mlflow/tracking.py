import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

from mlflow.exceptions import MlflowException

NAME = re.compile(r"[\w./ -]{1,250}")


class MlflowClient:
    def __init__(self, tracking_uri):
        self.folder = Path(os.environ["FAKE_MLFLOW"])

    def _keep(self, call, **members):
        with open(self.folder / "mlflow.jsonl", "a") as handle:
            handle.write(json.dumps({"call": call, **members}) + "\n")

    def _state(self, **changes):
        file = self.folder / "state.json"
        state = json.loads(file.read_text()) if file.is_file() else {"experiment": None, "tags": {}}
        state["tags"].update(changes.pop("tags", {}))
        state.update(changes)
        file.write_text(json.dumps(state))
        return state

    def get_experiment_by_name(self, name):
        if os.environ.get("FAKE_MLFLOW_DOWN"):
            raise MlflowException("API request to http://127.0.0.1:1 failed: Connection refused")
        return SimpleNamespace(experiment_id="1") if self._state()["experiment"] == name else None

    def create_experiment(self, name):
        self._state(experiment=name)
        return "1"

    def search_runs(self, experiment_ids, filter_string):
        tags = self._state()["tags"]
        found = tags and filter_string == f"tags.`sagewright.run` = '{tags['sagewright.run']}'"
        return [SimpleNamespace(info=SimpleNamespace(run_id="run-1"), data=SimpleNamespace(tags=tags))] if found else []

    def create_run(self, experiment_id, start_time, tags, run_name):
        assert isinstance(start_time, int)
        assert all(isinstance(value, str) for value in tags.values())
        self._state(tags=tags)
        self._keep("create_run")
        return SimpleNamespace(info=SimpleNamespace(run_id="run-1"))

    def log_batch(self, run_id, metrics=(), params=()):
        assert len(metrics) <= 1000
        assert len(params) <= 100
        assert all(NAME.fullmatch(each.key) for each in [*metrics, *params])
        self._keep("log_batch", metrics=[[m.key, m.value, m.step] for m in metrics], params=[list(p) for p in params])

    def log_artifact(self, run_id, local_path, artifact_path=None):
        assert Path(local_path).is_file()
        self._keep("log_artifact", file="/".join(part for part in (artifact_path, Path(local_path).name) if part))

    def set_tag(self, run_id, name, value):
        self._state(tags={name: value})

    def set_terminated(self, run_id, status, end_time):
        self._keep("set_terminated", status=status)
