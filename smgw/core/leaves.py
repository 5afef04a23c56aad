"""All leaves of a roster, as a gateway gathers them before it goes by that roster.

Who holds them all sees what a proof of one leaf cannot show: that none was exchanged, and that no key stands for
several members. Source: docs/protocol.md, "Roster".
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, final

from common.identifiers import ClientId
from common.merkle import Tree
from common.refusal import Refusal
from common.roster import LEAVES_PER_PART, Leaf
from smgw.core.events import Level
from smgw.core.reports import ReportedError

LEAVES_MAX: Final = 1 << 18
"""Leaves beyond are not kept: no network has so many, and a gateway has little memory."""


@final
class Leaves:
    """The leaves that one provider told of one network, each in its place. They are only added, never exchanged."""

    def __init__(self, listed: Iterable[Leaf] = ()) -> None:
        """Begin with all leaves that a small roster lists."""
        self._leaves: Final[list[Leaf]] = []
        self._tree: Final = Tree()
        self._ahead: Final[dict[int, Sequence[Leaf]]] = {}
        self._last: Final[dict[bytes, int]] = {}
        self._next: Final[dict[int, int]] = {}
        self._repeats: Final[list[int]] = []
        for leaf in listed:
            self._append(leaf)

    def __len__(self) -> int:
        return len(self._leaves)

    def add(self, part: Sequence[Leaf]) -> None:
        """Take leaves that follow each other; what comes before the ones between waits for these.

        Raises:
            ReportedError: TWO_ROSTERS, when one of them is held already and is another one; then none is taken.
        """
        first = part[0].index
        held = self._leaves[first : first + len(part)] or self._ahead.get(first, ())
        for known, told in zip(held, part, strict=False):
            if known != told:
                text = (
                    f"The provider has told two different keys or commitments of client {told.client}. This gateway"
                    " keeps to those that it knew first. Tell the gateway administrator."
                )
                raise ReportedError(Refusal.TWO_ROSTERS, Level.CRITICAL, text)
        if len(part) > len(held) and first < LEAVES_MAX:
            self._ahead[first] = part
        while following := self._ahead.pop(len(self) - len(self) % LEAVES_PER_PART, None):
            for leaf in following[len(self) % LEAVES_PER_PART :]:
                self._append(leaf)

    def _append(self, leaf: Leaf) -> None:
        earlier = self._last.get(leaf.public_key)
        if earlier is not None:
            self._next[earlier] = leaf.index
            self._repeats.append(leaf.index)
        self._last[leaf.public_key] = leaf.index
        self._leaves.append(leaf)
        self._tree.append(leaf.encode())

    def of(self, client: ClientId) -> Leaf | None:
        """The leaf in this client's place."""
        return self._leaves[client - 1] if 0 < client <= len(self) else None

    def root(self, size: int) -> bytes:
        """The root over the first `size` leaves, 32 bytes."""
        return self._tree.root(size)

    def keys(self, size: int) -> int:
        """How many different keys the first `size` leaves have: as many parties there are at most."""
        return size - bisect_left(self._repeats, size)

    def is_superseded(self, client: ClientId, size: int) -> bool:
        """Whether a later one of the first `size` leaves has the same key: its member came back under a new number."""
        return self._next.get(client - 1, size) < size

    def superseded(self, size: int) -> set[ClientId]:
        """All clients among the first `size` leaves whose members came back under a new number."""
        return {ClientId(place + 1) for place, later in self._next.items() if later < size}
