"""One case of `dcnet analyze rounds`: real cores play some rounds under outages, and are counted."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from common.frames import Notification
from common.identifiers import RoundNumber
from common.suites import SUITES
from launcher.analysis.graph_risk import wilson
from launcher.analysis.rounds_network import SCHEDULE, CountedNetwork, Traffic
from launcher.analysis.rounds_outages import PATTERNS, Outages, Weather
from launcher.analysis.tables import Row, rounded
from provider.core.events import RoundResult

WARM_ROUNDS: Final = 6
"""After these the first outages have come and gone; only then is counted."""

OF_A_ROUND: Final = frozenset(
    {Notification.SUPERPOSITION, Notification.CORRECTION, Notification.FINAL, Notification.RELEASE}
)
"""What each round sends. Everything else is comparing clocks (CLOCK), or coming back after an outage."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is played: `suite` by its number, `pattern` by its name; by the model alone when there are no rounds."""

    suite: int
    members: int
    loss: float
    pattern: str
    rounds: int = 0
    seed: int = 0

    @property
    def outages(self) -> Outages:
        """How connections fail."""
        return Outages(PATTERNS[self.pattern], self.loss)


@dataclass(frozen=True, slots=True)
class _Played:
    """The last word on one round: the result, and when it came, in milliseconds after the round began."""

    result: RoundResult
    waited_ms: int


def measure(case: Case) -> Row:
    """Play the rounds; everything in the row is for one round, and messages and bytes for one gateway and round."""
    suite = SUITES[case.suite]
    network = CountedNetwork(suite, case.members, case.seed)
    network.join()
    weather = Weather(
        case.outages,
        network.timeline,
        SCHEDULE.period_ms,
        network.stream("outages"),
        lambda number, is_on: _switch(network, number, is_on),
    )
    weather.begin(case.members)
    network.play(WARM_ROUNDS)
    network.up.clear()
    network.down.clear()
    first = network.round_number
    network.play(case.rounds)
    return {
        "suite": suite.name,
        "members": case.members,
        "loss": case.loss,
        "pattern": case.pattern if case.loss else "none",
        "rounds": case.rounds,
        **_rounds(_last_words(network, range(first, first + case.rounds))),
        **_traffic(network.up, "up", case),
        **_traffic(network.down, "down", case),
    }


def _switch(network: CountedNetwork, number: int, is_on: bool) -> None:
    name = network.households[number].name
    if is_on:
        network.bus.mend(name)
    else:
        network.bus.cut(name)


def _last_words(network: CountedNetwork, rounds: range) -> list[_Played]:
    """A round whose sum comes later than its end has several results; the one with the sum counts."""
    played: dict[int, _Played] = {}
    for at_ms, result in network.office.results:
        before = played.get(result.round)
        if before is None or before.result.contributors is None:
            played[result.round] = _Played(result, at_ms - SCHEDULE.start(RoundNumber(result.round)))
    return [played[number] for number in rounds if number in played]


def _rounds(played: list[_Played]) -> Row:
    corrected = wilson(sum(each.result.attempts > 0 for each in played), len(played))
    again = wilson(sum(each.result.attempts > 1 for each in played), len(played))
    without = wilson(sum(each.result.contributors is None for each in played), len(played))
    waits = [each.waited_ms / 1000 for each in played if each.result.contributors is not None]
    return {
        "corrected": rounded(corrected.share),
        "corrected_low": rounded(corrected.low),
        "corrected_high": rounded(corrected.high),
        "again": rounded(again.share),
        "without_sum": rounded(without.share),
        "without_sum_low": rounded(without.low),
        "without_sum_high": rounded(without.high),
        "expected_mean": _mean(each.result.members for each in played),
        "missing_mean": _mean(each.result.missing for each in played),
        "wait_mean_s": _mean(waits),
        "wait_p95_s": rounded(float(np.quantile(waits, 0.95))) if waits else None,
    }


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return rounded(float(np.mean(listed))) if listed else None


def _traffic(traffic: Traffic, way: str, case: Case) -> Row:
    """Messages and bytes of the rounds themselves, and all of them."""
    share = 1 / (case.members * case.rounds)
    own_messages = sum(count for kind, count in traffic.messages.items() if kind in OF_A_ROUND)
    own_bytes = sum(count for kind, count in traffic.octets.items() if kind in OF_A_ROUND)
    return {
        f"{way}_messages": rounded(own_messages * share),
        f"{way}_bytes": rounded(own_bytes * share),
        f"{way}_messages_all": rounded(traffic.messages.total() * share),
        f"{way}_bytes_all": rounded(traffic.octets.total() * share),
    }
