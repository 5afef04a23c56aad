"""As much of ASN.1 DER as it takes to change a signed certificate or list, and to sign it again.

The library writes no wrong certificates; other hands do. Source: X.690 section 8.1; RFC 5280 sections 4.1 and 5.1.
"""

from typing import Final

from tests.vectors.rfc import ed25519_public, ed25519_sign

SEQUENCE: Final = 0x30
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03


def tlv(tag: int, content: bytes) -> bytes:
    """One value with its tag and length."""
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def split(octets: bytes) -> list[bytes]:
    """Values that stand one after the other, each with its tag and length."""
    values = []
    while octets:
        size = 2 + octets[1]
        if octets[1] & 0x80:
            width = octets[1] & 0x7F
            size = 2 + width + int.from_bytes(octets[2 : 2 + width])
        values.append(octets[:size])
        octets = octets[size:]
    return values


def content(value: bytes) -> bytes:
    """What stands after tag and length."""
    return value[2 + (value[1] & 0x7F) :] if value[1] & 0x80 else value[2:]


def signed_part(der: bytes) -> bytes:
    """What the signature of a certificate or list covers."""
    return split(content(der))[0]


def signature(der: bytes) -> bytes:
    """The signature, 64 bytes with Ed25519."""
    return content(split(content(der))[2])[1:]


def sign(part: bytes, algorithm: bytes, seed: bytes) -> bytes:
    """A certificate or list around what is signed; `algorithm` with tag and length."""
    signed = ed25519_sign(seed, ed25519_public(seed), part)
    return tlv(SEQUENCE, part + algorithm + tlv(BIT_STRING, b"\x00" + signed))


def resigned(der: bytes, part: bytes, seed: bytes) -> bytes:
    """A certificate or list with another part that is signed, and signed as it then is."""
    return sign(part, split(content(der))[1], seed)
