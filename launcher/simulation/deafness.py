"""What a lying provider pretends not to hear. Source: docs/protocol.md, "Registration", "Draw", "Correction"."""

from collections.abc import Mapping
from typing import Final, final

from common import topics
from common.frames import Frame, Notification, decode
from common.identifiers import ClientId
from common.refusal import RefusedError
from launcher.simulation.forger import Forger
from launcher.simulation.lies import Lie
from launcher.simulation.oracle import MemberKey
from provider.core.events import Message

FRIENDS: Final = 1
"""So many neighbors are left to a gateway that is cut off."""

DRAWN_MIN: Final = 4
"""A gateway that asks for so many at once has drawn them and has no others."""

FALSELY_MISSING: Final = 0.1
"""The share of frames that are kept and called missing."""


@final
class Deafness:
    """Keeps messages from the honest machine."""

    def __init__(self, lie: Lie, forger: Forger, asked: Mapping[MemberKey, set[ClientId]], certified: int) -> None:
        """`asked` is for whom each member has asked; so many gateways are `certified`."""
        self._lie: Final = lie
        self._forger: Final = forger
        self._asked: Final = asked
        self._admitted_max: Final = (certified - 1) // 2
        self._admitted: set[str] = set()
        self._victim: MemberKey | None = None
        self._near: set[ClientId] = set()
        self._taking_part: set[MemberKey] = set()

    def hears(self, message: Message) -> bool:
        """Whether the honest machine is to hear of this message."""
        try:
            frame, name = decode(message.payload).frame, topics.parse(message.topic).name
        except RefusedError:
            return True
        is_reading = frame.notification is Notification.SUPERPOSITION
        if is_reading:
            self._taking_part.add((frame.network, frame.client))
        match self._lie:
            case Lie.OMISSION if frame.notification is Notification.REGISTER:
                return self._admits(name)
            case Lie.FALSE_CORRECTION if is_reading:
                return not self._calls_missing()
            case Lie.CUT_OFF:
                return not self._ignores(frame)
            case _:
                return True

    def _admits(self, name: str) -> bool:
        """Take in so few that their roster holds fewer than half of the certified."""
        if len(self._admitted) < self._admitted_max:
            self._admitted.add(name)
        self._forger.told += name not in self._admitted
        return name in self._admitted

    def _calls_missing(self) -> bool:
        """Keep a frame from the honest machine, which then corrects its sender out. The broker has it."""
        is_hidden = self._forger.rng.random() < FALSELY_MISSING
        self._forger.told += is_hidden
        return is_hidden

    def _ignores(self, frame: Frame) -> bool:
        """Be deaf for the neighbors of the victim, and for all that it draws in their place, once it takes part."""
        drawers = (member for member, clients in self._asked.items() if len(clients) >= DRAWN_MIN)
        self._victim = self._victim or next(drawers, None)
        if self._victim is None or self._victim not in self._taking_part or frame.network != self._victim[0]:
            return False
        network, victim = self._victim
        pairs = [{e.initiator, e.responder} for (of, _), e in self._forger.store.edges.items() if of == network]
        near = {client for pair in pairs if victim in pair for client in pair} - {victim}
        self._near |= near | self._asked[self._victim]
        is_cut = frame.client in sorted(self._near)[FRIENDS:]
        self._forger.told += is_cut
        return is_cut
