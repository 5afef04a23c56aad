"""The shares that gateways give: only for a round that their vault calls closed, and never what would open a reading.

Never both: no gateway ever takes the mask toward a neighbor off a frame and gives a share for this neighbor in the same
round, over all its lives, whatever became of its vault. Source: docs/protocol.md, "Release".
"""

from collections.abc import Mapping
from typing import Final, final

from common.frames import Notification, SignedFrame
from common.identifiers import ClientId, NetworkId, RoundNumber
from common.payloads import Release, RoundFinal, view_of
from common.schedule import Schedule
from launcher.simulation.covers import EdgeEnd
from launcher.simulation.disclosure import Share
from launcher.simulation.trace import ViolationError
from smgw.core.events import Closed, Sent

MemberKey = tuple[NetworkId, ClientId]
_Key = tuple[MemberKey, RoundNumber]
BACK_MAX: Final = 8
"""Shares are given for so many rounds back."""


@final
class Releases:
    """What each gateway has closed, unmasked and released."""

    def __init__(self, schedule: Schedule, members_min: int) -> None:
        self._schedule: Final = schedule
        self._members_min: Final = members_min
        self._finals: Final[dict[bytes, RoundFinal]] = {}
        self._closed: Final[dict[_Key, set[bytes]]] = {}
        self._unmasked: Final[dict[_Key, set[ClientId]]] = {}
        self._given: Final[dict[_Key, set[ClientId]]] = {}

    def signed(self, payload: SignedFrame) -> None:
        """The provider, honest or not, has said this FINAL."""
        if payload.frame.notification is Notification.FINAL:
            self._finals[view_of(payload.raw)] = RoundFinal.decode(payload.frame.data)

    def closed(self, member: MemberKey, record: Closed) -> None:
        """A vault has kept by which FINAL a round is closed."""
        self._closed.setdefault((member, record.round), set()).add(record.view)

    def corrected(self, member: MemberKey, sent: Sent, under: frozenset[ClientId]) -> None:
        """A gateway sends a frame with these neighbors' masks and no others."""
        key = member, sent.round
        unmasked = self._unmasked.setdefault(key, set())
        unmasked.update(set(sent.neighbors) - under)
        self._require_one_kind(key)

    def check(
        self, member: MemberKey, signed: SignedFrame, sent: Sent, ends: Mapping[ClientId, EdgeEnd]
    ) -> list[Share]:
        """What a RELEASE gives; `sent` is the gateway's last frame of the round, `ends` the edges under its first.

        Raises:
            ViolationError: it gives what it must not, or what is not so.
        """
        release = Release.decode(signed.frame.data)
        key, where = (member, release.round), f"client {member[1]} releases shares of round {release.round}"
        final = self._finals.get(release.view)
        if final is None or final.round != release.round or release.view not in self._closed.get(key, ()):
            raise ViolationError(f"{where} before its vault says by which FINAL that is closed")
        if final.view != sent.view or member[1] not in final.included:
            raise ViolationError(f"{where}, although the FINAL is of another chain or without it")
        if len(final.included) < self._members_min:
            raise ViolationError(f"{where} for a sum of {len(final.included)} members")
        if not 0 <= self._schedule.round_at(signed.frame.timestamp_ms) - release.round <= BACK_MAX:
            raise ViolationError(f"{where} at another time than it is allowed")
        owners = release.members.among(sent.neighbors)
        under = {peer for peer, end in ends.items() if end.tunnel in sent.tunnels}
        self._check_owners(where, owners, under.intersection(final.included - sent.missing))
        self._check_shares(where, member[1], dict(zip(owners, release.shares, strict=True)), ends)
        self._given.setdefault(key, set()).update(owners)
        self._require_one_kind(key)
        return [Share(ends[owner].name, owner) for owner in owners]

    @staticmethod
    def _check_owners(where: str, owners: tuple[ClientId, ...], allowed: set[ClientId]) -> None:
        if wrong := [owner for owner in owners if owner not in allowed]:
            raise ViolationError(f"{where} for {wrong}, who are not included or not masked toward")

    @staticmethod
    def _check_shares(
        where: str, client: ClientId, shares: Mapping[ClientId, int], ends: Mapping[ClientId, EdgeEnd]
    ) -> None:
        if wrong := [owner for owner, share in shares.items() if ends[owner].held(client) != share]:
            raise ViolationError(f"{where} for {wrong} that are not those of their seeds")

    def _require_one_kind(self, key: _Key) -> None:
        if both := self._unmasked.get(key, set()) & self._given.get(key, set()):
            (_, client), round_ = key
            raise ViolationError(f"client {client} gives both kinds for {sorted(both)} in round {round_}")
