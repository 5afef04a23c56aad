"""The oracle: knows every seed and every true reading, and checks all that gateways store and send.

A gateway never sends what it has not stored, never two readings for one round, never a mask that its seeds do not
give, never under fewer masks than its minimum.
Source: docs/protocol.md, "Rounds", "Masks", "What is stored before what is sent".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, final

from common.frames import Notification, SignedFrame, decode
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import Pad, Seed
from common.parameters import Parameters
from common.payloads import Release, Superposition
from common.refusal import RefusedError
from common.sealing import Context
from common.suites import SUITES, toward
from common.superposition import ZERO, Lanes, add, vector
from launcher.simulation.algebra import Mask
from launcher.simulation.covers import Covers, Draw, EdgeEnd
from launcher.simulation.disclosure import SelfMask
from launcher.simulation.observer import Observer
from launcher.simulation.releases import MemberKey, Releases
from launcher.simulation.trace import ViolationError
from smgw.core.events import Closed, Edge, Membership, Record, Sent
from smgw.core.reading import Reading, ReadingStatus

__all__ = ["MemberKey", "Oracle"]


@dataclass(slots=True)
class _Story:
    """What one gateway has stored for one round, over all its lives: one reading, and under which masks last."""

    lanes: Lanes
    tunnels: frozenset[TunnelId]
    attempt: int
    sent: Sent
    ends: dict[ClientId, EdgeEnd] = field(default_factory=dict)


@final
class Oracle:
    """The truth about all gateways of a run."""

    def __init__(self, observer: Observer, rules: Parameters) -> None:
        self._observer: Final = observer
        self._schedule: Final = rules.schedule
        self._masks_min: Final = rules.masks_min
        self._suite: Final = SUITES[rules.suite]
        self._covers: Final = Covers()
        self.releases: Final = Releases(rules.schedule, rules.members_min)
        self.colluding: Final[set[str]] = set()
        """The gateways that show the provider whatever they know."""
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
        self._stored: dict[str, dict[bytes, tuple[Sent, frozenset[ClientId]]]] = {}

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
                case Closed() if member is not None:
                    self.releases.closed(member, record)
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
            story = self._stories[member, sent.round] = _Story(lanes, frozenset(sent.tunnels), sent.attempt, sent)
            if sent.attempt:
                raise ViolationError(f"{name} corrects in round {sent.round} what it never sent")
        if story.lanes != lanes:
            raise ViolationError(f"{name} makes frames of two readings for round {sent.round}")
        if not story.tunnels >= frozenset(sent.tunnels) or sent.attempt < story.attempt:
            raise ViolationError(f"{name} adds masks in round {sent.round}")
        if (story.sent.view, story.sent.neighbors) != (sent.view, sent.neighbors):
            raise ViolationError(f"{name} makes frames of two views or neighborhoods for round {sent.round}")
        story.tunnels, story.attempt, story.sent = frozenset(sent.tunnels), sent.attempt, sent

    def sent(self, name: str, member: MemberKey, sent: Sent, draws: Sequence[Draw]) -> None:
        """A gateway that goes by one of these draws has stored this frame: make it again from the seeds, and compare.

        Raises:
            ViolationError: the frame is another one, or does not hide its reading.
        """
        story, (network, client) = self._stories[member, sent.round], member
        shown = Superposition.decode(decode(sent.frame).frame.data)
        body, context = self._suite.read(shown.body), Context(network, client, sent.round, sent.view)
        ends = {end.peer: end for end in (self._end(name, tunnel, context) for tunnel in sent.tunnels)}
        total, self_mask = story.lanes, self._check_cover(sent, context, ends, draws)
        for peer, end in ends.items():
            total = add(total, toward(client, peer, end.pad.mask))
        if self_mask is not None:
            total = add(total, self_mask[1])
        if body.lanes != total or shown.view != sent.view:
            raise ViolationError(f"{name} sends other masks in round {sent.round} than its seeds give")
        story.ends |= ends
        self._stored.setdefault(name, {})[sent.frame] = sent, frozenset(ends)
        masks: dict[Mask, int] = {end.name: 1 if client < peer else -1 for peer, end in ends.items()}
        key = network, sent.round
        self._observer.made(key, sent.frame, client, masks, self_mask and self_mask[0])
        self._tell(name, context, ends)

    def _end(self, name: str, tunnel: TunnelId, context: Context) -> EdgeEnd:
        key, day = (name, tunnel), self._schedule.day(context.round)
        seed, digest = self._seed(key, day), self._seeds[key][1]
        if self._suite.has_release:
            pad = seed.pad(context.network, context.round, context.view)
            return EdgeEnd(tunnel, self._peers[key], pad, (tunnel, digest, context.view))
        pad = Pad(seed.mask(context.network, context.round), 0, 0)
        return EdgeEnd(tunnel, self._peers[key], pad, (tunnel, digest))

    def _check_cover(
        self, sent: Sent, context: Context, ends: dict[ClientId, EdgeEnd], draws: Sequence[Draw]
    ) -> tuple[SelfMask, Lanes] | None:
        sealing = self._suite.read(Superposition.decode(decode(sent.frame).frame.data).body).sealing
        if sealing is None:
            return None
        cover = self._covers.check(sent, context, sealing, ends, draws)
        return cover.self_mask, cover.lanes

    def _tell(self, name: str, context: Context, ends: dict[ClientId, EdgeEnd]) -> None:
        """Colluding gateways show the seeds of their edges, at whichever end they are."""
        key = context.network, context.round
        if name in self.colluding:
            self._observer.told(key, context.client, [end.name for end in ends.values()])
        for peer, end in ends.items():
            if self.names.get((context.network, peer)) in self.colluding:
                self._observer.told(key, peer, [end.name])

    def publishes(self, name: str, payload: bytes) -> None:
        """A gateway sends this now."""
        try:
            signed = decode(payload)
        except RefusedError as error:
            raise ViolationError(f"{name} publishes what does not decode") from error
        frame = signed.frame
        member = frame.network, frame.client
        if frame.notification is Notification.EXIT:
            self.exited.add(member)
        elif frame.notification is Notification.RELEASE:
            self._check_release(name, member, signed)
        elif frame.notification is Notification.SUPERPOSITION:
            sent, under = self._stored.get(name, {}).get(payload, (None, frozenset[ClientId]()))
            if sent is None:
                raise ViolationError(f"{name} publishes a superposition that it has not stored")
            if frame.data[17 + 25] < self._masks_min:
                raise ViolationError(f"{name} sends under {frame.data[17 + 25]} masks")
            self.releases.corrected(member, sent, under)

    def _check_release(self, name: str, member: MemberKey, signed: SignedFrame) -> None:
        round_ = Release.decode(signed.frame.data).round
        story = self._stories.get((member, round_))
        if story is None or not self._suite.has_release:
            raise ViolationError(f"{name} releases shares of round {round_}, in which it never sent")
        shares = self.releases.check(member, signed, story.sent, story.ends)
        self._observer.released((member[0], round_), signed.raw, shares)

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
