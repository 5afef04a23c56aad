"""What opens the self-masks of suite `hardened`: which shares the provider has, and what it promises of them.

A frame of that suite hides its reading under a self-mask besides the masks toward neighbors. A holder's share of it is
drawn from the edge between the two, as their mask is, so a share is named by this mask and by whose self-mask it
opens. `needed` shares open a self-mask; fewer, with the public corrections, tell nothing of it, as the polynomial has
degree needed - 1. Different views make different masks, and so have different names.
Source: docs/protocol.md, "Self-mask", "What a lying provider learns".
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import final

from common.identifiers import ClientId
from common.thresholds import smallest_opened
from launcher.simulation.algebra import Mask


@dataclass(frozen=True, slots=True)
class Share:
    """The share that opens `owner`'s self-mask and is known at both ends of the edge that gives `mask`."""

    mask: Mask
    owner: ClientId


@dataclass(frozen=True, slots=True)
class SelfMask:
    """The self-mask under the frames of one gateway in one round and view.

    `shares`: those of its holders, one for each. `needed`: how many open it. `drawn`: how many neighbors the gateway
    has drawn; the promise is measured by it, so that a gateway with too low a threshold is found out.
    """

    name: Mask
    owner: ClientId
    shares: frozenset[Share]
    needed: int
    drawn: int


@final
@dataclass(slots=True)
class Disclosure:
    """What the provider has in one round besides frames: shares from holders, and all that colluding members know."""

    shares: set[Share] = field(default_factory=set)
    masks: set[Mask] = field(default_factory=set)
    colluding: set[ClientId] = field(default_factory=set)
    _self_masks: dict[Mask, SelfMask] = field(default_factory=dict)

    def covers(self, self_mask: SelfMask) -> None:
        """A frame has been seen under this self-mask.

        Raises:
            AssertionError: another frame had it with other holders or another threshold.
        """
        known = self._self_masks.setdefault(self_mask.name, self_mask)
        assert known == self_mask, f"two self-masks have the name {self_mask.name}"

    def tells(self, client: ClientId, masks: Iterable[Mask]) -> None:
        """A colluding member hands over these masks, and with each the two shares from the same edge."""
        self.colluding.add(client)
        self.masks.update(masks)

    def known(self) -> frozenset[Mask]:
        """The masks that the provider can subtract: those that it was told, and the self-masks that it can open."""
        opened = (name for name, held in self._self_masks.items() if self._count(held) >= held.needed)
        return frozenset(self.masks).union(opened)

    def _count(self, self_mask: SelfMask) -> int:
        return sum(share in self.shares or share.mask in self.masks for share in self_mask.shares)

    def promises(self) -> dict[ClientId, int]:
        """How many honest members any sum with this one's reading holds at least; 0 if too many holders collude."""
        return {
            held.owner: smallest_opened(held.drawn, sum(share.mask in self.masks for share in held.shares))
            for held in self._self_masks.values()
        }

    def broken(self, groups: Iterable[frozenset[ClientId]]) -> list[frozenset[ClientId]]:
        """Those of the groups whose sums are determined that are smaller than one of their members was promised."""
        promises = self.promises()
        return [group for group in groups if len(group) < max((promises.get(client, 0) for client in group), default=0)]
