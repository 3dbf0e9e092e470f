"""Log what an experiment is about from any script: parameters, metrics, files.

Every entry is printed as a line of the job's log, which a MetricDefinitions regex finds, and kept in a declared output of the job: of a training job
`output/data/experiment` below /opt/ml, which the service uploads as output.tar.gz; of a processing job the output named `experiment`. There each `Run` has one
file, `001.jsonl`, of JSON Lines, and `files/`. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import sys
import threading
import time
from pathlib import Path, PurePosixPath
from typing import Any, Dict, Mapping, Optional

from jobkit.paths import ml_root

FOLDER = "experiment"
VARIABLE = "SAGEWRIGHT_EXPERIMENT_DIR"
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@-]{0,249}")
TEXT_CHARACTERS = 6000
# The regular expression of the metric `auc`, as MetricDefinitions takes it, is METRIC.format(re.escape("auc")).
METRIC = r"\[metric\] {}=([-+.0-9eE]+);"


def metric_regex(name: str) -> str:
    """Return the regular expression that finds a metric in the log; its group is the value. `nan` and `inf` are not found."""
    return METRIC.format(re.escape(name))


class Run:
    """Log parameters, metrics and files within a `with` block; an exception that leaves the block marks the run failed and goes on.

    Several in one job, one after the other, nested, in threads or in several processes, belong to the same trial; a `name` goes before the names of
    what it logs (`fold1/auc`), so that they do not mix. Without one, a metric that two of them log is one series in the order of time, and of a
    parameter the last value counts. `folder` is where it is kept; by default the place that the job declares, nowhere outside of a job.
    """

    def __init__(self, name: Optional[str] = None, folder: Optional[str] = None) -> None:
        self._prefix = "" if name is None else _named(name, "a run's name") + "/"
        self._folder = Path(folder) if folder is not None else _declared()
        self._parameters: Dict[str, Any] = {}
        self._lock = threading.Lock()
        self._file = -1
        self._state = "new"

    def __enter__(self) -> "Run":
        if self._state != "new":
            raise RuntimeError("a Run can be entered once; make another: with Run() as run")
        if self._folder is not None:
            self._file = _own_file(self._folder)
        self._state = "open"
        self._keep("started", run=self._prefix[:-1])
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        left = isinstance(error, SystemExit) and error.code in (None, 0)
        failed = {} if error is None or left else {"error": "{}: {}".format(kind.__name__, error)[:1024]}
        try:
            self._keep("ended", status="failed" if failed else "completed", **failed)
        except OSError as problem:  # must not hide the error that ended the block
            print("experiment: the end of the run was not kept: {}".format(problem), file=sys.stderr)
        self._state = "closed"
        if self._file >= 0:
            os.close(self._file)

    def log_parameter(self, name: str, value: Any) -> None:
        """Log a parameter: text, a number, true or false, None, or a list or mapping of these.

        Raises:
            ValueError: the name cannot be used, the value is too long, or this run logged another value under this name.
            TypeError: the value is something else.
        """
        full = self._prefix + _named(name, "a parameter's name")
        plain = _plain(full, value)
        if self._parameters.setdefault(full, plain) != plain:
            text = "parameter {!r} already is {!r} in this run; got {!r}. Give it another name, or open another Run."
            raise ValueError(text.format(full, self._parameters[full], plain))
        self._tell("[parameter] {}={}".format(full, json.dumps(plain)), "parameter", name=full, value=plain)

    def log_parameters(self, values: Mapping[str, Any]) -> None:
        """Log each parameter of a mapping; see `log_parameter`.

        Raises:
            ValueError, TypeError: see `log_parameter`.
        """
        for name, value in values.items():
            self.log_parameter(name, value)

    def log_metric(self, name: str, value: Any, step: Optional[int] = None) -> None:
        """Log a metric, with `step` (a round or an epoch, from 0) one value of a series. Not a number and infinite are kept as what they are.

        Raises:
            ValueError: the name cannot be used, or the number is too large for a float.
            TypeError: the value is no number, or the step no whole number from 0.
        """
        full = self._prefix + _named(name, "a metric's name")
        number, place = _number(full, value), _step(full, step)
        line = "[metric] {}={!r};{}".format(full, number, "" if place is None else " step={};".format(place))
        self._tell(line, "metric", name=full, value=number if math.isfinite(number) else repr(number), step=place)

    def log_file(self, path: Any, name: Optional[str] = None) -> None:
        """Keep a copy of a file, under its own name or under `name`, which may have folders (`plots/roc.png`); a later one of the same name replaces it.

        Raises:
            ValueError: the name leaves the folder.
            OSError: there is no such file, it is a folder, or the copy cannot be written.
        """
        source = Path(path)
        if source.is_dir():
            raise IsADirectoryError("log_file takes one file; {} is a folder. Log its files one by one, or an archive of them.".format(source))
        if not source.is_file():
            raise FileNotFoundError("log_file: there is no file {}".format(source.absolute()))
        full = self._prefix + _inside(source.name if name is None else name)
        digest, size = _digest(source), source.stat().st_size
        if self._folder is not None:
            _copy(source, self._folder / "files" / full)
        self._tell("[file] {} sha256={} bytes={}".format(full, digest, size), "file", name=full, sha256=digest, bytes=size, kept=self._folder is not None)

    def _tell(self, line: str, event: str, **members: Any) -> None:
        self._keep(event, **members)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def _keep(self, event: str, **members: Any) -> None:
        if self._state != "open":
            raise RuntimeError("this run is not open; log within the block: with Run() as run")
        if self._file >= 0:
            entry = dict(members, event=event, time=round(time.time(), 3))
            with self._lock:
                os.write(self._file, (json.dumps(entry, sort_keys=True) + "\n").encode())


def _declared() -> Optional[Path]:
    """Return where the job that this is lets an experiment be kept, None when it does not or this is no job."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    processing = ml_root() / "config" / "processingjobconfig.json"
    if processing.is_file():
        return _output(processing)
    data = os.environ.get("SM_OUTPUT_DATA_DIR")
    if data:
        return Path(data) / FOLDER
    is_training = (ml_root() / "input" / "config" / "hyperparameters.json").is_file()
    return ml_root() / "output" / "data" / FOLDER if is_training else None


def _output(config: Path) -> Optional[Path]:
    """Return the folder of a processing job's output named `experiment`."""
    declared = (json.loads(config.read_text()).get("ProcessingOutputConfig") or {}).get("Outputs") or []
    found = [output["S3Output"]["LocalPath"] for output in declared if output.get("OutputName") == FOLDER and "S3Output" in output]
    return ml_root().joinpath(*PurePosixPath(found[0]).parts[3:]) if found else None


def _own_file(folder: Path) -> int:
    """Open the first NNN.jsonl that nobody has made, so that runs in several processes never share one."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        try:
            return os.open(str(folder / "{:03d}.jsonl".format(number)), os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o644)
        except FileExistsError:
            number += 1


def _named(name: Any, what: str) -> str:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError("{} cannot be {:.100}; expected 1 to 250 letters, digits and _ . : / @ -, the first a letter, a digit or _".format(what, repr(name)))
    return name


def _inside(name: Any) -> str:
    parts = PurePosixPath(name).parts if isinstance(name, str) else ()
    if not parts or ".." in parts or name.startswith("/") or any(mark in name for mark in "\n\r\0\\"):
        raise ValueError("a file cannot be kept as {:.100}; expected a relative path such as plots/roc.png".format(repr(name)))
    return "/".join(parts)


def _scalar(value: Any) -> Any:
    """Return NumPy's and the like's scalar as Python's own."""
    item = getattr(value, "item", None)
    single = callable(item) and getattr(value, "size", 1) == 1
    return item() if single and not isinstance(value, (str, bytes)) else value


def _plain(name: str, value: Any) -> Any:
    value = _scalar(value)
    try:
        text = value if isinstance(value, str) else json.dumps(value, allow_nan=False)
        plain = value if isinstance(value, str) else json.loads(text)
    except TypeError:
        text = "parameter {!r}: {} cannot be logged; expected text, a number or a list of these. Try str(value)."
        raise TypeError(text.format(name, type(value).__name__)) from None
    except ValueError:  # not a number, infinite, or a list that holds such a number or itself
        plain = text = str(value)
    if len(text) > TEXT_CHARACTERS:
        raise ValueError("parameter {!r} has {} characters, at most {} are kept. Use log_file.".format(name, len(text), TEXT_CHARACTERS))
    return plain


def _number(name: str, value: Any) -> float:
    value = _scalar(value)
    refusal = "metric {!r}: got {} {:.60}, expected a number".format(name, type(value).__name__, repr(value))
    if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
        raise TypeError(refusal)
    try:
        return float(value)
    except OverflowError:
        raise ValueError("metric {!r}: the number is too large for a float".format(name)) from None
    except (TypeError, ValueError):
        raise TypeError(refusal) from None


def _step(name: str, step: Any) -> Optional[int]:
    step = _scalar(step)
    if step is not None and (isinstance(step, bool) or not isinstance(step, int) or step < 0):
        raise TypeError("metric {!r}: step is {:.60}, expected a whole number from 0".format(name, repr(step)))
    return step


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open(str(path), "rb") as handle:
        for block in iter(lambda: handle.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.parent / ".{}.{}.partial".format(target.name, os.getpid())
    shutil.copyfile(str(source), str(partial))
    os.replace(str(partial), str(target))
