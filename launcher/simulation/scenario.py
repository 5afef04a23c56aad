"""What one simulated run is: drawn from its seed, and from nothing else.

Each seed draws its own mixture of faults (swarm testing: a fault that never stops hides what another one breaks).
Source: Groce et al., Swarm Testing (ISSTA 2012).
"""

import random
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from common.parameters import Parameters
from common.roster import MESH_MAX
from common.schedule import DAY_MS, Schedule
from common.suites import BASIC, HARDENED, NAMED, SUITES, Suite
from launcher.simulation.lies import ABOUT_ROUNDS, Lie

REGIONS: Final = ("north", "south")
_DAY: Final = 20_800
_SCHEDULES: Final = (
    Schedule(5_000, 1_000, 500, 500, 3),
    Schedule(10_000, 2_000, 1_000, 1_000, 3),
    Schedule(60_000, 10_000, 2_000, 5_000, 3),
    Schedule(900_000, 60_000, 10_000, 20_000, 3),
)
_BOUNDS: Final = ((5, 3, 6, 255), (5, 3, 4, 48), (4, 2, 5, 64), (3, 2, 6, 255), (6, 4, 8, 80))
"""members_min, masks_min, draws and degree_max of a network. A mesh needs room for everybody at everybody."""

_LARGE: Final = 0.02
"""The share of seeds whose network outgrows the mesh, and then its first draw."""

_LYING: Final = 0.06
"""The share of seeds whose provider lies."""

_HARDENED: Final = 0.8
"""The share of seeds that play suite `hardened`."""

_DRAWS: Final = (24, 24, 18, 12, 9, 7, 6)
"""Draws of a network of suite `hardened`."""

_MALICIOUS: Final = 0.2
"""The share of seeds of suite `hardened` whose provider lies about rounds, most often with colluding gateways."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the caller fixes; the seed draws everything that is None."""

    seed: int
    gateways: int | None = None
    rounds: int | None = None
    loss: float | None = None
    networks: int | None = None
    has_faults: bool = True
    lie: Lie | None = None
    suite: str | None = None

    @property
    def command(self) -> str:
        """The line that replays this run."""
        words = ["dcnet", "simulate", "--seed", str(self.seed)]
        for option in ("gateways", "rounds", "loss", "networks", "suite"):
            value = getattr(self, option)
            if value is not None:
                words += [f"--{option}", str(value)]
        if self.lie is not None:
            words += ["--lie", self.lie.value]
        return shlex.join(words if self.has_faults else [*words, "--no-faults"])


@dataclass(frozen=True, slots=True)
class MessageFaults:
    """Probability of each fault, for each message on each way between a client and the broker.

    With QoS 1 a message is lost only together with its connection; `drop` loses it on a connection that stands, which
    a broker does when a session's queue is full. What the provider says to the broker is never dropped.
    """

    loss: float = 0.0
    drop: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0


@dataclass(frozen=True, slots=True)
class RoundFaults:
    """How many faults of each kind a round brings on average; those of gateways are for each gateway."""

    outage: float = 0.0
    offline: float = 0.0
    crash: float = 0.0
    clock: float = 0.0
    leave: float = 0.0
    join: float = 0.0
    revoke: float = 0.0
    renew: float = 0.0
    cut: float = 0.0
    broker: float = 0.0
    provider_outage: float = 0.0
    provider_crash: float = 0.0
    provider_clock: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run. `gateways` are dealt to `networks`; `backup` and `wipe` are what a crash may do to a vault.

    `lapse` is the share of gateways whose certificate ends within the run. `growth` says how many gateways join within
    one round, by round. `lie` is what the provider lies about, if it does; so many gateways are `colluding` with
    it, and show it all their seeds.
    With `is_torn` a gateway's crash falls between any two effects, even between records that its shell keeps together.
    """

    seed: int
    gateways: int
    rounds: int
    networks: int
    growth: Mapping[int, int]
    lie: Lie | None
    parameters: Parameters
    start_ms: int
    calm_rounds: int
    batch_ms: int
    messages: MessageFaults
    each_round: RoundFaults
    backup: float
    wipe: float
    lapse: float
    is_torn: bool
    colluding: int = 0

    @property
    def suite(self) -> Suite:
        """What the networks play."""
        return SUITES[self.parameters.suite]

    def rules_of(self, index: int) -> Parameters:
        """The rules of one of the networks."""
        return replace(self.parameters, region=REGIONS[index])

    def stream(self, name: str) -> random.Random:
        """A random stream of its own, so that one part's draws do not move another's."""
        return random.Random(f"{self.seed}/{name}")  # noqa: S311 -- the same seed must give the same run


def draw(request: Request) -> Scenario:
    """Draw the run of a seed."""
    rng = random.Random(f"{request.seed}/scenario")  # noqa: S311 -- the same seed must give the same run
    networks = request.networks or (2 if rng.random() < 0.15 else 1)
    members_min, masks_min, draws, degree_max = rng.choice(_BOUNDS)
    gateways = rng.randint(max(5, members_min), 10) * networks
    rounds = rng.randint(8, 14)
    schedule = rng.choice(_SCHEDULES)
    parameters = Parameters(BASIC.code, REGIONS[0], schedule, members_min, masks_min, draws, degree_max)
    start_ms = _DAY * DAY_MS + rng.randrange(schedule.period_ms)
    if rng.random() < 0.4:
        start_ms -= rng.randint(2, rounds) * schedule.period_ms
    scenario = Scenario(
        seed=request.seed,
        gateways=request.gateways or gateways,
        rounds=request.rounds or rounds,
        networks=networks,
        growth={},
        lie=request.lie,
        parameters=parameters,
        start_ms=start_ms,
        calm_rounds=rng.choice((0, 4, 6)),
        batch_ms=rng.choice((0, 5, 50, 300)),
        messages=_draw_message_faults(rng),
        each_round=_draw_round_faults(rng),
        backup=_some(rng, 0.5),
        wipe=_some(rng, 0.3),
        lapse=_some(rng, 0.2),
        is_torn=rng.random() < 0.3,
    )
    if not request.has_faults or rng.random() < 0.06:
        scenario = replace(scenario, messages=MessageFaults(), each_round=RoundFaults(), lapse=0.0)
    if request.loss is not None:
        scenario = replace(scenario, messages=replace(scenario.messages, loss=request.loss))
    if request.lie is None and request.has_faults and rng.random() < _LYING:
        scenario = replace(scenario, lie=rng.choice([lie for lie in Lie if not lie.is_about_rounds]))
    is_large = rng.random() < _LARGE or (scenario.lie is not None and scenario.lie.needs_draws)
    return _with_suite(_grown(scenario, rng) if is_large and request.gateways is None else scenario, request)


def _with_suite(scenario: Scenario, request: Request) -> Scenario:
    """The same run in the suite of its seed. These draws move no others: a seed is otherwise the same in both."""
    rng = scenario.stream("suite")
    drawn = HARDENED if rng.random() < _HARDENED else BASIC
    draws, is_malicious, lie = rng.choice(_DRAWS), rng.random() < _MALICIOUS, rng.choice(ABOUT_ROUNDS)
    colluding = rng.randint(0, max(scenario.gateways // 5, 1))
    needs_hardened = request.lie is not None and request.lie.is_about_rounds
    suite = NAMED[request.suite] if request.suite is not None else HARDENED if needs_hardened else drawn
    if suite is BASIC:
        return scenario
    rules = scenario.parameters
    rules = replace(rules, suite=suite.code, draws=draws, degree_max=max(rules.degree_max, 2 * draws))
    scenario = replace(scenario, parameters=rules)
    if is_malicious and request.has_faults and scenario.lie is None:
        scenario = replace(scenario, lie=lie)
    is_about_rounds = scenario.lie is not None and scenario.lie.is_about_rounds
    return replace(scenario, colluding=colluding if is_about_rounds else 0)


def _grown(scenario: Scenario, rng: random.Random) -> Scenario:
    """The same with one network that outgrows the mesh, and perhaps doubles after that."""
    begin = rng.randint(MESH_MAX - 5, MESH_MAX + 5)
    beyond = rng.randint(max(MESH_MAX + 1 - begin, 1), 6)
    growth = {rng.randint(3, 5): beyond}
    if rng.random() < 0.5:
        growth[rng.randint(6, 9)] = begin + beyond
    return replace(scenario, gateways=begin, networks=1, growth=growth)


def _some(rng: random.Random, most: float) -> float:
    """Nothing in half of the seeds; otherwise up to `most`, more often little than much."""
    amount = rng.random() ** 2 * most
    return amount if rng.random() < 0.5 else 0.0


def _draw_message_faults(rng: random.Random) -> MessageFaults:
    return MessageFaults(
        loss=_some(rng, 0.02),
        drop=_some(rng, 0.15),
        duplicate=_some(rng, 0.3),
        delay=_some(rng, 0.1),
        reorder=_some(rng, 0.5),
        corrupt=_some(rng, 0.1),
    )


def _draw_round_faults(rng: random.Random) -> RoundFaults:
    return RoundFaults(
        outage=_some(rng, 0.2),
        offline=_some(rng, 0.05),
        crash=_some(rng, 0.2),
        clock=_some(rng, 0.1),
        leave=_some(rng, 0.04),
        join=_some(rng, 0.5),
        revoke=_some(rng, 0.02),
        renew=_some(rng, 0.04),
        cut=_some(rng, 0.3),
        broker=_some(rng, 0.3),
        provider_outage=_some(rng, 0.3),
        provider_crash=_some(rng, 0.3),
        provider_clock=_some(rng, 0.3),
    )
