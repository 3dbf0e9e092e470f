"""Run a Tuning step: CreateHyperParameterTuningJob as training jobs side by side (AWS developer guide, "Perform automatic model tuning")."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any

from pipelines.local import container
from pipelines.local.context import Outcome, StepRun
from pipelines.local.tuning import describe, plan, search, stopping, trials
from pipelines.local.tuning.history import History
from pipelines.local.tuning.plan import Definition, Plan
from pipelines.local.tuning.trials import Ended, Trial

POLL_S = 0.02
NAME_LENGTH = 32


def execute(step_run: StepRun) -> Outcome:
    """Run the trials and return DescribeHyperParameterTuningJobResponse, with TrainingJobSummaries, as the step's properties.

    Raises:
        ClientFault: the request cannot be used here.
    """
    name = _job_name(step_run)
    planned = plan.read(step_run.arguments, name, step_run.cores)
    history = History(planned, describe.inherit(step_run.run.home, planned))
    history.ended = {each.trial.number: each for each in map(Ended.from_json, step_run.finished)}
    started = step_run.timestamp()
    job = Job(replace(step_run, cores=max(1, step_run.cores // planned.parallel), memory_share=1 / planned.parallel), planned, history, name)
    job.run()
    status, failure = job.verdict()
    times = {"CreationTime": started, "HyperParameterTuningEndTime": step_run.timestamp(), "LastModifiedTime": step_run.timestamp()}
    arguments = {**step_run.arguments, "HyperParameterTuningJobName": name}
    arn = f"{step_run.run.arn_prefix}hyper-parameter-tuning-job/{name}"
    properties = describe.describe(arguments, arn, history, times, status, failure)
    describe.keep(step_run.run.home, name, history)
    container.write_json(step_run.job_dir / "describe.json", properties)
    best = history.best
    metrics = {planned.definitions[best.trial.definition].metric: best.objective} if best is not None and best.objective is not None else {}
    return Outcome({"Completed": "Succeeded"}.get(status, status), properties, metrics, failure)


def warm_up(arguments: Mapping[str, Any]) -> None:
    """Import what the search of a step will need."""
    search.warm_up(str((arguments.get("HyperParameterTuningJobConfig") or {}).get("Strategy")))


def _job_name(step_run: StepRun) -> str:
    """Return the tuning job's name: execution, step and ten characters, at most 32 in all, as a pipeline names it."""
    long = step_run.job_name
    head = f"{step_run.run.execution_id}-{step_run.step.name}".replace("_", "-")[: NAME_LENGTH - 11].rstrip("-")
    return f"{head}-{long[-10:]}"


@dataclass
class Job:
    """Hold a tuning job that runs."""

    step_run: StepRun
    plan: Plan
    history: History
    name: str
    reason: str | None = None
    started_at: float = field(default_factory=time.monotonic)
    ready: dict[int, Trial | None] = field(default_factory=dict)

    def run(self) -> None:
        """Run trials until there are no more, or the job is done before."""
        watched: dict[Future[Ended], Watch] = {}
        rule = self._rule()
        with ThreadPoolExecutor(self.plan.parallel, thread_name_prefix="trial") as pool:
            while True:
                self._start(pool, watched)
                if not watched:
                    return
                self._think_ahead()
                done, _ = wait(watched, timeout=POLL_S if rule is not stopping.never else 0.25, return_when=FIRST_COMPLETED)
                for future in done:
                    self._settle(watched.pop(future), future.result())
                for each in watched.values():
                    each.look(self.step_run, rule)
                self._finish_early(watched.values())

    def _start(self, pool: ThreadPoolExecutor, watched: dict[Future[Ended], Watch]) -> None:
        while self.reason is None and not self.step_run.run.stopping.is_set() and len(watched) < self.plan.parallel:
            number = self.history.next_number
            if number >= self.plan.trials or not self.history.is_known(number):
                return
            self._think_ahead()
            trial = self.ready.pop(number)
            if trial is None:
                return
            definition = self.plan.definitions[trial.definition]
            watch = Watch(trial, definition, stopping.Follower(self.step_run.run.run_dir / "jobs" / trial.name / "log.txt", definition.regex))
            self.history.running[number] = trial
            told = {"number": number, "of": self.plan.trials, "metric": definition.metric, "name": trial.name, "tuned": dict(trial.tuned)}
            self.step_run.report("trial_started", best=self._best, **told)
            watched[pool.submit(trials.run, self.step_run, definition, trial, watch.stops_at)] = watch

    def _think_ahead(self) -> None:
        """Propose the next trial while others run, so that none waits for the search."""
        number = self.history.next_number
        if number not in self.ready and number < self.plan.trials and self.history.is_known(number):
            self.ready[number] = self._propose(number)

    def _propose(self, number: int) -> Trial | None:
        index = number % len(self.plan.definitions)
        space = self.plan.space(self.plan.definitions[index])
        # Every definition of several counts its own trials, so that each walks its own grid.
        tuned = search.propose(self.plan.strategy, space, number // len(self.plan.definitions), self.history.seen(number, index))
        return None if tuned is None else Trial(number, index, trials.job_name(self.name, number), tuned)

    def _settle(self, watch: Watch, ended: Ended) -> None:
        del self.history.running[watch.trial.number]
        if self.step_run.run.stopping.is_set() and ended.status == "Stopped" and not watch.stops_at:
            return  # stopped from outside: a resumed run tries the same values again
        self.history.ended[watch.trial.number] = ended
        self.step_run.report("trial_ended", number=ended.trial.number, best=self._best, trial=ended.as_json())

    @property
    def _best(self) -> int | None:
        best = self.history.best
        return best.trial.number if best else None

    def _finish_early(self, running: Any) -> None:
        if self.reason is None:
            self.reason = "NoTrainingJobSucceeded" if self.history.is_hopeless else self.history.is_done(time.monotonic() - self.started_at)
            if self.reason is not None:
                for each in running:
                    each.stop(self.step_run)

    def _rule(self) -> stopping.Rule:
        maximize = self.plan.definitions[0].maximize
        if self.plan.resource is not None:
            return stopping.Rungs(*self.plan.resource, maximize=maximize).stops
        if not self.plan.early_stopping:
            return stopping.never

        def by_median(number: int, curve: Sequence[float]) -> int | None:
            index = number % len(self.plan.definitions)
            return stopping.median_rule(curve, self.history.curves(number, index), maximize=self.plan.definitions[index].maximize)

        return by_median

    def verdict(self) -> tuple[str, str | None]:
        """Return the job's status and why it failed."""
        if self.step_run.run.stopping.is_set():
            return "Stopped", "the execution was stopped"
        if self.history.best is None:
            attempts = len(self.history.ended)
            first = next((each.summary.get("FailureReason", "it printed no objective") for each in self.history.ranked()), "")
            # The service's own first sentence, as users report it; what the first trial said is ours.
            return "Failed", f"No training job succeeded after {attempts} attempts. The first one: {first}"[:1024]
        return "Completed", None


@dataclass
class Watch:
    """Hold a trial that runs, its log, and the epoch at which it was stopped."""

    trial: Trial
    definition: Definition
    follower: stopping.Follower
    stops_at: list[int] = field(default_factory=list)

    def look(self, step_run: StepRun, rule: stopping.Rule) -> None:
        """Read what the trial printed, and stop it when the rule says so."""
        if rule is stopping.never or self.stops_at or not self.follower.poll():
            return
        epoch = rule(self.trial.number, self.follower.curve)
        if epoch is not None:
            self.stops_at.append(epoch)
            self.stop(step_run)

    def stop(self, step_run: StepRun) -> None:
        """Stop the trial's job."""
        step_run.run.launcher.stop(self.trial.name)
