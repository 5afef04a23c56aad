"""The rounds of the protocol as matrices of booleans: who is expected, who sends, who is asked again, who is left out.

No keys, no frames, no clock: a chain of rounds in numpy, for sizes and numbers of rounds beyond the real cores, and as
a second opinion beside them. Source: docs/protocol.md, "Rounds", "Correction", "Key graph".
"""

from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from common.parameters import Parameters
from common.suites import BASIC
from common.thresholds import half, needed
from launcher.analysis.graph_risk import Shape
from launcher.analysis.graph_simulation import drawn
from launcher.analysis.rounds_outages import Outages

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a suite asks for. `quorum` is how many of the drawn must be under a frame.

    `closes` tells whether the provider knows the quorum of each member, and leaves out who cannot meet it; otherwise it
    waits for them in vain.
    """

    parameters: Parameters
    quorum: int
    closes: bool
    has_release: bool

    @classmethod
    def of(cls, parameters: Parameters, shape: Shape) -> "Rules":
        """Those of a suite in a network of this shape; in a mesh the provider knows whom everybody needs."""
        is_basic = parameters.suite == BASIC.code
        of_mesh = shape.members // 2
        quorum = needed(shape.drawn) if not is_basic else of_mesh if shape.is_mesh else half(shape.drawn)
        return cls(parameters, quorum, not is_basic, not is_basic)


@dataclass(slots=True)
class Tally:
    """Sums over all rounds."""

    rounds: int = 0
    corrected: int = 0
    again: int = 0
    without_sum: int = 0
    pending: int = 0
    attempts: int = 0
    expected: int = 0
    missing: int = 0
    frames: int = 0
    releases: int = 0
    waits_ms: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Round:
    """One round under way: who is expected, has sent, is left out, and is waited for."""

    expected: Flags
    sent: Flags
    missing: Flags
    waiting: Flags
    attempts: int = 0


@final
class Chain:
    """A network whose connections come and go, looked at when its members have to send."""

    def __init__(self, rules: Rules, shape: Shape, outages: Outages, rng: np.random.Generator) -> None:
        self.tally = Tally()
        self._rules: Final = rules
        self._outages: Final = outages
        self._rng: Final = rng
        self._drew: Final = np.zeros((shape.members, shape.members), dtype=np.bool_)
        np.put_along_axis(self._drew, drawn(rng, 1, shape)[0], True, axis=1)
        self.near: Final[Flags] = self._drew | self._drew.T
        self._masks_min: Final = max(rules.parameters.masks_min, rules.quorum if shape.is_mesh else 0)
        together = outages.pattern.together
        self._unit: Final = np.arange(shape.members) // together
        self._is_on: Flags = rng.random(outages.pattern.units(shape.members)) >= outages.loss
        self._present: Flags = np.ones(shape.members, dtype=np.bool_)
        schedule = rules.parameters.schedule
        self._places_ms: Final = schedule.window_ms * 9 / 10
        exposed_ms = schedule.window_ms + schedule.grace_ms - self._places_ms / 2
        self._vanishes: Final = outages.ends_within(exposed_ms / schedule.period_ms)

    def restart(self) -> None:
        """Forget what was counted."""
        self.tally = Tally()

    def play(self, rounds: int) -> None:
        """Play and count so many rounds."""
        for _ in range(rounds):
            is_there = self._is_on[self._unit]
            expected = self.summable(self._present)
            now = self._send(expected, is_there)
            has_sum = expected.any() and self._correct(now)
            self._count(now, has_sum=bool(has_sum))
            silent = expected & ~now.sent
            self._present = (self._present & ~silent) | (~self._present & is_there)
            self._step()

    def _send(self, expected: Flags, is_there: Flags) -> _Round:
        sent = expected & is_there & self._has_enough(expected)
        return _Round(expected, sent, np.zeros_like(expected), expected & ~sent)

    def _has_enough(self, among: Flags) -> Flags:
        """Which gateways would send with the masks of these members only."""
        masks = np.count_nonzero(self.near & among, axis=1)
        held = np.count_nonzero(self._drew & among, axis=1)
        enough: Flags = (masks >= self._rules.parameters.masks_min) & (held >= self._rules.quorum)
        return enough

    def _correct(self, now: _Round) -> bool:
        """Call the silent missing and let their neighbors answer, until nobody is waited for; is there a sum then?"""
        schedule = self._rules.parameters.schedule
        while now.waiting.any():
            kept = self.summable(now.expected & ~now.missing & ~now.waiting)
            if not kept.any() or now.attempts >= schedule.attempts_max:
                return False
            now.attempts += 1
            newly = now.expected & ~kept & ~now.missing
            now.missing |= newly
            asked = kept & (self.near & newly).any(axis=1)
            answers = asked & self._stays() & self._has_enough(now.expected & ~now.missing)
            self.tally.frames += int(answers.sum())
            now.waiting = asked & ~answers
        return True

    def _stays(self) -> Flags:
        """Who has not lost its connection since it sent."""
        stays: Flags = (self._rng.random(self._is_on.size) >= self._vanishes)[self._unit]
        return stays

    def summable(self, clients: Flags) -> Flags:
        """As `provider.core.keygraph.summable` does it."""
        kept = clients.copy()
        while True:
            thick = kept & (np.count_nonzero(self.near & kept, axis=1) >= self._masks_min)
            if self._rules.closes:
                thick &= np.count_nonzero(self._drew & kept, axis=1) >= self._rules.quorum
            if thick.sum() == kept.sum():
                break
            kept = thick
        large = np.zeros_like(kept)
        unseen = kept.copy()
        while unseen.any():
            part = self._part(int(unseen.argmax()), kept)
            unseen &= ~part
            if part.sum() >= self._rules.parameters.members_min:
                large |= part
        return large if large.sum() == kept.sum() else self.summable(large)

    def _part(self, first: int, kept: Flags) -> Flags:
        """Everybody who is connected with one member."""
        part = np.zeros_like(kept)
        part[first] = True
        while True:
            grown = kept & (part | self.near[part].any(axis=0))
            if grown.sum() == part.sum():
                return part
            part = grown

    def _count(self, now: _Round, *, has_sum: bool) -> None:
        tally, schedule = self.tally, self._rules.parameters.schedule
        tally.rounds += 1
        tally.corrected += now.attempts > 0
        tally.again += now.attempts > 1
        tally.attempts += now.attempts
        tally.expected += int(now.expected.sum())
        tally.frames += int(now.sent.sum())
        if not has_sum:
            tally.without_sum += 1
            tally.missing += int(now.expected.sum())
            return
        tally.missing += int(now.missing.sum())
        included = now.expected & ~now.missing
        wait_ms = float(schedule.window_ms + schedule.grace_ms + (now.attempts - 1) * schedule.correction_ms)
        if now.attempts == 0:
            wait_ms = self._places_ms * included.sum() / (included.sum() + 1)
        if self._rules.has_release:
            releases = included & self._stays()
            tally.releases += int(releases.sum())
            held = np.count_nonzero(self._drew & releases, axis=1)
            if np.any(included & (held < self._rules.quorum)):
                tally.pending += 1
                return
        tally.waits_ms.append(wait_ms)

    def _step(self) -> None:
        """One period later."""
        ends = self._outages.lost_within(1.0)
        begins = ends * (1 - self._outages.loss) / self._outages.loss if self._outages.loss else 1.0
        flips = self._rng.random(self._is_on.size) < np.where(self._is_on, ends, begins)
        self._is_on = self._is_on ^ flips
