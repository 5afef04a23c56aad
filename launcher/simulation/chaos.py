"""Whatever goes wrong: draws the faults of each round, and heals everything in the end."""

import random
from collections.abc import Callable, Sequence
from typing import Final, final

from common.schedule import DAY_MS
from launcher.simulation.bus import Bus
from launcher.simulation.gateway import Gateway
from launcher.simulation.pipes import Fates
from launcher.simulation.population import Population
from launcher.simulation.provider import NAME, Provider
from launcher.simulation.scenario import Scenario
from launcher.simulation.timeline import Timeline
from launcher.simulation.trace import Tally
from smgw.core.events import VaultContents

STEPS_MAX: Final = 12
"""A crash falls within so many steps of whatever its victim does next."""


@final
class Chaos:
    """Injects faults, from a random stream of its own."""

    def __init__(  # noqa: PLR0913, PLR0917 -- the victims, and where they live
        self,
        scenario: Scenario,
        timeline: Timeline,
        tally: Tally,
        bus: Bus,
        fates: Fates,
        provider: Provider,
        population: Population,
    ) -> None:
        self._population = population
        self._scenario = scenario
        self._timeline = timeline
        self._tally = tally
        self._bus = bus
        self._fates = fates
        self._provider = provider
        self._rng: random.Random = scenario.stream("chaos")
        self._backup_rng: random.Random = scenario.stream("backups")
        self._period_ms: int = scenario.parameters.schedule.period_ms
        self._is_over = False

    def plan_round(self) -> None:
        """Draw what goes wrong within the next period, and when."""
        faults = self._scenario.each_round
        for gateway in self._population.gateways:
            self._maybe(faults.outage, lambda g=gateway: self._cut_off(g.name, 2.5))  # type: ignore[misc]
            self._maybe(faults.offline, lambda g=gateway: self._cut_off(g.name, 12))  # type: ignore[misc]
            self._maybe(faults.crash, lambda g=gateway: self._crash(g))  # type: ignore[misc]
            self._maybe(faults.clock, lambda g=gateway: self._step_clock(g))  # type: ignore[misc]
            self._maybe(faults.leave, lambda g=gateway: self._leave(g))  # type: ignore[misc]
            self._maybe(faults.revoke, lambda g=gateway: self._revoke(g))  # type: ignore[misc]
            self._maybe(faults.renew, lambda g=gateway: self._renew(g))  # type: ignore[misc]
        self._maybe(faults.join, self._join_one)
        self._maybe(faults.cut, self._cut_neighbors)
        self._maybe(faults.broker, self._restart_broker)
        self._maybe(faults.provider_outage, lambda: self._cut_off(NAME, 2.5))
        self._maybe(faults.provider_crash, self._crash_provider)
        self._maybe(faults.provider_clock, self._step_provider_clock)
        for gateway in self._population.gateways:
            if self._rng.random() < 0.3:
                delay_ms = self._backup_rng.randrange(self._period_ms)
                self._timeline.after(delay_ms, lambda g=gateway: self._back_up(g))  # type: ignore[misc]

    @staticmethod
    def _back_up(gateway: Gateway) -> None:
        gateway.backup = gateway.vault.contents

    def _maybe(self, rate: float, fault: Callable[[], None]) -> None:
        if rate > 0 and self._rng.random() < rate:
            self._timeline.after(self._rng.randrange(self._period_ms), lambda: None if self._is_over else fault())

    def _a_while(self, periods: float) -> int:
        return int(self._rng.random() * periods * self._period_ms)

    def _cut_off(self, name: str, periods: float) -> None:
        self._tally.count("provider outage" if name == NAME else "outage")
        self._bus.cut(name)
        self._timeline.after(self._a_while(periods), lambda: self._bus.mend(name))

    def _crash(self, gateway: Gateway) -> None:
        if not gateway.is_running or gateway.fuse.is_lit:
            return
        self._tally.count("crash")
        gateway.fuse.light(self._rng.randrange(STEPS_MAX), lambda: self._bring_back(gateway))

    def _bring_back(self, gateway: Gateway) -> None:
        kind = self._rng.random()
        if kind < self._scenario.backup:
            self._tally.count("restored vault")
            gateway.restore(gateway.backup)
        elif kind < self._scenario.backup + self._scenario.wipe:
            self._tally.count("lost vault")
            gateway.restore(VaultContents())
        patience = self._rng.choice((0.02, 0.2, 3))
        self._timeline.after(self._a_while(patience), gateway.start)

    def _crash_provider(self) -> None:
        if not self._provider.is_running or self._provider.fuse.is_lit:
            return
        self._tally.count("provider crash")
        back = self._a_while(0.1 if self._rng.random() < 0.5 else 2.5)
        if self._rng.random() < 0.3:
            self._tally.count("changed rules")
            self._provider.change_rules()
        then: Callable[[], None] = lambda: self._timeline.after(back, self._provider.start)  # noqa: E731
        self._provider.fuse.light(self._rng.randrange(STEPS_MAX * 2), then)

    def _step_clock(self, gateway: Gateway) -> None:
        self._tally.count("clock step")
        sizes = (100, 2_000, self._period_ms // 2, self._period_ms, 4 * self._period_ms, DAY_MS)
        gateway.step_clock(self._rng.choice((-1, 1)) * int(self._rng.choice(sizes) * (0.5 + self._rng.random())))

    def _step_provider_clock(self) -> None:
        self._tally.count("provider clock step")
        sizes = (100, 2_000, self._period_ms // 2, self._period_ms, 3 * self._period_ms)
        self._provider.step_clock(self._rng.choice((-1, 1)) * int(self._rng.choice(sizes) * (0.5 + self._rng.random())))

    def _leave(self, gateway: Gateway) -> None:
        if gateway.is_running and gateway.wants_in:
            self._tally.count("leave")
            gateway.leave()
            what_next = self._rng.random()
            if what_next < 0.4:
                self._timeline.after(self._a_while(4), lambda: self._population.revoke(gateway))
            elif what_next < 0.8:
                self._timeline.after(self._a_while(6), lambda: self._come_back(gateway))

    def _come_back(self, gateway: Gateway) -> None:
        if gateway.has_left and not self._is_over:
            self._tally.count("return of a leaver")
            gateway.come_back()

    def _revoke(self, gateway: Gateway) -> None:
        if gateway.wants_in:
            self._tally.count("revocation")
            self._population.revoke(gateway)

    def _renew(self, gateway: Gateway) -> None:
        if gateway.is_running and gateway.wants_in and not gateway.fuse.is_lit:
            self._tally.count("renewed certificate")
            self._population.renew(gateway)

    def _join_one(self) -> None:
        self._tally.count("join")
        self._population.join()

    def _cut_neighbors(self) -> None:
        """Take most neighbors of one gateway away: it must ask for others. Everybody may have left by now."""
        if not self._population.gateways:
            return
        victim = self._rng.choice(self._population.gateways)
        members = {gateway.member: gateway for gateway in self._population.gateways}
        network = victim.member[0] if victim.member else None
        peers = [edge.peer for edge in victim.vault.contents.edges]
        near = [members[network, peer] for peer in peers if network and (network, peer) in members]
        for gateway in self._rng.sample(near, int(len(near) * (0.5 + self._rng.random() / 2))):
            self._cut_off(gateway.name, 5)

    def _restart_broker(self) -> None:
        self._tally.count("broker restart")
        keeps = (self._rng.random() < 0.6, self._rng.random() < 0.6)
        self._bus.stop_broker(keeps_sessions=keeps[0], keeps_retained=keeps[1])
        self._timeline.after(self._a_while(0.2 if self._rng.random() < 0.6 else 2.5), self._bus.start_broker)

    def heal(self, names: Sequence[str]) -> None:
        """No more faults and lies; everything runs, is connected, and has the right time."""
        self._is_over = True
        self._provider.liar = None
        self._fates.calm()
        self._bus.start_broker()
        for name in names:
            self._bus.mend(name)
        for gateway in self._population.gateways:
            gateway.is_meter_whole = True
        self._population.settle()
        processes: list[Provider | Gateway] = [self._provider, *self._population.everybody]
        for process in processes:
            process.fuse.put_out()
            process.step_clock(-process.ticker.offset_ms)
            process.start()
