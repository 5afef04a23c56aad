"""What the primitives cost on this machine: the floor under every other number."""

import random
from dataclasses import dataclass
from typing import Final

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base

from common.identifiers import ClientId, NetworkId, RoundNumber
from common.masks import Seed
from common.sealing import Context, self_mask
from common.secret import Secret
from common.shares import PRIME, deal, recover, weights
from common.signing import Direction, Identity, is_signed
from tests.benchmark.stopwatch import Laps, repeated

HOLDERS: Final = 24
NEEDED: Final = 17
"""Of so many holders, as suite `hardened` has it by default."""

_MESSAGE: Final = bytes(75)
"""As long as the signed part of a SUPERPOSITION."""


@dataclass(frozen=True, slots=True)
class Primitives:
    """CPU of one call each.

    `deal` is a gateway's: the secret of 24 shares and what 7 holders need beside theirs. `interpolate` is the
    provider's: a secret from 17 of the 24, at holders that it never saw together, `again` at those of the round before.
    """

    mask: Laps
    pad: Laps
    self_mask: Laps
    deal: Laps
    interpolate: Laps
    again: Laps
    sign: Laps
    verify: Laps
    agree: Laps


def measure(times: int) -> Primitives:
    """Measure them, each called `times` times in a row."""
    identity = Identity(Secret(bytes(range(32))))
    signature = identity.sign(Direction.UP, _MESSAGE)
    seed = Seed(20_000, Secret(bytes(32)))
    view, entropy = bytes(range(8)), random.Random(24)
    context = Context(NetworkId(1), ClientId(500), RoundNumber(30_000_000), view)
    points = sorted(entropy.sample(range(1, 1_000), HOLDERS))
    held = {point: entropy.randrange(PRIME) for point in points}
    secret, corrections = deal(held, NEEDED)
    chosen = {point: held[point] for point in entropy.sample(points, NEEDED)}

    def recovered() -> None:
        assert recover(tuple(points), NEEDED, corrections, chosen) == secret

    def recovered_anew() -> None:
        weights.cache_clear()
        recovered()

    private, public = bytes(range(1, 33)), crypto_scalarmult_base(bytes(range(2, 34)))
    return Primitives(
        mask=repeated(lambda: seed.mask(NetworkId(1), RoundNumber(30_000_000)), times * 10),
        pad=repeated(lambda: seed.pad(NetworkId(1), RoundNumber(30_000_000), view), times * 10),
        self_mask=repeated(lambda: self_mask(secret, context), times * 10),
        deal=repeated(lambda: deal(held, NEEDED), times),
        interpolate=repeated(recovered_anew, times),
        again=repeated(recovered, times),
        sign=repeated(lambda: identity.sign(Direction.UP, _MESSAGE), times),
        verify=repeated(lambda: is_signed(identity.public_key, Direction.UP, _MESSAGE, signature), times),
        agree=repeated(lambda: crypto_scalarmult(private, public), times),
    )
