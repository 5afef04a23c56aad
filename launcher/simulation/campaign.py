"""Many seeds: in several processes, each seed in one of them, the reports in the order of the seeds."""

import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, final

from launcher.simulation.scenario import Request
from launcher.simulation.uniformity import LEVEL, Spread
from launcher.simulation.world import Report, run

_AHEAD: Final = 4
"""So many runs per process wait their turn; a campaign that is stopped has little left to finish."""


def reports(requests: Sequence[Request], jobs: int, *, is_traced: bool = False) -> Iterator[Report]:
    """Run all of them, and yield each report when its turn has come.

    A caller that stops early, by an exception or Ctrl-C, waits for the runs under way and for no others.
    """
    if jobs <= 1:
        for request in requests:
            yield run(request, is_traced=is_traced)
        return
    waiting = iter(requests)
    with ProcessPoolExecutor(jobs, initializer=_leave_interrupts) as pool:
        running: list[Future[Report]] = []
        try:
            for request in waiting:
                running.append(pool.submit(run, request, is_traced=is_traced))
                if len(running) >= jobs * _AHEAD:
                    yield running.pop(0).result()
            while running:
                yield running.pop(0).result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _leave_interrupts() -> None:
    """Ctrl-C reaches every process of the terminal; only the one that the person started shall act on it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@final
@dataclass(slots=True)
class Summary:
    """What many runs came to."""

    runs: int = 0
    rounds: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    exposed: int = 0
    waited: int = 0
    by_place: Spread = field(default_factory=Spread)
    by_distance: Spread = field(default_factory=Spread)
    told: Counter[str] = field(default_factory=Counter)
    seen_through: Counter[str] = field(default_factory=Counter)
    worst_liveness_rounds: float = 0.0
    worst_liveness_seed: int | None = None
    failures: list[Report] = field(default_factory=list)

    def add(self, report: Report) -> None:
        """One run more."""
        self.runs += 1
        self.rounds.update(report.rounds)
        self.faults.update(report.faults)
        self.exposed += report.exposed
        self.waited += report.waited
        self.by_place.merge(report.by_place)
        self.by_distance.merge(report.by_distance)
        if report.lie is not None:
            self.told[report.lie.value] += report.told
            self.seen_through[report.lie.value] += report.seen_through
        if report.violation is not None:
            self.failures.append(report)
        elif self.worst_liveness_seed is None or report.liveness_rounds > self.worst_liveness_rounds:
            self.worst_liveness_rounds, self.worst_liveness_seed = report.liveness_rounds, report.seed

    @property
    def are_draws_uniform(self) -> bool:
        """Whether nothing speaks against draws that nobody steers."""
        return min(self.by_place.p_value, self.by_distance.p_value) >= LEVEL

    @property
    def is_good(self) -> bool:
        """Whether no run failed, and all of them together are what they must be."""
        return not self.failures and self.are_draws_uniform

    def as_json(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "runs": self.runs,
            "rounds": dict(sorted(self.rounds.items())),
            "rounds_pending_for_a_while": self.waited,
            "faults": dict(sorted(self.faults.items())),
            "readings_exposed_by_late_frames": self.exposed,
            "draws": {
                "counted": self.by_place.draws,
                "p_by_place": round(self.by_place.p_value, 6),
                "p_by_distance": round(self.by_distance.p_value, 6),
            },
            "lies": {lie: {"told": count, "seen_through": self.seen_through[lie]} for lie, count in self.told.items()},
            "worst_liveness": {"rounds": self.worst_liveness_rounds, "seed": self.worst_liveness_seed},
            "failures": [{"seed": report.seed, "violation": report.violation} for report in self.failures],
        }
