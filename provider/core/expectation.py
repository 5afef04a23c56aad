"""Which edges start with the next FINAL, which are forgotten, and which members it may expect.

Source: docs/protocol.md, "FINAL", "Coming back", "Key graph".
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, final

from common.frames import DATA_BYTES_MAX
from common.identifiers import ClientId, RoundNumber
from common.payloads import TUNNEL_BYTES
from provider.core.desk import Desk
from provider.core.events import EdgeState, MemberState, Store
from provider.core.keygraph import Edge, Holders, neighborhoods, summable
from provider.core.opening import Sealed
from provider.core.rosters import Rosters

STANDING_ROUNDS: Final = 48
STANDING_MS: Final = 300_000
"""An edge that stands longer than both without being started is dropped: half of what gateways grant it."""

PAUSE_ROUNDS_MAX: Final = 16
"""A member that is silent time after time is tried again after so many rounds at most."""

FINAL_REST_BYTES: Final = 96
"""What a FINAL holds beside its two sets of members and the edges that it starts, rounded up."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What a member's frames have told of its neighbors: who holds shares for it, who does not, how many it needs.

    Of a neighbor that was under none of them nothing is known: it may well be a holder.
    """

    holders: frozenset[ClientId] = frozenset()
    others: frozenset[ClientId] = frozenset()
    needed: int = 0


@final
class Expectation:
    """Looks over members and edges at the end of a round."""

    def __init__(self, desk: Desk, rosters: Rosters) -> None:
        self._desk: Final = desk
        self._rosters: Final = rosters
        self._told: Final[dict[ClientId, _Told]] = {}
        self._left_out: Counter[ClientId] = Counter()
        self._silent: Counter[ClientId] = Counter()
        self._paused_until: Final[dict[ClientId, RoundNumber]] = {}

    def startable(self) -> list[Edge]:
        """The edges whose seeds stand, as many as find room in one FINAL: some 8,000 in a network of 1,000 members.

        Those among the oldest members come first: where thousands join at once, these are dense enough for a sum.
        """
        set_bytes = len(self._desk.members) // 8 + 1
        room = max((DATA_BYTES_MAX - FINAL_REST_BYTES - 2 * set_bytes) // TUNNEL_BYTES, 0)
        standing = self._desk.graph.in_state(EdgeState.STANDING)
        if len(standing) > room:
            standing.sort(key=lambda edge: max(edge.initiator, edge.responder))
        return standing[:room]

    def start(self, edges: Iterable[Edge]) -> list[Store]:
        """Start these edges; an edge that one of them renews is dropped."""
        desk, effects = self._desk, list[Store]()
        for edge in edges:
            for old in desk.graph.between(edge.initiator, edge.responder):
                if old.state is EdgeState.STARTED:
                    effects += desk.remove_edge(old)
            effects.append(desk.save_edge(edge, EdgeState.STARTED))
            desk.agree(edge.initiator, edge.responder)
        return effects

    def forget(self, now_ms: int) -> list[Store]:
        """Drop edges that stand for long and never started: their ends forget them too, after twice as long.

        Nobody remembers how long an edge stood before the provider started; it counts from the first round after.
        """
        patience_ms = max(STANDING_ROUNDS * self._desk.parameters.schedule.period_ms, STANDING_MS)
        standing = self._desk.graph.in_state(EdgeState.STANDING)
        for edge in standing:
            edge.opened_ms = edge.opened_ms or now_ms
        old = [edge for edge in standing if not 0 <= now_ms - edge.opened_ms <= patience_ms]
        return [effect for edge in old for effect in self._desk.remove_edge(edge)]

    def eligible(self) -> set[ClientId]:
        """The members that may be expected: present, and no two of them with a seed in dispute.

        Whoever is in no dispute of its own comes first; then those with the fewest, as long as they have none with
        whom was chosen. So a member that never renews its seeds keeps out itself, and nobody else.
        """
        desk = self._desk
        present = {member.client for member in desk.in_state(MemberState.PRESENT) if not member.is_deaf}
        disputes = {
            client: {peer for peer in present & desk.members[client].unsettled if self._is_disputed(client, peer)}
            for client in present
        }
        chosen = {client for client in present if not disputes[client]}
        for client in sorted(present - chosen, key=lambda client: (len(disputes[client]), client)):
            if not any(peer in disputes[client] or client in disputes[peer] for peer in chosen):
                chosen.add(client)
        return chosen

    def expect(self, number: RoundNumber, starting: Iterable[Edge]) -> set[ClientId]:
        """Who is expected in this round.

        What is known of a member's holders may be wrong, and a silent one tells nothing new. So whoever is left out for
        what it told is tried all the same after 4, 8, 16 ... rounds; and whoever is silent time after time, though it
        says that it is there, is left out for as long.
        """
        clients = {client for client in self.eligible() if self._paused_until.get(client, 0) <= number}
        doubted = {client for client, rounds in self._left_out.items() if rounds > 3 and rounds.bit_count() == 1}
        expected = self.summable(clients, starting, doubted)
        self._left_out = Counter({client: self._left_out[client] + 1 for client in clients - expected})
        return expected

    def note_round(self, number: RoundNumber, came: Iterable[ClientId], silent: Iterable[ClientId]) -> None:
        """A round has ended: frames of some members came, and none of others who were awaited."""
        for client in came:
            self._silent.pop(client, None)
        for client in silent:
            self._silent[client] += 1
            if self._silent[client] > 1:
                pause = min(2 ** (self._silent[client] - 1), PAUSE_ROUNDS_MAX)
                self._paused_until[client] = RoundNumber(number + 1 + pause)

    def summable(
        self, clients: set[ClientId], starting: Iterable[Edge], doubted: Collection[ClientId] = ()
    ) -> set[ClientId]:
        """Who of `clients` can be expected when the `starting` edges are used as well; nothing is held of `doubted`."""
        rules = self._desk.parameters
        near = neighborhoods(clients, [*self._desk.graph.in_state(EdgeState.STARTED), *starting])
        known = ((client, told) for client, told in self._told.items() if client in clients and client not in doubted)
        told = {client: told for client, told in known if self._is_valid(told)}
        holders = {c: Holders(frozenset(near[c]) - told.others, told.needed) for c, told in told.items()}
        return summable(clients, near, max(rules.masks_min, self._of_mesh), rules.members_min, holders)

    def learn(self, client: ClientId, sealed: Sealed) -> None:
        """A frame has told which neighbors hold shares for its sender; those not under it stay what they were."""
        before = self._told.get(client, _Told())
        holders, neighbors = frozenset(sealed.holders), frozenset(sealed.neighbors)
        others = (before.others - neighbors) | (neighbors - holders)
        self._told[client] = _Told((before.holders - neighbors) | holders, others, sealed.sealing.needed)

    def _is_valid(self, told: _Told) -> bool:
        """Whether all holders are still members: without one that has left fewer are needed, or others were drawn."""
        return all(self._desk.members[holder].state is not MemberState.LEFT for holder in told.holders)

    @property
    def _of_mesh(self) -> int:
        """How many neighbors under its frame a member of a mesh wants before it sends; 0 where neighbors are drawn."""
        at = self._rosters.current
        return self._desk.suite.needed(self._desk.others(at.leaves)) if at is not None and at.is_mesh else 0

    def _is_disputed(self, client: ClientId, peer: ClientId) -> bool:
        """Whether no renewed seed stands, which would start with the next FINAL."""
        return not any(edge.state is EdgeState.STANDING for edge in self._desk.graph.between(client, peer))
