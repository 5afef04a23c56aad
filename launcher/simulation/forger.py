"""What a lying provider needs for any lie: the signing key, the members, and a coin.

Source: docs/protocol.md, "Frames", "Roster".
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, final

from common import topics
from common.frames import Frame, Notification
from common.identifiers import ClientId, NetworkId
from common.roster import Leaf
from common.signing import Direction
from launcher.simulation import credentials
from launcher.simulation.disks import Store
from launcher.simulation.lies import Lie
from provider.core.desk import LIFETIME_MS
from provider.core.events import MemberRecord, Publish

Twist = Callable[[Publish, Frame, int], list[Publish]]
"""What is sent instead of a frame that the honest machine wants to send at this moment."""

Twists = Mapping[tuple[Lie, Notification], Twist]


@final
class Forger:
    """Makes frames as the provider does. `store` is the honest machine's."""

    def __init__(self, store: Store, rng: random.Random) -> None:
        self.told = 0
        """How often it has lied."""
        self.store: Final = store
        self.rng: Final = rng
        self.identity: Final = credentials.provider().identity

    def lies(self) -> bool:
        """Whether to lie this time: every second time, about."""
        lies = self.rng.random() < 0.5
        self.told += lies
        return lies

    def signed(self, publish: Publish, frame: Frame, data: bytes) -> Publish:
        """The same message with other data."""
        return replace(publish, payload=replace(frame, data=data).signed(self.identity, Direction.DOWN))

    def forged(self, topic: str, frame: Frame, now_ms: int) -> Publish:
        """A message of its own."""
        return Publish(topic, frame.signed(self.identity, Direction.DOWN), now_ms + LIFETIME_MS)

    def order(self, publish: Publish, frame: Frame, to: MemberRecord, data: bytes) -> Publish:
        """The same kind of order to another member."""
        topic = topics.down(frame.network, to.name)
        return self.signed(replace(publish, topic=topic), replace(frame, client=to.client), data)

    def leaves(self, network: NetworkId, count: int) -> list[Leaf]:
        """The first leaves of a network's roster."""
        members = (self.store.members[network, ClientId(client)] for client in range(1, count + 1))
        return [Leaf(m.client, m.public_key, m.draw_root, m.epoch) for m in members]
