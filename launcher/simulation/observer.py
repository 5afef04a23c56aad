"""The observer: keeps everything the provider sees, and tells which readings that determines.

It stands where the provider and its broker stand: it has every SUPERPOSITION that ever reached the broker, accepted,
refused or late, and knows the key graph. Source: docs/protocol.md, "What suite basic does not hide".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import final

from common.identifiers import ClientId, NetworkId, RoundNumber
from launcher.simulation.algebra import Form, Mask, determined_readings, known_forms, smallest_groups

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
    """The groups whose sums the frames of suite `basic` determine, found as connected components.

    In that suite a gateway's frames of one round differ only by masks that fell away, and each mask stands in at most
    one frame-to-frame difference of each of its two ends, with opposite signs. The pieces are then the vertices and
    the masks the edges of a graph; a form without masks is constant on a component, and zero on a component in which
    some mask has lost its other end. So each complete component determines the sum of the readings in it, and
    nothing else is determined. A test proves it equal to the algebra.

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
    """Collects frames by round. What each frame is made of it is told once, when a gateway makes it."""

    _made: dict[bytes, tuple[RoundKey, Form]] = field(default_factory=dict)
    _seen: dict[RoundKey, dict[bytes, Form]] = field(default_factory=dict)

    def made(self, key: RoundKey, frame: bytes, client: ClientId, masks: Mapping[Mask, int]) -> None:
        """A gateway has made this frame of these masks."""
        self._made[frame] = (key, Form.of(client, masks))

    def arrived(self, payload: bytes) -> None:
        """A message has reached the broker."""
        found = self._made.get(payload)
        if found is not None:
            self._seen.setdefault(found[0], {})[payload] = found[1]

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
