"""How many rounds of suite `hardened` come to a sum: a model without messages.

A round begins with members who are all expected. Some vanish before they send (missing), and the closure follows: who
has fewer than `needed` of its holders left is called missing too, until nothing changes. Of those included some give no
shares until they are back (silent); the round is pending until everybody included has `needed` shares.
Source: docs/protocol.md, "Correction", "Release", "Key graph".
"""

from dataclasses import dataclass
from enum import Enum
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

    @property
    def missing_count(self) -> int:
        """How many vanish in each round."""
        return round(self.missing * self.members)

    @property
    def silent_count(self) -> int:
        """How many fall silent in each round."""
        return round(self.silent * self.members)


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
    count, members = conditions.missing_count, conditions.members
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
    silent = rng.permutation(np.flatnonzero(~is_missing))[: conditions.silent_count]
    late[silent] = rng.geometric(conditions.returning, len(silent)) if conditions.returning else NEVER
    return late
