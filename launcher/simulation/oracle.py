"""The oracle: knows every seed and every true reading, and checks all that gateways store and send.

A gateway never sends what it has not stored, never two readings for one round, never a mask that its seeds do not
give, never under fewer masks than its minimum. Source: docs/protocol.md, "Rules at the gateway".
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import final

from common.frames import Notification, decode
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import Seed
from common.payloads import Superposition
from common.refusal import RefusedError
from common.schedule import Schedule
from common.suites import BASIC, toward
from common.superposition import ZERO, Lanes, add, vector
from launcher.simulation.algebra import Mask
from launcher.simulation.observer import Observer
from launcher.simulation.trace import ViolationError
from smgw.core.events import Edge, Membership, Record, Sent
from smgw.core.reading import Reading, ReadingStatus

MemberKey = tuple[NetworkId, ClientId]


@dataclass(slots=True)
class _Story:
    """What one gateway has stored for one round, over all its lives: one reading, and under which masks last."""

    lanes: Lanes
    tunnels: frozenset[TunnelId]
    attempt: int
    published: set[bytes] = field(default_factory=set)


@final
class Oracle:
    """The truth about all gateways of a run."""

    def __init__(self, observer: Observer, schedule: Schedule, masks_min: int) -> None:
        self._observer = observer
        self._schedule = schedule
        self._masks_min = masks_min
        self.names: dict[MemberKey, str] = {}
        self.latest: dict[tuple[NetworkId, str], ClientId] = {}
        """Which client each gateway is now; it had lower numbers before if it came back."""
        self.exited: set[MemberKey] = set()
        """Who has said EXIT."""
        self._answers: dict[tuple[str, RoundNumber], set[Lanes]] = {}
        self._seeds: dict[tuple[str, TunnelId], tuple[Seed, bytes]] = {}
        self._today: dict[tuple[str, TunnelId], Seed] = {}
        self._peers: dict[tuple[str, TunnelId], ClientId] = {}
        self._stories: dict[tuple[MemberKey, RoundNumber], _Story] = {}
        self._stored: dict[str, set[bytes]] = {}

    def answered(self, name: str, reading: Reading) -> None:
        """A meter has answered."""
        self._answers.setdefault((name, reading.round), set()).add(_lanes(reading))

    def stored(self, name: str, member: MemberKey | None, records: Iterable[Record]) -> None:
        """A gateway's vault has kept these records; `member` is who it was before them."""
        for record in records:
            match record:
                case Membership():
                    member = (record.network, record.client)
                    if self.names.setdefault(member, name) != name:
                        raise ViolationError(f"{name} is client {record.client}, who was {self.names[member]}")
                    latest = self.latest.get((record.network, name), record.client)
                    self.latest[record.network, name] = max(latest, record.client)
                case Edge():
                    self._learn(name, record)
                case Sent():
                    if member is None:
                        raise ViolationError(f"{name} stores a frame although it is no member")
                    self._check_sent(name, member, record)
                case _:
                    pass

    def _learn(self, name: str, edge: Edge) -> None:
        secret = edge.seed.secret.reveal()
        if secret.hex() in (shown := repr(edge)) or repr(secret)[2:-1] in shown:
            raise ViolationError("a seed shows in the repr of an edge")
        key = (name, edge.tunnel)
        digest = blake2b(edge.seed.day.to_bytes(4) + secret, digest_size=16).digest()
        first, _ = self._seeds.setdefault(key, (edge.seed, digest))
        self._peers.setdefault(key, edge.peer)
        if edge.seed.day >= first.day and first.on(edge.seed.day) != edge.seed:
            raise ViolationError(f"{name} holds two seeds for tunnel {edge.tunnel:016x}")

    def agree(self, name: str, edge: Edge) -> bool:
        """Whether this gateway holds the same seed for an edge as another one, or has never held any."""
        known = self._seeds.get((name, edge.tunnel))
        if known is None:
            return True
        day = max(known[0].day, edge.seed.day)
        return known[0].on(day) == edge.seed.on(day)

    def _seed(self, key: tuple[str, TunnelId], day: int) -> Seed:
        seed = self._today.get(key)
        if seed is None or seed.day != day:
            seed = self._today[key] = self._seeds[key][0].on(day)
        return seed

    def _check_sent(self, name: str, member: MemberKey, sent: Sent) -> None:
        lanes = _lanes(sent.reading)
        is_true = lanes in self._answers.get((name, sent.round), ())
        if not is_true and sent.reading.status is not ReadingStatus.BOUNDARY_MISSING:
            raise ViolationError(f"{name} sends a reading of round {sent.round} that its meter never gave")
        story = self._stories.get((member, sent.round))
        if story is None:
            story = self._stories[member, sent.round] = _Story(lanes, frozenset(sent.tunnels), sent.attempt)
            if sent.attempt:
                raise ViolationError(f"{name} corrects in round {sent.round} what it never sent")
        if story.lanes != lanes:
            raise ViolationError(f"{name} makes frames of two readings for round {sent.round}")
        if not story.tunnels >= frozenset(sent.tunnels) or sent.attempt < story.attempt:
            raise ViolationError(f"{name} adds masks in round {sent.round}")
        story.tunnels, story.attempt = frozenset(sent.tunnels), sent.attempt
        self._check_masks(name, member, sent, lanes)
        self._stored.setdefault(name, set()).add(sent.frame)

    def _check_masks(self, name: str, member: MemberKey, sent: Sent, lanes: Lanes) -> None:
        """Make the superposition again from the seeds, and compare."""
        day, total = self._schedule.day(sent.round), lanes
        masks: dict[Mask, int] = {}
        for tunnel in sent.tunnels:
            key = (name, tunnel)
            peer = self._peers[key]
            total = add(total, toward(member[1], peer, self._seed(key, day).mask(member[0], sent.round)))
            masks[tunnel, self._seeds[key][1]] = 1 if member[1] < peer else -1
        shown = BASIC.read(Superposition.decode(decode(sent.frame).frame.data).body)
        if shown.lanes != total:
            raise ViolationError(f"{name} sends other masks in round {sent.round} than its seeds give")
        self._observer.made((member[0], sent.round), sent.frame, member[1], masks)

    def publishes(self, name: str, payload: bytes) -> None:
        """A gateway sends this now."""
        try:
            frame = decode(payload).frame
        except RefusedError as error:
            raise ViolationError(f"{name} publishes what does not decode") from error
        if frame.notification is Notification.EXIT:
            self.exited.add((frame.network, frame.client))
        if frame.notification is not Notification.SUPERPOSITION:
            return
        if payload not in self._stored.get(name, ()):
            raise ViolationError(f"{name} publishes a superposition that it has not stored")
        if frame.data[17 + 25] < self._masks_min:
            raise ViolationError(f"{name} sends under {frame.data[17 + 25]} masks")

    def has_sent(self, member: MemberKey, round_: RoundNumber) -> bool:
        """Whether this member made a frame for this round."""
        return (member, round_) in self._stories

    def true_sum(self, network: NetworkId, round_: RoundNumber, included: Iterable[ClientId]) -> Lanes:
        """The sum of the readings that exactly these members made their frames of.

        Raises:
            ViolationError: one of them made none.
        """
        total = ZERO
        for client in included:
            story = self._stories.get(((network, client), round_))
            if story is None:
                raise ViolationError(f"client {client} is included in round {round_} although it sent nothing")
            total = add(total, story.lanes)
        return total


def _lanes(reading: Reading) -> Lanes:
    return vector(reading.import_dwh, reading.export_dwh) if reading.is_valid else ZERO
