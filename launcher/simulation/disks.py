"""What survives a crash: a gateway's vault and the provider's store, in memory, with the same records as on disk."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, TypeVar, final

from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from launcher.simulation.trace import ViolationError
from provider.core import events as provider_events
from smgw.core.events import (
    ROUNDS_KEPT,
    Calibration,
    Closed,
    Departed,
    Edge,
    EdgeErased,
    Evidence,
    KnownRevocations,
    KnownRoster,
    MemberGone,
    Membership,
    Moved,
    Offense,
    Record,
    Replaced,
    Sent,
    Slot,
    SlotEnded,
    VaultContents,
)

_Kept = TypeVar("_Kept", Sent, Closed)
_DAY_MS: Final = 86_400_000
_KEPT: Final = ("used", "replaced", "moved", "rosters", "revocations", "left_out_ms", "metered_until_ms")
"""What of its contents a vault keeps when its gateway leaves."""


@final
class Vault:
    """The vault of one gateway, as `smgw.vault` keeps it. Contents are values, so a backup is a reference."""

    def __init__(self) -> None:
        self.contents = VaultContents()
        self._last: dict[NetworkId, tuple[tuple[Sent, ...], tuple[Closed, ...]]] = {}
        self.calibrations: list[Calibration] = []
        """The calibration log, which outlives even a lost vault: nothing in it is ever read again."""
        self.evidence: list[Evidence] = []
        """What the provider signed that it must not."""

    def apply(self, records: Iterable[Record]) -> None:
        """Keep these records."""
        for record in records:
            self.contents = self._after(record)

    def _after(self, record: Record) -> VaultContents:
        now = self.contents
        match record:
            case Membership():
                return self._joined(record)
            case Edge():
                others = (edge for edge in now.edges if edge.tunnel != record.tunnel)
                return replace(now, edges=tuple(sorted((*others, record), key=lambda edge: edge.tunnel)))
            case EdgeErased():
                return replace(now, edges=tuple(edge for edge in now.edges if edge.tunnel != record.tunnel))
            case Sent():
                return replace(now, sent=_last((*now.sent, record)), metered_until_ms=self._metered(record))
            case Closed():
                return replace(now, closed=_last((*now.closed, record)))
            case Evidence():
                return self._noted(record)
            case MemberGone():
                return replace(now, gone=now.gone | {record.client})
            case Departed():
                return self._left()
            case Calibration():
                self.calibrations.append(record)
                return now
            case Slot() | SlotEnded() | Replaced() | Moved() | KnownRoster() | KnownRevocations():
                return _with(now, record)

    def _metered(self, sent: Sent) -> int:
        """The end of the interval that was reported last, as the period of its network says."""
        now = self.contents
        network = now.membership.network if now.membership else None
        periods = [known.period_ms for known in now.rosters if known.network == network]
        return max(now.metered_until_ms, sent.round * periods[0] if periods else 0)

    def _noted(self, evidence: Evidence) -> VaultContents:
        self.evidence.append(evidence)
        now = self.contents
        if evidence.offense is not Offense.LEFT_OUT:
            return now
        since_ms = evidence.time_ms - _DAY_MS
        return replace(now, left_out_ms=(*(at for at in now.left_out_ms if at > since_ms), evidence.time_ms))

    def _left(self) -> VaultContents:
        """Membership and seeds are erased; which draw values are used and which rosters were shown stays known."""
        self._remember()
        now = self.contents
        return VaultContents(
            used=now.used,
            replaced=now.replaced,
            rosters=now.rosters,
            revocations=now.revocations,
            moved=now.moved,
            left_out_ms=now.left_out_ms,
            metered_until_ms=now.metered_until_ms,
        )

    def _joined(self, membership: Membership) -> VaultContents:
        """What was sent and closed belongs to a network; a member of another one has sent nothing there yet."""
        now = self.contents
        if now.membership is not None and now.membership.place == membership.place:
            return replace(now, membership=membership)
        now = replace(now, slots=(), gone=frozenset())
        if now.membership is not None and now.membership.network == membership.network:
            return replace(now, membership=membership)
        self._remember()
        sent, closed = self._last.get(membership.network, ((), ()))
        return replace(now, membership=membership, sent=sent, closed=closed)

    def _remember(self) -> None:
        if self.contents.membership is not None:
            self._last[self.contents.membership.network] = (self.contents.sent, self.contents.closed)

    def restore(self, contents: VaultContents) -> None:
        """Put an older copy in its place; an empty one stands for a lost vault."""
        self.contents = contents
        self._last = {}


def _last(known: Iterable[_Kept]) -> tuple[_Kept, ...]:
    """Of the records of rounds the latest of each of the last ones."""
    latest = {each.round: each for each in known}
    return tuple(latest[number] for number in sorted(latest)[-ROUNDS_KEPT:])


def _with(
    now: VaultContents, record: Slot | SlotEnded | Replaced | Moved | KnownRoster | KnownRevocations
) -> VaultContents:
    """The contents with one record more of those that say whom the gateway drew, and what it was shown."""
    match record:
        case Slot(number):
            others = (slot for slot in now.slots if slot.number != number)
            slots = tuple(sorted((*others, record), key=lambda slot: slot.number))
            return replace(now, slots=slots, used=now.used | {number})
        case SlotEnded(number):
            return replace(now, slots=tuple(slot for slot in now.slots if slot.number != number))
        case Replaced():
            return replace(now, replaced=(*(known for known in now.replaced if known != record), record))
        case Moved(serial):
            others_moved = (known for known in now.moved if known.serial != serial)
            return replace(now, moved=tuple(sorted((*others_moved, record), key=lambda known: known.serial)))
        case Moved(serial):
            return replace(now, moved=(*(known for known in now.moved if known.serial != serial), record))
        case KnownRoster(network):
            others_known = (known for known in now.rosters if known.network != network)
            return replace(now, rosters=tuple(sorted((*others_known, record), key=lambda known: known.network)))
        case KnownRevocations(_, der):
            return replace(now, revocations=der)


@final
class Store:
    """The store of the provider, as `provider.store` keeps it."""

    def __init__(self) -> None:
        self.members: dict[tuple[NetworkId, ClientId], provider_events.MemberRecord] = {}
        self.edges: dict[tuple[NetworkId, TunnelId], provider_events.EdgeRecord] = {}
        self.rosters: dict[tuple[NetworkId, int], provider_events.RosterRecord] = {}
        self.finals: dict[tuple[NetworkId, RoundNumber], bytes] = {}
        self.results: dict[tuple[NetworkId, RoundNumber], provider_events.RoundResult] = {}
        self.pending: dict[tuple[NetworkId, RoundNumber], provider_events.PendingRecord] = {}
        self._last: dict[NetworkId, RoundNumber] = {}

    def apply(self, records: Iterable[provider_events.Record]) -> None:
        """Keep these records.

        Raises:
            ViolationError: a second, different FINAL for one round, or roster for one epoch.
        """
        for record in records:
            self._keep(record)

    def _keep(self, record: provider_events.Record) -> None:
        match record:
            case provider_events.MemberRecord():
                self.members[record.network, record.client] = record
            case provider_events.EdgeRecord():
                self.edges[record.network, record.tunnel] = record
            case provider_events.EdgeRemoved():
                self.edges.pop((record.network, record.tunnel), None)
            case provider_events.RosterRecord():
                if self.rosters.setdefault((record.network, record.epoch), record) != record:
                    raise ViolationError(f"two different rosters {record.epoch} of network {record.network}")
            case provider_events.FinalRecord():
                key = (record.network, record.round)
                if self.finals.setdefault(key, record.frame) != record.frame:
                    raise ViolationError(f"two different FINALs for round {record.round} of network {record.network}")
                self._last[record.network] = RoundNumber(max(record.round, self._last.get(record.network, 0)))
            case provider_events.PendingRecord():
                self.pending[record.network, record.round] = record
            case provider_events.RoundResult():
                self.pending.pop((record.network, record.round), None)
                self.results.setdefault((record.network, record.round), record)

    def last_final(self, network: NetworkId) -> bytes | None:
        """The FINAL of the highest round."""
        last = self._last.get(network)
        return None if last is None else self.finals[network, last]

    def load(self, network: NetworkId) -> provider_events.StoreContents:
        """What is remembered of one network."""
        members = sorted((m for m in self.members.values() if m.network == network), key=lambda m: m.client)
        edges = sorted((e for e in self.edges.values() if e.network == network), key=lambda e: e.tunnel)
        rosters = sorted((r for r in self.rosters.values() if r.network == network), key=lambda r: r.epoch)
        pending = tuple((self.finals[key], self.pending[key]) for key in sorted(self.pending) if key[0] == network)
        return provider_events.StoreContents(
            tuple(members), tuple(edges), tuple(rosters), self.last_final(network), pending
        )
