"""What a demonstration has to show at any moment, whatever shows it."""

from dataclasses import dataclass, field

from common.schedule import Schedule
from common.sizes import PRIVATE_MIN, RECOMMENDED_MIN
from common.suites import BASIC, BASIC_WARNING
from launcher.profile import Profile
from launcher.rounds import ClosedRound
from launcher.spectator import NetworkView
from launcher.watching import Watching
from provider.results import DEMONSTRATION


@dataclass(slots=True)
class Board:
    """The state of the show. `notes` hold what happened, by network and number of the round."""

    profile: Profile
    schedule: Schedule
    networks: list[NetworkView]
    results: str
    watching: Watching | None = None
    up: int = 0
    is_over: bool = False
    closed: list[ClosedRound] = field(default_factory=list)
    notes: dict[tuple[int, int], list[str]] = field(default_factory=dict)

    @property
    def gateways(self) -> int:
        """How many gateways the networks begin with."""
        return sum(plan.gateways for plan in self.profile.network)

    @property
    def warning(self) -> str:
        """Why the sums are not private; empty when every network is large enough, and hardened."""
        fewest = min(plan.gateways for plan in self.profile.network)
        size = (
            f"{DEMONSTRATION}: a sum covers {fewest} households; "
            f"from {PRIVATE_MIN} on it hides some of one, from {RECOMMENDED_MIN} on most"
        )
        is_basic = any(plan.suite == BASIC.name for plan in self.profile.network)
        return ". ".join([size] * (fewest < PRIVATE_MIN) + [BASIC_WARNING] * is_basic)

    @property
    def is_done(self) -> bool:
        """Whether every network has played its rounds."""
        rounds = self.profile.rounds
        return rounds > 0 and all(
            any(closed.number >= rounds for closed in self.closed if closed.message.network == view.network)
            for view in self.networks
        )

    @property
    def shown(self) -> list[ClosedRound]:
        """The rounds to show: those of the start only until the first one that counts, unless something is wrong."""
        begun = {closed.message.network for closed in self.closed if closed.number}
        return [c for c in self.closed if c.number or c.message.network not in begun or not c.is_good]

    @property
    def played(self) -> list[ClosedRound]:
        """The rounds that count."""
        last = self.profile.rounds or float("inf")
        return [closed for closed in self.closed if 1 <= closed.number <= last]

    def is_played(self, closed: ClosedRound) -> bool:
        """Whether this round counts."""
        return closed.number >= 1 and (not self.profile.rounds or closed.number <= self.profile.rounds)

    def summary(self) -> str:
        """How it went, in a sentence or two."""
        played = self.played
        sums = [closed for closed in played if closed.message.has_sum]
        wrong = sum(not closed.is_exact for closed in sums)
        corrected = sum(closed.message.missing > 0 for closed in sums)
        judgment = "all exact" if not wrong else f"{wrong} WRONG"
        text = (
            f"{_count(len(played), 'round')}, {_count(len(sums), 'sum')}, {judgment}; {corrected} with missing members."
        )
        lost = [closed for closed in played if not closed.message.has_sum]
        if lost:
            why = "; ".join(sorted({closed.message.why or "nothing was heard of it" for closed in lost}))
            text += f" Without a sum: {len(lost)} ({why})."
        return text


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
