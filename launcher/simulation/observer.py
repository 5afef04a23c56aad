"""The observer: keeps everything the provider sees, and tells which readings that determines.

It stands where the provider and its broker stand: it has every SUPERPOSITION and RELEASE that ever reached the broker,
accepted, refused or late, knows the key graph, and has all that colluding members know.
Source: docs/protocol.md, "In suite basic", "What a lying provider learns".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import final

from common.identifiers import ClientId, NetworkId, RoundNumber
from launcher.simulation.algebra import Form, Mask, determined_readings, known_forms, smallest_groups
from launcher.simulation.disclosure import Disclosure, SelfMask, Share

RoundKey = tuple[NetworkId, RoundNumber]


@dataclass(slots=True)
class _Piece:
    """A part of what one gateway showed: masks, and its reading in one of its pieces only."""

    client: ClientId | None
    masks: dict[Mask, int]


def _pieces(forms: Iterable[Form], known: frozenset[Mask]) -> list[_Piece] | None:
    """Cut each gateway's frames into its last one and the differences before it; None when they are not nested."""
    by_client: dict[ClientId, list[dict[Mask, int]]] = {}
    for form in forms:
        masks = {mask: sign for mask, sign in form.masks if mask not in known}
        by_client.setdefault(form.client, []).append(masks)
    pieces: list[_Piece] = []
    for client, frames in by_client.items():
        frames.sort(key=len)
        pieces.append(_Piece(client, frames[0]))
        for fewer, more in pairwise(frames):
            if not fewer.items() <= more.items():
                return None
            if difference := dict(more.items() - fewer.items()):
                pieces.append(_Piece(None, difference))
    return pieces


def components(forms: Iterable[Form], known_masks: Iterable[Mask] = ()) -> list[frozenset[ClientId]] | None:
    """The groups whose sums the frames determine, found as connected components.

    A gateway's frames of one round differ only by masks that fell away, and each mask stands in at most
    one frame-to-frame difference of each of its two ends, with opposite signs. The pieces are then the vertices and
    the masks the edges of a graph; a form without masks is constant on a component, and zero on a component in which
    some mask has lost its other end. So each complete component determines the sum of the readings in it, and
    nothing else is determined. A self-mask that is not opened is a mask that never had another end. Tests prove it
    equal to the algebra.

    Returns:
        The groups, or None when the frames are not of that shape: then only `algebra` answers.
    """
    pieces = _pieces(forms, frozenset(known_masks))
    ends: dict[Mask, list[tuple[int, int]]] = {}
    for index, piece in enumerate(pieces or ()):
        for mask, sign in piece.masks.items():
            ends.setdefault(mask, []).append((index, sign))
    if pieces is None or any(len(held) > 2 or sum(s for _, s in held) not in (-1, 0, 1) for held in ends.values()):
        return None
    if any(len(held) == 2 and held[0][1] == held[1][1] for held in ends.values()):
        return None
    root = list(range(len(pieces)))
    for held in ends.values():
        root[_root(root, held[0][0])] = _root(root, held[-1][0])
    dangling = {_root(root, held[0][0]) for held in ends.values() if len(held) == 1}
    groups: dict[int, set[ClientId]] = {}
    for index, piece in enumerate(pieces):
        if piece.client is not None and (top := _root(root, index)) not in dangling:
            groups.setdefault(top, set()).add(piece.client)
    return sorted(map(frozenset, groups.values()), key=sorted)


def _root(root: list[int], index: int) -> int:
    while root[index] != index:
        root[index] = root[root[index]]
        index = root[index]
    return index


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the frames of one round determine: smallest groups of fewer than the minimum, single readings among them."""

    singles: frozenset[ClientId]
    small_groups: tuple[frozenset[ClientId], ...]


def know(forms: Iterable[Form], members_min: int, known_masks: Iterable[Mask] = (), *, exact: bool = True) -> Knowledge:
    """What frames determine. With `exact` by elimination, and checked against the components; else by these alone.

    Raises:
        AssertionError: the two methods disagree.
    """
    forms, known = list(forms), frozenset(known_masks)
    groups = components(forms, known)
    if groups is None or exact:
        rows = known_forms(forms, known)
        small = smallest_groups(rows, members_min)
        singles = determined_readings(rows)
        if groups is not None:
            supports = sorted((frozenset(row) for row in rows), key=sorted)
            assert supports == groups, f"elimination finds {supports}, components {groups}"
    else:
        small = [group for group in groups if len(group) < members_min]
        singles = {next(iter(group)) for group in groups if len(group) == 1}
    return Knowledge(frozenset(singles), tuple(small))


@final
@dataclass(slots=True)
class Observer:
    """Collects frames and shares by round. What each is made of it is told once, when a gateway makes it."""

    _made: dict[bytes, tuple[RoundKey, Form]] = field(default_factory=dict)
    _seen: dict[RoundKey, dict[bytes, Form]] = field(default_factory=dict)
    _self_masks: dict[bytes, SelfMask] = field(default_factory=dict)
    _released: dict[bytes, tuple[RoundKey, frozenset[Share]]] = field(default_factory=dict)
    _disclosed: dict[RoundKey, Disclosure] = field(default_factory=dict)

    def made(
        self,
        key: RoundKey,
        frame: bytes,
        client: ClientId,
        masks: Mapping[Mask, int],
        self_mask: SelfMask | None = None,
    ) -> None:
        """A gateway has made this frame of these masks, and in suite `hardened` of this self-mask besides."""
        own = {} if self_mask is None else {self_mask.name: 1}
        self._made[frame] = (key, Form.of(client, {**masks, **own}))
        if self_mask is not None:
            self._self_masks[frame] = self_mask

    def released(self, key: RoundKey, payload: bytes, shares: Iterable[Share]) -> None:
        """A gateway has made this RELEASE of these shares."""
        self._released[payload] = (key, frozenset(shares))

    def told(self, key: RoundKey, client: ClientId, masks: Iterable[Mask]) -> None:
        """A colluding member knows these masks of a round, and what else its edges give."""
        self._disclosure(key).tells(client, masks)

    def _disclosure(self, key: RoundKey) -> Disclosure:
        return self._disclosed.setdefault(key, Disclosure())

    def arrived(self, payload: bytes) -> None:
        """A message has reached the broker."""
        if (found := self._made.get(payload)) is not None:
            self._seen.setdefault(found[0], {})[payload] = found[1]
        if (self_mask := self._self_masks.get(payload)) is not None and found is not None:
            self._disclosure(found[0]).covers(self_mask)
        if (released := self._released.get(payload)) is not None:
            self._disclosure(released[0]).shares.update(released[1])

    def know(self, key: RoundKey, below: int, *, exact: bool = True) -> Knowledge:
        """What the provider can determine of the honest members of one round, in groups of fewer than `below`."""
        return know(self._honest_forms(key), below, self._disclosure(key).known(), exact=exact)

    def broken(self, key: RoundKey, *, exact: bool = True) -> list[frozenset[ClientId]]:
        """The groups whose sums are determined although one of their members was promised a larger one.

        Empty in every round of suite `hardened`, whatever the provider does.
        """
        disclosure = self._disclosure(key)
        below = max(disclosure.promises().values(), default=0)
        return disclosure.broken(self.know(key, below, exact=exact).small_groups)

    def _honest_forms(self, key: RoundKey) -> list[Form]:
        colluding = self._disclosure(key).colluding
        return [form for form in self.forms(key) if form.client not in colluding]

    @property
    def rounds(self) -> list[RoundKey]:
        """The rounds of which anything was seen."""
        return sorted(self._seen)

    def forms(self, key: RoundKey) -> list[Form]:
        """The frames of one round that were seen."""
        return list(self._seen.get(key, {}).values())

    def unseen(self, key: RoundKey, client: ClientId) -> list[Form]:
        """The frames that this member made for the round and that never arrived."""
        seen = self._seen.get(key, {})
        made = ((frame, form) for frame, (of, form) in self._made.items() if of == key and form.client == client)
        return [form for frame, form in made if frame not in seen]
