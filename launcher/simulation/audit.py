"""The audit: checks all that the provider stores and says against the oracle's truth.

Every published sum is right, every round without a sum has a reason, no round has two FINALs, no FINAL expects or
includes who must not be, no round waits for shares too long. Source: docs/protocol.md, "Rounds", "FINAL", "Release",
"Key graph".
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, final

from common.clients import ClientSet
from common.frames import Notification, decode
from common.identifiers import ClientId, NetworkId, RoundNumber
from common.parameters import Parameters
from common.payloads import NO_VIEW, Correction, RoundFinal, view_of
from common.superposition import signed
from launcher.simulation.disks import Store
from launcher.simulation.observer import RoundKey
from launcher.simulation.oracle import Oracle
from launcher.simulation.trace import ViolationError
from provider.core.events import EdgeState, FinalRecord, Record, RoundResult, RoundStatus, Why
from provider.core.keygraph import Edge, neighborhoods, summable

PENDING_ROUNDS: Final = 8
"""A sum waits for its shares until the FINAL of the round so many rounds later."""

WITH_SUM: Final = (RoundStatus.COMPLETE, RoundStatus.CORRECTED)


@final
class Audit:
    """Watches one provider over all its lives."""

    def __init__(self, oracle: Oracle, store: Store, rules: dict[NetworkId, Parameters]) -> None:
        self._oracle = oracle
        self._store = store
        self._rules = rules
        self.finals: dict[RoundKey, RoundFinal] = {}
        self.named_missing: dict[RoundKey, set[ClientId]] = {}
        self.closed: dict[RoundKey, RoundResult] = {}
        self.waited: set[RoundKey] = set()
        """Rounds that were pending, as the provider said."""
        self._last: dict[NetworkId, tuple[RoundFinal, bytes]] = {}

    def stored(self, records: Iterable[Record]) -> None:
        """The store has kept these records."""
        for record in records:
            if isinstance(record, FinalRecord):
                self._check_final(record)
        for network, number in self._store.pending:
            if number + PENDING_ROUNDS <= self._last[network][0].round:
                raise ViolationError(f"round {number} of network {network} waits for shares for too long")

    def _check_final(self, record: FinalRecord) -> None:
        final = RoundFinal.decode(decode(record.frame).frame.data)
        network, where = record.network, f"the FINAL of round {record.round} of network {record.network}"
        last, frame = self._last.get(network, (None, None))
        if final.round != record.round or final.view != (NO_VIEW if frame is None else view_of(frame)):
            raise ViolationError(f"{where} does not continue from the one before")
        if last is not None and not last.round < final.void_from <= final.round:
            raise ViolationError(f"{where} voids from {final.void_from} after round {last.round}")
        if last is not None and not final.included <= last.expected:
            raise ViolationError(f"{where} includes who was not expected")
        if final.included and final.void_from != final.round:
            raise ViolationError(f"{where} includes members although it voids rounds")
        self._check_expected(network, final, where)
        self.finals[network, final.round] = final
        self._last[network] = (final, record.frame)

    def _check_expected(self, network: NetworkId, final: RoundFinal, where: str) -> None:
        rules, expected = self._rules[network], set(final.expected)
        edges = [
            Edge(e.tunnel, e.initiator, e.responder, e.state)
            for (of, _), e in self._store.edges.items()
            if of == network and e.state is not EdgeState.OPEN
        ]
        degrees = Counter(client for pair in {edge.pair for edge in edges} for client in pair)
        if degrees and max(degrees.values()) > rules.degree_max:
            raise ViolationError(f"{where}: a member has {max(degrees.values())} neighbors, over {rules.degree_max}")
        near = neighborhoods(expected, [edge for edge in edges if edge.state is EdgeState.STARTED])
        if summable(expected, near, rules.masks_min, rules.members_min) != expected:
            raise ViolationError(f"{where} expects members that cannot be summed")

    def publishes(self, payload: bytes) -> None:
        """The provider sends this now."""
        frame = decode(payload).frame
        if frame.notification is Notification.FINAL:
            number = RoundFinal.decode(frame.data).round
            if self._store.finals.get((frame.network, number)) != payload:
                raise ViolationError(f"the FINAL of round {number} was sent before it was stored")
        elif frame.notification is Notification.CORRECTION:
            order = Correction.decode(frame.data)
            self.named_missing.setdefault((frame.network, order.round), set()).update(order.missing)

    def closes(self, result: RoundResult) -> None:
        """The provider publishes this result."""
        key = (result.network, result.round)
        where = f"round {result.round} of network {result.network}"
        if result.status is RoundStatus.PENDING:
            self._check_pending(key, result, where)
            return
        if self._store.results.get(key) != result:
            raise ViolationError(f"{where} is published with another result than is stored")
        if self.closed.setdefault(key, result) != result:
            raise ViolationError(f"{where} is published twice, differently")
        included = self.finals[key].included if key in self.finals else ClientSet()
        self._check_counts(result, included, where)
        if result.status in WITH_SUM:
            self._check_sum(result, included, where)
        elif result.why is Why.NONE or (result.import_dwh, result.export_dwh, result.contributors) != (None,) * 3:
            raise ViolationError(f"{where} is {result.status.value} without a reason, or with a sum")
        elif result.why is Why.NO_CANCEL:
            raise ViolationError(f"{where}: the masks of accepted frames did not cancel")

    def _check_pending(self, key: RoundKey, result: RoundResult, where: str) -> None:
        self.waited.add(key)
        if key not in self._store.pending or key in self.closed:
            raise ViolationError(f"{where} is called pending, and does not wait for shares")
        self._check_counts(result, self.finals[key].included, where)
        if result.why is not Why.SHARES or (result.import_dwh, result.export_dwh, result.contributors) != (None,) * 3:
            raise ViolationError(f"{where} is pending without a reason, or with a sum")

    def _check_counts(self, result: RoundResult, included: ClientSet, where: str) -> None:
        present = len(included) if result.status in {*WITH_SUM, RoundStatus.PENDING} else 0
        if result.present != present or result.present + result.missing != result.members:
            raise ViolationError(f"{where}: counts do not add up")
        if named := self.named_missing.get((result.network, result.round), set()) & set(included):
            raise ViolationError(f"{where} includes {sorted(named)}, whom a correction had named missing")

    def _check_sum(self, result: RoundResult, included: ClientSet, where: str) -> None:
        if result.why is not Why.NONE or len(included) < self._rules[result.network].members_min:
            raise ViolationError(f"{where} publishes a sum over {len(included)} members")
        if (result.status is RoundStatus.COMPLETE) != (result.missing == 0):
            raise ViolationError(f"{where} is {result.status.value} with {result.missing} missing")
        truth = signed(self._oracle.true_sum(result.network, result.round, included))
        if truth != (result.import_dwh, result.export_dwh, result.contributors):
            raise ViolationError(f"{where}: the sum is {truth}, published was {result}")

    def check_complete(self) -> None:
        """Every round between the first and the last FINAL of a network has one result, sum or reason, or waits.

        Raises:
            ViolationError: one has none.
        """
        for network, (last, _) in self._last.items():
            rounds = [number for of, number in (*self._store.results, *self._store.pending) if of == network]
            missing = set(range(min(rounds, default=last.round + 1), last.round + 1)) - set(rounds)
            if missing:
                raise ViolationError(f"network {network} has no result for rounds {sorted(missing)}")

    def last_final(self, network: NetworkId) -> RoundFinal | None:
        """The last FINAL of a network."""
        return self._last[network][0] if network in self._last else None

    def results(self, network: NetworkId, first: RoundNumber) -> list[RoundResult]:
        """The published results from round `first` on, in order."""
        return [self.closed[key] for key in sorted(self.closed) if key[0] == network and key[1] >= first]
