"""What `dcnet analyze rounds` plays: which networks under which outages, for how long, and in how many processes."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from common.suites import HARDENED, SUITES
from launcher.analysis.cache import Cache
from launcher.analysis.options import Options, Tell
from launcher.analysis.pool import each
from launcher.analysis.rounds_measure import Case, measure
from launcher.analysis.rounds_model import predict
from launcher.analysis.rounds_outages import BURSTS, INDEPENDENT
from launcher.analysis.tables import Cell, Row, Rows

CALM: Final = (0.0, INDEPENDENT.name)
OUTAGES: Final = (
    CALM,
    (0.01, INDEPENDENT.name),
    (0.05, INDEPENDENT.name),
    (0.1, INDEPENDENT.name),
    (0.05, BURSTS.name),
    (0.1, BURSTS.name),
)
OUTAGES_BRIEF: Final = (CALM, (0.05, INDEPENDENT.name), (0.1, INDEPENDENT.name), (0.05, BURSTS.name))
"""For suites other than the default."""

ROUNDS: Final = {10: 48, 25: 32, 50: 20, 100: 10}
"""Members, and how many rounds real cores play: with few members more, since they take less time."""
ROUNDS_FULL: Final = {10: 672, 25: 672, 50: 384, 100: 192, 200: 96, 500: 48}
ROUNDS_CALM: Final = 6
"""Without outages each round is like the other."""

MODELED: Final = (10, 25, 30, 50, 100, 300)
MODELED_FULL: Final = (*MODELED, 1_000, 3_000)
MODELED_LOSSES: Final = (0.01, 0.05, 0.1)
MODELED_LOSSES_FULL: Final = (*MODELED_LOSSES, 0.2)


def measured(options: Options) -> list[Case]:
    """The cases for real cores."""
    return [
        _seeded(options, Case(suite, members, loss, pattern, rounds if loss else ROUNDS_CALM))
        for suite in SUITES
        for members, rounds in (ROUNDS_FULL if options.full else ROUNDS).items()
        for loss, pattern in (OUTAGES if options.full or suite == HARDENED.code else OUTAGES_BRIEF)
    ]


def modeled(options: Options) -> list[Case]:
    """The cases for the model alone; it decides itself how many rounds it plays."""
    return [
        _seeded(options, Case(suite, members, loss, pattern.name))
        for suite in SUITES
        for pattern in (INDEPENDENT, BURSTS)
        for members in (MODELED_FULL if options.full else MODELED)
        for loss in (MODELED_LOSSES_FULL if options.full else MODELED_LOSSES)
    ]


def _seeded(options: Options, case: Case) -> Case:
    """The case with a seed that does not depend on how many rounds are played."""
    draws = options.generator("rounds", case.suite, case.members, str(case.loss), case.pattern)
    return replace(case, seed=int(draws.integers(2**62)))


def rows_of(options: Options, tell: Tell, cases: Sequence[Case]) -> Rows:
    """The rows of these cases in their order: found in the cache, or played now, in as many processes as allowed."""
    cache = Cache(options)
    found = {case: rows for case in cases if (rows := cache.find(_name(case), _key(case))) is not None}
    left = sorted((case for case in cases if case not in found), key=_longest)
    played = each(
        partial(_kept, options), left, options.jobs, lambda done, _: tell("rounds", len(found) + done, len(cases))
    )
    whole = found | dict(zip(left, played, strict=True))
    return [row for case in cases for row in whole[case]]


def _longest(case: Case) -> tuple[int, int]:
    """The longest cases come first, so that no process is left alone with one at the end."""
    return -case.suite * case.members, -case.rounds


def _kept(options: Options, case: Case) -> Rows:
    """Play a case, and keep its row at once: a run that is stopped loses only what was under way."""
    return Cache(options).rows(_name(case), _key(case), lambda: [play(case)])


def play(case: Case) -> Row:
    """One case: what real cores did, and the model beside it, or the model alone."""
    if case.rounds:
        return measure(case) | predict(case)
    named: Row = {
        "suite": SUITES[case.suite].name,
        "members": case.members,
        "loss": case.loss,
        "pattern": case.pattern,
    }
    return named | predict(case)


def _name(case: Case) -> str:
    return "rounds_played" if case.rounds else "rounds_model"


def _key(case: Case) -> dict[str, Cell]:
    return {
        "suite": case.suite,
        "members": case.members,
        "loss": case.loss,
        "pattern": case.pattern,
        "rounds": case.rounds,
    }
