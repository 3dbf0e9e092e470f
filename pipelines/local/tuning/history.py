"""What the trials of one job came to so far: the best, whether it is done, and what a proposal may know."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipelines.local.tuning.plan import Plan
from pipelines.local.tuning.search import Seen
from pipelines.local.tuning.trials import Ended, Trial

# After so many trials without one that succeeded the service gives up.
FIRST_ATTEMPTS = 5
# Without a better trial for so many, and a quarter of all, the job has converged; how the service decides is not documented.
CONVERGED_TRIALS = 10


@dataclass
class History:
    """Hold the trials of a job; only the thread of its step changes it. `inherited` are those of earlier jobs, the warm start."""

    plan: Plan
    inherited: tuple[Ended, ...] = ()
    ended: dict[int, Ended] = field(default_factory=dict)
    running: dict[int, Trial] = field(default_factory=dict)

    @property
    def next_number(self) -> int:
        """Return the lowest number that neither ended nor runs."""
        return next(number for number in range(len(self.ended) + len(self.running) + 1) if number not in self.ended and number not in self.running)

    @property
    def lag(self) -> int:
        """Return how many of the newest trials a proposal does not know, so that it does not hang on which of those that run side by side ends first."""
        return 2 * self.plan.parallel if self.plan.parallel > 1 else 1

    def is_known(self, number: int) -> bool:
        """Tell whether all has ended that the proposal of this trial learns from."""
        return all(earlier in self.ended for earlier in range(number - self.lag + 1))

    def seen(self, number: int, definition: int) -> list[Seen]:
        """Return what the proposal of this trial knows: results up to the lag, and the values only of what is newer."""
        settled = [each for each in self.inherited if each.trial.definition == definition]
        settled += [self.ended[earlier] for earlier in range(number - self.lag + 1) if self.ended[earlier].trial.definition == definition]
        newer = [self._trial(earlier) for earlier in range(max(0, number - self.lag + 1), number)]
        return [
            *(Seen(each.trial.tuned, each.objective) for each in settled),
            *(Seen(trial.tuned, None, running=True) for trial in newer if trial is not None and trial.definition == definition),
        ]

    def _trial(self, number: int) -> Trial | None:
        return self.running.get(number) or (self.ended[number].trial if number in self.ended else None)

    def curves(self, number: int, definition: int) -> list[Sequence[float]]:
        """Return the curves that the median rule compares a trial with: of trials that had ended before it could begin."""
        earlier = [self.ended[n] for n in range(number - self.lag + 1) if n in self.ended]
        return [each.curve for each in earlier if each.trial.definition == definition and each.status == "Completed"]

    def ranked(self, trials: Sequence[Ended] | None = None) -> list[Ended]:
        """Return the trials best first; those without an objective last, in the order of their numbers."""
        return sorted(self.ended.values() if trials is None else trials, key=lambda each: _key(self.plan, each))

    @property
    def best(self) -> Ended | None:
        """Return the best trial that has a model, None when there is none."""
        return next((each for each in self.ranked() if each.objective is not None and each.status == "Completed"), None)

    @property
    def not_improving(self) -> int:
        """Return how many trials ended since the best one, by number."""
        best = self.best
        return 0 if best is None else max(self.ended) - best.trial.number

    def is_done(self, elapsed_s: float) -> str | None:
        """Return why no further trial starts and those that run are stopped, None while the job goes on."""
        criteria, best = self.plan.criteria, self.best
        if criteria.runtime_s is not None and elapsed_s >= criteria.runtime_s:
            return "MaxRuntimeInSeconds"
        if best is not None and best.objective is not None and criteria.target is not None:
            reached = best.objective >= criteria.target if self._maximize(best) else best.objective <= criteria.target
            if reached:
                return "TargetObjectiveMetricValue"
        if criteria.not_improving is not None and self.not_improving >= criteria.not_improving:
            return "BestObjectiveNotImproving"
        if criteria.converged and self.not_improving >= max(CONVERGED_TRIALS, math.ceil(self.plan.trials / 4)):
            return "ConvergenceDetected"
        return None

    def _maximize(self, each: Ended) -> bool:
        return self.plan.definitions[each.trial.definition].maximize

    @property
    def is_hopeless(self) -> bool:
        """Tell whether the first five trials all failed."""
        return len(self.ended) >= FIRST_ATTEMPTS and all(each.objective is None for each in self.ended.values())


def _key(plan: Plan, each: Ended) -> tuple[bool, bool, float, int]:
    """Return what trials are sorted by: those that have a model come before those that were stopped."""
    sign = -1.0 if plan.definitions[each.trial.definition].maximize else 1.0
    return each.objective is None, each.status != "Completed", sign * (each.objective or 0.0), each.trial.number
