"""The engine: start every step that is ready, journal what happens, retry what a policy names, and stop in order."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from pipelines.definition.expressions import evaluate
from pipelines.definition.graph import Graph, Node
from pipelines.definition.model import Definition, RetryPolicy, Step
from pipelines.errors import SagewrightError
from pipelines.local import prints, tables
from pipelines.local.cache import KEY_ARGUMENTS, Cache, Lookup
from pipelines.local.checks.keys import with_named
from pipelines.local.context import Outcome, Run, StepRun
from pipelines.local.executors import EXECUTORS, UNEVALUATED, WARM_UPS
from pipelines.local.faults import ClientFault, StepFault
from pipelines.local.journal import Journal
from pipelines.local.results import best_model, transformed
from pipelines.local.scope import RunScope

ENDED = ("Succeeded", "Failed", "Stopped")
TRIGGERS: Mapping[str, tuple[str, ...]] = {"Completed": ("Succeeded",), "Failed": ("Failed",), "Stopped": ("Stopped",), "Any": ENDED}
OUT_OF_DISK = 28


@dataclass
class Progress:
    """Hold what the steps of one execution have come to; only the engine's own thread changes it."""

    status: dict[str, str] = field(default_factory=dict)
    properties: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    recovering: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Engine:
    """Execute a definition; `selected` names the steps to run, `faults` how often an attempt at a step meets which fault.

    `finished` holds the trials of each step that ended before the run was resumed.
    """

    run: Run
    definition: Definition
    graph: Graph
    parameters: Mapping[str, Any]
    cache: Cache
    journal: Journal
    max_parallel: int
    selected: frozenset[str]
    faults: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)
    finished: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)

    def execute(self) -> tuple[str, str | None]:
        """Run until nothing can start any more; return the execution's status and failure reason."""
        running: dict[Future[Outcome], str] = {}
        with ThreadPoolExecutor(max_workers=self.max_parallel, thread_name_prefix="step") as pool:
            while True:
                starting = self._startable(len(running), set(running.values()))
                cores = max(1, _cores_here() // max(1, len(running) + len(starting)))
                for name in starting:
                    running[pool.submit(self._attempt_step, self.graph.nodes[name], cores)] = name
                if not running:
                    return self._verdict()
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    self._settle(running.pop(future), future.result())

    def _startable(self, running: int, busy: set[str]) -> list[str]:
        if self.run.stopping.is_set():
            return []
        ready = [name for name in self.graph.order if name not in busy and name not in self.progress.status and self._is_ready(name)]
        return ready[: max(0, self.max_parallel - running)]

    def _is_ready(self, name: str) -> bool:
        node = self.graph.nodes[name]
        if name not in self.selected or not self._in_taken_branch(node):
            return False
        if not all(self.progress.status.get(dep.step) in TRIGGERS[dep.trigger] for dep in node.dependencies):
            return False
        if not self.progress.failures:
            return True
        recovers = any(dep.trigger != "Completed" or dep.step in self.progress.recovering for dep in node.dependencies)
        if recovers:
            self.progress.recovering.add(name)
        return recovers

    def _in_taken_branch(self, node: Node) -> bool:
        if node.branch is None:
            return True
        condition, wanted = node.branch
        outcome = self.progress.properties.get(condition, {}).get("Outcome")
        return outcome == str(wanted)

    def _settle(self, name: str, outcome: Outcome) -> None:
        self.progress.status[name] = outcome.status
        self.progress.properties[name] = outcome.properties
        if outcome.status == "Failed":
            self.progress.failures[name] = outcome.failure_reason or ""

    def _verdict(self) -> tuple[str, str | None]:
        if self.run.stopping.is_set():
            return "Stopped", "the execution was stopped"
        if not self.progress.failures:
            return ("Stopped", "a step was stopped") if "Stopped" in self.progress.status.values() else ("Succeeded", None)
        recovered = any(self.progress.status.get(name) == "Succeeded" for name in self.progress.recovering)
        reason = "; ".join(f"Step failure: {name}: {why}" for name, why in self.progress.failures.items())
        return ("CompletedWithFailures" if recovered else "Failed"), reason[:1300]

    def _attempt_step(self, node: Node, cores: int) -> Outcome:
        """Run one step to its end, retries included; whatever goes wrong becomes an outcome (the job boundary)."""
        step = node.step
        cache_note: dict[str, Any] = {}
        try:
            outcome, cache_note = self._cached_or_run(step, cores)
        except (SagewrightError, ClientFault) as error:
            outcome = Outcome("Failed", failure_reason=f"ClientError: {error}")
        except OSError as error:
            outcome = Outcome("Failed", failure_reason=_os_failure(error))
        except Exception as error:  # noqa: BLE001  the job boundary: a defect of an executor ends its step, not the engine
            outcome = Outcome("Failed", failure_reason=f"InternalError: {type(error).__name__}: {error}")
        self.journal.append(
            "step_ended",
            step=step.name,
            type=step.type,
            status=outcome.status,
            failure_reason=outcome.failure_reason,
            properties=outcome.properties,
            metrics=outcome.metrics,
            checks=list(outcome.checks),
            **({"check": outcome.check} if outcome.check else {}),
            **cache_note,
        )
        return outcome

    def _cached_or_run(self, step: Step, cores: int) -> tuple[Outcome, dict[str, Any]]:
        arguments = with_named(self.run, step, tables.with_content(self.run, self._arguments(step, 1)), self._scope(step.name))
        lookup = self.cache.look_up(step, arguments, self._stale)
        if lookup.entry:
            return _from_cache(lookup), {"cache": "hit", "cache_source": lookup.entry["source"]}
        outcome = self._with_retries(step, cores)
        if outcome.status == "Succeeded" and not outcome.check.get("violations"):  # FailOnViolation, which is in no key, may be another one next time
            entry = {"source": self.run.execution_arn, "properties": outcome.properties, "metrics": outcome.metrics, "check": outcome.check}
            self.cache.store(step, arguments, {**entry, "prints": self._prints(step, arguments, outcome.properties)})
        return outcome, {"cache": f"miss: {lookup.reason}"} if step.type in KEY_ARGUMENTS else {}

    def _arguments(self, step: Step, attempt: int) -> Any:
        return step.arguments if step.type in UNEVALUATED else evaluate(step.arguments, self._scope(step.name, attempt))

    def _with_retries(self, step: Step, cores: int) -> Outcome:
        faults, attempt = list(self.faults.get(step.name, ())), 0
        self._warm_up()
        while True:
            attempt += 1
            self._started(step, attempt)
            try:
                if faults:
                    raise StepFault(faults.pop(0), "injected by --fault")
                return EXECUTORS[step.type](self._step_run(step, attempt, cores))
            except StepFault as fault:
                if self.run.stopping.is_set():
                    return Outcome("Stopped", failure_reason="the execution was stopped")
                policy = _policy_for(step.retry_policies, fault.kind, attempt)
                if policy is None:
                    return Outcome("Failed", failure_reason=f"{fault.kind}: {fault}")
                self._tell_wait(step, policy, attempt, fault)

    def _warm_up(self) -> None:
        """Let the steps that are to come prepare, now that one is not taken from the cache; doing so again costs nothing."""
        for name, node in self.graph.nodes.items():
            if node.step.type in WARM_UPS and name not in self.progress.status:
                WARM_UPS[node.step.type](node.step.arguments)

    def _step_run(self, step: Step, attempt: int, cores: int) -> StepRun:
        def report(event: str, **members: Any) -> None:
            self.journal.append(event, step=step.name, type=step.type, **members)

        arguments, scope = self._arguments(step, attempt), self._scope(step.name, attempt)
        return StepRun(self.run, step, arguments, scope, attempt, cores, report=report, finished=self.finished.get(step.name, ()))

    def _tell_wait(self, step: Step, policy: RetryPolicy, attempt: int, fault: StepFault) -> None:
        """Journal the wait that the policy asks for. Nothing local gets better by waiting, so it is not waited for."""
        wait_s = (policy.interval_s or 1) * (policy.backoff_rate or 2.0) ** (attempt - 1)
        self.journal.append("step_retried", step=step.name, type=step.type, fault=fault.kind, attempt=attempt, wait_s=wait_s, waited=False)

    def _started(self, step: Step, attempt: int) -> None:
        self.journal.append("step_started", step=step.name, type=step.type, attempt=attempt, job_name=self.run.job_name(step.name, attempt))

    def _scope(self, name: str, attempt: int = 1) -> RunScope:
        return RunScope(self.run, self.definition, self.parameters, self.progress.properties, name, attempt)

    def _stale(self, entry: Mapping[str, Any]) -> str:
        """Return why a cached result is not to be taken: an output is gone, or an object that it was made of or consists of was changed."""
        missing = next((uri for uri in self._written(entry["properties"]) if not self.run.store.path(uri).exists()), None)
        if missing:
            return f"its output {missing} is gone"
        changed = prints.changed(self.run.store, entry.get("prints") or {})
        return f"{changed} was changed since" if changed else ""

    def _prints(self, step: Step, arguments: Mapping[str, Any], properties: Mapping[str, Any]) -> prints.Prints:
        """Return the prints of what a step read, as far as it is in the key, and wrote."""
        if step.type not in KEY_ARGUMENTS:
            return {}
        read = prints.uris_in([arguments.get(name) for name in KEY_ARGUMENTS[step.type]])
        return prints.take(self.run.store, [*read, *self._written(properties)])

    def _written(self, properties: Mapping[str, Any]) -> list[str]:
        """Return the URIs of a step's outputs."""
        outputs = [output["S3Output"]["S3Uri"] for output in (properties.get("ProcessingOutputConfig") or {}).get("Outputs", []) if "S3Output" in output]
        artifacts = (properties.get("ModelArtifacts") or {}).get("S3ModelArtifacts") or best_model(properties) or transformed(properties, self.run.store)
        return [*outputs, *([artifacts] if artifacts else [])]


def _cores_here() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _from_cache(lookup: Lookup) -> Outcome:
    entry = lookup.entry or {}
    return Outcome("Succeeded", entry["properties"], entry.get("metrics", {}), check=entry.get("check") or {})


def _os_failure(error: OSError) -> str:
    if error.errno == OUT_OF_DISK:
        return f"ClientError: no space left on the disk that holds {error.filename or 'the local S3'}; free some, then `sagewright resume`"
    return f"ClientError: {error.strerror or error}{f': {error.filename}' if error.filename else ''}"


def _policy_for(policies: tuple[RetryPolicy, ...], kind: str, attempt: int) -> RetryPolicy | None:
    """Return the policy that names this fault and allows one more attempt."""
    named = next((policy for policy in policies if kind in policy.exception_types), None)
    return named if named and (named.max_attempts is None or attempt <= named.max_attempts) else None
