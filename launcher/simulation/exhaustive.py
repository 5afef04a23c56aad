"""All states of a small mesh, each judged: how small is the smallest set of members whose sum the provider learns?

A set is determined when all of its members' self-masks are opened and every mask that leads out of it is known: so
the connected components of what is still hidden are looked at, for thousands of states in one step.
Source: docs/protocol.md, "What a lying provider learns".
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement, product
from math import prod
from typing import Final

import numpy as np
import numpy.typing as npt

from launcher.simulation.meshes import Choice, Mesh

Bits = npt.NDArray[np.uint8]
"""A set of up to eight members, for each of many states."""

_BLOCK: Final = 1 << 15
"""So many states are judged in one step: their sets fit the processor's cache."""

_SIZES: Final = np.array([bits.bit_count() for bits in range(256)], np.uint8)
_NONE: Final = 255


@dataclass(slots=True)
class Findings:
    """What the states of one mesh give away. `sizes`: how many states by the smallest set determined, 0 for none."""

    states: int = 0
    sizes: Counter[int] = field(default_factory=Counter)
    example: tuple[Choice, ...] = ()

    @property
    def smallest(self) -> int:
        """How many members the smallest set has that is determined in any state; `example` shows it. 0: none is."""
        return min((size for size in self.sizes if size), default=0)


def search(mesh: Mesh, *, with_neither: bool = False, by_symmetry: bool = True) -> Findings:
    """Judge every state of a mesh.

    Args:
        mesh: at most eight honest members.
        with_neither: also the states in which members could release and do not.
        by_symmetry: honest members may change their numbers, so that of all states only those are judged in which
            those who took off more masks, and then those who released more, come first.
    """
    findings = Findings()
    choices = [list(mesh.choices(member, with_neither=with_neither)) for member in range(mesh.honest)]
    for options in _orders(choices) if by_symmetry else [choices]:
        for dropped, released in _blocks(options):
            smallest = _smallest(mesh, dropped, released)
            best = int(smallest.min())
            if best != _NONE and (not findings.example or best < findings.smallest):
                at = int(smallest.argmin())
                findings.example = tuple(Choice(int(d[at]), int(r[at])) for d, r in zip(dropped, released, strict=True))
            findings.states += len(smallest)
            for size, count in zip(*np.unique(smallest, return_counts=True), strict=True):
                findings.sizes[0 if size == _NONE else int(size)] += int(count)
    return findings


def judge(mesh: Mesh, state: Sequence[Choice]) -> int:
    """How many members the smallest set has that is determined in one state; 0 when none is."""
    size = _smallest(mesh, *next(_blocks([[choice] for choice in state])))[0]
    return 0 if size == _NONE else int(size)


def _kind(choice: Choice) -> tuple[int, int]:
    return -choice.dropped.bit_count(), -choice.released.bit_count()


def _orders(choices: Sequence[Sequence[Choice]]) -> Iterator[list[list[Choice]]]:
    """The choices of all members, narrowed to those of ascending kinds."""
    kinds = sorted({_kind(choice) for choice in choices[0]})
    for row in combinations_with_replacement(kinds, len(choices)):
        yield [[c for c in held if _kind(c) == kind] for held, kind in zip(choices, row, strict=True)]


def _blocks(options: Sequence[Sequence[Choice]]) -> Iterator[tuple[list[Bits], list[Bits]]]:
    """All combinations, in blocks: per member whom it dropped and for whom it released."""
    first = 0
    while prod(map(len, options[first:])) > _BLOCK:
        first += 1
    size = prod(map(len, options[first:]))
    inner = np.indices([len(held) for held in options[first:]], np.uint16).reshape(-1, size)
    dropped = [np.array([c.dropped for c in held], np.uint8)[i] for held, i in zip(options[first:], inner, strict=True)]
    released = [
        np.array([c.released for c in held], np.uint8)[i] for held, i in zip(options[first:], inner, strict=True)
    ]
    for outer in product(*options[:first]):
        yield (
            [np.full(size, c.dropped, np.uint8) for c in outer] + dropped,
            [np.full(size, c.released, np.uint8) for c in outer] + released,
        )


def _smallest(mesh: Mesh, dropped: Sequence[Bits], released: Sequence[Bits]) -> Bits:
    """For each state the size of the smallest set that is determined; `_NONE` where nothing is."""
    members = range(mesh.honest)
    shut = np.zeros_like(dropped[0])
    for x in members:
        shares = sum((_bit(released[h], x) for h in members if h != x), np.full_like(shut, mesh.colluding))
        if mesh.has_self_mask:
            shut |= (shares < mesh.needed).astype(np.uint8) << np.uint8(x)
    reach = _reach(dropped)
    smallest = np.full_like(shut, _NONE)
    for x in members:
        is_open = (reach[x] & shut) == 0
        np.minimum(smallest, np.where(is_open, _SIZES[reach[x]], np.uint8(_NONE)), out=smallest)
    return smallest


def _reach(dropped: Sequence[Bits]) -> list[Bits]:
    """For each member all to whom a chain of hidden masks leads, itself included. Source: Warshall, 1962."""
    members = range(len(dropped))
    reach = []
    for x in members:
        shown = dropped[x] | np.uint8(1 << x)
        for y in members:
            if y != x:
                shown = shown | (_bit(dropped[y], x) << np.uint8(y))
        reach.append((~shown & np.uint8((1 << len(dropped)) - 1)) | np.uint8(1 << x))
    for middle in members:
        for x in members:
            reach[x] = reach[x] | reach[middle] * _bit(reach[x], middle)
    return reach


def _bit(sets: Bits, member: int) -> Bits:
    return (sets >> np.uint8(member)) & np.uint8(1)
