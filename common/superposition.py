"""The vector that is summed: three lanes modulo 2**64, import and export in 0.1 Wh and the contributor count.

Source: thesis section 3.3.1 (local and global superposition); docs/protocol.md, "Superposition".
"""

from collections.abc import Collection
from struct import Struct
from typing import Final

Lanes = tuple[int, int, int]
"""Import, export (0.1 Wh) and contributors as words modulo 2**64."""

LANES_LAYOUT: Final = Struct(">3Q")
ZERO: Final[Lanes] = (0, 0, 0)
_WORD: Final = 2**64 - 1
_SIGN: Final = 2**63


def vector(import_dwh: int, export_dwh: int) -> Lanes:
    """The lanes of one valid reading; negative energies in two's complement."""
    return (import_dwh & _WORD, export_dwh & _WORD, 1)


def add(a: Lanes, b: Lanes) -> Lanes:
    """`a + b`, lane by lane, modulo 2**64."""
    return ((a[0] + b[0]) & _WORD, (a[1] + b[1]) & _WORD, (a[2] + b[2]) & _WORD)


def total(vectors: Collection[Lanes]) -> Lanes:
    """The sum of many, lane by lane, modulo 2**64."""
    imports, exports, contributors = zip(*vectors, strict=True)
    return (sum(imports) & _WORD, sum(exports) & _WORD, sum(contributors) & _WORD)


def subtract(a: Lanes, b: Lanes) -> Lanes:
    """`a - b`, lane by lane, modulo 2**64."""
    return ((a[0] - b[0]) & _WORD, (a[1] - b[1]) & _WORD, (a[2] - b[2]) & _WORD)


def signed(lanes: Lanes) -> Lanes:
    """The lanes as signed numbers: words from 2**63 up are negative."""
    return (_signed(lanes[0]), _signed(lanes[1]), _signed(lanes[2]))


def _signed(word: int) -> int:
    return word - 2 * _SIGN if word >= _SIGN else word
