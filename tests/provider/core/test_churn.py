"""A network in which gateways come and go without end: degrees stay bounded, and the key graph stays in one piece.

The gateways are scripted: every handshake succeeds at once, and whoever is expected sends.
"""

import random
from dataclasses import replace

import pytest

from common.frames import Notification
from common.identifiers import ClientId, RoundNumber, TunnelId
from common.payloads import Entered, HeldEdge, Holdings
from provider.core.events import EdgeState, MemberState, Message
from provider.core.keygraph import components, neighborhoods
from tests.provider.core.bench import Bench, empty
from tests.provider.core.builders import NETWORK, PARAMETERS, SCHEDULE, message, registration


class Churn:
    """A provider, and who is there: gateway n keeps its key for life, and its client identifier for one membership."""

    def __init__(self, seed: int, *, degree_max: int = 24) -> None:
        self.random = random.Random(seed)
        self.bench: Bench = empty(replace(PARAMETERS, degree_max=degree_max))
        self.bench.entropy.seed(seed)
        self.joined = 0
        self.broken: set[ClientId] = set()

    @property
    def clients(self) -> list[ClientId]:
        return [m.client for m in self.bench.machine.networks[NETWORK].desk.in_state(MemberState.PRESENT)]

    def join(self, count: int) -> None:
        first = self.joined + 1
        self.joined += count
        numbers = range(first, self.joined + 1)
        self.bench.receive(*(registration(number, at_ms=self.bench.now_ms) for number in numbers))

    def leave(self, count: int) -> None:
        chosen = self.random.sample(self.clients, count)
        self.bench.receive(*(self.say(client, Notification.EXIT) for client in chosen))

    def say(self, client: ClientId, notification: Notification, data: bytes = b"") -> Message:
        return message(client, notification, data, at_ms=self.bench.now_ms)

    def agree(self) -> None:
        """Every open tunnel ends in a seed, or in a failure now and then."""
        graph = self.bench.machine.networks[NETWORK].desk.graph
        for _ in range(5):
            self.bench.now_ms += 1
            by_initiator: dict[ClientId, list[TunnelId]] = {}
            for edge in graph.in_state(EdgeState.OPEN):
                by_initiator.setdefault(edge.initiator, []).append(edge.tunnel)
            reports = []
            for client, tunnels in by_initiator.items():
                failed = {t for t in tunnels if self.random.random() < 0.05}
                report = Entered(tuple(t for t in tunnels if t not in failed), tuple(failed))
                reports.append(self.say(client, Notification.ENTERED, report.encode()))
            self.bench.receive(*reports)

    def round(self, silent: int = 0) -> None:
        """One round: draws, handshakes, reports, corrections; the silent ones resume later."""
        bench, start = self.bench, SCHEDULE.start(SCHEDULE.round_at(self.bench.now_ms))
        bench.run(start + 2_000)
        self.agree()
        if bench.contents.final is None:
            bench.run(start + SCHEDULE.period_ms)
            return
        expected = list(bench.last.expected)
        quiet = set(self.random.sample(expected, min(silent, len(expected))))
        number = bench.last.round
        bench.report(*(client for client in expected if client not in quiet))
        for attempt in (1, 2, 3):
            if bench.last.round != number:
                break
            bench.run(SCHEDULE.deadline(RoundNumber(number + 1), attempt - 1))
            open_round = bench.machine.networks[NETWORK]._round
            assert open_round is not None
            if bench.last.round == number:
                again = [c for c in expected if c not in open_round.missing]
                bench.report(*again, missing=open_round.missing, attempt=attempt)
        bench.now_ms += 1
        self.agree()
        self.resume()
        self.agree()
        bench.run(start + SCHEDULE.period_ms)

    def resume(self) -> None:
        desk = self.bench.machine.networks[NETWORK].desk
        for member in desk.in_state(MemberState.AWAY):
            mine = [edge for edge in desk.graph.of(member.client) if edge.state is EdgeState.STARTED]
            held = Holdings(tuple(HeldEdge(e.tunnel, e.other(member.client), True) for e in mine))
            self.bench.receive(self.say(member.client, Notification.RESUME, held.encode()))

    def check(self, degree_max: int) -> None:
        desk = self.bench.machine.networks[NETWORK].desk
        present = set(self.clients)
        assert all(len(desk.graph.neighbors(client)) <= degree_max for client in desk.members)
        expected = set(self.bench.last.expected)
        near = neighborhoods(expected, desk.graph.in_state(EdgeState.STARTED))
        assert len(components(expected, near)) == 1
        assert all(len(near[client]) >= PARAMETERS.masks_min for client in expected)
        assert len(present - expected) <= 3


@pytest.mark.parametrize("seed", [1, 2])
def test_under_endless_churn_degrees_stay_bounded_and_the_key_graph_in_one_piece(seed: int) -> None:
    churn = Churn(seed)
    churn.join(30)
    churn.round()
    churn.round()
    for _ in range(40):
        churn.leave(3)
        churn.join(3)
        churn.round()
        churn.check(24)
    assert churn.joined == 150
    assert [result.status.value for result in churn.bench.results[-40:]] == ["complete"] * 40
    graph = churn.bench.machine.networks[NETWORK].desk.graph
    assert 10 <= sum(len(graph.neighbors(client)) for client in churn.clients) / 30 <= 14


def test_with_members_that_drop_out_as_well_sums_go_on() -> None:
    churn = Churn(3)
    churn.join(30)
    churn.round()
    churn.round()
    for _ in range(20):
        churn.leave(2)
        churn.join(2)
        churn.round(silent=2)
        churn.check(24)
    statuses = [result.status.value for result in churn.bench.results]
    assert set(statuses) <= {"complete", "corrected"}
    assert statuses.count("corrected") >= 19


def test_a_low_highest_degree_is_kept_too() -> None:
    churn = Churn(4, degree_max=8)
    churn.join(20)
    churn.round()
    churn.round()
    for _ in range(20):
        churn.leave(2)
        churn.join(2)
        churn.round()
        churn.check(8)
