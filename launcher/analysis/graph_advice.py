"""How many neighbors to draw: the risk that colluders among them end what a suite promises, and who then cannot send.

Source: docs/protocol.md, "Draw"; common.thresholds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from common.parameters import DRAWS_MAX
from common.suites import BASIC
from common.thresholds import half, needed, silent, smallest_opened
from launcher.analysis.graph_risk import Shape, any_of, binomial_tail, cliff, staying, surrounded
from smgw.core.draws import BUDGET_PART

DRAWS_MIN: Final = 4
"""With fewer holders not one may be silent and one collude."""

BASIC_DRAWS: Final = BASIC.draws

HELD_BACK_MAX: Final = 0.01
"""So many readings may stay at home because holders are absent."""


@dataclass(frozen=True, slots=True)
class Population:
    """Among whom is drawn: `members`, of whom `colluders` work with the provider and a share `loss` is absent."""

    members: int
    colluders: int
    loss: float

    @classmethod
    def of_share(cls, members: int, share: float, loss: float) -> "Population":
        """The network in which this share of the members colludes, rounded up."""
        return cls(members, min(ceil(round(share * members, 9)), members - 1), loss)

    def shape(self, draws: int) -> Shape:
        """Its key graph when everybody draws so many."""
        return Shape(self.members, draws, self.colluders)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a number of draws means in one population.

    `silent` holders (f) may be absent, `needed` (k) take part, `ending` colluders among the drawn end the guarantee.
    `risk` is that of one member over the life of its certificate with all `replacements` used, `risk_endless` the same
    in a network without end, `risk_any` that of anybody in the network. `held_back` is how often a member who is there
    stays out of a round since too many of its holders are absent, or stay out themselves; when a share `cliff` is
    absent, everybody does. `hidden` honest members at least are in each sum that a lying provider learns, but with the
    stated risk; 0 when that is not promised.
    """

    draws: int
    silent: int
    needed: int
    ending: int
    replacements: int
    risk: float
    risk_endless: float
    risk_any: float
    held_back: float
    cliff: float
    hidden: int


def replacements(shape: Shape) -> int:
    """How many slots a member gives up at most in the life of its certificate; in a mesh it has none."""
    return 0 if shape.is_mesh else shape.drawn // BUDGET_PART


def hardened(population: Population, draws: int, risk: float, silent_max: int | None = None) -> Choice:
    """What suite `hardened` promises with so many draws.

    Args:
        population: among whom is drawn.
        draws: how many each member draws; in a mesh it is everybody.
        risk: at which `hidden` is stated.
        silent_max: another f than that of the protocol.
    """
    shape = population.shape(draws)
    d, spare = shape.drawn, replacements(shape)
    f = silent(d) if silent_max is None else silent_max
    k = needed(d) if silent_max is None else d - f
    ending = max(2 * k - d, 0)
    chance = surrounded(shape, spare, ending)
    return Choice(
        draws=d,
        silent=f,
        needed=k,
        ending=ending,
        replacements=spare,
        risk=chance,
        risk_endless=binomial_tail(d + spare, population.colluders / shape.others, ending),
        risk_any=any_of(chance, shape.honest),
        held_back=_held_back(shape, k, population.loss),
        cliff=_cliff(shape, k),
        hidden=_hidden(shape, spare, risk) if silent_max is None else 0,
    )


def _held_back(shape: Shape, needed_: int, loss: float) -> float:
    """In a mesh everybody lacks the same members, so that nobody makes another stay out."""
    if shape.is_mesh:
        return binomial_tail(shape.drawn, loss, shape.drawn - needed_ + 1)
    return max(1 - staying(shape.drawn, needed_, loss), 0.0)


def _cliff(shape: Shape, needed_: int) -> float:
    return 1 - needed_ / shape.drawn if shape.is_mesh else cliff(shape.drawn, needed_)


def _hidden(shape: Shape, spare: int, risk: float) -> int:
    """How many honest members a sum holds, when no more colluders are drawn than happens with the stated risk."""
    bearable = (bad for bad in range(shape.drawn) if surrounded(shape, spare, bad + 1) <= risk)
    return smallest_opened(shape.drawn, next(bearable, shape.drawn))


def basic(population: Population, draws: int, *, is_lying: bool) -> Choice:
    """What suite `basic` promises with so many draws, as long as nobody is called missing who is there.

    Args:
        population: among whom is drawn.
        draws: how many each member draws; in a mesh it is everybody.
        is_lying: the provider leaves honest neighbors out of those expected, as far as a gateway lets it; else it
            follows the protocol, and one honest neighbor among the drawn is enough.
    """
    shape = population.shape(draws)
    d, spare = shape.drawn, replacements(shape) if is_lying else 0
    ending = half(d) if is_lying else d
    chance = surrounded(shape, spare, ending)
    return Choice(
        draws=d,
        silent=d - half(d),
        needed=half(d),
        ending=ending,
        replacements=spare,
        risk=chance,
        risk_endless=binomial_tail(d + spare, population.colluders / shape.others, ending),
        risk_any=any_of(chance, shape.honest),
        held_back=_held_back(shape, half(d), population.loss),
        cliff=_cliff(shape, half(d)),
        hidden=0,
    )


def choices(population: Population, risk: float) -> list[Choice]:
    """What each number of draws that a network may ask for means in suite `hardened`."""
    if population.shape(DRAWS_MAX).is_mesh:
        return [hardened(population, DRAWS_MAX, risk)]
    return [hardened(population, draws, risk) for draws in range(DRAWS_MIN, DRAWS_MAX + 1)]


def recommended(population: Population, risk: float) -> Choice | None:
    """The fewest draws that keep within the stated risk and let nearly all send; None when no number does.

    Each draw costs bytes. With few draws a single absent holder more than f keeps a member from sending.
    """
    good = [choice for choice in choices(population, risk) if choice.risk <= risk and choice.held_back <= HELD_BACK_MAX]
    return min(good, key=lambda choice: choice.draws, default=None)


def trade(population: Population, draws: int, risk: float) -> Sequence[Choice]:
    """What other numbers of silent holders would mean: fewer stay out of rounds, or more colluders are borne."""
    drawn = population.shape(draws).drawn
    return [hardened(population, draws, risk, f) for f in range(max(silent(drawn) - 4, 0), (drawn - 1) // 2 + 1)]
