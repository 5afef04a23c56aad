"""What the primitives cost on this machine: the floor under every other number."""

from dataclasses import dataclass
from typing import Final

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base

from common.identifiers import NetworkId, RoundNumber
from common.masks import Seed
from common.secret import Secret
from common.signing import Direction, Identity, is_signed
from tests.benchmark.stopwatch import Laps, repeated

_MESSAGE: Final = bytes(75)
"""As long as the signed part of a SUPERPOSITION."""


@dataclass(frozen=True, slots=True)
class Primitives:
    """CPU of one call each."""

    mask: Laps
    sign: Laps
    verify: Laps
    agree: Laps


def measure(times: int) -> Primitives:
    """Measure them, each called `times` times in a row."""
    identity = Identity(Secret(bytes(range(32))))
    signature = identity.sign(Direction.UP, _MESSAGE)
    seed = Seed(20_000, Secret(bytes(32)))
    private, public = bytes(range(1, 33)), crypto_scalarmult_base(bytes(range(2, 34)))
    return Primitives(
        mask=repeated(lambda: seed.mask(NetworkId(1), RoundNumber(30_000_000)), times * 10),
        sign=repeated(lambda: identity.sign(Direction.UP, _MESSAGE), times),
        verify=repeated(lambda: is_signed(identity.public_key, Direction.UP, _MESSAGE, signature), times),
        agree=repeated(lambda: crypto_scalarmult(private, public), times),
    )
