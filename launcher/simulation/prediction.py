"""What is expected of rounds of suite `hardened` on paper, without playing them: see `liveness`."""

from math import comb, exp

from common.thresholds import needed
from launcher.simulation.liveness import Conditions


def expected(conditions: Conditions, after: int) -> float:
    """The probability of a sum after so many rounds, on paper.

    The number of those still silent is binomial, and each member's holders are drawn from the missing, those that the
    closure leaves out (its fixed point), and the silent. So few self-masks stay closed that their number is Poisson's.
    In a mesh all have the same holders, so that it takes only the number of those who are still silent.
    """
    still, silent = (1 - conditions.returning) ** after, conditions.silent_count
    if conditions.is_mesh:
        return _expected_in_mesh(conditions, silent, still)
    absent = left_out(conditions)
    if conditions.members - absent < conditions.members_min:
        return 0.0
    chances = [(_binomial(silent, count, still), count) for count in range(silent + 1)]
    return sum(chance * exp(-_closed(conditions, absent, count)) for chance, count in chances if chance > 1e-9)


def _closed(conditions: Conditions, absent: int, silent: int) -> float:
    """How many self-masks stay closed, on average, while so many members are silent."""
    d, k, others = conditions.drawn, needed(conditions.drawn), conditions.members - 1
    included = conditions.members - absent
    closed = sum(
        _hits(others, absent, d, d - present) * _more_than(included - 1, silent, present, present - k)
        for present in range(k, d + 1)
    )
    return included * closed / (1 - _more_than(others, absent, d, d - k))


def left_out(conditions: Conditions) -> int:
    """How many members are missing or called so by the closure, on paper, with more than 25 members.

    When more than about an eighth of 24 drawn holders are missing, it ends with everybody.
    """
    members, d, missing = conditions.members, conditions.drawn, conditions.missing_count
    absent, before = missing, -1
    while absent != before:
        few = _more_than(members - 1, absent, d, d - needed(d))
        absent, before = missing + round((members - missing) * few), absent
    return absent


def _expected_in_mesh(conditions: Conditions, silent: int, still: float) -> float:
    included, k = conditions.members - conditions.missing_count, needed(conditions.drawn)
    if included <= k or included < conditions.members_min:
        return 0.0
    return sum(_binomial(silent, count, still) for count in range(min(silent, included - 1 - k) + 1))


def _hits(count: int, marked: int, drawn: int, hits: int) -> float:
    """The probability that so many of the drawn are marked; nobody is drawn twice."""
    return comb(marked, hits) * comb(count - marked, drawn - hits) / comb(count, drawn)


def _more_than(count: int, marked: int, drawn: int, most: int) -> float:
    """The probability that more than `most` of the drawn are marked."""
    return 1.0 if marked > count else sum(_hits(count, marked, drawn, hits) for hits in range(most + 1, drawn + 1))


def _binomial(count: int, hits: int, chance: float) -> float:
    return float(comb(count, hits) * chance**hits * (1 - chance) ** (count - hits))
