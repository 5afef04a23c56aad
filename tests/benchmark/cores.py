"""Both cores without a bus: gateway and provider for each size of network, and the stores beside them."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from common.batch import decode_batch
from common.frames import decode
from common.identifiers import RoundNumber
from common.signing import SIGNATURE_BYTES, Direction, is_signed
from provider.core.events import Message
from smgw.core.events import Closed, Sent
from smgw.vault import Vault
from tests.benchmark import parties
from tests.benchmark.network import NETWORK, VirtualNetwork
from tests.benchmark.rounds import Rounds
from tests.benchmark.stopwatch import Laps, over

VAULT_ROUNDS: Final = 10
"""So many rounds make one lap of the vault."""


@dataclass(frozen=True, slots=True)
class ProviderParts:
    """Parts of the provider's work on the same frames, measured by themselves."""

    decode_batch: Laps
    decode_single: Laps
    signature: Laps


@dataclass(frozen=True, slots=True)
class Cores:
    """All that was measured of one size of network. `quiet` played nothing but complete rounds, at once."""

    network: VirtualNetwork
    quiet: Rounds
    one_by_one: Rounds
    missing: Rounds
    parts: ProviderParts
    vault: Laps


def measure(size: int, laps: int) -> Cores:
    """Build a network of this size and play its rounds; the network is left able to go on."""
    network = VirtualNetwork(size)
    network.join()
    # A gateway is a process of its own: the collector must not walk through a thousand others for each of them.
    gc.collect()
    gc.freeze()
    for _ in range(2):
        Rounds(network).play(is_batch=True)
    quiet, one_by_one, missing = Rounds(network), Rounds(network), Rounds(network)
    for _ in range(laps):
        quiet.play(is_batch=True)
        one_by_one.play(is_batch=False)
    for _ in range(laps):
        missing.play(is_batch=True, has_missing=True)
        network.return_missing()
        Rounds(network).play(is_batch=True)
    parts = _parts(quiet.frames, network)
    return Cores(network, quiet, one_by_one, missing, parts, _vault(quiet, network, laps))


def _parts(frames: Sequence[Message], network: VirtualNetwork) -> ProviderParts:
    raws = [frame.payload for frame in frames]
    members = network.provider.networks[NETWORK].desk.members
    keys = [members[signed.frame.client].public_key for signed in map(decode, raws)]
    return ProviderParts(
        decode_batch=over(lambda: decode_batch(raws), len(raws)),
        decode_single=over(lambda: [decode_batch([raw]) for raw in raws], len(raws)),
        signature=over(lambda: _check(raws, keys), len(raws)),
    )


def _check(raws: Sequence[bytes], keys: Sequence[bytes]) -> None:
    for raw, key in zip(raws, keys, strict=True):
        assert is_signed(key, Direction.UP, raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:])


def _vault(rounds: Rounds, network: VirtualNetwork, laps: int) -> Laps:
    """CPU of the real vault for each round: what was sent, then that it was closed, each on the disk by itself."""
    found, (first, *_) = Laps(), network.gateways.values()
    sent, closed = rounds.gateway_records
    assert isinstance(sent, Sent) and isinstance(closed, Closed) and first.situation.membership
    with Vault(parties.credentials(f"vault-of-{len(network.gateways)}"), ledger_frames=1_000) as vault:
        vault.apply([first.situation.membership, *first.situation.edges.values()])
        for lap in range(laps):
            numbers = [RoundNumber(sent.round + lap * VAULT_ROUNDS + place) for place in range(VAULT_ROUNDS)]
            with found.lap(VAULT_ROUNDS):
                for number in numbers:
                    vault.apply([replace(sent, round=number, reading=replace(sent.reading, round=number))])
                    vault.apply([replace(closed, round=number)])
    return found
