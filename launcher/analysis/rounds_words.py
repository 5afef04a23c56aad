"""What `dcnet analyze rounds` says: a few lines for the terminal, and its part of the report."""

from typing import Final

from common.parameters import DRAWS_MAX
from common.thresholds import half, needed
from launcher.analysis.graph_advice import BASIC_DRAWS
from launcher.analysis.graph_risk import cliff
from launcher.analysis.graph_words import chance
from launcher.analysis.rounds_network import SCHEDULE
from launcher.analysis.rounds_outages import BURSTS, INDEPENDENT, Outages
from launcher.analysis.tables import Cell, Results, Row, Rows, as_markdown

TYPICAL_LOSS: Final = 0.05


def _number(value: Cell) -> float:
    return float(value or 0)


def _seconds(value: Cell) -> str:
    return "-" if value is None else f"{_number(value):.0f} s"


def _share(value: Cell) -> str:
    return f"{100 * _number(value):g} %"


def _outages(row: Row) -> list[str]:
    return [str(row["suite"]), str(row["members"]), _share(row["loss"]), str(row["pattern"])]


def _corrections(rows: Rows) -> str:
    header = ["Suite", "members", "off", "pattern", "rounds", "corrected", "95 % band", "model", "closed form", "again"]
    header += ["no sum", "95 % band", "model"]
    cells = []
    for row in rows:
        shares = [chance(row["corrected"]), _band(row, "corrected"), chance(row["model_corrected"])]
        shares += [chance(row["closed_corrected"]), chance(row["again"])]
        shares += [chance(row["without_sum"]), _band(row, "without_sum"), chance(row["model_without_sum"])]
        cells.append([*_outages(row), str(row["rounds"]), *shares])
    return as_markdown(header, cells)


def _band(row: Row, name: str) -> str:
    return f"{chance(row[f'{name}_low'])} to {chance(row[f'{name}_high'])}"


def _costs(rows: Rows) -> str:
    header = ["Suite", "members", "off", "pattern", "wait, mean", "model", "wait, 95 %", "messages up", "bytes up"]
    header += ["model", "bytes down", "model", "all up", "all down"]
    cells = []
    for row in rows:
        waits = [_seconds(row[name]) for name in ("wait_mean_s", "model_wait_mean_s", "wait_p95_s")]
        names = ("up_bytes", "model_up_bytes", "down_bytes", "model_down_bytes", "up_bytes_all", "down_bytes_all")
        octets = [f"{_number(row[name]):.0f}" for name in names]
        cells.append([*_outages(row), *waits, f"{_number(row['up_messages']):.2f}", *octets])
    return as_markdown(header, cells)


def _modeled(rows: Rows) -> str:
    header = ["Suite", "members", "off", "pattern", "corrected", "again", "no sum", "waits for shares", "wait, mean"]
    cells = []
    for row in rows:
        shares = [chance(row[f"model_{name}"]) for name in ("corrected", "again", "without_sum", "pending")]
        cells.append([*_outages(row), *shares, _seconds(row["model_wait_mean_s"])])
    return as_markdown(header, cells)


def _largest(rows: Rows, pattern: str, loss: float) -> Row:
    """The row of the largest network that was played so."""
    fitting = [row for row in rows if (row["pattern"], row["loss"]) == (pattern, loss)]
    return max(fitting, key=lambda row: _number(row["members"]))


def _typical(rows: Rows, suite: str) -> list[str]:
    """A sentence for each pattern without loss, at a typical one, and at the largest one that was played."""
    own = [row for row in rows if row["suite"] == suite]
    said = []
    for pattern in dict.fromkeys(str(row["pattern"]) for row in own):
        losses = {_number(row["loss"]) for row in own if row["pattern"] == pattern}
        for loss in sorted(losses & {0.0, TYPICAL_LOSS, max(losses)}):
            row = _largest(own, pattern, loss)
            said.append(
                f"- Suite {suite}, {row['members']} members, {_share(loss)} of the time off ({pattern}):"
                f" {chance(row['corrected'])} of rounds corrected, {chance(row['without_sum'])} without a sum,"
                f" {_seconds(row['wait_mean_s'])} until the sum, {_number(row['up_bytes']):.0f} bytes up and"
                f" {_number(row['down_bytes']):.0f} down for each gateway."
            )
    return said


def summary(results: Results) -> str:
    """What the command prints."""
    rows = results["rounds"]
    suites = dict.fromkeys(str(row["suite"]) for row in rows)
    return "\n".join(sentence for suite in suites for sentence in _typical(rows, suite))


def _cliffs() -> str:
    """At which absence everybody is left out, with the draws of each suite, and what that means for an outage."""
    basic, hardened = cliff(BASIC_DRAWS, half(BASIC_DRAWS)), cliff(DRAWS_MAX, needed(DRAWS_MAX))
    outages = Outages(INDEPENDENT, 0.1)
    vanish = (1 - outages.loss) * outages.lost_within(1.0)
    return (
        f"In a large network that point lies at {chance(basic)} absent with the {BASIC_DRAWS} draws of suite `basic`,"
        f" and at {chance(hardened)} with the {DRAWS_MAX} of `hardened`. With {_share(outages.loss)} of the time off,"
        f" independent, {_share(outages.loss)} are away before a round and {chance(vanish)} more vanish until it."
    )


def _outside(rows: Rows, name: str) -> str:
    """In how many cases the model of a share lies outside the measured band."""
    shaken = [row for row in rows if row["loss"]]
    bands = [[_number(row[each]) for each in (f"{name}_low", f"model_{name}", f"{name}_high")] for row in shaken]
    return f"{sum(not low <= model <= high for low, model, high in bands)} of {len(shaken)}"


def _lost(rows: Rows) -> str:
    """How often the largest modeled network of each suite has no sum."""
    said = []
    for suite in dict.fromkeys(str(row["suite"]) for row in rows):
        own = [row for row in rows if row["suite"] == suite]
        worst = max(_number(row["loss"]) for row in own)
        typical, bad = (_largest(own, INDEPENDENT.name, loss) for loss in (TYPICAL_LOSS, worst))
        said.append(
            f"{bad['members']} members of suite `{suite}` have no sum in {chance(typical['model_without_sum'])} of the"
            f" rounds with {_share(TYPICAL_LOSS)} off, independent, and in {chance(bad['model_without_sum'])} with"
            f" {_share(worst)}"
        )
    return "; ".join(said)


def section(results: Results) -> str:
    """The part of the report."""
    rows = results["rounds"]
    period_s = SCHEDULE.period_ms // 1000
    return f"""### Rounds

The provider and gateway cores of the product play whole networks in virtual time, with the provider's default settings
(a round of {period_s} s, a window of {SCHEDULE.window_ms // 1000} s, {SCHEDULE.grace_ms // 1000} s of grace, up to
{SCHEDULE.attempts_max} corrections of {SCHEDULE.correction_ms // 1000} s each), on a bus that takes up to 30 ms each
way. The only faults are connections that end and return, at any moment, in two patterns with the same share of time
off: *independent*, each gateway for itself, for one round on average; and *bursts*, streets of {BURSTS.together} in
feeder order that go dark together, for {BURSTS.rounds_mean:g} rounds on average (Gilbert's two states).

Beside each measured case stand a closed form and a model. The closed form says how often some gateway (or street)
vanishes between two rounds, which is what a correction needs. The model plays the rules of round and correction with
matrices instead of keys, {_number(results["rounds_model"][0]["model_rounds"]):.0f} rounds where the cores play a few
dozen. It lies outside the 95 % band of what was measured in {_outside(rows, "corrected")} cases for corrections, and in
{_outside(rows, "without_sum")} for rounds without a sum.

{chr(10).join(sentence for suite in dict.fromkeys(str(r["suite"]) for r in rows) for sentence in _typical(rows, suite))}

*Table: rounds that need a correction, that need another one after it, and that have no sum.*

{_corrections(rows)}
The same loss needs fewer corrections in bursts, as long as few streets are dark: a street is missing once, and not
expected again before it returns. It costs sums when much of the network is dark at a time, since gateways then have too
few of the neighbors that they drew and stay silent. A provider of suite `basic` cannot foresee that: it waits for them
in vain and corrects again, so that "corrected" rises above the closed form. One of suite `hardened` knows their holders
and leaves them out at once, which may take others with them, up to everybody ("The key graph", all held back).
{_cliffs()} By the model, {_lost(results["rounds_model"])}. Where suite `hardened` holds back so many, it needs fewer
corrections again: a round that expects nobody corrects nothing.

*Table: seconds until the sum is there (rounds that have one), messages and bytes for each gateway and round. Bytes are
MQTT packets with their acknowledgments, without TLS; "all" adds the cross-check of clocks and what coming back takes.*

{_costs(rows)}
Waiting has three steps: the last place in the window when nobody is missing, the deadline when somebody is, and a
minute more for each further correction. In suite `hardened` some sums come later still, once holders return and open
what was left closed; the model leaves these rounds out of its mean. A gateway of `hardened` sends twice in a round, and
more bytes the more it draws. Traffic of the rounds themselves depends little on loss, and falls where gateways are held
back. What grows is coming back: whoever returns makes the provider say roster, leaves and revocations again, to
everybody ("all down").

*Table: the model alone, for other sizes. "Waits for shares": closed, but a self-mask could not be opened at once.*

{_modeled(results["rounds_model"])}
Threats to validity: the bus neither loses nor delays messages beyond 30 ms while a connection stands; gateways lose
connections, not their memory; nobody joins or leaves meanwhile; a real street is no multiple of ten, and what a power
cut does to mobile networks is not known here. The model's key graph is drawn once for each case. Bands take rounds for
independent; bursts last for several, and the cores play few rounds of large networks, so that measured shares vary more
there than their bands say.
"""
