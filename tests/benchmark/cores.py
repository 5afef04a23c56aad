"""Both cores without a bus: gateway and provider for each size of network, and the stores beside them."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from common.batch import decode_batch
from common.frames import decode
from common.identifiers import ClientId, RoundNumber
from common.payloads import Release
from common.signing import SIGNATURE_BYTES, Direction, is_signed
from provider.core.events import Message
from smgw.core.events import Closed, Sent
from smgw.vault import Vault
from tests.benchmark import parties
from tests.benchmark.network import NETWORK, VirtualNetwork
from tests.benchmark.rounds import Rounds
from tests.benchmark.stopwatch import Laps, over

CLIENT: Final = slice(8, 12)
"""Where a frame names its sender."""

RETURN_ROUNDS_MAX: Final = 8
"""After so many rounds the measurement goes on with whoever is there."""

VAULT_ROUNDS: Final = 10
"""So many rounds make one lap of the vault."""


DROPOUTS: Final = (0.01, 0.05, 0.1)
"""The shares of gateways that stay silent."""


@dataclass(frozen=True, slots=True)
class ProviderParts:
    """Parts of the provider's work on the same messages, measured by themselves, each for a round.

    `signatures` and `decoding` of all frames and RELEASEs; `collecting` is sorting the shares to whom they open.
    """

    signatures: Laps
    decoding: Laps
    collecting: Laps | None


@dataclass(frozen=True, slots=True)
class Share:
    """What rounds with one share of silent gateways cost."""

    missing: float
    rounds: Rounds
    parts: ProviderParts


@dataclass(frozen=True, slots=True)
class Cores:
    """All that was measured of one size of network. `quiet` played nothing but complete rounds, at once."""

    network: VirtualNetwork
    quiet: Rounds
    one_by_one: Rounds
    shares: Sequence[Share]
    decode_batch: Laps
    decode_single: Laps
    signature: Laps
    vault: Laps

    @property
    def missing(self) -> Rounds:
        """Rounds with 5 % missing."""
        return next(share.rounds for share in self.shares if share.missing == DROPOUTS[1])


def measure(network: VirtualNetwork, laps: int) -> Cores:
    """Play rounds of this network; it is left able to go on."""
    prepare(network)
    quiet, one_by_one = Rounds(network), Rounds(network)
    for _ in range(laps):
        quiet.play(is_batch=True)
        one_by_one.play(is_batch=False)
    shares = [Share(0, quiet, _parts(quiet, network)), *(_share(network, missing, laps) for missing in DROPOUTS)]
    raws = [frame.payload for frame in quiet.frames]
    return Cores(
        network,
        quiet,
        one_by_one,
        shares,
        decode_batch=over(lambda: decode_batch(raws), len(raws)),
        decode_single=over(lambda: [decode_batch([raw]) for raw in raws], len(raws)),
        signature=over(lambda: _check(quiet.frames, network), len(raws)),
        vault=_vault(quiet, network, laps),
    )


def measure_shares(network: VirtualNetwork, laps: int) -> list[Share]:
    """Nothing but rounds with nobody and some missing: for networks that take long."""
    prepare(network, warming=1)
    quiet = Rounds(network)
    for _ in range(laps):
        quiet.play(is_batch=True)
    return [Share(0, quiet, _parts(quiet, network)), *(_share(network, missing, laps) for missing in DROPOUTS)]


def prepare(network: VirtualNetwork, warming: int = 2) -> None:
    """Let everybody join, and play rounds that warm up."""
    network.join()
    # A gateway is a process of its own: the collector must not walk through a thousand others for each of them.
    gc.collect()
    gc.freeze()
    for _ in range(warming):
        Rounds(network).play(is_batch=True)


def _share(network: VirtualNetwork, missing: float, laps: int) -> Share:
    """Each round with missing gateways is followed by those that they need to be expected again."""
    rounds = Rounds(network)
    for _ in range(laps):
        rounds.play(is_batch=True, missing=missing)
        parts = _parts(rounds, network)
        _bring_back(network)
    return Share(missing, rounds, parts)


def _bring_back(network: VirtualNetwork) -> None:
    """Whoever drew too many of the missing has to stay silent in the round of their return, and returns one later."""
    for _ in range(RETURN_ROUNDS_MAX):
        network.return_missing()
        Rounds(network).play(is_batch=True)
        if network.is_whole:
            return


def _parts(rounds: Rounds, network: VirtualNetwork) -> ProviderParts:
    messages = [*rounds.frames, *rounds.corrected, *rounds.releases]
    return ProviderParts(
        signatures=over(lambda: _check(messages, network), 1, laps=3),
        decoding=over(lambda: _decode(rounds, network), 1, laps=3),
        collecting=_collect(rounds) if rounds.releases else None,
    )


def _decode(rounds: Rounds, network: VirtualNetwork) -> None:
    """As the provider does: what a corrected frame tells of its self-mask is that of the first, and not read again."""
    for row in decode_batch([message.payload for message in rounds.frames]):
        assert row is not None
        network.suite.read_told(row.told)
    decode_batch([message.payload for message in rounds.corrected])
    for release in rounds.releases:
        Release.decode(decode(release.payload).frame.data)


def _collect(rounds: Rounds, laps: int = 3) -> Laps:
    frames = [decode(release.payload).frame for release in rounds.releases]
    releases = [(frame.client, Release.decode(frame.data)) for frame in frames]
    found = Laps()
    for _ in range(laps):
        opening = rounds.replayed()
        with found.lap():
            for client, release in releases:
                opening.accept(client, release)
    return found


def _check(messages: Sequence[Message], network: VirtualNetwork) -> None:
    members = network.provider.networks[NETWORK].desk.members
    for message in messages:
        raw = message.payload
        key = members[ClientId(int.from_bytes(raw[CLIENT]))].public_key
        assert is_signed(key, Direction.UP, raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:])


def _vault(rounds: Rounds, network: VirtualNetwork, laps: int) -> Laps:
    """CPU of the real vault for each round: what was sent, then that it was closed, each on the disk by itself."""
    found, (first, *_) = Laps(), network.gateways.values()
    sent, closed = rounds.gateway_records
    assert isinstance(sent, Sent) and isinstance(closed, Closed) and first.situation.membership
    with Vault(
        parties.credentials(f"vault-of-{len(network.gateways)}-{network.suite.name}"), ledger_frames=1_000
    ) as vault:
        vault.apply([first.situation.membership, *first.situation.edges.values()])
        for lap in range(laps):
            numbers = [RoundNumber(sent.round + lap * VAULT_ROUNDS + place) for place in range(VAULT_ROUNDS)]
            with found.lap(VAULT_ROUNDS):
                for number in numbers:
                    vault.apply([replace(sent, round=number, reading=replace(sent.reading, round=number))])
                    vault.apply([replace(closed, round=number)])
    return found
