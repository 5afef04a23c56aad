"""What `dcnet analyze graph` simulates: key graphs and colluders, each case a row with its closed form beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from common.suites import BASIC
from common.thresholds import half, needed
from launcher.analysis.graph_advice import BASIC_DRAWS, Choice, Population, replacements
from launcher.analysis.graph_risk import Band, isolation, split, surrounded, wilson
from launcher.analysis.graph_simulation import Numbers, colluding, simulate
from launcher.analysis.tables import Cell, Row, rounded

EDGES_PER_CASE: Final = 1_500_000
EDGES_PER_CASE_FULL: Final = 40_000_000
TRIALS_MIN: Final = 50
TRIALS_MAX: Final = 20_000
COLLUDING_TRIALS: Final = 1_000_000
COLLUDING_TRIALS_FULL: Final = 20_000_000

SIZES: Final = (20, 30, 100, 1_000)
SIZES_FULL: Final = (20, 30, 50, 100, 300, 1_000, 3_000)
DRAWS: Final = (3, 6, 12, 24)
SHARES: Final = ((0.0, 0.05), (0.0, 0.2), (0.1, 0.05), (0.1, 0.2), (0.3, 0.2), (0.3, 0.5), (0.5, 0.5))
"""Colluding share and share of the honest that is absent."""

COLLUDING: Final = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
"""Shares of colluders for the risk of being surrounded."""

PROMISES: Final = (
    ("basic", "follows the protocol", BASIC_DRAWS),
    ("basic", "chooses who is expected", BASIC_DRAWS),
    ("hardened", "lies about anything", 12),
    ("hardened", "lies about anything", 18),
    ("hardened", "lies about anything", 24),
)
"""Suite, what its provider does, and draws."""


@dataclass(frozen=True, slots=True)
class Connectivity:
    """One kind of key graph to simulate."""

    members: int
    draws: int
    share: float
    loss: float
    trials: int

    @property
    def key(self) -> dict[str, Cell]:
        """Its parameters, as the cache knows it."""
        return {
            "members": self.members,
            "draws": self.draws,
            "share": self.share,
            "loss": self.loss,
            "trials": self.trials,
        }

    def row(self, rng: np.random.Generator) -> Row:
        """Simulate it."""
        shape = Population.of_share(self.members, self.share, self.loss).shape(self.draws)
        counts = simulate(shape, self.loss, self.trials, rng)
        return {
            **self.key,
            "colluders": shape.colluders,
            "drawn": shape.drawn,
            "degree": rounded(shape.degree),
            **_band("split", counts.split_band),
            "split_closed": rounded(split(shape, self.loss)),
            **_band("isolated", counts.isolated_band),
            "isolated_closed": rounded(isolation(shape, self.loss)),
        }


def connectivity(*, is_full: bool) -> Iterator[Connectivity]:
    """All key graphs; as many of each as a bound of edges allows. In a mesh draws do not matter."""
    bound = EDGES_PER_CASE_FULL if is_full else EDGES_PER_CASE
    for members in SIZES_FULL if is_full else SIZES:
        is_mesh = Population(members, 0, 0.0).shape(1).is_mesh
        for draws in DRAWS[-1:] if is_mesh else DRAWS:
            drawn = Population(members, 0, 0.0).shape(draws).drawn
            trials = min(max(bound // (members * drawn), TRIALS_MIN), TRIALS_MAX)
            for share, loss in SHARES:
                yield Connectivity(members, draws, share, loss, trials)


@dataclass(frozen=True, slots=True)
class Surrounding:
    """One promise against one share of colluders."""

    suite: str
    provider: str
    draws: int
    members: int
    share: float
    trials: int

    @property
    def key(self) -> dict[str, Cell]:
        """Its parameters, as the cache knows it."""
        return {
            "suite": self.suite,
            "provider": self.provider,
            "draws": self.draws,
            "members": self.members,
            "share": self.share,
            "trials": self.trials,
        }

    @property
    def is_lying(self) -> bool:
        """Whether the provider makes a gateway replace whom it drew."""
        return self.provider != PROMISES[0][1]

    def row(self, rng: np.random.Generator) -> Row:
        """Simulate it, up to the last colluder that counts."""
        shape = Population.of_share(self.members, self.share, 0.0).shape(self.draws)
        spare = replacements(shape) if self.is_lying else 0
        least = self._ending(shape.drawn)
        found: Numbers = colluding(shape, spare, self.trials, rng)
        return {
            **self.key,
            "colluders": shape.colluders,
            "replacements": spare,
            "ending": least,
            **_band("surrounded", wilson(int(found[least:].sum()), self.trials)),
            "surrounded_closed": rounded(surrounded(shape, spare, least)),
        }

    def _ending(self, drawn: int) -> int:
        if self.suite != BASIC.name:
            return 2 * needed(drawn) - drawn
        return half(drawn) if self.is_lying else drawn


def surroundings(members: int, *, is_full: bool) -> Iterator[Surrounding]:
    """All promises against all shares of colluders."""
    trials = COLLUDING_TRIALS_FULL if is_full else COLLUDING_TRIALS
    for suite, provider, draws in PROMISES:
        for share in COLLUDING:
            yield Surrounding(suite, provider, draws, members, share, trials)


def choice_row(population: Population, choice: Choice) -> Row:
    """A choice of draws as a row."""
    return {
        "members": population.members,
        "colluders": population.colluders,
        "loss": population.loss,
        "draws": choice.draws,
        "silent": choice.silent,
        "needed": choice.needed,
        "ending": choice.ending,
        "replacements": choice.replacements,
        "risk": rounded(choice.risk),
        "risk_endless": rounded(choice.risk_endless),
        "risk_any": rounded(choice.risk_any),
        "held_back": rounded(choice.held_back),
        "cliff": rounded(choice.cliff, 3),
        "hidden": choice.hidden,
    }


def _band(name: str, band: Band) -> Row:
    return {name: rounded(band.share), f"{name}_low": rounded(band.low), f"{name}_high": rounded(band.high)}
