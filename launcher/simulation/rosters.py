"""Drawn networks of suite `hardened` whose roster grows and shrinks, without messages: who drew whom, who has an edge.

Members drew at different times, from rosters of different sizes; some slots ended with their holder's exit and were
drawn again, some because the roster had doubled, and the edges of ended slots stay. Source: docs/protocol.md, "Draw".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from common.thresholds import needed

MESH_MAX: Final = 25
"""Up to so many leaves nothing is drawn."""


@dataclass(slots=True)
class Drawn:
    """Who takes part in a round: members with their slots and edges, and some who collude with the provider."""

    draws: int
    live: set[int] = field(default_factory=set)
    slots: dict[int, set[int]] = field(default_factory=dict)
    edges: set[frozenset[int]] = field(default_factory=set)
    colluding: set[int] = field(default_factory=set)
    _leaves: int = 0
    _drawn_from: dict[int, int] = field(default_factory=dict)

    def holders(self, member: int) -> set[int]:
        """Those whom a member drew and who take part."""
        return self.slots[member] & self.live

    def neighbors(self) -> dict[int, set[int]]:
        """With whom each member has an edge."""
        near: dict[int, set[int]] = {member: set() for member in self.live}
        for edge in self.edges:
            for member in edge:
                near[member] |= edge - {member}
        return near

    def needed(self, member: int) -> int:
        """The threshold of one member: that of its slots, whether or not their holders take part."""
        return needed(len(self.slots[member]))

    def join(self, count: int, rng: Random) -> None:
        """New leaves; then everybody draws who has to."""
        self.live.update(range(self._leaves, self._leaves + count))
        self._leaves += count
        self._draw(rng)

    def leave(self, members: Sequence[int], rng: Random) -> None:
        """Exits: the slots of the departed end, and are drawn again."""
        self.live.difference_update(members)
        self.edges = {edge for edge in self.edges if edge <= self.live}
        for member in self.live:
            self.slots[member].difference_update(members)
        self._draw(rng)

    def _draw(self, rng: Random) -> None:
        for member in sorted(self.live):
            slots = self.slots.setdefault(member, set())
            if self._leaves <= MESH_MAX:
                self.slots[member] = slots = self.live - {member}
            elif self._leaves >= 2 * self._drawn_from.get(member, 1):
                slots.clear()
                self._drawn_from[member] = self._leaves
            others = sorted(self.live - slots - {member})
            lacking = min(self.draws, len(self.live) - 1) - len(slots)
            slots.update(rng.sample(others, lacking) if lacking > 0 else ())
            self.edges.update(frozenset((member, other)) for other in slots)


def grown(rng: Random, *, members_max: int, draws: int, colluding: float) -> Drawn:
    """A network after a few epochs, in which some are away and a share `colluding` works with the provider."""
    drawn = Drawn(draws)
    drawn.join(rng.randint(5, max(5, members_max // 2)), rng)
    for _ in range(rng.randint(0, 4)):
        drawn.join(rng.randint(0, max(0, members_max - len(drawn.live))), rng)
        gone = rng.randint(0, len(drawn.live) // 3)
        drawn.leave(rng.sample(sorted(drawn.live), min(gone, len(drawn.live) - 5)), rng)
    drawn.live -= set(rng.sample(sorted(drawn.live), int(len(drawn.live) * rng.choice((0, 0, 0.05, 0.1)))))
    drawn.edges = {edge for edge in drawn.edges if edge <= drawn.live}
    drawn.colluding = set(rng.sample(sorted(drawn.live), int(len(drawn.live) * colluding)))
    return drawn
