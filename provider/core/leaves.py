"""The leaves of a roster that is too large to list them: told in parts, which the broker keeps for whoever comes.

A part changes only when leaves are added to it, so it is signed once for each number of leaves that it had. A gateway
takes a part whenever it was signed. Source: docs/protocol.md, "Roster".
"""

from dataclasses import dataclass
from typing import Final, final

from common import topics
from common.frames import Notification
from common.identifiers import ClientId
from common.roster import LEAVES_PER_PART, LeafPart
from common.schedule import DAY_MS
from provider.core.desk import Desk
from provider.core.events import Publish

KEPT_MS: Final = 3 * DAY_MS
"""How long the broker keeps a part: longer than it takes until all are said again, if anybody asks at all."""

AGAIN_MS: Final = 900_000
"""All parts are said again after so long for each of them: whoever is there hears 9 kB in a quarter of an hour."""

AGAIN_MS_MAX: Final = DAY_MS
"""However many parts there are, they are said again after a day."""


@dataclass(frozen=True, slots=True)
class _Signed:
    """A LEAVES frame, how many leaves it holds, and when it was signed."""

    leaves: int
    at_ms: int
    frame: bytes


@final
class Leaves:
    """The parts of one network, each with its signed frame once it was said."""

    def __init__(self, desk: Desk) -> None:
        self._desk: Final = desk
        self._signed: Final[dict[int, _Signed]] = {}
        self._all_ms: int | None = None

    def tell(self, leaves: int, now_ms: int, first: int = 0) -> list[Publish]:
        """Say the parts of a roster of so many leaves that hold leaf `first` or a later one."""
        if not first:
            self._all_ms = now_ms
        parts = range(first // LEAVES_PER_PART, -(-leaves // LEAVES_PER_PART))
        return [self._retain(part, leaves, now_ms) for part in parts]

    def remind(self, leaves: int, now_ms: int) -> list[Publish]:
        """Say all parts again, unless that was done lately: the broker has them, and to say them costs everybody."""
        parts = -(-leaves // LEAVES_PER_PART)
        pause_ms = min(parts * AGAIN_MS, AGAIN_MS_MAX)
        if self._all_ms is not None and 0 <= now_ms - self._all_ms < pause_ms:
            return []
        return self.tell(leaves, now_ms)

    def _retain(self, part: int, leaves: int, now_ms: int) -> Publish:
        topic = topics.leaves(self._desk.network, part)
        return Publish(topic, self._frame(part, leaves, now_ms), now_ms + KEPT_MS, is_retained=True)

    def _frame(self, part: int, leaves: int, now_ms: int) -> bytes:
        begin = part * LEAVES_PER_PART
        end = min(begin + LEAVES_PER_PART, leaves)
        known = self._signed.get(part)
        # A clock that was set back must not leave a part with a time to come, which gateways would wonder about.
        if known is None or known.leaves != end - begin or known.at_ms > now_ms:
            listed = tuple(self._desk.members[ClientId(index + 1)].leaf for index in range(begin, end))
            frame = self._desk.announce(Notification.LEAVES, LeafPart(part, listed).encode(), now_ms)
            known = self._signed[part] = _Signed(end - begin, now_ms, frame)
        return known.frame
