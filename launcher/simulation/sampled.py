"""What a lying provider gains in larger networks, sampled: it tries to cut a small set of members off all others.

Cutting is what its lies come to: each hidden mask that leads out of the set must be taken off by one of its ends.
A member takes off only so many that `needed` of its holders are left, and each holder that takes its own off no longer
opens the member's self-mask. So of a member's holders twice as many can be cut off as may lack, and the others have to
be in the set: it begins with one member, takes in those who have to be, and then cuts.
Source: docs/protocol.md, "What a lying provider learns".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, final

from common.identifiers import ClientId
from launcher.simulation.algebra import Form, Mask
from launcher.simulation.disclosure import Disclosure, SelfMask, Share
from launcher.simulation.observer import components
from launcher.simulation.rosters import Drawn, grown

DRAWS: Final = 24


@dataclass(frozen=True, slots=True)
class Gain:
    """What one attack on `members` determined: sets of honest ones, and those of them smaller than was promised.

    `margin`: by how many members some set was larger than promised; 0 shows that the promise cannot be raised. None
    when nothing was determined, or of such members only of whose holders too many collude.
    """

    members: int
    groups: tuple[frozenset[ClientId], ...]
    broken: tuple[frozenset[ClientId], ...]
    margin: int | None

    @property
    def smallest(self) -> int:
        """How many members the smallest set has; 0 when nothing was determined."""
        return min(map(len, self.groups), default=0)


@final
class Attack:
    """One round of one network, all of whose honest members with enough holders send.

    `thresholds` are the members' own, unless a negative control has others.
    """

    def __init__(self, drawn: Drawn, rng: Random, thresholds: Mapping[int, int] | None = None) -> None:
        self._drawn: Final = drawn
        self._rng: Final = rng
        self._near: Final = drawn.neighbors()
        self._holders: Final = {member: drawn.holders(member) for member in drawn.live}
        self._needed: Final = thresholds or {member: drawn.needed(member) for member in drawn.live}
        honest = drawn.live - drawn.colluding
        self.senders: Final = sorted(m for m in honest if len(self._holders[m]) >= self._needed[m])
        self._sends: Final = set(self.senders)
        spare = {member: len(self._holders[member]) - self._needed[member] for member in self.senders}
        self._to_drop: Final = dict(spare)
        self._to_lack: Final = {member: spare[member] - len(self._silent(member)) for member in self.senders}
        self._dropped: Final[dict[int, set[int]]] = {member: set() for member in self.senders}

    def _silent(self, member: int) -> set[int]:
        return self._holders[member] - self._sends - self._drawn.colluding

    def surround(self, victim: int) -> set[int]:
        """The members that have to be in a set with this one, chosen so that few more have to follow."""
        inside, waiting = {victim}, [victim]
        while waiting:
            member = waiting.pop()
            outside = sorted(self._holders[member] & self._sends - inside)
            self._rng.shuffle(outside)
            outside.sort(key=lambda other: len(self._near[other] & inside))
            for other in outside[max(self._to_drop[member] + self._to_lack[member], 0) :]:
                inside.add(other)
                waiting.append(other)
        return inside

    def cut(self, inside: set[int]) -> None:
        """Have the masks between this set and all others taken off, as far as the members do it."""
        for member in sorted(inside):
            for other in sorted(self._near[member] - inside - self._drawn.colluding):
                self._cut(member, other)

    def _cut(self, member: int, other: int) -> None:
        is_holder = other in self._holders[member]
        if not is_holder or other not in self._sends:
            self._drop(member, other)
        elif self._to_lack[member] > 0 and self._drop(other, member):
            self._to_lack[member] -= 1
        else:
            self._drop(member, other)

    def _drop(self, member: int, other: int) -> bool:
        """Have a mask taken off, if the member's floor allows it."""
        is_holder = other in self._holders[member]
        if is_holder and self._to_drop[member] <= 0:
            return False
        self._to_drop[member] -= is_holder
        self._dropped[member].add(other)
        return True

    def scatter(self) -> None:
        """Have masks taken off at random."""
        for member in self.senders:
            others = sorted(self._near[member] - self._drawn.colluding)
            for other in self._rng.sample(others, self._rng.randint(0, len(others))):
                if self._rng.random() < 0.3:
                    self._drop(member, other)

    def gain(self) -> Gain:
        """What is determined when everybody releases for all for whom it may, and every mask taken off is known."""
        disclosure, forms, shown = Disclosure(), list[Form](), set[Mask]()
        for other in self._drawn.colluding:
            disclosure.tells(ClientId(other), (frozenset((other, near)) for near in self._near[other]))
        for member in self.senders:
            kept = self._near[member] - self._dropped[member]
            own = self._self_mask(member)
            disclosure.covers(own)
            masks: dict[Mask, int] = {frozenset((member, other)): 1 if member < other else -1 for other in kept}
            forms.append(Form.of(ClientId(member), {**masks, own.name: 1}))
            disclosure.shares.update(Share(frozenset((member, other)), ClientId(other)) for other in kept)
            shown.update(frozenset((member, other)) for other in self._dropped[member])
        groups = components(forms, disclosure.known() | shown)
        assert groups is not None, "one frame of each member is always nested"
        promises = disclosure.promises()
        most = [(len(group), max(promises[client] for client in group)) for group in groups]
        margin = min((size - promise for size, promise in most if promise), default=None)
        return Gain(len(self._drawn.live), tuple(groups), tuple(disclosure.broken(groups)), margin)

    def _self_mask(self, member: int) -> SelfMask:
        shares = frozenset(Share(frozenset((member, other)), ClientId(member)) for other in self._holders[member])
        slots = len(self._drawn.slots[member])
        return SelfMask(("self", member), ClientId(member), shares, self._needed[member], slots)


def sample(seed: int, *, members_max: int = 200, draws: int = DRAWS) -> Iterator[Gain]:
    """One network from a seed, and several attacks on it: at random, and on the sets that are cheapest to cut off."""
    rng = Random(seed)  # noqa: S311 -- a seed must give the same network again
    colluding = rng.choice((0, 0.05, 0.15, 0.3, 0.4))
    yield from attacks(grown(rng, members_max=members_max, draws=draws, colluding=colluding), rng)


def attacks(drawn: Drawn, rng: Random, thresholds: Mapping[int, int] | None = None) -> Iterator[Gain]:
    """Several attacks on one network, whose members have thresholds of their own or these."""
    scattered = Attack(drawn, rng, thresholds)
    scattered.scatter()
    yield scattered.gain()
    for victim in rng.sample(scattered.senders, min(3, len(scattered.senders))):
        attack = Attack(drawn, rng, thresholds)
        attack.cut(min((attack.surround(victim) for _ in range(3)), key=len))
        yield attack.gain()
