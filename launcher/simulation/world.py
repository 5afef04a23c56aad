"""One run: a provider and its gateways, first with faults (safety), then without (liveness)."""

import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, final

from common.identifiers import NetworkId, RoundNumber
from common.secret import Secret
from common.signing import Identity
from common.suites import BASIC
from launcher.simulation.audit import WITH_SUM, Audit
from launcher.simulation.bus import Bus
from launcher.simulation.chaos import Chaos
from launcher.simulation.disks import Store
from launcher.simulation.gateway import Gateway, describe
from launcher.simulation.observer import Observer, know
from launcher.simulation.oracle import Oracle
from launcher.simulation.pipes import Fates
from launcher.simulation.provider import NAME, Provider
from launcher.simulation.scenario import REGIONS, Request, Scenario, draw
from launcher.simulation.site import Site
from launcher.simulation.timeline import Timeline
from launcher.simulation.trace import Tally, Trace, ViolationError
from smgw.core.situation import MemberRules

LIVENESS_ROUNDS: Final = 12
LIVENESS_MS: Final = 240_000
"""Once the faults stop, everybody is expected again within so many rounds and so much time: requests are repeated after
up to a minute, and a handshake may first have to fail."""

STREAK: Final = 3
SETTLED_ROUNDS: Final = 4
"""Everybody is back when everybody is expected and `STREAK` rounds had sums; so many more must then have one too."""

EXACT_MAX: Final = 12
"""Up to so many gateways in a network the observer eliminates; beyond, it finds components, which is the same."""


@dataclass(slots=True)
class Report:
    """How a run ended: `violation` is None when every invariant held."""

    seed: int
    gateways: int = 0
    rounds: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    liveness_rounds: float = 0.0
    exposed: int = 0
    digest: str = ""
    violation: str | None = None


@final
class World:
    """Everything in one run."""

    def __init__(
        self, scenario: Scenario, sink: Callable[[str], None] | None = None, *, is_traced: bool = False
    ) -> None:
        self.scenario = scenario
        self.timeline = Timeline(scenario.start_ms)
        self.trace = Trace(self.timeline, sink, is_on=is_traced)
        self.tally = Tally()
        self.observer = Observer()
        self.gateways: list[Gateway] = []
        self._schedule = scenario.parameters.schedule
        self._entropy: random.Random = scenario.stream("identities")
        self._identity = self._new_identity()
        self._fates = Fates(scenario.stream("bus"), scenario.messages, self.tally, 2 * self._schedule.period_ms)
        bus = Bus(self.timeline, self._fates, self.trace, self.observer.arrived)
        self.rules = {NetworkId(i + 1): scenario.rules_of(i) for i in range(scenario.networks)}
        oracle = Oracle(self.observer, self._schedule, scenario.parameters.masks_min)
        store = Store()
        self.audit = Audit(oracle, store, self.rules)
        self._site = Site(scenario, self.timeline, bus, oracle, self.audit, self.trace, self.tally)
        self.provider = Provider(self._site, self._identity, self.rules, store)
        bus.attach(NAME, self.provider, is_lossless=True)
        self._chaos = Chaos(scenario, self.timeline, self.tally, bus, self._fates, self.provider, self.join)

    def _new_identity(self) -> Identity:
        return Identity(Secret(self._entropy.randbytes(32)))

    def join(self) -> None:
        """One more gateway, in one of the networks."""
        number, rules = len(self.gateways), self.scenario.parameters
        name, region = f"g{number + 1:02d}", REGIONS[number % self.scenario.networks]
        bounds = (rules.members_min, rules.masks_min, rules.degree_max)
        member_rules = MemberRules(name, region, self._identity.public_key, BASIC, *bounds)
        gateway = Gateway(self._site, self._new_identity(), member_rules)
        self.gateways.append(gateway)
        self._chaos.gateways.append(gateway)
        self._site.bus.attach(name, gateway)
        gateway.start()

    def run(self) -> Report:
        """Let it happen.

        Raises:
            ViolationError: an invariant does not hold, or a core raised an exception.
        """
        period_ms = self._schedule.period_ms
        self.provider.start()
        for _ in range(self.scenario.gateways):
            self.timeline.after(int(self._entropy.random() * period_ms), self.join)
        for number in range(self.scenario.rounds):
            if number >= self.scenario.calm_rounds:
                self._chaos.plan_round()
            self.timeline.run_until(self.timeline.now + period_ms)
        self._chaos.heal([NAME, *(gateway.name for gateway in self.gateways)])
        self.trace.say("chaos", "is over")
        report = Report(self.scenario.seed, len(self.gateways))
        report.liveness_rounds = self._require_liveness()
        self.audit.check_complete()
        report.exposed = self._require_hidden()
        return report

    # Liveness

    def _require_liveness(self) -> float:
        """Wait until everybody is back, then a few rounds more; say after how many periods everybody was.

        Raises:
            ViolationError: somebody is not back in time, or a round after that has no sum.
        """
        period_ms = self._schedule.period_ms
        begin = self.timeline.now
        ahead = [final.round for network in self.rules if (final := self.audit.last_final(network))]
        begin = max([begin + period_ms, *((number + 1) * period_ms for number in ahead)])
        limit = begin + LIVENESS_ROUNDS * period_ms + LIVENESS_MS
        since = RoundNumber(self._schedule.round_at(begin))
        while (absent := self._absent()) or not all(self._has_sum(network, since) for network in self.rules):
            if self.timeline.now > limit:
                raise ViolationError("not back in time: " + ("; ".join(absent) or "no sums"))
            self.timeline.run_until(self.timeline.now + period_ms // 4)
        settled = self.timeline.now
        first = self._schedule.round_at(settled) + 1
        self.timeline.run_until((first + SETTLED_ROUNDS) * period_ms)
        for network in self.rules:
            self._require_sums(network, RoundNumber(first))
        if absent := self._absent():
            raise ViolationError("lost without a fault: " + "; ".join(absent))
        return max(settled - begin, 0) / period_ms

    def _has_sum(self, network: NetworkId, since: RoundNumber) -> bool:
        """Whether a network's last rounds, from `since` on, have sums; a network that is too small needs none."""
        last = self.audit.results(network, since)[-STREAK:]
        return not self._wanting(network) or (len(last) == STREAK and all(r.status in WITH_SUM for r in last))

    def _wanting(self, network: NetworkId) -> list[Gateway]:
        region = self.rules[network].region
        wanting = [gateway for gateway in self.gateways if gateway.wants_in and gateway.region == region]
        rules = self.rules[network]
        return wanting if len(wanting) >= rules.members_min else []

    def _absent(self) -> list[str]:
        """Everybody who should be expected and is not."""
        found = []
        for network in self.rules:
            final = self.audit.last_final(network)
            for gateway in self._wanting(network):
                member = gateway.member
                if final is None or member is None or member[0] != network or member[1] not in final.expected:
                    found.append(describe(gateway, "is not expected"))
        return found

    def _require_sums(self, network: NetworkId, first: RoundNumber) -> None:
        results = self.audit.results(network, first)
        if self._wanting(network) and len(results) < SETTLED_ROUNDS - 1:
            raise ViolationError(
                f"network {network} closed {len(results)} of {SETTLED_ROUNDS} rounds without any fault"
            )
        for result in results if self._wanting(network) else []:
            if result.status not in WITH_SUM:
                raise ViolationError(
                    f"without any fault round {result.round} is {result.status.value}: {result.why.value}"
                )

    # Secrecy

    def _require_hidden(self) -> int:
        """Count readings that late frames have exposed.

        Raises:
            ViolationError: without a late frame a reading, or the sum of a small group, is exposed.
        """
        exposed = 0
        exact = self.scenario.gateways <= EXACT_MAX * self.scenario.networks
        for key in self.observer.rounds:
            forms = self.observer.forms(key)
            final = self.audit.finals.get(key)
            included = set(final.included) if final else set()
            knowledge = know(forms, self.rules[key[0]].members_min, exact=exact)
            if {form.client for form in forms} <= included and knowledge.small_groups:
                raise ViolationError(f"round {key[1]} of network {key[0]} exposes {knowledge.small_groups}")
            if unnamed := knowledge.singles - self.audit.named_missing.get(key, set()):
                raise ViolationError(
                    f"round {key[1]} of network {key[0]} exposes {sorted(unnamed)}, who was never missing"
                )
            exposed += len(knowledge.singles)
        return exposed


def run(request: Request, sink: Callable[[str], None] | None = None, *, is_traced: bool = False) -> Report:
    """Run one seed. Never raises for what the cores do: the report tells."""
    scenario = draw(request)
    world = World(scenario, sink, is_traced=is_traced)
    try:
        report = world.run()
    except Exception as error:  # noqa: BLE001 -- whatever a core raises is a finding, and is reported with its seed
        report = Report(scenario.seed, len(world.gateways))
        is_expected = isinstance(error, ViolationError)
        report.violation = str(error) if is_expected else "".join(traceback.format_exception(error)).strip()
    for result in world.audit.closed.values():
        report.rounds[result.status.value] = report.rounds.get(result.status.value, 0) + 1
    report.faults = dict(sorted(world.tally.faults.items()))
    report.digest = world.trace.digest
    return report
