"""What `dcnet analyze graph` says: a few lines for the terminal, and its part of the report."""

from typing import Final

from launcher.analysis.graph_advice import HELD_BACK_MAX
from launcher.analysis.tables import Cell, Results, Row, Rows, as_markdown

SHOWN_DRAWS: Final = (6, 9, 12, 15, 18, 21, 24)


def _number(value: Cell) -> float:
    return float(value or 0)


def chance(value: Cell) -> str:
    """A probability as people read it."""
    number = _number(value)
    if number == 0:
        return "0"
    if number >= 0.0995:
        return f"{100 * number:.0f} %"
    return f"{100 * number:.2g} %" if number >= 0.001 else f"{number:.1e}"


def _share(value: Cell) -> str:
    return f"{100 * _number(value):g} %"


def _asked(results: Results) -> Row:
    return next(row for row in results["graph_advice"] if row["is_asked"])


def recommendation(results: Results) -> str:
    """What is recommended for the question, and why, in two or three sentences."""
    row = _asked(results)
    who = f"{row['members']} members of whom {row['colluders']} collude and {_share(row['loss'])} are absent"
    slots = f"d = {row['draws']}, f = {row['silent']}, k = {row['needed']}"
    why = (
        f"it takes {row['ending']} colluders among the {row['draws']} that a member draws to end what is promised,"
        f" which happens to one member with probability {chance(row['risk'])} even if all {row['replacements']}"
        f" replacements are used, and {chance(row['held_back'])} of readings stay at home because more than"
        f" {row['silent']} of those drawn are absent or stay at home; beyond {chance(row['cliff'])} absent all do"
    )
    limit = f"In a network without end with the same share of colluders it is {chance(row['risk_endless'])}."
    if row["is_good"]:
        return f"For {who}, at a risk of {chance(row['risk_stated'])}: **{slots}**, because {why}. {limit}"
    return (
        f"For {who}, no number of draws up to 24 keeps the risk within {chance(row['risk_stated'])} and holds back at"
        f" most {chance(HELD_BACK_MAX)} of the readings. Of least risk is"
        f" **{slots}**: {why}. {limit}"
    )


def summary(results: Results) -> str:
    """What the command prints."""
    lines = [recommendation(results).replace("**", ""), "", _choices(results)]
    for row in results["graph_basic"]:
        lines.append(f"Suite basic, {row['draws']} drawn, a provider that {row['provider']}: {_basic_risk(row)}.")
    return "\n".join(lines)


def _basic_risk(row: Row) -> str:
    return (
        f"{row['ending']} colluders among the drawn show a reading, probability {chance(row['risk'])} for one member,"
        f" at most {chance(row['risk_any'])} for anybody"
    )


def _choices(results: Results) -> str:
    rows = [row for row in results["graph_choices"] if row["draws"] in SHOWN_DRAWS] or results["graph_choices"]
    header = ["Draws d", "f", "k", "colluders that end it", "replacements", "risk of one", "risk of anybody"]
    header += ["held back", "all held back"]
    return as_markdown(header, [_choice(row) for row in rows])


def _choice(row: Row) -> list[str]:
    plain = [str(row[name]) for name in ("draws", "silent", "needed", "ending", "replacements")]
    return [*plain, *(chance(row[name]) for name in ("risk", "risk_any", "held_back", "cliff"))]


def _connectivity(results: Results) -> str:
    header = ["Members", "draws", "collude", "absent", "falls apart", "95 % band", "closed form", "one isolated"]
    rows = []
    for row in results["graph_connectivity"]:
        is_shown = row["share"] in {0.0, 0.1, 0.3}
        if is_shown and (row["members"] == 100 or (row["members"] == 1_000 and row["draws"] != 3)):
            rows.append(_graph(row))
    return as_markdown(header, rows)


def _graph(row: Row) -> list[str]:
    band = f"{chance(row['split_low'])} to {chance(row['split_high'])}"
    found = [chance(row["split"]), band, chance(row["split_closed"]), chance(row["isolated_closed"])]
    return [str(row["members"]), str(row["draws"]), _share(row["share"]), _share(row["loss"]), *found]


def _promises(results: Results) -> str:
    header = ["Suite", "provider", "draws", "colluders that end it", *_colluding(results["graph_surrounded"])]
    rows: dict[tuple[str, ...], list[str]] = {}
    for row in results["graph_surrounded"]:
        key = (str(row["suite"]), str(row["provider"]), str(row["draws"]), str(row["ending"]))
        if _share(row["share"]) in header:
            rows.setdefault(key, []).append(chance(row["surrounded_closed"]))
    return as_markdown(header, [[*key, *cells] for key, cells in rows.items()])


def _colluding(rows: Rows) -> list[str]:
    return [
        label
        for label in dict.fromkeys(_share(row["share"]) for row in rows)
        if label in {"1 %", "5 %", "10 %", "20 %", "30 %"}
    ]


def _trade(results: Results) -> str:
    header = ["f", "k", "colluders that end it", "risk of one", "held back", "all held back"]
    rows = []
    for row in results["graph_trade"]:
        plain = [str(row[name]) for name in ("silent", "needed", "ending")]
        rows.append([*plain, *(chance(row[name]) for name in ("risk", "held_back", "cliff"))])
    return as_markdown(header, rows)


def _sizes(results: Results) -> str:
    header = ["Members", "colluders", "draws d", "f", "k", "risk of one", "without end", "good enough"]
    rows = []
    for row in results["graph_advice"]:
        plain = [str(row[name]) for name in ("members", "colluders", "draws", "silent", "needed")]
        rows.append([*plain, chance(row["risk"]), chance(row["risk_endless"]), "yes" if row["is_good"] else "no"])
    return as_markdown(header, rows)


def section(results: Results) -> str:
    """The part of the report."""
    members = results["graph_surrounded"][0]["members"]
    return f"""### The key graph

Masks hide a member behind honest neighbors who are there. What a provider that works with some members learns are the
sums of the parts into which the honest members who are present fall. Three questions: does that rest hang together, can
one member be cut out of it, and how many neighbors must be drawn so that neither happens.

**Does it hang together?** Simulated: so many random graphs as fit a bound of edges, each member drawing as the protocol
does (up to 25 members everybody is everybody's neighbor and nothing can fall apart), colluders always there, honest
members absent independently of each other; bands are Wilson's at 95 %. Closed form: a member is isolated when all it
drew collude or are absent, and nobody who is left drew it, which is exact; the graph falls apart about as often as
anybody is isolated (Poisson), which is what decides in dense random graphs.

*Table: honest members who are present fall into several parts; probability per round.*

{_connectivity(results)}
Once six are drawn, absence hardly matters, nor do colluders: it takes nearly half of the members, absent or colluding,
before a graph with six draws breaks now and then, and with 24 it does not break at all in practice.

**Can one member be surrounded?** Only those whom a member drew itself count, since a provider can arrange who draws it.
In suite `basic` one honest neighbor among six is enough, as long as the provider follows the protocol. One that chooses
who is expected needs half of them; and one that calls present members missing needs nobody at all (docs/protocol.md,
"In suite basic"): no number of draws helps there. In suite `hardened`, 2k - d colluders among the d drawn end the
promise, whatever the provider says. A provider may besides make a member give up floor(d / 4) slots in the life of its
certificate; all that it can reach so lies among d + floor(d / 4) draws, whose hypergeometric tail bounds the risk. The
simulation plays that provider greedily, a million members for each point.

*Table: bound on the probability that one of {members} members is surrounded, over the share that colludes.*

{_promises(results)}
{_draws(results)}"""


def _draws(results: Results) -> str:
    """How many to draw, and what other numbers would mean."""
    asked = _asked(results)
    return f"""**How many draws?** {recommendation(results)}

*Table: suite `hardened` over the number of draws; {asked["members"]} members, {asked["colluders"]} collude,
{_share(asked["loss"])} absent.*

{_choices(results)}
f, the number of holders that may be silent, is rounded down, so more draws are not always better: d = 3f + 3 is the
best of each three (9, 12, 15, ... 24), and 22 is worse than 21.

A member that stays out is missing to those who drew it. So "all held back", the share of absent members that stops
everybody in a large network, lies far below f / d: at 24 draws at about half of it. Below it hardly anybody is held
back, above it nobody is left (bootstrap percolation). It counts who was away before a round and, at a correction, who
vanished in it as well; see "Rounds".

*Table: 24 draws with another f than the protocol's: fewer silent holders against more colluders.*

{_trade(results)}
*Table: the fewest good draws by network size, same shares and risk, with at most 1 % held back; with none, those of
least risk. In a mesh all others are drawn.*

{_sizes(results)}
The share of colluders is taken as a fixed number of members, rounded up: in a small network so few are below what ends
the promise that the risk is 0. Who fears that colluders gather where he lives reads the column "without end", in which
each member colludes independently with that probability. And a network grows: whoever draws 24 from the start need not
choose again. Each doubling of the network lets everybody draw anew, so over the growth from 26 to n members the risk is
at most log2(n / 13) times as large.
"""
