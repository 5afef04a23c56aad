"""The stage of a hostile act: one round in which a stopped member is expected, and frames in its name."""

from dataclasses import dataclass
from typing import Final

from common import topics
from common.frames import Frame, Notification
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.payloads import Correction, Release, RoundFinal, Superposition
from common.sealing import Bits, Sealing
from common.secret import Secret
from common.signing import Direction, Identity
from common.suites import HARDENED, fingerprint
from common.topics import Broadcast
from smgw.agent import wall_ms
from tests.integration.field import Field
from tests.integration.impostors import Impostors
from tests.integration.networks import NORTH, Rules
from tests.integration.stranger import Heard

RULES: Final = Rules()
LIVE: Final = tuple(f"live-{number}" for number in range(6))
SPEAKER: Final = "speaker"
ALL: Final = len(LIVE) + 1
STRANGER: Final = Identity(Secret(bytes(range(32))))

FINAL_TOPIC: Final = topics.broadcast(NORTH, Broadcast.FINAL)
ROSTER_TOPIC: Final = topics.broadcast(NORTH, Broadcast.ROSTER)
CORRECTION_TOPIC: Final = topics.broadcast(NORTH, Broadcast.CORRECTION)
NOTHING: Final = Heard("", b"", is_retained=False)
SPEAKER_UP: Final = topics.up(NORTH, SPEAKER)


@dataclass(frozen=True)
class Stage:
    """What the provocations are made of: the stopped speaker's place in the next round, and its key."""

    identity: Identity
    client: ClientId
    round: RoundNumber
    view: bytes
    tunnels: tuple[TunnelId, ...]
    foreign_tunnel: TunnelId
    impostors: Impostors
    captured: Heard
    """The frame of a live gateway in this round."""

    def frame(
        self,
        notification: Notification,
        data: bytes = b"",
        *,
        client: ClientId | None = None,
        network: NetworkId = NORTH,
        ahead_ms: int = 0,
        bit: bool = False,
        signer: Identity | None = None,
        direction: Direction = Direction.UP,
    ) -> bytes:
        """A frame of the speaker, right but for what is given."""
        sender = self.client if client is None else client
        frame = Frame(network, sender, wall_ms() + ahead_ms, notification, data, bit)
        return frame.signed(signer or self.identity, direction)

    def order(
        self,
        *,
        suite: int = HARDENED.code,
        number: int = 0,
        view: bytes | None = None,
        attempt: int = 0,
        tunnels: tuple[TunnelId, ...] | None = None,
        excess: bytes = b"",
    ) -> bytes:
        """The data of a superposition that would be right but for what is given."""
        held = self.tunnels if tunnels is None else tunnels
        body = HARDENED.body.pack(1, 2, 3, attempt, len(held), fingerprint(held)) + self._told.encode() + excess
        return Superposition(
            suite, RoundNumber(number or self.round), self.view if view is None else view, body
        ).encode()

    @property
    def _told(self) -> Sealing:
        """Every neighbor is a holder."""
        holders = len(self.tunnels)
        needed = HARDENED.needed(holders)
        return Sealing(needed, Bits.of([True] * holders), (0,) * (holders - needed))

    def release(self, number: int, *, suite: int = HARDENED.code) -> bytes:
        """A RELEASE of the speaker without shares."""
        data = Release(suite, RoundNumber(number), self.view, Bits.of([]), ()).encode()
        return self.frame(Notification.RELEASE, data)

    def superposition(
        self,
        data: bytes | None = None,
        *,
        client: ClientId | None = None,
        network: NetworkId = NORTH,
        ahead_ms: int = 0,
        signer: Identity | None = None,
        direction: Direction = Direction.UP,
    ) -> bytes:
        """A superposition of the speaker, right but for what is given."""
        return self.frame(
            Notification.SUPERPOSITION,
            self.order() if data is None else data,
            client=client,
            network=network,
            ahead_ms=ahead_ms,
            bit=True,
            signer=signer,
            direction=direction,
        )


async def take_stage(field: Field, impostors: Impostors) -> Stage:
    """Stop the speaker well before a round in which it is expected."""
    speaker = field.gateways[SPEAKER]
    while True:
        await field.pass_rounds(1)
        await speaker.stop()
        situation, known = speaker.core.situation, speaker.core.situation.final
        assert known is not None
        number = RoundNumber(known.round + 1)
        if situation.is_expected and wall_ms() < number * RULES.period_ms - 300:
            break
        speaker.start()
        await field.until_complete(ALL)
    (foreign, *_) = field.tunnels(field.client(LIVE[0]), field.client(LIVE[1]))
    tunnels = tuple(edge.tunnel for edge in situation.started_edges(known.expected).values())
    return Stage(situation.identity, situation.client, number, known.view, tunnels, foreign, impostors, NOTHING)


def is_superposition(heard: Heard, senders: set[ClientId], number: RoundNumber) -> bool:
    signed = heard.signed
    if signed is None or signed.frame.notification is not Notification.SUPERPOSITION:
        return False
    return signed.frame.client in senders and Superposition.decode(signed.frame.data).round == number


def is_correction(heard: Heard, number: RoundNumber) -> bool:
    signed = heard.signed
    return (
        heard.topic == CORRECTION_TOPIC and signed is not None and Correction.decode(signed.frame.data).round == number
    )


def is_final(heard: Heard, number: RoundNumber) -> bool:
    signed = heard.signed
    return heard.topic == FINAL_TOPIC and signed is not None and RoundFinal.decode(signed.frame.data).round == number
