"""One round of a small mesh of suite `hardened`, reduced to what each honest member has disclosed in the end.

Whatever a lying provider sends to whom, in whichever order, each ordered pair of honest members (h, x) ends in one of
three states: h took its mask toward x off (corrected), or h gave its share for x (released), or neither. Frames that
come late or never show a part of what counts as shown here: every frame is seen, each mask that was taken off is known
by itself, and each colluding member has told all. That `members_min` limits the provider is left out as well.
Members who were shown another FINAL before have masks and shares that fit nobody else's: they count as away.
Source: docs/protocol.md, "What a lying provider learns".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import inf
from typing import Final

from common.identifiers import ClientId
from common.thresholds import half
from launcher.simulation.algebra import Form, Mask
from launcher.simulation.disclosure import Disclosure, SelfMask, Share


@dataclass(frozen=True, slots=True)
class Choice:
    """What one honest member has done in the end: sets of honest members, as bits."""

    dropped: int
    """Toward whom it took its mask off."""

    released: int
    """For whom it gave its share."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """`members` who all hold for each other, `away` of them not in this round, `colluding` others with the provider.

    `needed` is the threshold. The rules of the gateways are there to be left out in negative controls: `has_floor`,
    nobody takes off so many masks that fewer than `needed` holders are left; `is_one_kind`, whoever took its mask
    toward another off never releases for it; `has_self_mask`, without which it is suite `basic`.
    """

    members: int
    colluding: int
    needed: int
    away: int = 0
    has_floor: bool = True
    is_one_kind: bool = True
    has_self_mask: bool = True

    @property
    def honest(self) -> int:
        """How many honest members take part: those numbered from 0."""
        return self.members - self.colluding - self.away

    @property
    def drawn(self) -> int:
        """How many neighbors each member has drawn: in a mesh all others."""
        return self.members - 1

    @property
    def is_covered(self) -> bool:
        """Whether the threshold promises anything against so many colluding members."""
        return 2 * self.needed > self.drawn + self.colluding

    @property
    def promise(self) -> int:
        """How many honest members any sum holds at least; with the suite's own threshold it is `smallest_opened`."""
        return max(2 * self.needed - self.drawn - self.colluding + 1, 1)

    @property
    def drops_max(self) -> int:
        """From how many honest members one may take its mask off."""
        others = self.honest - 1
        floor = self.needed if self.has_self_mask else half(self.drawn)
        return max(others + self.colluding - floor, 0) if self.has_floor else others

    def choices(self, member: int, *, with_neither: bool = False) -> Iterator[Choice]:
        """Everything that a member may end with.

        Without `with_neither` it releases for all for whom it may: to know less determines nothing more.
        """
        others = [other for other in range(self.honest) if other != member]
        near = _bits(others)
        for count in range(self.drops_max + 1):
            for dropped in map(_bits, combinations(others, count)):
                most = near & ~dropped if self.is_one_kind else near
                yield from (Choice(dropped, released) for released in (_subsets(most) if with_neither else [most]))

    def forms(self, state: Sequence[Choice]) -> tuple[list[Form], Disclosure]:
        """The frames of the honest members in this state, and what the provider has besides, for the algebra.

        Member i is client i + 1; the colluding ones follow.
        """
        disclosure, forms = Disclosure(), list[Form]()
        present = range(self.honest + self.colluding)
        for other in present[self.honest :]:
            disclosure.tells(ClientId(other + 1), (_edge(other, i) for i in range(self.honest)))
        for i, choice in enumerate(state):
            masks = {_edge(i, j): 1 if i < j else -1 for j in present if j != i}
            shares = frozenset(Share(mask, ClientId(i + 1)) for mask in masks)
            own = SelfMask(("self", i), ClientId(i + 1), shares, self.needed, self.drawn)
            if self.has_self_mask:
                disclosure.covers(own)
                masks[own.name] = 1
            forms.append(Form.of(ClientId(i + 1), masks))
            for j in _members(choice.dropped):
                del masks[_edge(i, j)]
                forms.append(Form.of(ClientId(i + 1), masks))
            disclosure.shares.update(Share(_edge(i, j), ClientId(j + 1)) for j in _members(choice.released))
        return forms, disclosure


def covered(states_max: float = inf) -> Iterator[Mesh]:
    """All meshes of 4 to 7 with up to 2 colluding, any number away, and each threshold that promises anything.

    Those with more states than `states_max` are left out.
    """
    for members, colluding in product(range(4, 8), range(3)):
        for needed in range(1, members):
            for away in range(members - needed):
                mesh = Mesh(members, colluding, needed, away)
                count = sum(1 for _ in mesh.choices(0))
                if mesh.is_covered and mesh.honest > 1 and count**mesh.honest <= states_max:
                    yield mesh


CONTROLS: Final = {
    "k at half of the drawn and the colluding": [Mesh(5, 0, 2), Mesh(6, 1, 3), Mesh(5, 2, 3), Mesh(7, 2, 4)],
    "suite basic and a late frame": [Mesh(4, 0, 3, has_self_mask=False), Mesh(5, 0, 3, has_self_mask=False)],
    "both kinds of share for one": [Mesh(5, 0, 3, is_one_kind=False), Mesh(6, 1, 4, is_one_kind=False)],
    "no floor at corrections": [Mesh(4, 0, 3, has_floor=False), Mesh(5, 0, 3, has_floor=False)],
}
"""Negative controls: meshes that lack one of the rules. In each a single reading must be determined."""


def _edge(a: int, b: int) -> Mask:
    return frozenset((a, b))


def _bits(members: Sequence[int]) -> int:
    return sum(1 << member for member in members)


def _members(bits: int) -> list[int]:
    return [member for member in range(bits.bit_length()) if bits >> member & 1]


def _subsets(bits: int) -> Iterator[int]:
    subset = bits
    while True:
        yield subset
        if not subset:
            return
        subset = (subset - 1) & bits
