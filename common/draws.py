"""How a gateway draws its neighbors so that neither it nor the provider can choose them.

Before it knows a roster, a gateway commits to 1,024 draw values with a Merkle root, which stands in its leaf of the
roster. Slot i then falls to the leaf that BLAKE2b(value i, roster's root, counter) names; the counter passes over the
gateway itself, repeats and the departed. The value is opened to the neighbor that was drawn, who checks it.
Source: docs/protocol.md, "Draw".
"""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from struct import Struct
from typing import Final, Self, final

from common.merkle import HASH_BYTES, Tree, is_in
from common.refusal import Refusal, RefusedError
from common.secret import Secret
from common.signing import Identity

VALUES: Final = 1_024
"""Draw values of one gateway, enough for the life of its certificate."""

VALUE_BYTES: Final = 32
COUNTER_MAX: Final = 0xFFFF
_PATH_HASHES: Final = VALUES.bit_length() - 1
_OPENING: Final = Struct(f">HH{VALUE_BYTES}s{_PATH_HASHES * HASH_BYTES}s")
_DRAWN: Final = Struct(f">{VALUE_BYTES}s{HASH_BYTES}sH")
_PATIENCE: Final = 32


@dataclass(frozen=True, slots=True)
class Opening:
    """What a gateway shows to a neighbor that it drew: slot, counter, draw value, and the value's path.

    The value is nobody else's business before, and no secret after.
    """

    slot: int
    counter: int
    value: bytes = field(repr=False)
    path: tuple[bytes, ...]

    def encode(self) -> bytes:
        """356 bytes: `slot 2 | counter 2 | value 32 | path 10 x 32`."""
        return _OPENING.pack(self.slot, self.counter, self.value, b"".join(self.path))

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read an opening.

        Raises:
            RefusedError: BAD_DRAW.
        """
        if len(octets) != _OPENING.size:
            raise RefusedError(Refusal.BAD_DRAW)
        slot, counter, value, path = _OPENING.unpack(octets)
        return cls(slot, counter, value, tuple(path[at : at + HASH_BYTES] for at in range(0, len(path), HASH_BYTES)))


@final
class DrawValues:
    """The draw values of one gateway in one region. They follow from its identity key, so a lost store keeps them."""

    def __init__(self, identity: Identity, region: str) -> None:
        key = identity.seed.reveal()
        self._secret: Final = Secret(blake2b(region.encode(), key=key, digest_size=32, person=b"dcnet draws").digest())

    def __repr__(self) -> str:
        return f"DrawValues({VALUES})"

    @cached_property
    def _tree(self) -> Tree:
        return Tree(self._value(slot) for slot in range(VALUES))

    @property
    def root(self) -> bytes:
        """The commitment, 32 bytes."""
        return self._tree.root()

    def _value(self, slot: int) -> bytes:
        return blake2b(
            slot.to_bytes(2), key=self._secret.reveal(), digest_size=VALUE_BYTES, person=b"dcnet draw"
        ).digest()

    def drawn(self, slot: int, counter: int, roster_root: bytes, leaves: int) -> int:
        """The leaf (its index) to which a slot falls."""
        return drawn_leaf(self._value(slot), counter, roster_root, leaves)

    def open(self, slot: int, counter: int) -> Opening:
        """Show the value of a slot to the neighbor that it drew."""
        return Opening(slot, counter, self._value(slot), self._tree.path(slot))


def drawn_leaf(value: bytes, counter: int, roster_root: bytes, leaves: int) -> int:
    """The index, below `leaves`, that a draw value names in the roster with this root."""
    octets = blake2b(_DRAWN.pack(value, roster_root, counter), digest_size=16, person=b"dcnet drawn").digest()
    return int.from_bytes(octets) % leaves


def counter_limit(leaves: int, live: int, slots: int) -> int:
    """The highest counter that a draw over this roster may need.

    A counter hits a leaf that is neither departed nor drawn already with a chance of at least (live - slots) / leaves;
    32 times the expected number of counters is too few once in e**32 draws.
    """
    return min(_PATIENCE * leaves // max(live - slots, 1), COUNTER_MAX)


def require_drawn(opening: Opening, draw_root: bytes, index: int, roster_root: bytes, leaves: int, limit: int) -> None:  # noqa: PLR0913, PLR0917 -- the draw's whole equation
    """See that an opened slot was committed to, and fell to the leaf `index` of this roster.

    Raises:
        RefusedError: BAD_DRAW.
    """
    is_committed = is_in(opening.value, opening.slot, VALUES, opening.path, draw_root)
    is_hit = drawn_leaf(opening.value, opening.counter, roster_root, leaves) == index
    if not is_committed or not is_hit or opening.counter > limit:
        raise RefusedError(Refusal.BAD_DRAW)
