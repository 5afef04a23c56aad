"""How many rounds of suite `hardened` come to a sum: a model without messages, beside what is expected on paper.

A round begins with members who are all expected. Some vanish before they send (missing), and the closure follows: who
has fewer than `needed` of its holders left is called missing too, until nothing changes. Of those included some give no
shares until they are back (silent); the round is pending until everybody included has `needed` shares.
Source: docs/protocol.md, "Suite hardened", "Key graph".
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import product
from math import comb, exp
from typing import Final

import numpy as np
import numpy.typing as npt

from common.thresholds import needed
from launcher.simulation.rosters import MESH_MAX

Rows = npt.NDArray[np.int64]
Members = npt.NDArray[np.bool_]

PENDING_MAX: Final = 8
"""Rounds that a sum is waited for."""

NEVER: Final = 1_000_000
"""So many rounds a share is late that never comes."""

FEEDER: Final = (10, 50)
"""Households that an outage takes together, at least and at most."""

_ROUNDS_PER_DRAW: Final = 20


class Ending(Enum):
    """How a round ends. The first two are sums at once, the third a sum from pending."""

    COMPLETE = "complete"
    CORRECTED = "corrected"
    CLOSED = "closed from pending"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a network has to bear in every round.

    `missing`: the share of members that vanish before they send, each by itself, or with `feeder` all of a feeder
    together, of so many members at least and at most. `silent`: the share of members that send and then give no shares.
    `returning`: the share of the silent that are back in each later round.
    """

    members: int = 1_000
    draws: int = 24
    missing: float = 0.0
    silent: float = 0.0
    feeder: tuple[int, int] | None = None
    returning: float = 0.5
    members_min: int = 5

    @property
    def is_mesh(self) -> bool:
        """Whether everybody holds for everybody."""
        return self.members <= MESH_MAX

    @property
    def drawn(self) -> int:
        """How many holders each member has drawn."""
        return self.members - 1 if self.is_mesh else min(self.draws, self.members - 1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One round. `waited`: for so many rounds the sum was pending; 0 is at once, `NEVER` without a sum."""

    included: int
    is_corrected: bool
    waited: int

    @property
    def ending(self) -> Ending:
        """What becomes of it."""
        if self.waited > PENDING_MAX:
            return Ending.LOST
        if self.waited:
            return Ending.CLOSED
        return Ending.CORRECTED if self.is_corrected else Ending.COMPLETE


def play(holders: Rows, is_missing: Members, late: Rows, conditions: Conditions) -> Outcome:
    """One round. A run of the real cores that has the same to bear must have the same outcome.

    Args:
        holders: for each member (row) the members that it drew, by their rows.
        is_missing: who is expected and sends nothing.
        late: by how many rounds each member's RELEASE is late; 0 is at once, `NEVER` is never.
        conditions: only `drawn` and `members_min` count here.
    """
    threshold = needed(conditions.drawn)
    included = _parts(holders, _closure(holders, ~is_missing, threshold), conditions.members_min)
    is_corrected = bool(is_missing.any())
    if not included.any():
        return Outcome(0, is_corrected, NEVER)
    waits = np.where(included[holders], late[holders], NEVER)[included]
    opened = np.partition(waits, threshold - 1, axis=1)[:, threshold - 1]
    return Outcome(int(included.sum()), is_corrected, int(opened.max()))


def _closure(holders: Rows, present: Members, least: int) -> Members:
    """Who is left when nobody has fewer than `least` of its holders left; nothing is asked while nobody is missing."""
    while not present.all():
        enough = present & (present[holders].sum(axis=1) >= least)
        if (enough == present).all():
            break
        present = enough
    return present


def _parts(holders: Rows, present: Members, members_min: int) -> Members:
    """Who is left without the parts of the key graph that are smaller than `members_min`."""
    parts = np.arange(len(present))
    ends = np.repeat(parts, holders.shape[1]), holders.ravel()
    inside = present[ends[0]] & present[ends[1]]
    a, b = ends[0][inside], ends[1][inside]
    while (parts[a] != parts[b]).any():
        np.minimum.at(parts, a, parts[b])
        np.minimum.at(parts, b, parts[a])
    return present & (np.bincount(parts[present], minlength=len(parts))[parts] >= members_min)


def draw(conditions: Conditions, rng: np.random.Generator) -> Rows:
    """For each member the members that it drew."""
    others = rng.random((conditions.members, conditions.members))
    np.fill_diagonal(others, 2)
    return np.argpartition(others, conditions.drawn - 1, axis=1)[:, : conditions.drawn]


def missing(conditions: Conditions, rng: np.random.Generator) -> Members:
    """Who vanishes in one round."""
    count, members = _count_missing(conditions), conditions.members
    if conditions.feeder is None:
        return _some(members, rng.permutation(members)[:count])
    low, high = conditions.feeder
    ends = np.cumsum(rng.integers(low, high + 1, members // low + 1))
    feeders = np.split(np.arange(members), ends[ends < members])
    order = np.concatenate([feeders[at] for at in rng.permutation(len(feeders))])
    return _some(members, order[:count])


def _some(members: int, chosen: Rows) -> Members:
    some = np.zeros(members, np.bool_)
    some[chosen] = True
    return some


def lateness(conditions: Conditions, is_missing: Members, rng: np.random.Generator) -> Rows:
    """By how many rounds each member's shares are late."""
    late = np.zeros(conditions.members, np.int64)
    silent = rng.permutation(np.flatnonzero(~is_missing))[: round(conditions.silent * conditions.members)]
    late[silent] = rng.geometric(conditions.returning, len(silent)) if conditions.returning else NEVER
    return late


@dataclass(frozen=True, slots=True)
class Row:
    """Many rounds under the same conditions: how they ended, and how many members a sum held on average.

    `at_once_expected` and `in_time_expected`: the share of rounds with a sum at once, and within `PENDING_MAX` rounds,
    on paper.
    """

    conditions: Conditions
    endings: Counter[Ending]
    included: float
    at_once_expected: float
    in_time_expected: float

    def share(self, *endings: Ending) -> float:
        """The share of rounds that ended in one of these ways."""
        return sum(self.endings[ending] for ending in endings) / self.endings.total()

    @property
    def at_once(self) -> float:
        """The share of rounds with a sum at once."""
        return self.share(Ending.COMPLETE, Ending.CORRECTED)

    @property
    def in_time(self) -> float:
        """The share of rounds with a sum at once or from pending."""
        return 1 - self.share(Ending.LOST)


def simulate(conditions: Conditions, rounds: int, seed: int = 0) -> Row:
    """Play many rounds, each with faults of its own; now and then the network is drawn anew."""
    rng, endings, included = np.random.default_rng(seed), Counter[Ending](), 0
    for number in range(rounds):
        if number % _ROUNDS_PER_DRAW == 0:
            holders = draw(conditions, rng)
        is_missing = missing(conditions, rng)
        outcome = play(holders, is_missing, lateness(conditions, is_missing, rng), conditions)
        endings[outcome.ending] += 1
        included += outcome.included
    return Row(conditions, endings, included / rounds, expected(conditions, 0), expected(conditions, PENDING_MAX))


def table(rounds: int, members: int = 1_000) -> Iterator[Row]:
    """Rows for 0 to 13 % missing, each by itself and by feeders, nobody or 1 % silent."""
    for feeder, silent, gone in product((None, FEEDER), (0.0, 0.01), (0.01, 0.05, 0.10, 0.13)):
        yield simulate(Conditions(members, missing=gone, silent=silent, feeder=feeder), rounds)


def expected(conditions: Conditions, after: int) -> float:
    """The probability of a sum after so many rounds, on paper.

    The number of those still silent is binomial, and each member's holders are drawn from the missing, those that the
    closure leaves out (its fixed point), and the silent. So few self-masks stay closed that their number is Poisson's.
    In a mesh all have the same holders, so that it takes only the number of those who are still silent.
    """
    still, silent = (1 - conditions.returning) ** after, round(conditions.silent * conditions.members)
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
    members, d, missing_ = conditions.members, conditions.drawn, _count_missing(conditions)
    absent, before = missing_, -1
    while absent != before:
        few = _more_than(members - 1, absent, d, d - needed(d))
        absent, before = missing_ + round((members - missing_) * few), absent
    return absent


def _count_missing(conditions: Conditions) -> int:
    return round(conditions.missing * conditions.members)


def _expected_in_mesh(conditions: Conditions, silent: int, still: float) -> float:
    included, k = conditions.members - _count_missing(conditions), needed(conditions.drawn)
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
