"""A provider that lies: it rewrites what the real provider machine sends, and has the provider's signing key.

Each lie is one that a gateway must see through by itself: it is refused, and the owner is told.
Source: docs/protocol.md, "Roster", "Draw", "Key agreement".
"""

import random
from typing import Final, final

from common.frames import Frame, Notification, decode
from common.identifiers import ClientId
from common.refusal import RefusedError
from common.tunnels import Drawn
from launcher.simulation.deafness import Deafness
from launcher.simulation.disks import Store
from launcher.simulation.forger import Forger, Twists
from launcher.simulation.lies import Lie
from launcher.simulation.lies_about_rosters import RosterLies
from launcher.simulation.lies_about_rounds import RoundLies
from launcher.simulation.lies_about_tunnels import TunnelLies
from launcher.simulation.oracle import MemberKey
from provider.core.events import Message, Publish

REMEMBERED: Final = 200
"""Among so many orders is chosen what to repeat."""


@final
class Liar:
    """Stands between the provider machine and the bus, and tells one kind of lie, about every second time it can."""

    def __init__(self, lie: Lie, store: Store, rng: random.Random, certified: int) -> None:
        """So many gateways are `certified`."""
        self.lie: Final = lie
        self._forger: Final = Forger(store, rng)
        self._asked: dict[MemberKey, set[ClientId]] = {}
        self._tunnels: Final = TunnelLies(self._forger, self._asked)
        self._rounds: Final = RoundLies(lie, self._forger)
        self._deafness: Final = Deafness(lie, self._forger, self._asked, certified)
        self._twists: Final[Twists] = {**RosterLies(self._forger).twists, **self._tunnels.twists}
        self._said: list[Publish] = []

    @property
    def told(self) -> int:
        """How often it has lied."""
        return self._forger.told

    def says(self, publish: Publish, now_ms: int) -> list[Publish]:
        """What is sent instead of what the honest machine wants to send."""
        frame = decode(publish.payload).frame
        if self.lie is Lie.REPLAY:
            return self._repeat(publish)
        if self.lie.is_about_rounds:
            return self._rounds.says(publish, frame, now_ms)
        twist = self._twists.get((self.lie, frame.notification))
        return twist(publish, frame, now_ms) if twist else [publish]

    def _repeat(self, publish: Publish) -> list[Publish]:
        self._said = [*self._said[-REMEMBERED:], publish]
        return [publish, self._forger.rng.choice(self._said)] if self._forger.lies() else [publish]

    def hears(self, message: Message) -> bool:
        """Whether the honest machine is to hear of this message."""
        try:
            frame = decode(message.payload).frame
        except RefusedError:
            return True
        self._listen(frame)
        return self._rounds.hears(frame) if self.lie.is_about_rounds else self._deafness.hears(message)

    def _listen(self, frame: Frame) -> None:
        try:
            if frame.notification is not Notification.DRAWN:
                return
            clients = {member.client for member in Drawn.decode(frame.data).members}
        except RefusedError:
            return
        self._asked.setdefault((frame.network, frame.client), set()).update(clients)

    def relays(self, message: Message, now_ms: int) -> list[Publish]:
        """What is forwarded behind the honest machine's back."""
        return (
            self._rounds.relays(message, now_ms) if self.lie.is_about_rounds else self._tunnels.relays(message, now_ms)
        )
