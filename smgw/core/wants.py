"""Which members a gateway lacks a seed with, and the notification that says so.

Up to 25 members everybody is everybody's neighbor, and of two the one with the higher client identifier asks, and the
other when it is left out of the rounds: it may have lost what nobody else lacks. Beyond, each asks for those whom it
drew. The provider opens tunnels as asked, and chooses nobody. Source: docs/protocol.md, "Draw".
"""

from typing import Final, final

from common.frames import Notification
from common.identifiers import EVERYONE, ClientId
from common.refusal import Refusal, RefusedError
from common.roster import RosterRoot
from common.tunnels import Drawn, DrawnMember, Kind, TunnelOpen
from smgw.core.events import Effect, Level
from smgw.core.reports import ReportedError
from smgw.core.situation import Situation

ENTRIES_MAX: Final = 64
"""No DRAWN may name more."""

AGAIN_PERIODS: Final = 4
AGAIN_MS: Final = 60_000
"""What is still lacking is said again after the longer of both. A seed that stood so long without being used may be one
that the provider has forgotten, so it is asked for anew."""

APART_MS: Final = 1_000
"""Several changes at once are said once."""


def wanted(situation: Situation, now_ms: int) -> dict[ClientId, RosterRoot]:
    """The members with whom a seed is lacking, each with the roster in which it was drawn."""
    roster = situation.roster
    if roster is None or not situation.may_draw:
        return {}
    started = situation.started
    if not roster.at.is_mesh and all(slot.client in started for slot in situation.slots.values()):
        return {}
    since_ms = now_ms - _again_ms(situation)
    has = {EVERYONE, *situation.departed, *started}
    if len(situation.edges) > len(started):
        has |= {edge.peer for edge in situation.edges.values() if edge.stood_ms > since_ms}
    if roster.at.is_mesh:
        has |= situation.leaves.superseded(roster.at.leaves)
        others = [leaf.client for leaf in roster.listed if leaf.client != situation.client]
        is_left_out = situation.final is not None and not situation.is_expected
        return {c: roster.at for c in others if c not in has and (is_left_out or c < situation.client)}
    return {slot.client: slot.at for slot in situation.slots.values() if slot.client not in has}


def _again_ms(situation: Situation) -> int:
    schedule = situation.schedule
    return max(AGAIN_PERIODS * schedule.period_ms, AGAIN_MS) if schedule else AGAIN_MS


@final
class Wants:
    """The part of the member machine that asks for tunnels, and knows what it asked for."""

    def __init__(self, situation: Situation) -> None:
        self._situation: Final = situation
        self._asked: Final[dict[ClientId, set[RosterRoot]]] = {}
        self._is_connected = False
        self._is_changed = False
        self._is_lacking = False
        self._sent_ms: int | None = None

    def connected(self) -> None:
        """The bus is there: say what is lacking, since the provider may have forgotten."""
        self._is_connected = self._is_changed = True

    def disconnected(self) -> None:
        """The bus is gone: asking is of no use until it returns."""
        self._is_connected = False

    def changed(self) -> None:
        """Something else may be lacking now: say it at the next `tick`."""
        self._is_changed = True

    def moved(self) -> None:
        """The gateway has another place, or none."""
        self._asked.clear()
        self._is_lacking = False

    def deadline(self) -> int | None:
        """When `tick` wants to be called next."""
        if not self._is_connected or not self._is_lacking or self._sent_ms is None:
            return None
        return self._sent_ms + (APART_MS if self._is_changed else _again_ms(self._situation))

    def tick(self, now_ms: int) -> list[Effect]:
        """Say what is lacking, when it has changed or nothing came of it for a while."""
        membership = self._situation.membership
        is_staying = membership is not None and not membership.is_leaving
        lacking = wanted(self._situation, now_ms) if is_staying else {}
        self._is_lacking = bool(lacking)
        if not lacking or not self._is_connected:
            return []
        if self._sent_ms is not None:
            self._sent_ms = min(self._sent_ms, now_ms)
            wait_ms = APART_MS if self._is_changed else _again_ms(self._situation)
            if now_ms < self._sent_ms + wait_ms:
                return []
        self._sent_ms, self._is_changed = now_ms, False
        said = dict(sorted(lacking.items())[:ENTRIES_MAX])
        for client, at in said.items():
            self._asked.setdefault(client, set()).add(at)
        members = tuple(DrawnMember(at.epoch, client) for client, at in said.items())
        return [self._situation.up(Notification.DRAWN, Drawn(members).encode(), now_ms)]

    def require(self, order: TunnelOpen, now_ms: int) -> None:
        """See that this gateway asked for the tunnel that it shall initiate.

        Raises:
            RefusedError: UNEXPECTED, when it does not lack this seed any more.
            ReportedError: BAD_DRAW, when it never asked.
        """
        peer, at = order.peer.leaf.client, order.peer.at
        drawn = wanted(self._situation, now_ms).get(peer)
        if drawn == at or (drawn is not None and order.kind is Kind.MESH and drawn.is_mesh):  # all meshes are one
            return
        if peer in self._asked and (order.kind is Kind.MESH or at in self._asked[peer]):
            raise RefusedError(Refusal.UNEXPECTED)
        text = f"The provider proposed a neighbor of its own choice, client {peer}, which this gateway did not draw."
        raise ReportedError(Refusal.BAD_DRAW, Level.CRITICAL, text)
