"""Which readings a set of frames determines: exact linear algebra over the rationals.

A frame is a linear form, its sender's reading plus and minus one unknown for each mask. A form in the readings alone is
known to whoever has the frames exactly when it lies in the row space of the system. All coefficients are small
integers and elimination never divides, so nothing is rounded and nothing depends on a modulus.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import gcd

from common.identifiers import ClientId

Mask = Hashable
"""Names one unknown mask: equal names stand for equal values."""

_Row = dict[tuple[int, Hashable], int]
"""Coefficients; keys are (0, mask) or (1, client): the masks are eliminated first."""


@dataclass(frozen=True, slots=True)
class Form:
    """What one frame shows: the reading of `client` plus the signed masks."""

    client: ClientId
    masks: tuple[tuple[Mask, int], ...]

    @classmethod
    def of(cls, client: ClientId, masks: Mapping[Mask, int]) -> "Form":
        """The form with these signs."""
        return cls(client, tuple(masks.items()))


def known_forms(forms: Iterable[Form], known_masks: Iterable[Mask] = ()) -> list[dict[ClientId, int]]:
    """A reduced basis of all linear forms in the readings alone that the frames determine.

    Args:
        forms: the frames of one round.
        known_masks: masks whose value the observer knows, from colluding gateways for example.

    Returns:
        Rows with whole coefficients, each with a pivot of its own that no other row contains. A single reading is
        determined exactly when a row consists of it alone.
    """
    known = set(known_masks)
    mask_rows: dict[Hashable, _Row] = {}
    readings: dict[Hashable, _Row] = {}
    for form in forms:
        row: _Row = {(0, mask): sign for mask, sign in form.masks if mask not in known}
        row[1, form.client] = 1
        rest = _eliminate(row, mask_rows, 0)
        if rest and (rest := _eliminate(rest, readings, 1)):
            _reduce_others(rest, readings)
    return [{ClientId(int(str(client))): value for (_, client), value in row.items()} for row in readings.values()]


def _eliminate(row: _Row, pivots: dict[Hashable, _Row], kind: int) -> _Row | None:
    """Reduce a row by the pivots of one kind of unknown; keep it as a new pivot, or return what is left.

    A row of readings that becomes a pivot is returned too, so that the others can be cleared of it.
    """
    while True:
        held = [unknown for k, unknown in row if k == kind]
        if not held:
            return row or None
        pivot = next((unknown for unknown in held if unknown in pivots), None)
        if pivot is None:
            pivots[held[0]] = row
            return row if kind == 1 else None
        row = _without(row, pivots[pivot], (kind, pivot))


def _reduce_others(row: _Row, pivots: dict[Hashable, _Row]) -> None:
    own = next(unknown for unknown, held in pivots.items() if held is row)
    for unknown, other in pivots.items():
        if unknown != own and (1, own) in other:
            pivots[unknown] = _without(other, row, (1, own))


def _without(row: _Row, other: _Row, key: tuple[int, Hashable]) -> _Row:
    """The combination of both in which `key` vanishes, divided by what its coefficients have in common."""
    a, b = other[key], row[key]
    result = {k: a * row.get(k, 0) - b * other.get(k, 0) for k in (row | other)}
    result = {k: value for k, value in result.items() if value}
    divisor = gcd(*result.values())
    return {k: value // divisor for k, value in result.items()} if divisor > 1 else result


def determined_readings(rows: Sequence[Mapping[ClientId, int]]) -> set[ClientId]:
    """The single readings that a reduced basis determines."""
    return {next(iter(row)) for row in rows if len(row) == 1}


def smallest_groups(rows: Sequence[Mapping[ClientId, int]], below: int) -> list[frozenset[ClientId]]:
    """The smallest groups of fewer than `below` members of whose readings some combination is determined.

    Rows with nothing in common are the smallest themselves; otherwise every group up to the bound is tried.
    """
    supports = [frozenset(row) for row in rows]
    if sum(map(len, supports)) == len(frozenset[ClientId]().union(*supports)):
        return sorted((support for support in supports if len(support) < below), key=sorted)
    clients = sorted(frozenset[ClientId]().union(*supports))
    found: list[frozenset[ClientId]] = []
    for size in range(1, below):
        for group in map(frozenset, combinations(clients, size)):
            if not any(smaller <= group for smaller in found) and _holds_form(rows, group):
                found.append(group)
    return found


def _holds_form(rows: Sequence[Mapping[ClientId, int]], group: frozenset[ClientId]) -> bool:
    """Whether a combination of the rows uses members of `group` alone: the rest of the columns then loses rank."""
    pivots: dict[Hashable, _Row] = {}
    for row in rows:
        outside: _Row = {(1, client): value for client, value in row.items() if client not in group}
        if _eliminate(outside, pivots, 1) is None:
            return True
    return False
