"""Random key graphs, many at a time: whether the honest who are there hang together, and who is surrounded.

Everything is drawn from the generator that is handed in, in batches that keep within a bound of memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from launcher.analysis.graph_risk import Band, Shape, wilson

EDGES_AT_ONCE: Final = 1_000_000
"""So many edges are in memory at a time, at about 60 bytes each."""

MEMBERS_AT_ONCE: Final = 1_000_000

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted over `trials` graphs.

    `split` graphs fell into several parts. Over all graphs, `present` honest members were there, `isolated` of them
    without a neighbor; `isolated_squares` adds up the squares of the numbers of isolated members in each graph.
    """

    trials: int
    split: int
    present: int
    isolated: int
    isolated_squares: int

    @property
    def split_band(self) -> Band:
        """How often the graph fell apart."""
        return wilson(self.split, self.trials)

    @property
    def isolated_variance(self) -> float:
        """By how much the number of isolated members varies between graphs."""
        mean = self.isolated / self.trials
        return self.isolated_squares / self.trials - mean * mean

    @property
    def isolated_band(self) -> Band:
        """How often a member had no neighbor.

        Members of one graph depend on each other, so that they count for fewer: by how much more than a binomial the
        number of isolated ones varies between graphs.
        """
        mean = self.isolated / self.trials
        excess = max(self.isolated_variance / mean, 1.0) if mean else 1.0
        return wilson(self.isolated / excess, max(self.present / excess, 1.0))


def simulate(
    shape: Shape, loss: float, trials: int, rng: np.random.Generator, progress: Callable[[], None] = lambda: None
) -> Counts:
    """Draw so many key graphs, let some members be absent, and look at the honest rest.

    Args:
        shape: size, draws and colluders; the colluders are always there and hide nothing.
        loss: the probability that an honest member is absent, independent of all others.
        trials: how many graphs.
        rng: where all randomness comes from.
        progress: is called after each batch.
    """
    totals = np.zeros(4, dtype=np.int64)
    for count in _batches(trials, shape.members * shape.drawn):
        is_there = rng.random((count, shape.members)) >= loss
        is_there[:, : shape.colluders] = False
        a, b = _edges(drawn(rng, count, shape), is_there)
        isolated = np.sum(is_there & ~_has_neighbor(a, b, is_there), axis=1)
        totals += (_split(a, b, is_there), is_there.sum(), isolated.sum(), (isolated * isolated).sum())
        progress()
    return Counts(trials, *(int(total) for total in totals))


def _batches(trials: int, edges: int) -> Iterator[int]:
    at_once = max(EDGES_AT_ONCE // max(edges, 1), 1)
    for begin in range(0, trials, at_once):
        yield min(at_once, trials - begin)


def drawn(rng: np.random.Generator, graphs: int, shape: Shape) -> Numbers:
    """Whom everybody draws, shaped (graphs, members, draws): never itself, nobody twice, all others equally likely.

    Each step draws below a bound that grows, and takes the bound itself instead of a repetition. Source: Floyd's
    algorithm, in Bentley, "Programming pearls: a sample of brilliance" (1987).
    """
    chosen = np.empty((graphs, shape.members, shape.drawn), dtype=np.int64)
    for step, bound in enumerate(range(shape.others - shape.drawn, shape.others)):
        pick = rng.integers(0, bound + 1, size=(graphs, shape.members))
        is_repeated = np.any(chosen[:, :, :step] == pick[:, :, None], axis=2)
        chosen[:, :, step] = np.where(is_repeated, bound, pick)
    own = np.arange(shape.members)[None, :, None]
    return chosen + (chosen >= own)


def _edges(chosen: Numbers, is_there: Flags) -> tuple[Numbers, Numbers]:
    """The ends of all edges between honest members who are there, numbered over all graphs."""
    graphs, members, draws = chosen.shape
    b = (chosen + np.arange(graphs)[:, None, None] * members).ravel()
    a = np.repeat(np.arange(graphs * members), draws)
    kept = is_there.ravel()[a] & is_there.ravel()[b]
    return a[kept], b[kept]


def _has_neighbor(a: Numbers, b: Numbers, is_there: Flags) -> Flags:
    found = np.zeros(is_there.size, dtype=np.bool_)
    found[a] = found[b] = True
    return found.reshape(is_there.shape)


def _split(a: Numbers, b: Numbers, is_there: Flags) -> int:
    """How many of the graphs fall into several parts: somebody is not reached from the first who is there."""
    reached = np.zeros(is_there.shape, dtype=np.bool_)
    graphs = np.arange(len(is_there))
    first = is_there.argmax(axis=1)
    reached[graphs, first] = is_there[graphs, first]
    flat, before = reached.ravel(), -1
    while (now := int(flat.sum())) != before:
        before = now
        from_a, from_b = flat[a], flat[b]
        flat[b[from_a]] = True
        flat[a[from_b]] = True
        is_open = ~(from_a & from_b)
        a, b = a[is_open], b[is_open]
    return int(np.any(is_there & ~reached, axis=1).sum())


def colluding(shape: Shape, replacements: int, trials: int, rng: np.random.Generator) -> Numbers:
    """How many members of `trials` were left with 0, 1, 2, ... colluders among those they drew.

    The provider keeps an honest neighbor away whenever there is one and a replacement is left; the slot then falls to
    anybody who holds none of the others.
    """
    found = np.zeros(shape.drawn + 1, dtype=np.int64)
    choice = shape.others - (shape.drawn - 1)
    for begin in range(0, trials, MEMBERS_AT_ONCE):
        count = min(MEMBERS_AT_ONCE, trials - begin)
        bad = rng.hypergeometric(shape.colluders, shape.others - shape.colluders, shape.drawn, count)
        for _ in range(replacements):
            falls_bad = rng.random(count) * choice < shape.colluders - bad
            bad += (bad < shape.drawn) & falls_bad
        found += np.bincount(bad, minlength=shape.drawn + 1)
    return found
