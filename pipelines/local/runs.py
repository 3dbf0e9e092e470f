"""Start, resume, find and describe local runs: what the commands call."""

from __future__ import annotations

import fcntl
import hashlib
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipelines.definition.graph import Graph
from pipelines.definition.model import Definition, loads
from pipelines.errors import UsageError
from pipelines.local import approved, experiment, selection, tables
from pipelines.local.cache import Cache
from pipelines.local.context import Run
from pipelines.local.engine import Engine
from pipelines.local.home import Home
from pipelines.local.images.mapped import ImageMap, Images
from pipelines.local.images.mapped import read as read_image_map
from pipelines.local.images.pinned import Host, Pinned
from pipelines.local.journal import Event, Journal, RunState, read_state
from pipelines.local.launcher import Launcher
from pipelines.local.model_packages import lineage
from pipelines.local.parameters import resolve_parameters
from pipelines.local.provenance import environment, git_state


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


# What an image's jobs run on: the libraries of this machine, or an environment with the image's own.
IMAGES: Mapping[str, Callable[[], Callable[[str], str | None]]] = {"host": lambda: Host(_say), "pinned": lambda: Pinned(_say)}
ID_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
ROLE = re.compile(r"arn:aws[a-z\-]*:iam::(\d{12}):role/")


@dataclass(frozen=True)
class Options:
    """Choose how a run is executed; none of it is part of the definition.

    `project` is the folder whose git commit is recorded, `tracking` where the record is sent afterwards (the configuration's section `mlflow`).
    """

    max_parallel: int = 50
    use_cache: bool = True
    stop_grace_s: float = 120.0
    selection: selection.Selection = selection.EVERYTHING
    faults: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    region: str = "us-east-1"
    tables: Mapping[str, tables.Given] = field(default_factory=dict)
    images: str = "host"
    image_map: ImageMap = field(default_factory=ImageMap)
    project: Path | None = None
    tracking: Mapping[str, str] = field(default_factory=dict)


def start(
    home: Home,
    text: str,
    *,
    pipeline_name: str,
    given: Mapping[str, Any],
    options: Options,
    launcher: Launcher,
    listener: Callable[[Event], None],
    stopper: Callable[[Run], None] = lambda run: None,
) -> RunState:
    """Execute a definition's text from its beginning and return how it ended.

    `given` maps parameter names to values; `listener` hears every journal entry; `stopper` is handed the run, to stop it on a signal.

    Raises:
        DefinitionError, UsageError: the definition or a parameter is wrong; nothing was started.
    """
    definition = loads(text)
    graph = Graph.of(definition)
    reused, options = _source_of(home, pipeline_name, options)
    found = approved.values(home.registry, definition)
    parameters = resolve_parameters(definition, {**found, **(reused.parameters if reused else {}), **given}, home.store, pipeline_name, Path.cwd())
    chosen = selection.resolve(graph, options.selection, reused)
    kept_tables = tables.prepare(definition, home.root, home.store, options.tables)
    execution_id = "".join(secrets.choice(ID_CHARACTERS) for _ in range(12))
    run_dir = home.runs_dir / execution_id
    run_dir.mkdir(parents=True)
    (run_dir / "definition.json").write_text(text)
    tables.write(run_dir, kept_tables)
    run = _run(home, definition, launcher, options, pipeline_name, execution_id, time.time())
    with _locked(run_dir), _journal(run_dir, listener) as journal:
        journal.append(
            "run_started",
            execution_arn=run.execution_arn,
            pipeline_name=pipeline_name,
            definition_sha256=hashlib.sha256(text.encode()).hexdigest(),
            parameters=parameters,
            options=_kept(options),
            provenance={**environment(), "git": git_state(options.project)},
        )
        carried = {name: reused.steps[name] for name in chosen.carried} if reused else {}
        for name, step in carried.items():
            note = {"cache": "selective", "cache_source": reused.execution_arn if reused else None}
            journal.append("step_ended", step=name, type=step.type, status="Succeeded", properties=step.properties, metrics=step.metrics, **note)
        return _execute(run, definition, graph, options, journal, chosen.selected, stopper)


def resume(
    home: Home, name: str | None, *, options: Options, launcher: Launcher, listener: Callable[[Event], None], stopper: Callable[[Run], None] = lambda run: None
) -> RunState:
    """Go on with a run that failed, crashed or was stopped: what succeeded is kept, the rest runs. A run that succeeded is returned as it is.

    Raises:
        UsageError: there is no such run, or another process is executing it.
    """
    state = home.find(name)
    run_dir = home.run_dir(state)
    definition = loads((run_dir / "definition.json").read_text())
    graph = Graph.of(definition)
    chosen_before = selection.Selection(**(state.options.get("selection") or {}))
    mapped = read_image_map(state.options.get("image_map", {}), Path("/"), "images.map")
    options = replace(options, selection=chosen_before, images=state.options.get("images", "host"), image_map=mapped)
    run = _run(home, definition, launcher, options, state.pipeline_name, state.execution_id, state.started_at)
    with _locked(run_dir), _journal(run_dir, listener) as journal:
        state = read_state(run_dir)
        if state.status == "Succeeded":
            return state
        journal.append("run_resumed")
        source = home.find(state.options["source"]) if state.options.get("source") else None
        chosen = selection.resolve(graph, options.selection, source)
        return _execute(run, definition, graph, options, journal, chosen.selected, stopper)


def _execute(
    run: Run, definition: Definition, graph: Graph, options: Options, journal: Journal, selected: frozenset[str], stopper: Callable[[Run], None]
) -> RunState:
    state = read_state(run.run_dir)
    cache = Cache(run.home / ("cache" if options.images == "host" else f"cache-{options.images}"), run.pipeline_name, time.time, options.use_cache)
    engine = Engine(run, definition, graph, state.parameters, cache, journal, options.max_parallel, selected, options.faults, finished=state.finished)
    for step in state.steps.values():
        engine.progress.status[step.name] = step.status
        engine.progress.properties[step.name] = step.properties
    stopper(run)
    status, reason = engine.execute()
    journal.append("run_ended", status=status, failure_reason=reason)
    state = read_state(run.run_dir)
    for problem in (experiment.keep(run.run_dir, state, run.store), lineage.keep(Home(run.home), state)):
        if problem:
            _say(f"warning: {problem}")
    return state


def _run(home: Home, definition: Definition, launcher: Launcher, options: Options, pipeline_name: str, execution_id: str, started_at: float) -> Run:
    account = next((match.group(1) for match in map(ROLE.match, _strings(definition.raw)) if match), "000000000000")
    return Run(
        home=home.root,
        run_dir=home.runs_dir / execution_id,
        store=home.store,
        registry=home.registry,
        launcher=launcher,
        clock=time.time,
        pipeline_name=pipeline_name,
        execution_id=execution_id,
        started_at=started_at,
        region=options.region,
        account=account,
        stop_grace_s=options.stop_grace_s,
        images=Images(IMAGES[options.images](), options.image_map, _say),
    )


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ():
        yield from _strings(part)


def _source_of(home: Home, pipeline_name: str, options: Options) -> tuple[RunState | None, Options]:
    """Find the run whose results a selective execution starts from: the one named, else the newest of this pipeline."""
    if not options.selection.needs_source:
        return None, options
    named = home.find(options.selection.source) if options.selection.source else None
    states = [state for state in home.states() if state.pipeline_name == pipeline_name] if named is None else [named]
    if not states:
        raise UsageError("a selective execution needs an earlier run of this pipeline", where=pipeline_name, hint="Run it once in full.")
    return states[0], replace(options, selection=replace(options.selection, source=states[0].execution_id))


def _kept(options: Options) -> dict[str, Any]:
    own = {"selection": vars(options.selection), "source": options.selection.source, "max_parallel": options.max_parallel, "images": options.images}
    mapped = {"image_map": options.image_map.as_json()} if options.image_map.entries else {}
    return {**own, **mapped, **({"tracking": dict(options.tracking)} if options.tracking else {})}


@contextmanager
def _journal(run_dir: Path, listener: Callable[[Event], None]) -> Iterator[Journal]:
    journal = Journal(run_dir, time.time, listener)
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def _locked(run_dir: Path) -> Iterator[None]:
    """Let one process at a time execute a run; the lock goes with the process, however it ends."""
    with open(run_dir / ".lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError("another process is executing this run", where=run_dir.name, hint="Wait for it, or stop it first.") from None
        yield
