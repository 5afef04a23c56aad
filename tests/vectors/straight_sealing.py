"""The self-mask of suite `hardened` once more: its polynomial by elimination, not by Lagrange's weights.

Nothing here imports the product. Source: docs/protocol.md, "Self-mask"; Shamir 1979.
"""

from collections.abc import Sequence
from hashlib import blake2b
from struct import pack, unpack
from typing import Final

PRIME: Final = 170141183460469231731687303715884105727


def share(octets: bytes) -> int:
    """Sixteen bytes as an element of the field: the top bit does not count."""
    return int.from_bytes(bytes([octets[0] & 0x7F]) + octets[1:], "big") % PRIME


def pad(seed: bytes, network: int, round_: int, view: bytes) -> tuple[list[int], int, int]:
    """Mask, share for which the lower client is the sender, share for which the higher one is."""
    context = pack(">IQ", network, round_) + view
    octets = blake2b(context, key=seed, digest_size=56, person=b"dcnet pad").digest()
    return list(unpack(">QQQ", octets[:24])), share(octets[24:40]), share(octets[40:])


def polynomial(points: Sequence[int], values: Sequence[int]) -> list[int]:
    """The coefficients, lowest first, of the polynomial through as many points: Gauss' elimination in the field."""
    size = len(points)
    rows = [[pow(x, power, PRIME) for power in range(size)] + [y] for x, y in zip(points, values, strict=True)]
    for column in range(size):
        pivot = next(row for row in range(column, size) if rows[row][column] % PRIME)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        scale = pow(rows[column][column], PRIME - 2, PRIME)
        rows[column] = [entry * scale % PRIME for entry in rows[column]]
        for row in range(size):
            if row != column:
                factor = rows[row][column]
                rows[row] = [(a - factor * b) % PRIME for a, b in zip(rows[row], rows[column], strict=True)]
    return [row[-1] for row in rows]


def value(coefficients: Sequence[int], x: int) -> int:
    """The polynomial's value (Horner)."""
    total = 0
    for coefficient in reversed(coefficients):
        total = (total * x + coefficient) % PRIME
    return total


def deal(points: Sequence[int], shares: Sequence[int], needed: int) -> tuple[int, list[int]]:
    """The secret of the shares at these ascending points, and the corrections of all but the first `needed`."""
    coefficients = polynomial(points[:needed], shares[:needed])
    rest = zip(points[needed:], shares[needed:], strict=True)
    return value(coefficients, 0), [(value(coefficients, x) - share_) % PRIME for x, share_ in rest]


def recover(points: Sequence[int], corrections: Sequence[int], given: dict[int, int], needed: int) -> int | None:
    """The secret from the shares of some of the holders at these ascending points; None from fewer than needed."""
    if len(given) < needed:
        return None
    added = [0] * needed + list(corrections)
    raised = {x: (given[x] + add) % PRIME for x, add in zip(points, added, strict=True) if x in given}
    chosen = sorted(raised)[-needed:]
    return value(polynomial(chosen, [raised[x] for x in chosen]), 0)


def self_mask(secret: int, network: int, client: int, round_: int, view: bytes) -> list[int]:
    """The three words that a secret gives."""
    context = pack(">IQ", network, round_) + view + pack(">I", client)
    key = secret.to_bytes(16, "big")
    return list(unpack(">QQQ", blake2b(context, key=key, digest_size=24, person=b"dcnet self").digest()))


def bits(chosen: Sequence[bool]) -> str:
    """Some of an ordered list in hexadecimal: bit i mod 8 of byte i div 8 stands for the i-th; no zeros at the end."""
    octets = bytearray((len(chosen) + 7) // 8)
    for place, is_in in enumerate(chosen):
        octets[place // 8] |= is_in << place % 8
    return bytes(octets).rstrip(b"\0").hex()


def places(octets: str) -> list[int]:
    """Which places of the list are meant."""
    raw = bytes.fromhex(octets)
    return [place for place in range(8 * len(raw)) if raw[place // 8] >> place % 8 & 1]
