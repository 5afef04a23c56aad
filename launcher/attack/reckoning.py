"""What a provider can compute of one gateway that it has called missing: pure arithmetic on the frames it was sent.

The victim's frame is its reading, plus a mask for each neighbor, plus in suite `hardened` its self-mask. The neighbors'
answers to the correction, less what they sent before, are these very masks. So one subtraction leaves the reading in
suite `basic`, and in `hardened` the reading under the self-mask. Source: docs/security.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.payloads import Release, Superposition
from common.refusal import RefusedError
from common.sealing import Context
from common.suites import SUITES, Contribution, Suite
from common.superposition import Lanes, signed, subtract

Neighborhoods = Mapping[ClientId, Mapping[ClientId, TunnelId]]


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What is left of the victim's frame, and how many shares of how many needed there were."""

    lanes: Lanes
    holders: int
    needed: int
    shares: int


@dataclass(slots=True)
class Target:
    """One round in which one gateway is called missing. `near` are the neighbors of everybody expected in it."""

    network: NetworkId
    round: RoundNumber
    victim: ClientId
    near: Neighborhoods
    _frames: dict[ClientId, dict[int, Superposition]] = field(default_factory=dict)
    _releases: dict[ClientId, Release] = field(default_factory=dict)

    def keep_frame(self, sender: ClientId, frame: Superposition) -> None:
        """A frame of the round, the victim's or a neighbor's."""
        attempt = _suite(frame).read(frame.body).attempt
        self._frames.setdefault(sender, {}).setdefault(attempt, frame)

    def keep_release(self, sender: ClientId, release: Release) -> None:
        """Shares that somebody gave."""
        self._releases[sender] = release

    @property
    def is_complete(self) -> bool:
        """Whether the victim has sent, and each of its neighbors before and after the correction."""
        has_sent = 0 in self._frames.get(self.victim, {})
        return has_sent and all({0, 1} <= self._frames.get(peer, {}).keys() for peer in self.near[self.victim])

    def reckon(self) -> Reckoned:
        """Take off the masks of the neighbors, and the self-mask if there are shares enough; needs `is_complete`."""
        first = self._frames[self.victim][0]
        own = _suite(first).read(first.body)
        lanes = own.lanes
        for peer in self.near[self.victim]:
            lanes = subtract(lanes, subtract(self._lanes(peer, 1), self._lanes(peer, 0)))
        if own.sealing is None:
            return Reckoned(signed(lanes), 0, 0, 0)
        shares = self._shares()
        mask = own.sealing.open(self._holders(own), shares, Context(self.network, self.victim, self.round, first.view))
        left = lanes if mask is None else subtract(lanes, mask)
        return Reckoned(signed(left), own.sealing.holders.count, own.sealing.needed, len(shares))

    def _lanes(self, sender: ClientId, attempt: int) -> Lanes:
        frame = self._frames[sender][attempt]
        return _suite(frame).read(frame.body).lanes

    def _holders(self, own: Contribution) -> tuple[ClientId, ...]:
        assert own.sealing is not None, "the suite has self-masks"
        return own.sealing.holders.among(sorted(self.near[self.victim]))

    def _shares(self) -> dict[ClientId, int]:
        """The shares of the victim's self-mask, by who gave them."""
        found: dict[ClientId, int] = {}
        for sender, release in self._releases.items():
            try:
                members = release.members.among(sorted(self.near.get(sender, {})))
            except RefusedError:
                continue
            given = dict(zip(members, release.shares, strict=True))
            if self.victim in given:
                found[sender] = given[self.victim]
        return found


def _suite(frame: Superposition) -> Suite:
    return SUITES[frame.suite]
