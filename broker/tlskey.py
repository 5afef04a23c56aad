"""The broker's key pair: ECDSA on P-256, for TLS alone.

Everybody else has an Ed25519 key, for TLS and frames. The broker signs no frames, and has to be recognized by programs
that take no Ed25519 from a server: BoringSSL does not unless told to, and with it MQTT Explorer and every other program
on Electron. Source: RFC 5480; RFC 8446, section 4.2.3; electron/electron issue 45358.
"""

from typing import Final, final

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from common.certificates import key_octets
from common.signing import PUBLIC_KEY_BYTES


@final
class BrokerKey:
    """A key pair on P-256; `public_key` is its point, uncompressed, 65 bytes."""

    __slots__ = ("private", "public_key")

    def __init__(self, private: EllipticCurvePrivateKey) -> None:
        """Take a private key.

        Raises:
            ValueError: it is on another curve.
        """
        self.private: Final = private
        self.public_key: Final = key_octets(private.public_key())

    @classmethod
    def generate(cls) -> "BrokerKey":
        """A fresh one."""
        return cls(generate_private_key(SECP256R1()))

    def __repr__(self) -> str:
        return f"BrokerKey({self.public_key.hex()})"


def public_key_of(octets: bytes) -> Ed25519PublicKey | EllipticCurvePublicKey:
    """The public key that these bytes are, Ed25519 or P-256.

    Raises:
        ValueError: they are none.
    """
    if len(octets) == PUBLIC_KEY_BYTES:
        return Ed25519PublicKey.from_public_bytes(octets)
    return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), octets)
