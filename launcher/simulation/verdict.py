"""What must hold at the end of a run: everybody is back, every round has a sum, and nothing was shown.

Source: docs/protocol.md, "Rounds", "Coming back", "In suite basic".
"""

from collections.abc import Mapping
from typing import Final, final

from common.identifiers import NetworkId, RoundNumber
from common.parameters import Parameters
from launcher.simulation.audit import WITH_SUM
from launcher.simulation.gateway import Gateway, describe
from launcher.simulation.observer import Observer, RoundKey, know
from launcher.simulation.population import Population
from launcher.simulation.site import Site
from launcher.simulation.trace import ViolationError

LIVENESS_ROUNDS: Final = 30
LIVENESS_MS: Final = 240_000
"""Once the faults stop, everybody is expected again within so many rounds and so much time: requests are repeated after
up to a minute, a handshake may first have to fail, and who was silent time after time is tried again after up to 16
rounds."""

STREAK: Final = 3
SETTLED_ROUNDS: Final = 4
"""Everybody is back when everybody is expected and was in `STREAK` sums; so many more rounds must then have sums."""

EXACT_MAX: Final = 12
"""Up to so many gateways in a network the observer eliminates; beyond, it finds components, which is the same."""


@final
class Verdict:
    """Judges one run once its faults are over."""

    def __init__(
        self, site: Site, rules: Mapping[NetworkId, Parameters], population: Population, observer: Observer
    ) -> None:
        self._site = site
        self._rules = rules
        self._population = population
        self._observer = observer
        self._timeline = site.timeline
        self._audit = site.audit
        self._schedule = site.scenario.parameters.schedule

    # Liveness

    def require_liveness(self) -> float:
        """Wait until everybody is back, then a few rounds more; say after how many periods everybody was.

        Raises:
            ViolationError: somebody is not back in time, or a round after that has no sum.
        """
        period_ms = self._schedule.period_ms
        begin = self._timeline.now
        ahead = [final.round for network in self._rules if (final := self._audit.last_final(network))]
        begin = max([begin + period_ms, *((number + 1) * period_ms for number in ahead)])
        limit = begin + LIVENESS_ROUNDS * period_ms + LIVENESS_MS
        since = RoundNumber(self._schedule.round_at(begin))
        while (absent := self._absent()) or not all(self._has_sum(network, since) for network in self._rules):
            if self._timeline.now > limit:
                raise ViolationError("not back in time: " + ("; ".join(absent) or "no sums"))
            self._timeline.run_until(self._timeline.now + period_ms // 4)
        settled = self._timeline.now
        first = self._schedule.round_at(settled) + 1
        self._timeline.run_until((first + SETTLED_ROUNDS) * period_ms)
        for network in self._rules:
            self._require_sums(network, RoundNumber(first))
        if absent := self._absent():
            raise ViolationError("lost without a fault: " + "; ".join(absent))
        return max(settled - begin, 0) / period_ms

    def _has_sum(self, network: NetworkId, since: RoundNumber) -> bool:
        """Whether all are in a network's last sums, from `since` on; a network that is too small needs none."""
        last = self._audit.results(network, since)[-STREAK:]
        return not self._wanting(network) or (
            len(last) == STREAK and all(result.present >= len(self._wanting(network)) for result in last)
        )

    def _wanting(self, network: NetworkId) -> list[Gateway]:
        rules = self._rules[network]
        wanting = [g for g in self._population.gateways if g.wants_in and g.region == rules.region]
        return wanting if len(wanting) >= rules.members_min else []

    def _absent(self) -> list[str]:
        """Everybody who should be expected and is not."""
        found = []
        for network in self._rules:
            final = self._audit.last_final(network)
            for gateway in self._wanting(network):
                member = gateway.member
                if final is None or member is None or member[0] != network or member[1] not in final.expected:
                    found.append(describe(gateway, "is not expected"))
        return found

    def _require_sums(self, network: NetworkId, first: RoundNumber) -> None:
        results = self._audit.results(network, first)
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

    def require_hidden(self) -> int:
        """Count readings that late frames have exposed, which happens in suite basic only.

        Raises:
            ViolationError: more is exposed than the suite allows.
        """
        exact = self._site.scenario.gateways <= EXACT_MAX * self._site.scenario.networks
        require = self._require_unbroken if self._site.scenario.suite.has_release else self._require_unnamed
        return sum(require(key, exact=exact) for key in self._observer.rounds)

    def _require_unbroken(self, key: RoundKey, *, exact: bool) -> int:
        if broken := self._observer.broken(key, exact=exact):
            groups = [sorted(group) for group in broken]
            raise ViolationError(f"round {key[1]} of network {key[0]} exposes {groups} in suite hardened")
        return 0

    def _require_unnamed(self, key: RoundKey, *, exact: bool) -> int:
        """Nobody but whom a correction named is exposed, and nobody at all without a late frame."""
        forms = self._observer.forms(key)
        final = self._audit.finals.get(key)
        included = set(final.included) if final else set()
        knowledge = know(forms, self._rules[key[0]].members_min, exact=exact)
        if {form.client for form in forms} <= included and knowledge.small_groups:
            raise ViolationError(f"round {key[1]} of network {key[0]} exposes {knowledge.small_groups}")
        if unnamed := knowledge.singles - self._audit.named_missing.get(key, set()):
            raise ViolationError(f"round {key[1]} of network {key[0]} exposes {sorted(unnamed)}, who was never missing")
        return len(knowledge.singles)
