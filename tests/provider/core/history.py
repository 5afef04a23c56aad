"""What a whole history of a network must never hold, judged with every seed in hand."""

from collections import defaultdict
from dataclasses import dataclass, field

from common.frames import Frame, Notification, decode
from common.identifiers import ClientId, RoundNumber, TunnelId
from common.payloads import Correction, Release, RoundFinal, Superposition
from common.sealing import Context
from common.suites import HARDENED
from common.superposition import Lanes, subtract, vector
from provider.core.events import FinalRecord, RoundResult
from smgw.core.events import Closed, Edge, Sent
from tests.provider.core.builders import NETWORK, SCHEDULE
from tests.provider.core.crashing import NOBODY, World

Key = tuple[int, RoundNumber]
"""A gateway and a round."""


@dataclass(slots=True)
class History:
    """Everything that left or was stored, sorted by what it is."""

    frames: dict[Key, dict[int, bytes]] = field(default_factory=lambda: defaultdict(dict))
    """By attempt."""
    views: dict[Key, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    sent: dict[bytes, Sent] = field(default_factory=dict)
    unmasked: dict[Key, set[ClientId]] = field(default_factory=lambda: defaultdict(set))
    """Toward whom a gateway has taken its mask off, so that it is known."""
    released: dict[Key, set[ClientId]] = field(default_factory=lambda: defaultdict(set))
    released_by: dict[Key, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    closed_by: dict[Key, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    finals: dict[RoundNumber, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    corrections: dict[tuple[RoundNumber, int], set[bytes]] = field(default_factory=lambda: defaultdict(set))
    results: dict[RoundNumber, list[RoundResult]] = field(default_factory=lambda: defaultdict(list))
    edges: dict[tuple[int, TunnelId], Edge] = field(default_factory=dict)
    clients: dict[int, ClientId] = field(default_factory=dict)
    """As whom each gateway sends: whoever registers first is the first."""

    @classmethod
    def of(cls, world: World) -> "History":
        """The history of a world."""
        vaults = enumerate(world.before.vaults, start=1)
        history = cls(edges={(number, edge.tunnel): edge for number, vault in vaults for edge in vault.edges})
        history.clients = {
            number: vault.membership.client if vault.membership else ClientId(number)
            for number, vault in enumerate(world.memory.vaults, start=1)
        }
        for party, record in world.kept:
            match record:
                case Edge():
                    history.edges.setdefault((party, record.tunnel), record)
                case Sent():
                    history.sent[record.frame] = record
                case Closed():
                    history.closed_by[party, record.round].add(record.view)
                case FinalRecord():
                    history.finals[record.round].add(record.frame)
                case RoundResult():
                    history.results[record.round].append(record)
        for party, said in world.said:
            history._read(party, said.payload, decode(said.payload).frame)
        return history

    def _read(self, party: int, raw: bytes, frame: Frame) -> None:
        match frame.notification:
            case Notification.SUPERPOSITION:
                self._read_superposition(party, raw, frame)
            case Notification.RELEASE:
                release = Release.decode(frame.data)
                first = self.sent[self.frames[party, release.round][0]]
                self.released[party, release.round].update(release.members.among(first.neighbors))
                self.released_by[party, release.round].add(release.view)
            case Notification.FINAL if party == NOBODY:
                self.finals[RoundFinal.decode(frame.data).round].add(raw)
            case Notification.CORRECTION:
                order = Correction.decode(frame.data)
                self.corrections[order.round, order.attempt].add(raw)

    def _read_superposition(self, party: int, raw: bytes, frame: Frame) -> None:
        order = Superposition.decode(frame.data)
        key, attempt = (party, order.round), HARDENED.read(order.body).attempt
        assert raw in self.sent, "a frame left that was not stored"
        assert self.frames[key].setdefault(attempt, raw) == raw, "two frames of one attempt"
        self.views[key].add(order.view)
        sent = self.sent[raw]
        kept = {self.edges[party, tunnel].peer for tunnel in sent.tunnels}
        self.unmasked[key] |= set(sent.neighbors) - kept

    def reading(self, party: int, raw: bytes) -> Lanes:
        """What is under the masks of a frame, by the seeds of its sender and its self-mask as its holders open it."""
        sent, order = self.sent[raw], Superposition.decode(decode(raw).frame.data)
        contribution = HARDENED.read(order.body)
        context = Context(NETWORK, self.clients[party], order.round, order.view)
        edges, day = [self.edges[party, tunnel] for tunnel in sent.tunnels], SCHEDULE.day(order.round)
        pads = {edge.peer: HARDENED.pad(edge.seed.on(day), context, edge.peer) for edge in edges}
        assert contribution.sealing is not None
        holders = contribution.sealing.holders.among(sent.neighbors)
        lent = {peer: pad.lent for peer, pad in pads.items() if peer in holders}
        mask = contribution.sealing.open(holders, lent, context)
        assert mask is not None, "fewer holders than needed are under a frame"
        bare = subtract(contribution.lanes, mask)
        for pad in pads.values():
            bare = subtract(bare, pad.mask)
        return bare

    # What must hold

    def require_masks_used_once(self) -> None:
        """The frames of one gateway and round are of one reading, under the masks of one view."""
        for (party, number), frames in self.frames.items():
            readings = {self.reading(party, raw) for raw in frames.values()}
            assert len(readings) == 1, f"gateway {party} covers two readings with the masks of round {number}"
            assert len(self.views[party, number]) == 1, f"gateway {party} sends in two chains in round {number}"

    def require_either_kind(self) -> None:
        """Nobody gives both the mask toward a neighbor and its share, and each goes by one FINAL of a round."""
        for key, clients in self.released.items():
            both = clients & self.unmasked[key]
            assert not both, f"gateway {key[0]} gave both kinds of round {key[1]} for {sorted(both)}"
            assert len(self.released_by[key]) == 1, f"gateway {key[0]} released by two FINALs of round {key[1]}"
        assert all(len(views) == 1 for views in self.closed_by.values())

    def require_one_order(self) -> None:
        """The provider signs one FINAL for a round and one list for an attempt, and never includes whom it named."""
        assert all(len(frames) == 1 for frames in self.finals.values()), "two FINALs for one round"
        assert all(len(frames) == 1 for frames in self.corrections.values()), "two lists of one attempt"
        for (number, _), (raw,) in self.corrections.items():
            named = Correction.decode(decode(raw).frame.data).missing
            for final in self.finals.get(number, ()):
                assert not named & RoundFinal.decode(decode(final).frame.data).included

    def require_exact_sums(self) -> None:
        """A round has one result, and its sum is that of the readings under the frames of the included."""
        for number, results in self.results.items():
            assert len(results) == 1, f"round {number} has {len(results)} results"
            if results[0].import_dwh is None:
                continue
            (final,) = self.finals[number]
            included = RoundFinal.decode(decode(final).frame.data).included
            parties = [party for party, client in self.clients.items() if client in included]
            readings = [self.reading(party, self.frames[party, number][0]) for party in parties]
            total = vector(sum(reading[0] for reading in readings), sum(reading[1] for reading in readings))
            assert (results[0].import_dwh, results[0].export_dwh) == total[:2]
            assert results[0].contributors == len(included)
