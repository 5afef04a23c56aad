"""One round at the provider: counts distinct clients, finds the missing, corrects, and adds up.

Pure bookkeeping of frames that were already decoded and whose signatures hold; time comes from outside.
Source: thesis section 3.3.2 (normal operation, connection loss); docs/protocol.md, "Rounds" and "Correction".
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import final

from common.batch import Row, sum_lanes
from common.clients import ClientSet
from common.identifiers import ClientId, RoundNumber
from common.parameters import Parameters
from common.refusal import Refusal, RefusedError
from common.suites import Suite, fingerprint
from common.superposition import Lanes, signed
from provider.core.events import RoundStatus, Why
from provider.core.keygraph import Holders, Neighborhoods, summable
from provider.core.opening import Sealed


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a round ended; `lanes` (signed: import, export, contributors) only when a sum is published."""

    status: RoundStatus
    why: Why
    included: ClientSet
    lanes: Lanes | None = None


@dataclass(slots=True)
class _Accepted:
    """The frame of one client that counts."""

    attempt: int
    raw: bytes
    told: bytes
    sealed: Sealed | None


@final
@dataclass(slots=True)
class Round:
    """An open round. `near` are the started edges among those expected."""

    number: RoundNumber
    view: bytes
    suite: Suite
    parameters: Parameters
    near: Neighborhoods
    attempt: int = 0
    missing: set[ClientId] = field(default_factory=set)
    """Left out of the sum: silent, or left by the silent without enough masks or in too small a part."""
    silent: set[ClientId] = field(default_factory=set)
    """Those of the missing from whom no frame came at all. Whoever has sent and answers no correction is there: it may
    have to refuse it, with too few masks left, and would be missed by those who drew it."""
    _accepted: dict[ClientId, _Accepted] = field(default_factory=dict)
    _asked: dict[ClientId, int] = field(default_factory=dict)
    _fingerprints: dict[ClientId, int] = field(default_factory=dict)
    _waiting: set[ClientId] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._waiting = set(self.near)

    @property
    def expected(self) -> int:
        """How many members were expected."""
        return len(self.near)

    @property
    def came(self) -> set[ClientId]:
        """From whom a frame was accepted."""
        return set(self._accepted)

    @property
    def is_full(self) -> bool:
        """Whether every frame that is awaited has come."""
        return not self._waiting

    def require_acceptable(self, row: Row) -> None:
        """Check what costs little before anybody checks the signature.

        Raises:
            RefusedError: the frame does not count in this round.
        """
        client = ClientId(row.client)
        if client not in self.near:
            raise RefusedError(Refusal.NOT_EXPECTED)
        if client in self.missing:
            raise RefusedError(Refusal.LATE)
        if row.suite != self.suite.code:
            raise RefusedError(Refusal.WRONG_SUITE)
        if row.view != self.view:
            raise RefusedError(Refusal.WRONG_VIEW)
        asked, accepted = self._asked.get(client, 0), self._accepted.get(client)
        if row.attempt < asked:
            raise RefusedError(Refusal.LATE)
        if accepted is not None and accepted.attempt >= row.attempt:
            raise RefusedError(Refusal.REPEATED)
        if row.attempt > asked:
            raise RefusedError(Refusal.UNEXPECTED)
        if row.edges != self._fingerprint(client):
            raise RefusedError(Refusal.WRONG_MASKS)
        if accepted is not None and accepted.told != row.told:
            raise RefusedError(Refusal.BAD_DATA)

    def read(self, row: Row) -> Sealed | None:
        """What an acceptable frame tells of its self-mask; None in a suite without.

        Raises:
            RefusedError: BAD_DATA.
        """
        client = ClientId(row.client)
        accepted = self._accepted.get(client)
        if accepted is not None:
            return accepted.sealed
        sealing = self.suite.read_told(row.told)
        if sealing is None:
            return None
        return Sealed(tuple(sorted(self.near[client])), sealing)

    def accept(self, row: Row, sealed: Sealed | None) -> None:
        """Count a frame that is acceptable and whose signature holds: its client's bit, once, and its lanes."""
        client = ClientId(row.client)
        self._accepted[client] = _Accepted(row.attempt, row.raw, row.told, sealed)
        self._waiting.discard(client)

    @property
    def sealed(self) -> dict[ClientId, Sealed]:
        """What the frames that came tell of their self-masks."""
        return {client: one.sealed for client, one in sorted(self._accepted.items()) if one.sealed is not None}

    def _fingerprint(self, client: ClientId) -> int:
        known = self._fingerprints.get(client)
        if known is None:
            known = self._fingerprints[client] = fingerprint(
                tunnel for peer, tunnel in self.near[client].items() if peer not in self.missing
            )
        return known

    def correct(self) -> Outcome | None:
        """The deadline has come: declare missing who is awaited, and ask their neighbors to send again.

        Returns:
            None when a correction must be sent (`attempt`, `missing`), or how the round ended without a sum.
        """
        self.silent |= self._waiting - self._accepted.keys()
        present = set(self.near) - self.missing - self._waiting
        minimum = self.parameters.members_min
        if not present:
            return self._without_sum(RoundStatus.LOST, Why.NOBODY)
        if len(present) < minimum:
            return self._without_sum(RoundStatus.REFUSED, Why.TOO_FEW_LEFT)
        sealed = self.sealed
        holders = {c: Holders(frozenset(sealed[c].holders), sealed[c].sealing.needed) for c in present if c in sealed}
        kept = summable(present, self.near, self.parameters.masks_min, minimum, holders)
        if not kept:
            return self._without_sum(RoundStatus.REFUSED, Why.SPLIT)
        if self.attempt >= self.parameters.schedule.attempts_max:
            return self._without_sum(RoundStatus.LOST, Why.ATTEMPTS)
        self.attempt += 1
        newly_missing = set(self.near) - kept - self.missing
        self.missing |= newly_missing
        self._waiting = {client for client in kept if newly_missing.intersection(self.near[client])}
        for client in self._waiting:
            self._asked[client] = self.attempt
            self._fingerprints.pop(client, None)
        return None

    def close(self) -> Outcome:
        """Every frame is there: the sum, or that it waits for shares."""
        included = set(self.near) - self.missing
        if self.suite.has_release:
            return Outcome(RoundStatus.PENDING, Why.SHARES, ClientSet.of(included))
        total = self.total(included)
        return judge(total, ClientSet.of(included), len(self.missing), self.parameters.members_min)

    def total(self, included: Iterable[ClientId]) -> Lanes:
        """The sum of the concealed lanes of these members."""
        return sum_lanes([self._accepted[client].raw for client in included])

    def _without_sum(self, status: RoundStatus, why: Why) -> Outcome:
        return Outcome(status, why, ClientSet())


def judge(total: Lanes, included: ClientSet, missing: int, members_min: int) -> Outcome:
    """Whether a sum whose masks are all off may be published, and as what."""
    import_dwh, export_dwh, contributors = signed(total)
    if not 0 <= contributors <= len(included):
        return Outcome(RoundStatus.LOST, Why.NO_CANCEL, ClientSet())
    if contributors < members_min:
        return Outcome(RoundStatus.REFUSED, Why.TOO_FEW_READINGS, ClientSet())
    status = RoundStatus.CORRECTED if missing else RoundStatus.COMPLETE
    return Outcome(status, Why.NONE, included, (import_dwh, export_dwh, contributors))
