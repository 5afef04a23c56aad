"""Follows the provider's results and FINALs on the bus, and tells each closed round once, in order."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from broker import events as bus_events
from common import topics
from common.frames import Notification, decode
from common.identifiers import NetworkId, RoundNumber
from common.payloads import RoundFinal
from common.refusal import RefusedError
from common.signing import Direction
from common.topics import Broadcast
from launcher.rounds import ClosedRound, RoundMessage, read_results
from launcher.truth import TrueSum, true_sum

log = logging.getLogger(__name__)

FINALS_KEPT: Final = 1_000


@dataclass(slots=True)
class NetworkView:
    """What was heard of one network.

    `origin` is the first round in which all `gateways` are expected, and not before `not_before`: a real meter must be
    heard for a whole round first. None stands for "not known yet".
    """

    network: NetworkId
    gateways: int
    not_before: int | None = 0
    origin: RoundNumber | None = None
    expected: int = 0
    last: int | None = None
    finals: dict[int, RoundFinal] = field(default_factory=dict)
    waiting: deque[RoundMessage] = field(default_factory=deque)

    def hear_final(self, final: RoundFinal) -> None:
        """A FINAL: it names who is in the sum of its round, and who is expected in the next."""
        self.finals[final.round] = final
        while len(self.finals) > FINALS_KEPT:
            del self.finals[next(iter(self.finals))]
        self.expected = len(final.expected)
        is_whole = self.expected >= self.gateways and self.not_before is not None
        if self.origin is None and is_whole and final.round + 1 >= (self.not_before or 0):
            self.origin = RoundNumber(final.round + 1)

    def hear_result(self, message: RoundMessage) -> None:
        """A closed round; one that was heard before is passed over."""
        heard = [*self.waiting][-1:]
        latest = heard[0].round if heard else self.last
        if latest is None or message.round > latest:
            self.waiting.append(message)

    def ready(self) -> Iterator[RoundMessage]:
        """The closed rounds whose FINAL was heard, or needs not be: it has no sum, or a later FINAL came first."""
        while self.waiting:
            message = self.waiting[0]
            if message.has_sum and max(self.finals, default=0) < message.round:
                return
            yield self.waiting.popleft()

    def number(self, round_: int) -> int:
        """The round's number in the demonstration; 0 before it begins."""
        return 0 if self.origin is None else max(round_ - self.origin + 1, 0)


class Spectator:
    """Turns what comes over the bus into closed rounds, each with the true sum.

    Args of `__init__`:
        views: One for each network of the provider.
        provider_key: The provider's public key; a FINAL that it did not sign is passed over.
        results: The provider's results file, for rounds that were not told on the bus.
        homes: The home directories of all gateways that ever ran.
    """

    def __init__(
        self, views: Iterable[NetworkView], provider_key: bytes, results: Path, homes: Callable[[], list[Path]]
    ) -> None:
        self._views: Final = {view.network: view for view in views}
        self._provider_key: Final = provider_key
        self._results: Final = results
        self._homes: Final = homes

    @property
    def filters(self) -> list[str]:
        """What to subscribe to."""
        finals = [topics.broadcast(network, Broadcast.FINAL) for network in self._views]
        return [*finals, *(topics.result(network) for network in self._views)]

    async def hear(self, message: bus_events.Message) -> list[ClosedRound]:
        """Take a message; return the rounds that it completes."""
        for view in self._views.values():
            if message.topic == topics.result(view.network):
                self._hear_result(view, message.payload)
            elif message.topic == topics.broadcast(view.network, Broadcast.FINAL):
                self._hear_final(view, message.payload)
            else:
                continue
            return [closed for ready in list(view.ready()) for closed in await self._judge(view, ready)]
        return []

    def _hear_result(self, view: NetworkView, payload: bytes) -> None:
        try:
            view.hear_result(RoundMessage.model_validate_json(payload))
        except ValidationError as error:
            log.warning("a result of network %d is not understood: %s", view.network, error)

    def _hear_final(self, view: NetworkView, payload: bytes) -> None:
        try:
            signed = decode(payload)
            signed.require_signature(self._provider_key, Direction.DOWN)
            if signed.frame.notification is Notification.FINAL:
                view.hear_final(RoundFinal.decode(signed.frame.data))
        except RefusedError as error:
            log.warning("a FINAL of network %d is refused: %s", view.network, error)

    async def _judge(self, view: NetworkView, message: RoundMessage) -> list[ClosedRound]:
        """Compare a round with the truth, after those that were passed over in silence."""
        skipped = range(message.round if view.last is None else view.last + 1, message.round)
        written = read_results(self._results, view.network) if skipped else {}
        view.last = message.round
        missed = [written.get(number) or RoundMessage.absent(message, number) for number in skipped]
        return [
            ClosedRound(view.number(each.round), each, await self._truth(view, each)) for each in [*missed, message]
        ]

    async def _truth(self, view: NetworkView, message: RoundMessage) -> TrueSum | None:
        final = view.finals.get(message.round)
        if not message.has_sum or final is None:
            return None
        return await true_sum(self._homes(), view.network, RoundNumber(message.round), final.included)
