"""Recordings made up from the real masks of a suite, and from masks with a planted defect."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from hashlib import blake2b
from pathlib import Path
from typing import Final

from broker.events import Message
from common import topics
from common.frames import Frame, Notification
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import Seed
from common.payloads import Superposition
from common.sealing import Context
from common.secret import Secret
from common.signing import SIGNATURE_BYTES
from common.suites import BASIC, Cover, Suite
from common.superposition import ZERO, Lanes, add, subtract, vector
from launcher.hiding.readings import Readings
from launcher.recording import line

NETWORK: Final = NetworkId(7)
FIRST: Final = 1_000
CORRECTED_EVERY: Final = 3
"""In every third round the last gateway is missing, and the others correct."""

Reading = tuple[int, int]
Defect = Callable[[Lanes, Context, Reading], Lanes]
"""What becomes of the sum of all masks of a frame: masks, whose frame of which round, reading (0.1 Wh)."""


def sound(masks: Lanes, context: Context, reading: Reading) -> Lanes:
    return masks


@dataclass(frozen=True, slots=True)
class Household:
    """A network in a mesh, and how it masks."""

    suite: Suite = BASIC
    gateways: int = 6
    rounds: int = 60
    defect: Defect = sound
    is_seed_fixed: bool = False
    seed: int = 1

    def messages(self) -> Iterator[tuple[Message, tuple[int, str, int], Reading]]:
        """What the gateways send, with network, name, round and the true reading."""
        rng = random.Random(self.seed)
        levels = [rng.lognormvariate(7, 1) for _ in range(self.gateways)]
        for number in range(FIRST, FIRST + self.rounds):
            is_corrected = self.gateways > 3 and number % CORRECTED_EVERY == 0
            senders = self.gateways - is_corrected
            for client in range(1, senders + 1):
                level = levels[client - 1] * rng.uniform(0.2, 3)
                reading = (int(level), int(level / 3) if rng.random() < 0.4 else 0)
                context = Context(NETWORK, ClientId(client), RoundNumber(number), number.to_bytes(8))
                key = (int(NETWORK), f"gw-{client}", number)
                for body in self._bodies(context, reading, is_corrected):
                    yield message(context, body, self.suite.code), key, reading

    def _bodies(self, context: Context, reading: Reading, is_corrected: bool) -> Iterator[bytes]:
        drawn = replace(context, round=RoundNumber(FIRST), view=bytes(8)) if self.is_seed_fixed else context
        peers = [ClientId(peer) for peer in range(1, self.gateways + 1) if peer != context.client]
        pads = {peer: self.suite.pad(edge(self.seed, context.client, peer), drawn, peer) for peer in peers}
        cover = self.suite.cover(drawn, {peer: pad.lent for peer, pad in pads.items()}, self.suite.needed(len(peers)))
        masks = {tunnel(context.client, peer): pad.mask for peer, pad in pads.items()}
        planted = self.defect(reduce(add, masks.values(), cover.mask), context, reading)
        body = self._first(masks, planted, cover, reading)
        yield body
        if is_corrected:
            lost = tunnel(context.client, ClientId(self.gateways))
            without = subtract(reduce(add, masks.values(), cover.mask), masks[lost])
            dropped = subtract(planted, self.defect(without, context, reading))
            yield self.suite.correct(body, 1, [each for each in masks if each != lost], [dropped])

    def _first(self, masks: Mapping[TunnelId, Lanes], planted: Lanes, cover: Cover, reading: Reading) -> bytes:
        if self.defect is sound:
            return self.suite.conceal(vector(*reading), masks, cover)
        only = dict.fromkeys(masks, ZERO) | {next(iter(masks)): planted}
        return self.suite.conceal(vector(*reading), only, replace(cover, mask=ZERO))


def edge(seed: int, one: int, other: int) -> Seed:
    octets = f"{seed} {min(one, other)} {max(one, other)}".encode()
    return Seed(0, Secret(blake2b(octets, digest_size=32).digest()))


def tunnel(one: int, other: int) -> TunnelId:
    return TunnelId(min(one, other) << 16 | max(one, other))


def message(context: Context, body: bytes, suite: int) -> Message:
    data = Superposition(suite, context.round, context.view, body).encode()
    frame = Frame(context.network, context.client, 0, Notification.SUPERPOSITION, data, True)
    topic = topics.up(context.network, f"gw-{context.client}")
    return Message(topic, frame.unsigned() + bytes(SIGNATURE_BYTES), retained=False)


def write(path: Path, messages: Iterable[Message]) -> Path:
    path.write_bytes(b"".join(line(each, 1_700_000_000_000) for each in messages))
    return path


def known(household: Household) -> tuple[list[Message], Readings]:
    """The messages and the true readings."""
    told = list(household.messages())
    return [each for each, _, _ in told], {key: reading for _, key, reading in told}
