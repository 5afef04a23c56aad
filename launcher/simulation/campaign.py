"""Many seeds: in several processes, each seed in one of them, the reports in the order of the seeds."""

import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, final

from launcher.simulation.scenario import Request
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
    worst_liveness_rounds: float = 0.0
    worst_liveness_seed: int | None = None
    failures: list[Report] = field(default_factory=list)

    def add(self, report: Report) -> None:
        """One run more."""
        self.runs += 1
        self.rounds.update(report.rounds)
        self.faults.update(report.faults)
        self.exposed += report.exposed
        if report.violation is not None:
            self.failures.append(report)
        elif self.worst_liveness_seed is None or report.liveness_rounds > self.worst_liveness_rounds:
            self.worst_liveness_rounds, self.worst_liveness_seed = report.liveness_rounds, report.seed

    def as_json(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "runs": self.runs,
            "rounds": dict(sorted(self.rounds.items())),
            "faults": dict(sorted(self.faults.items())),
            "readings_exposed_by_late_frames": self.exposed,
            "worst_liveness": {"rounds": self.worst_liveness_rounds, "seed": self.worst_liveness_seed},
            "failures": [{"seed": report.seed, "violation": report.violation} for report in self.failures],
        }
