"""Ed25519, X25519 and ChaCha20-Poly1305 written out from their RFCs, slow and in plain Python.

They share no line with libsodium, so that a vector which both compute alike is more than its own confirmation. They are
not constant in time and serve tests only. Source: RFC 8032 section 5.1, RFC 7748 section 5, RFC 8439 section 2.
"""

from hashlib import sha512
from struct import pack, unpack
from typing import Final

_P: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _P) % _P

_Point = tuple[int, int]


def _even_x(y: int) -> int:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    return x if x % 2 == 0 else _P - x


_BASE_Y: Final = 4 * pow(5, -1, _P) % _P
_BASE: Final = (_even_x(_BASE_Y), _BASE_Y)


def _add(a: _Point, b: _Point) -> _Point:
    (x1, y1), (x2, y2) = a, b
    k = _D * x1 * x2 * y1 * y2 % _P
    x3 = (x1 * y2 + x2 * y1) * pow(1 + k, -1, _P) % _P
    y3 = (y1 * y2 + x1 * x2) * pow(1 - k, -1, _P) % _P
    return (x3, y3)


def _times_base(scalar: int) -> bytes:
    total, point = (0, 1), _BASE
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    x, y = total
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _clamp(octets: bytes) -> int:
    return int.from_bytes(octets, "little") & ~7 & (2**255 - 1) | 2**254


def ed25519_public(seed: bytes) -> bytes:
    """The public key, 32 bytes, of a seed of 32 bytes."""
    return _times_base(_clamp(sha512(seed).digest()[:32]))


def ed25519_sign(seed: bytes, public: bytes, message: bytes) -> bytes:
    """The signature, 64 bytes."""
    digest = sha512(seed).digest()
    nonce = int.from_bytes(sha512(digest[32:] + message).digest(), "little") % _ORDER
    commitment = _times_base(nonce)
    challenge = int.from_bytes(sha512(commitment + public + message).digest(), "little")
    answer = (nonce + challenge * _clamp(digest[:32])) % _ORDER
    return commitment + answer.to_bytes(32, "little")


def x25519(scalar: bytes, point: bytes) -> bytes:
    """The Montgomery ladder: 32 bytes from two times 32 bytes."""
    k = _clamp(scalar)
    u = int.from_bytes(point, "little") & (2**255 - 1)
    x2, z2, x3, z3 = 1, 0, u, 1
    for t in reversed(range(255)):
        bit = k >> t & 1
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % _P, b * b % _P, d * a % _P, c * b % _P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % _P, u * (da - cb) ** 2 % _P
        x2, z2 = aa * bb % _P, e * (aa + 121665 * e) % _P
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, _P - 2, _P) % _P).to_bytes(32, "little")


X25519_BASE: Final = (9).to_bytes(32, "little")


def _rotate(word: int, count: int) -> int:
    return (word << count | word >> (32 - count)) & 0xFFFFFFFF


def _quarter(s: list[int], a: int, b: int, c: int, d: int) -> None:
    for i, j, k, count in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[i] = (s[i] + s[j]) & 0xFFFFFFFF
        s[k] = _rotate(s[k] ^ s[i], count)


def _chacha20_block(key: bytes, counter: int, nonce: bytes) -> bytes:
    start = [*unpack("<4I", b"expand 32-byte k"), *unpack("<8I", key), counter, *unpack("<3I", nonce)]
    s = start.copy()
    for _ in range(10):
        for column in range(4):
            _quarter(s, column, column + 4, column + 8, column + 12)
        for row in range(4):
            _quarter(s, row, 4 + (row + 1) % 4, 8 + (row + 2) % 4, 12 + (row + 3) % 4)
    return pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(s, start, strict=True)))


def _poly1305(key: bytes, message: bytes) -> bytes:
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(message), 16):
        total = (total + int.from_bytes(message[at : at + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((total + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 16)


def chacha20poly1305(key: bytes, nonce: bytes, message: bytes, associated: bytes) -> bytes:
    """Ciphertext and tag (16 bytes) of a message."""
    stream = b"".join(_chacha20_block(key, 1 + i, nonce) for i in range(-(-len(message) // 64)))
    sealed = bytes(a ^ b for a, b in zip(message, stream, strict=False))
    lengths = pack("<QQ", len(associated), len(sealed))
    tag = _poly1305(_chacha20_block(key, 0, nonce)[:32], _padded(associated) + _padded(sealed) + lengths)
    return sealed + tag
