"""What a vault holds once it has taken a record: the meaning of the records, without a file."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from common.identifiers import RoundNumber
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


def _metered(contents: VaultContents, sent: Sent) -> int:
    """The end of the interval that was reported last, as the period of its network says."""
    network = contents.membership.network if contents.membership else None
    periods = [known.period_ms for known in contents.rosters if known.network == network]
    return max(contents.metered_until_ms, sent.round * periods[0] if periods else 0)


Each = TypeVar("Each", Sent, Closed)


def remembered(contents: VaultContents, record: Record) -> VaultContents:
    """The contents after this record. `Sent` and `Closed` are of the present network; the ledger is not part of it."""
    match record:
        case Membership():
            return _placed(contents, record)
        case Edge():
            return replace(contents, edges=(*_others(contents, record.tunnel), record))
        case EdgeErased():
            return replace(contents, edges=_others(contents, record.tunnel))
        case Sent():
            sent = _last((*_not_of(contents.sent, record.round), record))
            return replace(contents, sent=sent, metered_until_ms=_metered(contents, record))
        case Closed():
            return replace(contents, closed=_last((*_not_of(contents.closed, record.round), record)))
        case Evidence():
            at_ms = (record.time_ms,) if record.offense is Offense.LEFT_OUT else ()
            return replace(contents, left_out_ms=(*contents.left_out_ms, *at_ms))
        case Slot() | SlotEnded() | Replaced() | Moved():
            return _with(contents, record)
        case MemberGone():
            return replace(contents, gone=contents.gone | {record.client})
        case KnownRoster():
            others = (roster for roster in contents.rosters if roster.network != record.network)
            return replace(contents, rosters=(*others, record))
        case KnownRevocations():
            return replace(contents, revocations=record.der)
        case Departed():
            return replace(contents, membership=None, edges=(), sent=(), closed=(), slots=(), gone=frozenset())
        case Calibration():
            return contents


def _with(contents: VaultContents, record: Slot | SlotEnded | Replaced | Moved) -> VaultContents:
    """The contents after what says whom the gateway drew, and what made it draw anew."""
    match record:
        case Slot():
            slots = (*(slot for slot in contents.slots if slot.number != record.number), record)
            return replace(contents, slots=slots, used=contents.used | {record.number})
        case SlotEnded():
            return replace(contents, slots=tuple(slot for slot in contents.slots if slot.number != record.number))
        case Replaced():
            return replace(contents, replaced=(*contents.replaced, record))
        case Moved():
            others = (moved for moved in contents.moved if moved.serial != record.serial)
            return replace(contents, moved=(*others, record))


def _placed(contents: VaultContents, place: Membership) -> VaultContents:
    """Another place begins without slots; nothing that was sent in another network has a bearing on it."""
    before = contents.membership
    if before is not None and before.place == place.place:
        return replace(contents, membership=place)
    if before is not None and before.network == place.network:
        return replace(contents, membership=place, slots=(), gone=frozenset())
    return replace(contents, membership=place, sent=(), closed=(), slots=(), gone=frozenset())


def _not_of(known: Sequence[Each], round_: RoundNumber) -> list[Each]:
    return [each for each in known if each.round != round_]


def _last(known: Sequence[Each]) -> tuple[Each, ...]:
    """Of the last rounds, as a vault gives them back."""
    return tuple(sorted(known, key=lambda each: each.round)[-ROUNDS_KEPT:])


def _others(contents: VaultContents, tunnel: int) -> tuple[Edge, ...]:
    return tuple(edge for edge in contents.edges if edge.tunnel != tunnel)
