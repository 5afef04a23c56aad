"""Everybody who takes part in a run: gateways with certificates of the administrator, and a lying provider's own.

Source: docs/protocol.md, "Certificates".
"""

import random
from typing import Final, final

from common.certificates import Authority
from launcher.simulation import credentials
from launcher.simulation.credentials import Credentials
from launcher.simulation.gateway import Gateway
from launcher.simulation.lies import Lie
from launcher.simulation.oracle import MemberKey
from launcher.simulation.provider import Provider
from launcher.simulation.scenario import REGIONS
from launcher.simulation.site import Site
from smgw.core.situation import MemberRules

NEWS_PERIODS: Final = 2
"""The provider has a new list of revoked certificates after at most so many periods."""

ACCOMPLICES: Final = {Lie.SURROUNDING: (1, 3), Lie.IMPERSONATION: (1, 2)}
"""How many gateways of its own a lying provider adds for each real one: at least and at most, in halves."""


@final
class Population:
    """The gateways of a run. `gateways` are real ones, `accomplices` are the provider's own."""

    def __init__(self, site: Site, provider: Provider) -> None:
        self.gateways: list[Gateway] = []
        self.accomplices: list[Gateway] = []
        self._site: Final = site
        self._provider: Final = provider
        self._rng: random.Random = site.scenario.stream("population")
        self._serials: dict[str, list[int]] = {}
        self._short: set[str] = set()
        self._lapsed: set[str] = set()

    @property
    def everybody(self) -> list[Gateway]:
        """All processes that are gateways."""
        return [*self.gateways, *self.accomplices]

    def join(self, *, is_counted: bool = False) -> None:
        """One real gateway more, in one of the networks. `is_counted` if the first list counted it already."""
        number = len(self.gateways)
        region = REGIONS[number % self._site.scenario.networks]
        name = credentials.name_of(number)
        party = self._party(name, region, number)
        if not is_counted:
            self._site.administrator.admit(region, self._site.timeline.now)
            self._spread_news()
        self._serials[name] = [party.serial]
        self._site.genuine.keys[name] = party.identity.public_key
        if number < self._site.scenario.colluding:
            self._site.oracle.colluding.add(name)
        gateway = self._begin(name, region, party, credentials.authority())
        self.gateways.append(gateway)

    def _party(self, name: str, region: str, number: int) -> Credentials:
        """Who joins; some hold a certificate that ends within the run unless it is renewed."""
        scenario, timeline = self._site.scenario, self._site.timeline
        if self._rng.random() >= scenario.lapse:
            return credentials.gateway(region, number)
        self._short.add(name)
        lasts = self._rng.randint(3, 3 + scenario.rounds) * scenario.parameters.schedule.period_ms
        end_ms = (timeline.now + lasts) // 1_000 * 1_000
        timeline.at(end_ms, lambda: self._lapse(name))
        return credentials.short_lived(region, number, end_ms)

    def _lapse(self, name: str) -> None:
        """A certificate has expired; without another one, its gateway does not belong to the network any more."""
        gateway = next(gateway for gateway in self.gateways if gateway.name == name)
        if name in self._short and gateway.wants_in:
            self._site.tally.count("expired certificate")
            gateway.wants_in = False
            self._lapsed.add(name)
            self._site.administrator.lapse(gateway.region, self._site.timeline.now)
            self._spread_news()

    def surround(self) -> None:
        """A provider that lies so lets gateways of its own register."""
        lie, scenario = self._site.scenario.lie, self._site.scenario
        few, many = ACCOMPLICES.get(lie, (0, 0)) if lie else (0, 0)
        for number in range(scenario.gateways * self._rng.randint(few, many) // 2):
            region = REGIONS[number % scenario.networks]
            party = credentials.accomplice(region, number)
            name = credentials.name_of_accomplice(number)
            self._site.oracle.colluding.add(name)
            gateway = self._begin(name, region, party, credentials.lenient_authority())
            self.accomplices.append(gateway)

    def _begin(self, name: str, region: str, party: Credentials, authority: Authority) -> Gateway:
        site, rules = self._site, self._site.scenario.parameters
        member_rules = MemberRules(
            name=name,
            region=region,
            suite=site.scenario.suite,
            authority=authority,
            certificate=party.certificate,
            provider_key=credentials.provider().identity.public_key,
            revocations=authority.revocations(site.administrator.newest),
            values=party.values,
            members_min=rules.members_min,
            masks_min=rules.masks_min,
            draws_min=rules.draws,
            degree_max=rules.degree_max,
        )
        gateway = Gateway(site, party, member_rules)
        site.bus.attach(name, gateway)
        gateway.start()
        return gateway

    def impersonate(self) -> None:
        """Let each accomplice that is a member show a real gateway's certificate from now on."""
        for accomplice, real in zip(self.accomplices, self.gateways, strict=False):
            if accomplice.member is not None and accomplice.party.certificate != real.party.certificate:
                stolen = Credentials(
                    accomplice.party.identity, real.party.certificate, real.party.serial, accomplice.party.values
                )
                accomplice.install(stolen)
                accomplice.restart()

    def renew(self, gateway: Gateway) -> None:
        """The administrator renews a certificate; the gateway installs it and starts again."""
        number = self.gateways.index(gateway)
        party = credentials.gateway(gateway.region, number, generation=len(self._serials[gateway.name]))
        self._serials[gateway.name].append(party.serial)
        self._short.discard(gateway.name)
        gateway.install(party)
        gateway.restart()

    def revoke(self, gateway: Gateway) -> None:
        """The administrator revokes all certificates of a gateway, which does not belong to the network any more."""
        gateway.wants_in = False
        serials, is_counted = self._serials[gateway.name], gateway.name not in self._lapsed
        self._site.administrator.revoke(gateway.region, serials, self._site.timeline.now, is_counted=is_counted)
        self._spread_news()

    def settle(self) -> None:
        """The administrator hears who has left, and counts them no more; it renews what would end soon."""
        for gateway in self.gateways:
            if not gateway.wants_in:
                self.revoke(gateway)
            elif gateway.name in self._short:
                self.renew(gateway)

    def _spread_news(self) -> None:
        period_ms = self._site.scenario.parameters.schedule.period_ms
        delay_ms = int(self._rng.random() * NEWS_PERIODS * period_ms)
        self._site.timeline.after(delay_ms, self._provider.renew_revocations)

    def is_gone(self, member: MemberKey) -> bool:
        """Whether a member has said EXIT, came back under another number, or had its certificate revoked."""
        oracle, (network, client) = self._site.oracle, member
        name = oracle.names.get(member, "")
        serials = self._serials.get(name, [])
        if member in oracle.exited or oracle.latest.get((network, name), client) > client:
            return True
        return not self._site.administrator.revoked.isdisjoint(serials)
