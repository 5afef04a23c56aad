"""One run: a provider and its gateways, first with faults (safety), then without (liveness)."""

import random
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, final

from common.identifiers import NetworkId
from launcher.simulation import credentials
from launcher.simulation.audit import Audit
from launcher.simulation.bus import Bus
from launcher.simulation.chaos import Chaos
from launcher.simulation.credentials import Administrator
from launcher.simulation.disks import Store
from launcher.simulation.drawings import Drawings
from launcher.simulation.gateway import Gateway
from launcher.simulation.genuine import Genuine
from launcher.simulation.liar import Liar
from launcher.simulation.lies import Lie
from launcher.simulation.observer import Observer
from launcher.simulation.oracle import MemberKey, Oracle
from launcher.simulation.pipes import Fates
from launcher.simulation.population import Population
from launcher.simulation.provider import NAME, Provider
from launcher.simulation.scenario import REGIONS, Request, Scenario, draw
from launcher.simulation.site import Site
from launcher.simulation.timeline import Timeline
from launcher.simulation.trace import Tally, Trace, ViolationError
from launcher.simulation.uniformity import Spread
from launcher.simulation.verdict import Verdict


@dataclass(slots=True)
class Report:
    """How a run ended: `violation` is None when every invariant held.

    `by_place` and `by_distance` are where draws fell. `lie` is what the provider lied about, `told` how often, and
    `seen_through` how often gateways gave an answer to it.
    """

    seed: int
    gateways: int = 0
    rounds: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    liveness_rounds: float = 0.0
    exposed: int = 0
    by_place: Spread = field(default_factory=Spread)
    by_distance: Spread = field(default_factory=Spread)
    lie: Lie | None = None
    told: int = 0
    seen_through: int = 0
    waited: int = 0
    """Rounds whose sums were pending."""
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
        self.drawings = Drawings(self._is_gone)
        self.rules = {NetworkId(i + 1): scenario.rules_of(i) for i in range(scenario.networks)}
        self._period_ms: int = scenario.parameters.schedule.period_ms
        self._entropy: random.Random = scenario.stream("identities")
        fates = Fates(scenario.stream("bus"), scenario.messages, self.tally, 2 * self._period_ms)
        self._store = Store()
        self.site: Final = self._make_site(fates)
        site = self.site
        self.audit = site.audit
        is_lenient = scenario.lie in {Lie.SURROUNDING, Lie.IMPERSONATION}
        authority = credentials.lenient_authority() if is_lenient else credentials.authority()
        self.provider = Provider(site, self.rules, self._store, authority)
        site.bus.attach(NAME, self.provider, is_lossless=True)
        self.population = Population(site, self.provider)
        self._chaos = Chaos(scenario, self.timeline, self.tally, site.bus, fates, self.provider, self.population)
        self._liar: Liar | None = None
        if scenario.lie is not None:
            self._liar = Liar(scenario.lie, self._store, scenario.stream("liar"), scenario.gateways)
        self.provider.liar = self._liar

    def _make_site(self, fates: Fates) -> Site:
        scenario = self.scenario
        bus = Bus(self.timeline, fates, self.trace, self._watch)
        counts = Counter(REGIONS[number % scenario.networks] for number in range(scenario.gateways))
        administrator = Administrator(counts, self.timeline.now)
        oracle = Oracle(self.observer, scenario.parameters)
        genuine = Genuine(oracle, self.drawings, self._store, scenario.parameters)
        audit = Audit(oracle, self._store, self.rules)
        return Site(
            scenario, self.timeline, bus, administrator, oracle, self.drawings, genuine, audit, self.trace, self.tally
        )

    def _is_gone(self, member: MemberKey) -> bool:
        return self.population.is_gone(member)

    def _watch(self, payload: bytes) -> None:
        self.observer.arrived(payload)
        self.drawings.arrived(payload)

    @property
    def gateways(self) -> list[Gateway]:
        """The gateways that hold, or held, a certificate of the administrator."""
        return self.population.gateways

    def run(self) -> Report:
        """Let it happen.

        Raises:
            ViolationError: an invariant does not hold, or a core raised an exception.
        """
        scenario, lie = self.scenario, self.scenario.lie
        self.provider.start()
        for _ in range(scenario.gateways):
            self._soon(lambda: self.population.join(is_counted=True))
        self._soon(self.population.surround)
        for number in range(scenario.rounds):
            for _ in range(scenario.growth.get(number, 0)):
                self._soon(self.population.join)
            if lie is Lie.IMPERSONATION:
                self.population.impersonate()
            if number >= scenario.calm_rounds:
                self._chaos.plan_round()
            self.timeline.run_until(self.timeline.now + self._period_ms)
        self._chaos.heal([NAME, *(gateway.name for gateway in self.population.everybody)])
        self.trace.say("chaos", "is over")
        report = Report(scenario.seed, len(self.gateways))
        verdict = Verdict(self.site, self.rules, self.population, self.observer)
        if lie is None or lie.is_mended:
            report.liveness_rounds = verdict.require_liveness()
        else:
            self.timeline.run_until(self.timeline.now + scenario.rounds * self._period_ms)
        self.audit.check_complete()
        report.exposed = verdict.require_hidden()
        return report

    def _soon(self, action: Callable[[], None]) -> None:
        self.timeline.after(int(self._entropy.random() * self._period_ms), action)

    def account(self, report: Report) -> None:
        """Fill in what can be said of every run, even of one that failed."""
        for result in self.audit.closed.values():
            report.rounds[result.status.value] = report.rounds.get(result.status.value, 0) + 1
        report.waited = len(self.audit.waited)
        report.faults = dict(sorted(self.tally.faults.items()))
        report.by_place, report.by_distance = self.drawings.by_place, self.drawings.by_distance
        report.digest = self.trace.digest
        if self._liar is not None:
            report.lie, report.told = self._liar.lie, self._liar.told + len(self.population.accomplices)
            report.seen_through = sum(gateway.answers_to(self._liar.lie) for gateway in self.gateways)


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
    world.account(report)
    return report
