"""The part of the report on network size and on the alternatives: sentences around numbers of this run."""

import math
from typing import Final

from launcher.analysis import calibration
from launcher.analysis.dominance import RULE_CUSTOMERS, RULE_SHARE
from launcher.analysis.figures_size import MAIN_PERIOD_MIN, SIZE_MAX, chosen, curve, main_population, number, window
from launcher.analysis.households import PERIODS_MIN, POPULATIONS
from launcher.analysis.rule import CRITERIA, LEVELS
from launcher.analysis.tables import Cell, Results, Row, Rows, as_markdown

_ROUND_TO: Final = 10
MEETING_BITS: Final = 0.02
_SCHEMES: Final = (
    ("nothing", 1, "nothing", "the provider"),
    ("pseudonyms", 1, "pseudonyms", "the provider, without names; who issues them"),
    ("battery 5 kWh", 1, "battery of 5 kWh", "nobody, but the leveled load is named"),
    ("battery 15 kWh", 1, "battery of 15 kWh", "nobody, but the leveled load is named"),
    ("sum", 20, "sum of 20", "third party: it; DC-net: nobody"),
    ("sum", 50, "sum of 50", "third party: it; DC-net: nobody"),
    ("sum", 100, "sum of 100", "third party: it; DC-net: nobody"),
)
_COLUMNS: Final = (
    ("advantage_day", "known day"),
    ("advantage_habits", "habits"),
    ("auc_day", "absence"),
    ("f1", "appliances"),
    ("relative_entropy", "relative entropy"),
    ("clusters", "clusters"),
    ("regression", "R²"),
    ("information", "changes"),
    ("forecast_error", "forecast error"),
)


def size(value: Cell) -> str:
    """A size as people read it, rounded up; empty cells lie beyond what was computed."""
    return f"> {SIZE_MAX}" if value is None else str(math.ceil(number(value)))


def percent(value: Cell) -> str:
    """A share in whole percent."""
    return f"{100 * number(value):.0f} %"


def derived(results: Results, level: str) -> int | None:
    """The number for the product: the largest of all populations at 15 minutes, rounded up to a multiple of ten."""
    rows = chosen(results["size_smallest"], metric="all", level=level, period_min=MAIN_PERIOD_MIN)
    sizes = [row["n"] for row in rows]
    if None in sizes:
        return None
    return math.ceil(max(number(value) for value in sizes) / _ROUND_TO) * _ROUND_TO


def at(results: Results, metric: str, n: int, field: str = "member", period_min: int = MAIN_PERIOD_MIN) -> Cell:
    """One number of the main population."""
    (row,) = chosen(curve(results, metric, period_min), n=n)
    return row[field]


def households(results: Results) -> str:
    """How the households are made, and how near they come to real ones."""
    year = results["calibration_year"][0]
    return f"""The households are those of the product's simulated meter: people get up, leave, come back and sleep, are
away for whole weeks now and then, and switch on ten kinds of appliances whose powers and durations are those of German
households. For this evaluation the hours and frequencies of use were fitted to BDEW's standard load profile H25 of
March (2025, made of measurements of 2018 and 2019), and a constant base load of freezers and routers was added.
Measured in this run: the mean of simulated households departs from H25 by {percent(calibration.deviation(results))} of
the mean power on average over the hours of a week; a year holds {number(year["mean_kwh"]):.0f} kWh on average (5th to
95th percentile {number(year["p5_kwh"]):.0f} to {number(year["p95_kwh"]):.0f} kWh, {year["households"]} households
without heat pump, car or PV). Only the mean was fitted: how much households differ follows from the generator.

Six populations of 1,000 households each: flats (1 to 3 people); houses (1 to 5 people); houses that all have a
photovoltaic system of 4 to 12 kW, a heat pump, or an electric car of 11 kW; and a mixed street of half flats and half
houses, of which 8 % of all have each of the three. Persons and shares are assumptions. Their readings cover five weeks
in spring, by minute in the last one. Groups are drawn at random, for attacks with replacement, so that the others stay
independent up to n = {SIZE_MAX}. 250 further households of each population teach the attacker how loads vary."""


def attacks() -> str:
    """The metrics, in the order of the page."""
    return """The attacker sees every sum of one group, knows how households of this kind behave in general, and the
weather. Each attack is also made on a **stranger**, a household of the same population that is not in the sum. What
works on strangers as well (everybody cooks at six) is no leakage: only the gap is.

- **Distinguishing game.** Two households; a coin decides which of them joins n - 1 others. The attacker knows both
  households' readings of the day, or week, that is summed, or only their habits (the mean day of four earlier weeks,
  against a week of sums). It weighs slots by the inverse covariance of the others (Fisher's discriminant; for habits
  with a Wiener filter) and takes the best of three weightings. *Advantage*: 2 P(right) - 1.
- **Absence.** A household is away for some weeks. The attacker knows its day at home and its standby, and ranks days
  (weeks) of one group. *AUC*: chance that a day of absence ranks above one at home; 0.5 is guessing.
- **Appliances.** Hart's rising edges, claimed to be an appliance when their size fits one. *F1* of precision and recall
  over the truly switched appliances of 1 kW or more.
- **Dominance.** Largest share of a household in a round; rounds with one above half; groups that fail the 15/15 rule.
- **The metrics of the thesis.** Relative entropy (bits between the distributions of powers of the household and of the
  sum divided by n), cluster classification (clusters of edge sizes, 5 % apart), regression analysis (R² after shifting
  to the greatest cross-correlation).
- **Information of changes.** Mutual information between the household's change from one interval to the next and the
  sum's, in bits.
- **Use.** Error of a forecast of the sum for two workdays from the three workdays before, over the mean.

Whoever has 1-minute sums can add them up: attacks on habits and absence, which take hours, use quarter-hours or hours,
whichever serves the attacker better, for every period."""


def rule_words() -> str:
    """The rule and its limits."""
    rows = [[one.words, f"{one.limit:g}", f"{one.limit * LEVELS['minimum']:g}"] for one in CRITERIA]
    return f"""A network of n is large enough when, at n and every larger size computed, none of these is above its
limit:

{as_markdown(["Measured", "recommended", "minimum"], rows)}
The limits are conventions. Those of "recommended" were chosen before the attacks were run, with an earlier and coarser
measurement known; "minimum" doubles each of them, which leaves the known day without a limit: whoever has a household's
readings of a day knows the day already, and learns only where it is metered. Between the sizes computed, a metric is a
straight line over log n. Bounds are 95 % percentile intervals of 1,000 bootstrap samples of pairs, households and
groups, each put through the whole rule."""


def answer(results: Results) -> str:
    """The smallest sizes: recommended and minimum, for each population and period."""
    parts = []
    for level, title in (("recommended", "Recommended"), ("minimum", "Minimum")):
        rows = chosen(results["size_smallest"], metric="all", level=level)
        header = [f"{title} n", *(f"{period} min" for period in PERIODS_MIN)]
        parts.append(as_markdown(header, [_populated(rows, *name) for name in _places(rows)]))
    return "\n".join(parts)


def _places(rows: Rows) -> list[tuple[str, str]]:
    return list(dict.fromkeys((str(row["population"]), str(row["season"])) for row in rows))


def _populated(rows: Rows, population: str, season: str) -> list[str]:
    titles = {one.name: one.title for one in POPULATIONS}
    label = titles.get(population, population) + ("" if season == "spring" else f", {season}")
    cells = []
    for period_min in PERIODS_MIN:
        found = chosen(rows, population=population, season=season, period_min=period_min)
        cells += [f"{size(row['n'])} ({size(row['low'])} to {size(row['high'])})" for row in found] or ["-"]
    return [label, *cells]


def decisive(results: Results) -> str:
    """Which limit decides, for the main population."""
    rows = results["size_smallest"]
    place = {"population": main_population(rows), "season": rows[0]["season"]}
    lines = []
    for criterion in CRITERIA:
        for level in LEVELS:
            found = [chosen(rows, metric=criterion.metric, level=level, period_min=p, **place) for p in PERIODS_MIN]
            cells = [size(one[0]["n"]) if one else "-" for one in found]
            limit = criterion.limit * LEVELS[level]
            lines.append([f"`{criterion.metric}` {limit:g}", *cells])
    return as_markdown(["Limit alone, mixed street", *(f"{period} min" for period in PERIODS_MIN)], lines)


def section(results: Results) -> str:
    """Results on network size, the metrics of the thesis, and the alternatives."""
    return "\n".join(part(results) for part in (_network, _thesis, _alternatives))


def _network(results: Results) -> str:
    """What a sum over n says, and the smallest n."""
    shown = {n: {m: at(results, m, n) for m in ("advantage_day", "advantage_habits", "auc_day")} for n in (5, 20, 100)}
    return f"""### Network size

![Privacy over n](evaluation/privacy.svg)

{{privacy}}

With 15-minute sums of the mixed street, an attacker who has a household's readings of that day has an advantage of
{percent(shown[5]["advantage_day"])} at n = 5, {percent(shown[20]["advantage_day"])} at 20 and
{percent(shown[100]["advantage_day"])} at 100; one who knows habits only, {percent(shown[5]["advantage_habits"])},
{percent(shown[20]["advantage_habits"])} and {percent(shown[100]["advantage_habits"])}. Absence for a day is ranked with
an AUC of {number(shown[5]["auc_day"]):.2f}, {number(shown[20]["auc_day"]):.2f} and {number(shown[100]["auc_day"]):.2f}.
The advantage falls about as 1 / sqrt(n): the noise that hides a household grows with the root of the others, so four
times the members halve it, and no size brings it to zero. A week of known readings
({percent(at(results, "advantage_week", 100))} at n = 100) stays recognizable far longer than a day.

Short periods hide less. At n = 100 the known day gives {percent(at(results, "advantage_day", 100, period_min=1))} with
1-minute sums and {percent(at(results, "advantage_day", 100, period_min=60))} with hourly ones. Hart's edges find
appliances in 1-minute readings of one household with F1 {number(at(results, "f1", 1, period_min=1)):.2f} (strangers
{number(at(results, "f1", 1, "stranger", 1)):.2f}), in 15-minute readings with {number(at(results, "f1", 1)):.2f}; in
1-minute sums over 20 with {number(at(results, "f1", 20, period_min=1)):.2f}.

*Dominance, mixed street, 15 minutes: largest share in a round on average, rounds with one household above half, rounds
and whole weeks of groups that fail the {RULE_CUSTOMERS}/{100 * RULE_SHARE:.0f} rule.*

{_dominance(results)}
![Smallest network](evaluation/smallest.svg)

{{smallest}}

*The smallest network by the rule, with its 95 % bounds.*

{answer(results)}
Which limit decides depends on the period. Each alone, at the recommended limit, twice it (minimum) and half of it:

{decisive(results)}
**Sensitivity.** For the games the size grows with the square of what is asked: half the limit takes four times the
members, or more.
"""


def _thesis(results: Results) -> str:
    """What the metrics of the thesis say, and what they can't."""
    return f"""### The metrics of the thesis

![Likeness](evaluation/likeness.svg)

{{likeness}}

- *Relative entropy* rises from {number(at(results, "relative_entropy", 1)):.2f} bits at n = 1 to
  {number(at(results, "relative_entropy", 100)):.2f} at n = 100, where a stranger is at
  {number(at(results, "relative_entropy", 100, "stranger")):.2f}. It compares how often powers occur, not when: a
  household whose hours are shuffled has the same, and one that is seen in full, but in other units, looks well hidden.
  It can show that a mean household looks like no single one; it can't show that nothing is learned.
- *Cluster classification* finds {number(at(results, "clusters", 1)):.0f} clusters in one household's week,
  {number(at(results, "clusters", 20)):.0f} in a sum over 20, {number(at(results, "clusters", 500)):.0f} over
  {SIZE_MAX}. More households bring more clusters before the sizes run into each other, so by the thesis' reading (fewer
  is more private) a sum would be worse than nothing. It counts appliances of somebody; it can't tell whose.
- *Regression analysis* falls from R² = 1 to {number(at(results, "regression", 20)):.2f} at n = 20 and
  {number(at(results, "regression", 100)):.2f} at n = 100, where a stranger reaches
  {number(at(results, "regression", 100, "stranger")):.2f}: what remains is the common rhythm of the day. It tells how
  well a load is traced on average; it says nothing about rare events, which are what betrays people.
- *Information of changes* falls from {number(at(results, "information", 1)):.2f} bits to
  {number(at(results, "information", 20)):.2f} at n = 20 (stranger
  {number(at(results, "information", 20, "stranger")):.2f}), and from n = {_meeting(results, "information")} on exceeds
  the stranger's by {MEETING_BITS:g} bits at most. Estimates from a week are biased upwards, for strangers alike.
"""


def _alternatives(results: Results) -> str:
    """What the baselines buy."""
    return f"""### What the alternatives buy

![Baselines](evaluation/baselines.svg)

{{baselines}}

{_baselines(results)}
Pseudonyms hide nothing of a trace: of 1,000 traces, habits of four weeks pick the right one for
{percent(_baseline(results, "pseudonyms", 1, "linked"))} of the households (chance: 0.1 %), and then everything is
known; the columns on absence and appliances average over those that were picked wrongly. A battery levels appliances
and the known day well, since it replaces the household's noise by its own, but it needs hardware in every house, and
the named daily mean still shows absence (AUC {number(_baseline(results, "battery 15 kWh", 1, "auc_day")):.2f} even with
15 kWh). A sum by a trusted third party and one by a DC-net are the same number and hide the same; the third party sees
every reading and can be told, bought or broken into, the DC-net has nobody who does.
"""


def counterforce(results: Results) -> str:
    """Privacy, use and cost together."""
    row, end = window(results)
    return f"""### The counter-force

![Trade-off](evaluation/tradeoff.svg)

{{tradeoff}}

The forecast from the sum errs by {percent(at(results, "forecast_error", 20))} at n = 20,
{percent(at(results, "forecast_error", 100))} at 100 and {percent(at(results, "forecast_error", SIZE_MAX))} at
{SIZE_MAX}: use grows with privacy, not against it. What opposes size is the cost of members who are missing. The window
for 15-minute sums of the mixed street is **{size(row["n"])} to {floor_ten(end)} members**.
"""


def _meeting(results: Results, metric: str) -> str:
    """The size from which on a member's value is a stranger's, to within `MEETING_BITS`."""
    apart = [
        row["n"] for row in curve(results, metric) if number(row["member"]) - number(row["stranger"]) > MEETING_BITS
    ]
    sizes = [row["n"] for row in curve(results, metric) if not apart or number(row["n"]) > number(apart[-1])]
    return str(sizes[0]) if sizes else f"> {SIZE_MAX}"


def floor_ten(value: float) -> str:
    """A size rounded down to a multiple of ten."""
    return str(math.floor(value / _ROUND_TO) * _ROUND_TO)


def _dominance(results: Results) -> str:
    names = ("share_max", "rounds_half", "rounds_15_15", "groups_15_15")
    rows = [[str(n), *(percent(at(results, name, n)) for name in names)] for n in (5, 10, 15, 20, 30, 50, 100, 200)]
    return as_markdown(["n", "largest share", "one above half", "rounds failing", "groups failing"], rows)


def _baseline(results: Results, scheme: str, n: int, metric: str) -> Cell:
    found: list[Row] = chosen(results["baselines"], scheme=scheme, n=n, metric=metric)
    return found[0]["value"] if found else None


def _baselines(results: Results) -> str:
    rows = []
    for scheme, n, label, who in _SCHEMES:
        cells = [number(_baseline(results, scheme, n, metric)) for metric, _ in _COLUMNS]
        rows.append([label, *(f"{value:.2f}" for value in cells), who])
    return as_markdown(["Scheme", *(title for _, title in _COLUMNS), "who sees single readings"], rows)
