"""Random numbers that are addressed instead of drawn in order: a pure function of seed and address.

A simulated household must answer for any day without having lived the days before, and must answer the same
on every machine and numpy version. So each number is a hash of its address, by the finalizer of SplitMix64
(Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014). Not for secrets.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_GAMMA: Final = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLY_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLY_2: Final = np.uint64(0x94D049BB133111EB)
_WORD: Final = (1 << 64) - 1


def uniforms(seed: int, stream: int, days: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Numbers in [0, 1), shape (len(days), count); each depends on seed, stream, its day and its column alone.

    Args:
        seed: any integer; taken modulo 2**64.
        stream: what the numbers are for; different streams of one seed have nothing in common.
        days: day numbers, negative ones too.
        count: columns wanted; asking for more leaves the first ones as they were.
    """
    root = _mix(np.array([seed & _WORD], dtype=np.uint64) + _GAMMA)
    root = _mix(root + _GAMMA * np.array([stream], dtype=np.uint64))
    rows = _mix(root + _GAMMA * days.astype(np.uint64))
    columns = np.arange(1, count + 1, dtype=np.uint64)
    bits = _mix(rows[:, np.newaxis] + _GAMMA * columns)
    mantissas: NDArray[np.float64] = (bits >> np.uint64(11)).astype(np.float64)
    return mantissas * 2.0**-53


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    words = (words ^ (words >> np.uint64(30))) * _MULTIPLY_1
    words = (words ^ (words >> np.uint64(27))) * _MULTIPLY_2
    return words ^ (words >> np.uint64(31))
