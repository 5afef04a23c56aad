"""`dcnet analyze graph`: does the key graph hang together, can a member be surrounded, and how many must be drawn.

Simulated beside closed forms. Suite `basic` needs one honest neighbor as long as the provider follows the protocol;
suite `hardened` promises something against a provider that lies. Source: docs/protocol.md, "Draw", "Key graph".
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from common.roster import MESH_MAX
from launcher.analysis.cache import Cache
from launcher.analysis.graph_advice import BASIC_DRAWS, Population, basic, choices, recommended, trade
from launcher.analysis.graph_cases import choice_row, connectivity, surroundings
from launcher.analysis.graph_plots import draw, draw_connectivity
from launcher.analysis.graph_words import section, summary
from launcher.analysis.options import Options, Tell
from launcher.analysis.progress import telling
from launcher.analysis.tables import Cell, Results, Row, Rows, write_csv
from launcher.errors import LauncherError

__all__ = ["DEFAULT", "Question", "draw", "draw_connectivity", "results", "run", "section", "summary"]

ADVISED_SIZES: Final = (10, 25, 50, 100, 300, 1_000, 3_000, 10_000)


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be recommended: draws for `members`, of whom a share colludes and a share is absent, at a risk.

    The risk is that of one member, over the life of its certificate, that what its suite promises does not hold.
    """

    members: int = 1_000
    colluders: float = 0.05
    loss: float = 0.05
    risk: float = 1e-6

    @classmethod
    def parse(cls, members: int, colluders: str, loss: str, risk: float) -> "Question":
        """From the command line, where a share is `5%` or `0.05`, and colluders may be a number of members.

        Raises:
            LauncherError: it is no share, or more than there are.
        """
        bad = _share("--colluders", colluders, members)
        return cls(members, bad, _share("--loss", loss, 1), risk)

    def population(self, members: int | None = None) -> Population:
        """The network in question, or one of another size."""
        return Population.of_share(members or self.members, self.colluders, self.loss)


DEFAULT: Final = Question()


def _share(option: str, text: str, members: int) -> float:
    """A share as people write it; from 1 on, without a percent sign, it is so many of the members."""
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = -1.0
    share = number / 100 if text.endswith("%") else number / members if number >= 1 else number
    if not 0 <= share < 1:
        raise LauncherError(f"{option} {text} is no share from 0 to below 100 %. Give it like this:  {option} 5%")
    return share


def results(options: Options, tell: Tell, question: Question = DEFAULT) -> Results:
    """Every table: simulated key graphs, surrounded members, and what draws mean for the question."""
    cache, tables = Cache(options), Results(graph_connectivity=[], graph_surrounded=[])
    graphs = list(connectivity(is_full=options.full))
    drawing = question.members if question.members > MESH_MAX else DEFAULT.members  # a mesh draws nobody
    promises = list(surroundings(drawing, is_full=options.full))
    parts: list[tuple[str, dict[str, Cell], Callable[[np.random.Generator], Row]]] = [
        *(("graph_connectivity", case.key, case.row) for case in graphs),
        *(("graph_surrounded", promise.key, promise.row) for promise in promises),
    ]
    for done, (name, key, compute) in enumerate(parts):
        tell("key graphs", done, len(parts))
        rng = options.generator(name, *(str(value) for value in key.values()))
        tables[name] += cache.rows(name, key, partial(_one, compute, rng))
    tell("key graphs", len(parts), len(parts))
    return tables | _advice(question)


def _one(compute: Callable[[np.random.Generator], Row], rng: np.random.Generator) -> Rows:
    return [compute(rng)]


def _advice(question: Question) -> Results:
    population, risk = question.population(), question.risk
    follows = basic(population, BASIC_DRAWS, is_lying=False)
    chooses = basic(population, BASIC_DRAWS, is_lying=True)
    asked: Row = {"colluders_share": question.colluders, "risk_stated": risk}
    return {
        "graph_basic": [
            {"provider": "follows the protocol", **choice_row(population, follows)},
            {"provider": "chooses who is expected", **choice_row(population, chooses)},
        ],
        "graph_choices": [asked | choice_row(population, choice) for choice in choices(population, risk)],
        "graph_trade": [asked | choice_row(population, choice) for choice in trade(population, 24, risk)],
        "graph_advice": [_advised(question, members) for members in sorted({*ADVISED_SIZES, question.members})],
    }


def _advised(question: Question, members: int) -> Row:
    """What is recommended for a size; when nothing is good enough, the best there is, and that it is not."""
    population = question.population(members)
    found = recommended(population, question.risk)
    best = found or min(choices(population, question.risk), key=lambda choice: choice.risk)
    is_asked = int(members == question.members)
    return {
        "is_asked": is_asked,
        "is_good": int(found is not None),
        "colluders_share": question.colluders,
        "risk_stated": question.risk,
        **choice_row(population, best),
    }


def run(options: Options, question: Question = DEFAULT) -> int:
    """The command: compute, write the tables, say what came out."""
    with telling() as tell:
        found = results(options, tell, question)
    write_csv(options.out, found)
    print(summary(found))  # noqa: T201 -- what the command is for
    return 0
