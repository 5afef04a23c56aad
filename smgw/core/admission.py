"""Getting into a network and its key graph, back into it, and out of it.

Notification 1 asks for a place; the provider opens tunnels, and `handshakes` agrees on a seed in each. Whoever is not
expected asks again: with RESUME when it holds seeds, with EMERGENCY when too few of its neighbors are left.
Source: thesis section 3.3.2; docs/protocol.md, "Registration", "Coming back", "Exit".
"""

import random
from dataclasses import replace
from typing import Final, final

from common import topics
from common.frames import Notification, SignedFrame
from common.identifiers import NO_NETWORK
from common.payloads import Assigned, ExitConfirmed, HeldEdge, Holdings, Registration, Rejected, Resumed, require_empty
from common.refusal import Refusal, RefusedError
from common.signing import Direction
from smgw.core.asking import PATIENCE_MS, AskTimer
from smgw.core.events import Departed, Effect, Left, Level, Membership, Notice, Store, Subscribe
from smgw.core.handshakes import Handshakes
from smgw.core.places import Places
from smgw.core.situation import RETRY_FIRST_MS, RETRY_MAX_MS, Situation

PLACE_MS: Final = 60_000
"""How old the provider's answer to a registration may be."""

RESUMES_UNANSWERED_MAX: Final = 3
"""After so many RESUMEs without an answer the gateway registers anew."""


@final
class Admission:
    """The part of the member machine that makes and ends membership, and asks for what is lacking."""

    def __init__(
        self, situation: Situation, handshakes: Handshakes, entropy: random.Random, timer: AskTimer, places: Places
    ) -> None:
        """`timer` is shared with the handshakes, whose messages delay it."""
        self._situation: Final = situation
        self._places: Final = places
        self._entropy: Final = entropy
        self._timer: Final = timer
        self._handshakes: Final = handshakes
        self._is_connected = False
        self._pause_ms = RETRY_FIRST_MS
        self._unanswered = 0
        self._is_registering = False

    def deadline(self) -> int | None:
        """When `tick` wants to be called next."""
        times = [self._handshakes.deadline(), self._timer.at_ms if self._is_connected else None]
        return min((time for time in times if time is not None), default=None)

    def connected(self, now_ms: int) -> list[Effect]:
        """The bus is there: listen; a gateway without a network asks for one, a member waits for the retained FINAL."""
        self._is_connected = True
        membership = self._situation.membership
        effects: list[Effect] = [Subscribe(topics.inbox_filter(self._situation.rules.name))]
        self._pause_ms = RETRY_FIRST_MS
        self._timer.at_ms = now_ms
        if membership is not None:
            effects.append(Subscribe(topics.broadcast_filter(membership.network)))
            is_member = not membership.is_leaving and not self._places.has_new_certificate
            is_settled = self._situation.is_expected and is_member
            self._timer.at_ms = None if is_settled else now_ms + RETRY_FIRST_MS
        return effects + self.tick(now_ms)

    def disconnected(self) -> None:
        """The bus is gone: asking is of no use until it returns."""
        self._is_connected = False

    def tick(self, now_ms: int) -> list[Effect]:
        """Repeat or give up handshakes that wait too long, and ask again when nothing came."""
        self._timer.follow_clock(now_ms)
        effects = self._handshakes.tick(now_ms)
        if self._is_connected and self._timer.is_due(now_ms):
            effects += self._ask(now_ms)
        return effects

    def expected(self) -> None:
        """A FINAL expects this gateway: nothing is left to ask for, unless it leaves or has to show a certificate."""
        membership = self._situation.membership
        if membership is None or not (membership.is_leaving or self._places.has_new_certificate):
            self._timer.at_ms = None
        self._pause_ms = RETRY_FIRST_MS
        self._unanswered = 0

    def not_expected(self, now_ms: int, spread_ms: int) -> list[Effect]:
        """A FINAL leaves this gateway out: ask to be taken back, at a moment of its own within `spread_ms`.

        Whoever was never in has its handshakes under way, and only asks again when nothing comes of them.
        """
        is_asking = self._timer.at_ms is not None
        if is_asking and not any(edge.is_started for edge in self._situation.edges.values()):
            return []
        soon = now_ms + int(self._entropy.random() * spread_ms)
        self._timer.at_ms = soon if self._timer.at_ms is None else min(self._timer.at_ms, soon)
        return self.tick(now_ms)

    def _ask(self, now_ms: int) -> list[Effect]:
        situation, membership = self._situation, self._situation.membership
        self._timer.at_ms = now_ms + self._pause_ms
        self._pause_ms = min(self._pause_ms * 2, RETRY_MAX_MS)
        if membership is not None and membership.is_leaving:
            return [situation.up(Notification.EXIT, b"", now_ms)]
        if self._handshakes.is_initiating or situation.is_refusing:
            return []
        effects = self._listen_again()
        is_forgotten = not situation.edges or self._unanswered >= RESUMES_UNANSWERED_MAX
        if membership is None or is_forgotten or self._places.has_new_certificate:
            self._unanswered, self._is_registering = 0, True
            data = Registration(situation.rules.values.root, situation.rules.certificate).encode()
            return [*effects, situation.up(Notification.REGISTER, data, now_ms)]
        self._unanswered += 1
        held = Holdings(tuple(HeldEdge(e.tunnel, e.peer, e.is_started) for e in situation.edges.values()))
        expected = situation.final.expected if situation.final else None
        is_enough = expected is None or len(situation.started_edges(expected)) >= situation.masks_min
        request = Notification.RESUME if is_enough else Notification.EMERGENCY
        return [*effects, situation.up(request, held.encode(), now_ms)]

    def _listen_again(self) -> list[Effect]:
        """The network's rules, retained by the broker, never arrived: a new subscription brings them again."""
        membership = self._situation.membership
        if membership is None or self._situation.roster is not None:
            return []
        return [Subscribe(topics.broadcast_filter(membership.network))]

    def assigned(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """The provider has given this gateway a place.

        Raises:
            RefusedError: the place is another gateway's, was not asked for, or was given long ago: a gateway that
                obeyed an old answer would erase the seeds of its present place.
            ReportedError: the gateway has a place, and nothing that the provider may take for a reason to change it.
        """
        situation, frame = self._situation, signed.frame
        if Assigned.decode(frame.data).public_key != situation.identity.public_key:
            raise RefusedError(Refusal.UNKNOWN_CLIENT)
        if frame.network == NO_NETWORK or not frame.client:
            raise RefusedError(Refusal.WRONG_NETWORK)
        if not self._is_registering:
            raise RefusedError(Refusal.UNEXPECTED)
        serial = self._places.serial
        known, membership = situation.membership, Membership(frame.network, frame.client, serial=serial)
        if known is not None and known.place == membership.place:
            self._is_registering = False
            situation.membership = replace(known, serial=serial)
            return [Store(situation.membership)] if known.serial != serial else []
        if now_ms - frame.timestamp_ms > PLACE_MS:
            raise RefusedError(Refusal.STALE)
        self._is_registering = False
        effects = [*self._places.change(membership), *situation.erase_all()]
        self._handshakes.forget()
        situation.membership = membership
        self._timer.at_ms = now_ms + PATIENCE_MS
        effects.append(Store(membership))
        effects.append(Subscribe(topics.broadcast_filter(frame.network)))
        text = f"This gateway is client {frame.client} of network {frame.network}."
        return [*effects, Notice(Level.INFO, text)]

    def rejected(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """The provider has refused a registration: say why, and ask again later.

        Raises:
            RefusedError: UNEXPECTED, when this gateway has not asked: somebody else used its name, or the answer
                is old.
        """
        rejected = Rejected.decode(signed.frame.data)
        if not self._is_registering:
            raise RefusedError(Refusal.UNEXPECTED)
        self._is_registering = False
        self._pause_ms = RETRY_MAX_MS
        self._timer.at_ms = now_ms + self._pause_ms
        request = rejected.notification.name.lower()
        text = f"The provider refused this gateway's {request}: {rejected.reason.sentence}."
        return [Notice(Level.CRITICAL, text)]

    def resumed(self, signed: SignedFrame) -> list[Effect]:
        """The provider has named the started edges: use those of them that stand here."""
        self._unanswered = 0
        return [*self._situation.start(Resumed.decode(signed.frame.data).started)]

    def neighbor_left(self, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """A neighbor's own notification 3: erase its seed and confirm.

        Raises:
            RefusedError: BAD_SIGNATURE, when it is not the neighbor who says so.
        """
        require_empty(signed.frame.data)
        leaver = signed.frame.client
        effects: list[Effect] = []
        for edge in self._situation.edges_with(leaver):
            signed.require_signature(edge.peer_key, Direction.UP)
            if self._situation.is_with_member(edge):
                effects += self._situation.depart(leaver)
            effects += self._situation.erase(edge.tunnel)
        return [*effects, self._situation.up(Notification.EXIT_CONFIRMED, ExitConfirmed(leaver).encode(), now_ms)]

    def leave(self, now_ms: int) -> list[Effect]:
        """The owner wants to leave: say so until the provider confirms."""
        membership = self._situation.membership
        if membership is None:
            return [Left()]
        self._situation.membership = replace(membership, is_leaving=True)
        self._is_registering = False
        self._timer.at_ms = now_ms
        self._pause_ms = RETRY_FIRST_MS
        return [Store(self._situation.membership), *(self.tick(now_ms) if self._is_connected else [])]

    def exit_confirmed(self, signed: SignedFrame) -> list[Effect]:
        """The provider has confirmed the exit: forget everything.

        Raises:
            RefusedError: UNEXPECTED, when this gateway does not want to leave.
        """
        situation, membership = self._situation, self._situation.membership
        is_own = ExitConfirmed.decode(signed.frame.data).leaver == situation.client
        if membership is None or not membership.is_leaving or not is_own:
            raise RefusedError(Refusal.UNEXPECTED)
        situation.erase_all()
        situation.membership = None
        self._timer.at_ms = None
        return [
            Store(Departed()),
            Notice(Level.INFO, "This gateway has left its network; its seeds are erased."),
            Left(),
        ]
