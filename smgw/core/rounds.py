"""What a gateway remembers of its last rounds: the frame that left it, and by which FINAL the round is closed.

Source: docs/protocol.md, "What is stored before what is sent", "Release".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from common.identifiers import RoundNumber, TunnelId
from common.payloads import Correction
from smgw.core.events import ROUNDS_KEPT, Closed, Sent, Store


@dataclass(frozen=True, slots=True)
class Heard:
    """A correction, and the frame that said it."""

    order: Correction
    frame: bytes


@final
class Rounds:
    """The last frame of each of the last rounds, and how they were closed."""

    def __init__(self, sent: Iterable[Sent], closed: Iterable[Closed]) -> None:
        """Continue from what the store held."""
        self._sent: Final = {each.round: each for each in sent}
        self._closed: Final = {each.round: each for each in closed}
        self._was_open: Final = self._sent.keys() - self._closed.keys()
        self.heard: Final[dict[RoundNumber, Heard]] = {}
        """The last correction of each round that was consistent with those before."""
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

    def is_forgotten(self, round_: RoundNumber) -> bool:
        """Whether the gateway may have done more in this round than its store remembers.

        Of a round that an earlier life left open, nobody can tell a store from an older copy of it that was put back:
        since the copy, it may have taken a mask off, or closed the round and given a share.
        """
        return round_ in self._was_open

    def is_under_frame(self, tunnel: TunnelId) -> bool:
        """Whether a mask of this tunnel's seed is under a frame that is remembered."""
        return any(tunnel in sent.tunnels for sent in self._sent.values())

    def keep(self, sent: Sent) -> Store:
        """Hold what is about to leave."""
        self._sent[sent.round] = sent
        self._forget_before(sent.round)
        return Store(sent)

    def open_between(self, first: RoundNumber, last: RoundNumber) -> list[Sent]:
        """What was sent in these rounds that no FINAL has closed."""
        return [s for n, s in sorted(self._sent.items()) if first <= n <= last and n not in self._closed]

    def close(self, closed: Closed, *, has_release: bool) -> list[Store]:
        """Hold how a round was closed.

        Where shares are given, the store does not hear it of a round that is forgotten: it would be one like any other
        after the next start, and give shares for whom the gateway may have unmasked.
        """
        self._closed[closed.round] = closed
        return [] if has_release and self.is_forgotten(closed.round) else [Store(closed)]

    def forget(self) -> None:
        """Another membership begins."""
        for known in (self._sent, self._closed, self.heard, self.held):
            known.clear()

    def _forget_before(self, round_: RoundNumber) -> None:
        oldest = round_ - ROUNDS_KEPT
        for known in (self._sent, self._closed, self.heard, self.held):
            for old in [each for each in known if each <= oldest]:
                del known[old]
