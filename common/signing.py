"""Ed25519 identities, and the directions that keep a signature from being used the other way round.

Source: docs/protocol.md, "Frames"; RFC 8032.
"""

from enum import Enum
from typing import Final, final

from nacl.bindings import crypto_sign, crypto_sign_BYTES, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from common.secret import Secret

SIGNATURE_BYTES: Final = crypto_sign_BYTES
PUBLIC_KEY_BYTES: Final = 32
SEED_BYTES: Final = 32


class Direction(Enum):
    """Who signs: the label stands before the signed bytes, so that no party's frame passes for another's."""

    UP = b"dcnet/1 up"
    DOWN = b"dcnet/1 down"


@final
class Identity:
    """The Ed25519 key pair of a gateway or of the provider."""

    __slots__ = ("_key", "public_key", "seed")

    def __init__(self, seed: Secret) -> None:
        """Derive the pair from its 32-byte seed."""
        self.seed: Final = seed
        public, key = crypto_sign_seed_keypair(seed.reveal())
        self.public_key: Final[bytes] = public
        self._key: Final = Secret(key)

    def __repr__(self) -> str:
        return f"Identity({self.public_key.hex()})"

    def sign(self, direction: Direction, message: bytes) -> bytes:
        """The 64-byte signature over the direction's label and `message`."""
        return crypto_sign(direction.value + message, self._key.reveal())[:SIGNATURE_BYTES]


def is_signed(public_key: bytes, direction: Direction, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` (64 bytes) over the label and `message` holds under `public_key` (32 bytes)."""
    try:
        crypto_sign_open(signature + direction.value + message, public_key)
    except BadSignatureError:
        return False
    return True
