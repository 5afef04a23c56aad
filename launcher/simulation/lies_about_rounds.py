"""Lies about who is missing, how a round ended, and who counts on whom: what suite `hardened` is there for.

Whatever each gateway is told by itself, it comes over its own inbox, signed as the provider signs.
Source: docs/protocol.md, "What a lying provider learns", "Correction", "FINAL", "Release".
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final, final

from common import topics
from common.clients import ClientSet
from common.frames import Frame, Notification, decode
from common.identifiers import EVERYONE, ClientId, NetworkId, RoundNumber
from common.payloads import Correction, Hold, RoundFinal, Superposition
from common.refusal import RefusedError
from common.topics import Broadcast
from launcher.simulation.forger import Forger
from launcher.simulation.lies import ABOUT_ROUNDS, Lie
from provider.core.events import Message, Publish

_RoundKey = tuple[NetworkId, RoundNumber]

LISTS: Final = frozenset({Lie.INVENTED_MISSING, Lie.TWO_CORRECTIONS, Lie.NAMED_AND_INCLUDED})
"""Told while frames arrive."""

PART: Final = 0.15
"""The share of frames upon whose arrival somebody is called missing."""

LOST: Final = 0.5
"""The share of RELEASEs that are kept from the honest machine."""

ATTEMPTS: Final = (1, 1, 1, 2, 3)
BACK_MAX: Final = 9
"""Lies are about rounds up to so far back."""


@final
class RoundLies:
    """Tells one kind of lie about rounds, or in turn all of them."""

    def __init__(self, lie: Lie, forger: Forger) -> None:
        self._lie: Final = lie
        self._forger: Final = forger
        self._rng: Final = forger.rng
        self._kept: list[Publish] = []
        self._finals: Final[dict[_RoundKey, RoundFinal]] = {}
        self._named: Final[set[_RoundKey]] = set()

    @property
    def _now(self) -> Lie:
        """What is lied about this time."""
        return self._rng.choice(ABOUT_ROUNDS[:-1]) if self._lie is Lie.MALICE else self._lie

    # While frames arrive

    def hears(self, frame: Frame) -> bool:
        """Whether the honest machine is to hear of this frame."""
        is_share = frame.notification is Notification.RELEASE and self._now is Lie.KEPT_RELEASES
        is_kept = is_share and self._rng.random() < LOST
        self._forger.told += is_kept
        return not is_kept

    def relays(self, message: Message, now_ms: int) -> list[Publish]:
        """Whom it calls missing when this frame has come."""
        try:
            frame = decode(message.payload).frame
            if frame.notification is not Notification.SUPERPOSITION:
                return []
            shown = Superposition.decode(frame.data)
        except RefusedError:
            return []
        lie, before = self._now, self._finals.get((frame.network, RoundNumber(shown.round - 1)))
        if before is None or lie not in LISTS or self._rng.random() >= PART:
            return []
        self._forger.told += 1
        order = Correction(shown.suite, shown.round, shown.view, self._rng.choice(ATTEMPTS), ClientSet())
        everybody = sorted(before.expected)
        match lie:
            case Lie.INVENTED_MISSING:
                called = replace(order, missing=self._some(everybody))
                return [self._say(frame.network, EVERYONE, Notification.CORRECTION, called.encode(), now_ms)]
            case Lie.TWO_CORRECTIONS:
                return self._divide(frame.network, order, everybody, now_ms)
            case _:
                return self._single_out(frame.network, order, frame.client, everybody, now_ms)

    def _divide(self, network: NetworkId, order: Correction, members: list[ClientId], now_ms: int) -> list[Publish]:
        """To each member another list, and to some a second one."""
        said = []
        for member in members:
            for attempt in range(order.attempt, order.attempt + self._rng.randint(1, 2)):
                missing = self._some(each for each in members if each != member)
                data = replace(order, attempt=attempt, missing=missing).encode()
                said.append(self._say(network, member, Notification.CORRECTION, data, now_ms))
        return said

    def _single_out(
        self, network: NetworkId, order: Correction, victim: ClientId, members: list[ClientId], now_ms: int
    ) -> list[Publish]:
        """Some take their masks toward the victim off, and it those toward the rest; all are included later.

        If all obeyed, every mask of the victim would be known, and the rest would open its self-mask.
        """
        self._named.add((network, order.round))
        others = [member for member in members if member != victim]
        tellers = self._rng.sample(others, self._rng.randint(len(others) // 3, len(others))) if others else []
        rest = ClientSet.of(others) - ClientSet.of(tellers)
        its_own = rest if self._rng.random() < 0.7 else self._some(others, most=2)
        lists = {member: ClientSet.of([victim]) for member in tellers} | {victim: its_own}
        return [
            self._say(network, member, Notification.CORRECTION, replace(order, missing=missing).encode(), now_ms)
            for member, missing in lists.items()
            if missing
        ]

    def _some(self, members: Iterable[ClientId], most: int | None = None) -> ClientSet:
        """One, a few, or nearly all of them."""
        choices = list(members)
        if not choices:
            return ClientSet()
        count = self._rng.choice((1, 1, 2, len(choices) // 3, len(choices) - 2))
        return ClientSet.of(self._rng.sample(choices, max(1, min(count, most or count, len(choices)))))

    # When the honest machine ends a round

    def says(self, publish: Publish, frame: Frame, now_ms: int) -> list[Publish]:
        """What is sent instead of what the honest machine wants to send."""
        if frame.notification is not Notification.FINAL:
            return [publish]
        order, late = RoundFinal.decode(frame.data), self._kept
        self._finals[frame.network, order.round] = order
        self._kept = []
        match self._now:
            case Lie.TWO_FINALS if self._forger.lies():
                return [*late, *self._vary(publish, frame, order, now_ms, void=False)]
            case Lie.VOID_SPAN if self._forger.lies():
                return [*late, *self._vary(publish, frame, order, now_ms, void=True)]
            case Lie.NAMED_AND_INCLUDED if (frame.network, order.round) in self._named:
                return [*late, *self._include_all(publish, frame, order, now_ms)]
            case Lie.KEPT_FINAL if self._forger.lies():
                return [*late, *self._keep(publish, frame, order)]
            case Lie.LATE_CORRECTION if self._forger.lies():
                return [*late, publish, *self._correct_closed(frame, order, now_ms)]
            case Lie.FALSE_HOLD if self._forger.lies():
                return [*late, publish, *self._hold(frame, order, now_ms)]
            case _:
                return [*late, publish]

    def _members(self, network: NetworkId, order: RoundFinal) -> list[ClientId]:
        before = self._finals.get((network, RoundNumber(order.round - 1)))
        return sorted(before.expected | order.expected if before is not None else order.expected)

    def _vary(self, publish: Publish, frame: Frame, order: RoundFinal, now_ms: int, *, void: bool) -> list[Publish]:
        """Another end of the round for some, before or beside the true one."""
        said, members = [], self._members(frame.network, order)
        for member in members:
            if self._rng.random() < 0.5:
                other = self._other(order, members, void=void)
                said.append(self._say(frame.network, member, Notification.FINAL, other.encode(), now_ms))
        fate = self._rng.random()
        return [*said, publish] if fate < 0.6 else [publish, *said] if fate < 0.9 else said

    def _other(self, order: RoundFinal, members: Collection[ClientId], *, void: bool) -> RoundFinal:
        included = self._rng.choice((order.included, order.included - self._some(members), ClientSet.of(members)))
        expected = self._rng.choice((order.expected, order.expected - self._some(members), order.expected))
        if not void:
            return replace(order, included=included, expected=expected)
        void_from = RoundNumber(order.round - self._rng.randint(1, BACK_MAX))
        return replace(order, void_from=void_from, included=self._rng.choice((ClientSet(), order.included)))

    def _include_all(self, publish: Publish, frame: Frame, order: RoundFinal, now_ms: int) -> list[Publish]:
        """Everybody is included, whomever a correction had named."""
        self._forger.told += 1
        members = self._members(frame.network, order)
        other = replace(order, included=ClientSet.of(members)).encode()
        said = [self._say(frame.network, member, Notification.FINAL, other, now_ms) for member in members]
        return [*said, publish]

    def _keep(self, publish: Publish, frame: Frame, order: RoundFinal) -> list[Publish]:
        """Tell only some, or nobody, and the others a round later, or never."""
        members = self._members(frame.network, order)
        told = self._some(members) if self._rng.random() < 0.7 else ClientSet()
        copies = {m: replace(publish, topic=self._inbox(frame.network, m), is_retained=False) for m in members}
        if self._rng.random() < 0.7:
            self._kept = [copy for member, copy in copies.items() if member not in told]
        return [copy for member, copy in copies.items() if member in told]

    def _correct_closed(self, frame: Frame, order: RoundFinal, now_ms: int) -> list[Publish]:
        """Call somebody missing in the round that has just ended, and in one before."""
        rounds = [order.round, RoundNumber(order.round - self._rng.randint(1, BACK_MAX))]
        closed = [known for each in rounds if (known := self._finals.get((frame.network, each)))]
        lists = [
            Correction(known.suite, known.round, known.view, self._rng.choice(ATTEMPTS), missing)
            for known in closed
            if (missing := self._some(self._members(frame.network, known)))
        ]
        return [self._say(frame.network, EVERYONE, Notification.CORRECTION, each.encode(), now_ms) for each in lists]

    def _hold(self, frame: Frame, order: RoundFinal, now_ms: int) -> list[Publish]:
        members = self._members(frame.network, order)
        return [
            self._say(frame.network, m, Notification.HOLD, Hold(tuple(self._some(members))).encode(), now_ms)
            for m in members
        ]

    def _inbox(self, network: NetworkId, member: ClientId) -> str:
        return topics.down(network, self._forger.store.members[network, member].name)

    def _say(self, network: NetworkId, to: ClientId, what: Notification, data: bytes, now_ms: int) -> Publish:
        topic = topics.broadcast(network, Broadcast.CORRECTION) if to == EVERYONE else self._inbox(network, to)
        payload = Frame(network, to, now_ms, what, data)
        return self._forger.forged(topic, payload, now_ms)
