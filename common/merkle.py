"""Merkle trees: one hash for a list that only grows, and short proofs of what is in it and that it only grew.

The trees of Certificate Transparency with BLAKE2b and personalizations in place of SHA-256 and prefixes. A root alone
does not say how many leaves it has, so whoever signs one signs the size beside it. Source: RFC 9162, section 2.1;
docs/protocol.md, "Roster".
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final, final

HASH_BYTES: Final = 32
Proof = Sequence[bytes]
"""Hashes of 32 bytes each."""


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one entry."""
    return blake2b(leaf, digest_size=HASH_BYTES, person=b"dcnet leaf").digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return blake2b(left + right, digest_size=HASH_BYTES, person=b"dcnet node").digest()


EMPTY_ROOT: Final = blake2b(digest_size=HASH_BYTES, person=b"dcnet node").digest()
"""The root of a tree without leaves."""


@final
class Tree:
    """A list that only grows. Roots and proofs can be had for each size that it ever had.

    Every full subtree is hashed once, so a root or a path costs about log2(size)**2 / 2 hashes.
    """

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: Final[list[list[bytes]]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    def __len__(self) -> int:
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Add an entry at the end."""
        self._levels[0].append(leaf_hash(leaf))
        for level, nodes in enumerate(self._levels):
            if len(nodes) % 2:
                return
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(node_hash(nodes[-2], nodes[-1]))

    def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` leaves, 32 bytes."""
        size = len(self) if size is None else size
        assert 0 <= size <= len(self), "there are not so many leaves"
        return self._hash(0, size) if size else EMPTY_ROOT

    def path(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """What proves that leaf `index` is among the first `size` leaves."""
        size = len(self) if size is None else size
        assert 0 <= index < size <= len(self), "there is no such leaf"
        return tuple(self._path(index, 0, size))

    def consistency(self, old: int, size: int | None = None) -> tuple[bytes, ...]:
        """What proves that the first `size` leaves begin with the first `old` ones."""
        size = len(self) if size is None else size
        assert 0 < old <= size <= len(self), "a list only grows, and from something"
        return tuple(self._consistency(old, 0, size, is_whole=True))

    def _hash(self, begin: int, size: int) -> bytes:
        """The hash over leaves `begin` to `begin + size`; `begin` is a multiple of the power of two above `size`."""
        if size & (size - 1) == 0:
            level = size.bit_length() - 1
            return self._levels[level][begin >> level]
        half = _split(size)
        return node_hash(self._hash(begin, half), self._hash(begin + half, size - half))

    def _path(self, index: int, begin: int, size: int) -> list[bytes]:
        if size == 1:
            return []
        half = _split(size)
        if index < half:
            return [*self._path(index, begin, half), self._hash(begin + half, size - half)]
        return [*self._path(index - half, begin + half, size - half), self._hash(begin, half)]

    def _consistency(self, old: int, begin: int, size: int, *, is_whole: bool) -> list[bytes]:
        if old == size:
            return [] if is_whole else [self._hash(begin, size)]
        half = _split(size)
        if old <= half:
            proof = self._consistency(old, begin, half, is_whole=is_whole)
            return [*proof, self._hash(begin + half, size - half)]
        proof = self._consistency(old - half, begin + half, size - half, is_whole=False)
        return [*proof, self._hash(begin, half)]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def is_in(leaf: bytes, index: int, size: int, path: Proof, root: bytes) -> bool:
    """Tell whether `path` proves that `leaf` is at `index` of a tree with `size` leaves and this root."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf_hash(leaf)
    for other in path:
        if not last:
            return False
        if at & 1 or at == last:
            found = node_hash(other, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, other)
        at, last = at >> 1, last >> 1
    return not last and found == root


def is_consistent(old: int, old_root: bytes, size: int, root: bytes, proof: Proof) -> bool:
    """Tell whether `proof` shows that a tree of `size` leaves begins with the `old` ones of another root."""
    if old == size:
        return old_root == root and not proof
    if not 0 < old < size or not proof:
        return False
    hashes = list(proof) if old & (old - 1) else [old_root, *proof]
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old_found = found = hashes[0]
    for other in hashes[1:]:
        if not last:
            return False
        if at & 1 or at == last:
            old_found, found = node_hash(other, old_found), node_hash(other, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, other)
        at, last = at >> 1, last >> 1
    return not last and old_found == old_root and found == root
