"""How rounds of suite `hardened` end under given conditions: played many times, beside what is expected on paper."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np

from launcher.simulation.liveness import PENDING_MAX, Conditions, Ending, draw, lateness, missing, play
from launcher.simulation.prediction import expected

FEEDER: Final = (10, 50)
"""Households that an outage takes together, at least and at most."""

_ROUNDS_PER_DRAW: Final = 20


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
