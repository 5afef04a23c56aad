"""Shares of a secret: points on a polynomial over GF(2**127 - 1), and what extra holders need beside their own share.

The secret is the polynomial's value at 0. Its first `needed` holders define it with shares that they have anyway; for
each further one the public correction says by how much its share misses the polynomial. Any `needed` shares then give
the secret, and fewer tell nothing of it. Source: Shamir 1979; docs/protocol.md, "Self-mask".
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from math import prod
from operator import mul
from typing import Final

PRIME: Final = 2**127 - 1
SHARE_BYTES: Final = 16

Points = tuple[int, ...]
"""Where shares lie on the polynomial: distinct, above 0."""


def share_of(octets: bytes) -> int:
    """A share from 16 pseudorandom bytes: the lower 127 bits, modulo the prime."""
    return (int.from_bytes(octets) & PRIME) % PRIME


@lru_cache(maxsize=32_768)
def weights(points: Points, at: int) -> tuple[int, ...]:
    """By how much the value at each of `points` counts for the value at `at`, which is none of them (Lagrange)."""
    whole = prod(at - point for point in points)
    below = [(at - x) * prod(x - other for other in points if other != x) for x in points]
    return tuple(whole * inverse % PRIME for inverse in _inverses(below))


def _inverses(numbers: Sequence[int]) -> list[int]:
    """All inverses modulo the prime with one inversion (Montgomery's trick)."""
    before = [1]
    for number in numbers:
        before.append(before[-1] * number % PRIME)
    rest, inverses = pow(before[-1], -1, PRIME), list[int]()
    for number, product in zip(reversed(numbers), reversed(before[:-1]), strict=True):
        inverses.append(rest * product % PRIME)
        rest = rest * number % PRIME
    return inverses[::-1]


def value_at(points: Points, values: Sequence[int], at: int) -> int:
    """The value at `at` of the polynomial of lowest degree through these points."""
    return _dot(weights(points, at), values)


def _dot(factors: Sequence[int], values: Sequence[int]) -> int:
    products: Iterator[int] = map(mul, factors, values)
    return sum(products) % PRIME


@lru_cache(maxsize=64)
def _rows(points: Points, needed: int) -> tuple[tuple[int, ...], ...]:
    """For the first `needed` of these points, their weights for 0 and for each of the others."""
    return tuple(weights(points[:needed], at) for at in (0, *points[needed:]))


def deal(shares: Mapping[int, int], needed: int) -> tuple[int, tuple[int, ...]]:
    """The secret of these shares, by point, and the corrections of all holders but the first `needed`, in their order.

    Raises:
        ValueError: there are fewer shares than needed.
    """
    points = tuple(sorted(shares))
    if not 1 <= needed <= len(points):
        raise ValueError(f"{needed} of {len(points)} shares cannot define a secret")
    values = [shares[point] for point in points[:needed]]
    secret, *others = (_dot(row, values) for row in _rows(points, needed))
    corrections = (other - shares[point] for other, point in zip(others, points[needed:], strict=True))
    return secret, tuple(correction % PRIME for correction in corrections)


def recover(points: Points, needed: int, corrections: Sequence[int], shares: Mapping[int, int]) -> int | None:
    """The secret of the holders at these ascending `points`, from any `needed` of their shares; None with fewer."""
    have = [point for point in points if point in shares]
    if len(have) < needed:
        return None
    raised = dict(zip(points[needed:], corrections, strict=True))
    chosen = tuple(have[:needed])
    return value_at(chosen, [(shares[point] + raised.get(point, 0)) % PRIME for point in chosen], 0)
