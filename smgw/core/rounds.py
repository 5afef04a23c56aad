"""What a gateway remembers of its last rounds: the frame that left it, and by which FINAL the round is closed.

Source: docs/protocol.md, "What is stored before what is sent", "Release".
"""

from collections.abc import Iterable
from typing import Final, final

from common.identifiers import RoundNumber, TunnelId
from common.schedule import Schedule
from smgw.core.events import ROUNDS_KEPT, Closed, Sent, Store


@final
class Rounds:
    """The last frame of each of the last rounds, and how they were closed."""

    def __init__(self, sent: Iterable[Sent], closed: Iterable[Closed], restored_ms: int | None) -> None:
        """`restored_ms` is when the store was found to be a copy of an earlier one."""
        self._sent: Final = {each.round: each for each in sent}
        self._closed: Final = {each.round: each for each in closed}
        self._was_closed: Final = frozenset(self._closed)
        self._restored_ms: Final = restored_ms
        self.held: Final[dict[RoundNumber, dict[TunnelId, int]]] = {}
        """The shares that this gateway holds of its neighbors' self-masks, as they were when it sent."""

    @property
    def last(self) -> Sent | None:
        """What was sent last."""
        return self._sent[max(self._sent)] if self._sent else None

    def sent(self, round_: RoundNumber) -> Sent | None:
        """The last frame of this round."""
        return self._sent.get(round_)

    def closing(self, round_: RoundNumber) -> Closed | None:
        """By which FINAL this very round was closed."""
        return self._closed.get(round_)

    def is_closed(self, round_: RoundNumber) -> bool:
        """Whether this round or a later one is closed: then nothing of it is corrected any more."""
        return any(closed >= round_ for closed in self._closed)

    def is_forgotten(self, round_: RoundNumber, schedule: Schedule) -> bool:
        """Whether the gateway may have done more in this round than its store, which is a copy, remembers.

        It may have taken a mask off, or given a share. Once a round is closed, nothing but shares is given.
        """
        is_before = self._restored_ms is not None and schedule.start(round_) <= self._restored_ms
        return is_before and round_ not in self._was_closed

    def keep(self, sent: Sent) -> Store:
        """Hold what is about to leave."""
        self._sent[sent.round] = sent
        self._forget_before(sent.round)
        return Store(sent)

    def close(self, closed: Closed) -> Store:
        """Hold how a round was closed."""
        self._closed[closed.round] = closed
        return Store(closed)

    def forget(self) -> None:
        """Another membership begins."""
        for known in (self._sent, self._closed, self.held):
            known.clear()

    def _forget_before(self, round_: RoundNumber) -> None:
        oldest = round_ - ROUNDS_KEPT
        for known in (self._sent, self._closed, self.held):
            for old in [each for each in known if each <= oldest]:
                del known[old]
