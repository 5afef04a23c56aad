"""Who still lacks a seed to whom: what members said in DRAWN. Kept in memory alone, since they say it again.

Source: docs/protocol.md, "Draw".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, final

from common.identifiers import ClientId


@dataclass(frozen=True, slots=True)
class Want:
    """`asker` drew `drawn` against the roster of `epoch`, or needs it in the mesh, and has no seed with it yet."""

    asker: ClientId
    drawn: ClientId
    epoch: int


@final
class Wants:
    """All wants of a network, by who asks and by who was drawn. Each pair is there at most once in each direction."""

    def __init__(self) -> None:
        self._of: Final[dict[ClientId, dict[ClientId, int]]] = {}
        self._toward: Final[dict[ClientId, set[ClientId]]] = {}

    @property
    def askers(self) -> list[ClientId]:
        """Everybody who wants somebody."""
        return list(self._of)

    def of(self, asker: ClientId) -> list[Want]:
        """What this member wants."""
        return [Want(asker, drawn, epoch) for drawn, epoch in self._of.get(asker, {}).items()]

    def toward(self, drawn: ClientId) -> list[Want]:
        """Who wants this member."""
        askers = sorted(self._toward.get(drawn, ()))
        return [Want(asker, drawn, self._of[asker][drawn]) for asker in askers]

    def replace(self, asker: ClientId, epochs: Mapping[ClientId, int]) -> None:
        """Take what a member says now for all that it wants: the epoch of the roster, by drawn member."""
        self.drop(self.of(asker))
        if epochs:
            self._of[asker] = dict(epochs)
        for drawn in epochs:
            self._toward.setdefault(drawn, set()).add(asker)

    def drop(self, wants: Iterable[Want]) -> None:
        """Forget wants; unknown ones are passed over."""
        for want in wants:
            self._discard(want.asker, want.drawn)

    def settle(self, asker: ClientId, drawn: ClientId) -> None:
        """These two have a seed, in whichever direction it was wanted."""
        self._discard(asker, drawn)
        self._discard(drawn, asker)

    def _discard(self, asker: ClientId, drawn: ClientId) -> None:
        if self._of.get(asker, {}).pop(drawn, None) is None:
            return
        self._toward[drawn].discard(asker)
        if not self._of[asker]:
            del self._of[asker]
        if not self._toward[drawn]:
            del self._toward[drawn]
