"""Hostile messages through the real broker: each is refused with its reason, and the rounds stay right."""

import asyncio
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from common import topics
from common.clients import ClientSet
from common.frames import DATA_BYTES_MAX, FRAME_BYTES_MAX, Frame, Notification
from common.identifiers import EVERYONE, NO_NETWORK, ClientId, NetworkId, RoundNumber, TunnelId
from common.payloads import (
    Correction,
    Entered,
    ExitConfirmed,
    Holdings,
    Registration,
    RoundFinal,
    Superposition,
    TunnelMessage,
    view_of,
)
from common.refusal import Refusal
from common.secret import Secret
from common.signing import Direction, Identity
from common.suites import BASIC, fingerprint
from common.topics import Broadcast
from smgw.agent import wall_ms
from tests.integration.conftest import eventually
from tests.integration.field import Field
from tests.integration.networks import NORTH, Rules
from tests.integration.program import HOST, WITHIN_S
from tests.integration.stranger import Heard

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

RULES: Final = Rules()
LIVE: Final = tuple(f"live-{number}" for number in range(6))
SPEAKER: Final = "speaker"
ALL: Final = len(LIVE) + 1
STRANGER: Final = Identity(Secret(bytes(range(32))))

LINES_MAX: Final = 50
"""More lines than a program writes in a few rounds, and far fewer than one for each message."""

Said = tuple[str, bytes]
"""A topic and a payload."""

FINAL_TOPIC: Final = topics.broadcast(NORTH, Broadcast.FINAL)
ROSTER_TOPIC: Final = topics.broadcast(NORTH, Broadcast.ROSTER)
CORRECTION_TOPIC: Final = topics.broadcast(NORTH, Broadcast.CORRECTION)
NOTHING: Final = Heard("", b"", is_retained=False)
SPEAKER_UP: Final = topics.up(NORTH, SPEAKER)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def field(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Field]:
    """Seven gateways in this loop, all expected; the test knows the key of one, the speaker."""
    field = Field(tmp_path_factory.mktemp("hostile"), RULES)
    try:
        await field.open()
        for name in (*LIVE, SPEAKER):
            field.add(name).start()
        await field.until_complete(ALL, after=0)
        yield field
    finally:
        await field.close()


@dataclass(frozen=True)
class Stage:
    """What the provocations are made of: the stopped speaker's place in the next round, and its key."""

    identity: Identity
    client: ClientId
    round: RoundNumber
    view: bytes
    tunnels: tuple[TunnelId, ...]
    foreign_tunnel: TunnelId
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
        suite: int = BASIC.code,
        number: int = 0,
        view: bytes | None = None,
        attempt: int = 0,
        tunnels: tuple[TunnelId, ...] | None = None,
        excess: bytes = b"",
    ) -> bytes:
        """The data of a superposition that would be right but for what is given."""
        held = self.tunnels if tunnels is None else tunnels
        body = BASIC.body.pack(1, 2, 3, attempt, len(held), fingerprint(held)) + excess
        return Superposition(
            suite, RoundNumber(number or self.round), self.view if view is None else view, body
        ).encode()

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


def changed(frame: bytes, at: int, octet: int) -> bytes:
    return frame[:at] + bytes([octet]) + frame[at + 1 :]


def registration(name: str, region: str, *, network: NetworkId = NO_NETWORK) -> bytes:
    """A stranger's notification 1, right in itself."""
    data = Registration(STRANGER.public_key, region, name).encode()
    return Frame(network, EVERYONE, wall_ms(), Notification.REGISTER, data).signed(STRANGER, Direction.UP)


class Moment(Enum):
    """When something is said about one round."""

    BEFORE = auto()
    """It has not begun; the speaker is expected in it, but was stopped."""
    OPEN = auto()
    """A live gateway has sent its frame, and the speaker is awaited."""
    DECLARED = auto()
    """The speaker was declared missing."""
    CLOSED = auto()
    """Its FINAL is out; `Stage` is of the round after it."""
    AGAIN = auto()
    """What was retained by the broker comes again when the provider connects again."""


@dataclass(frozen=True)
class Provocation:
    """Messages that the provider refuses for one reason, but for the first `accepted` of them."""

    reason: Refusal
    moment: Moment
    messages: Callable[[Stage], list[Said]]
    accepted: int = 0


def own(*payloads: bytes) -> list[Said]:
    """On the speaker's own topic."""
    return [(SPEAKER_UP, payload) for payload in payloads]


def reports(stage: Stage) -> list[Said]:
    return own(stage.frame(Notification.ENTERED, Entered((), ()).encode())) * 3


def through(stage: Stage, tunnel: TunnelId) -> list[Said]:
    message = TunnelMessage(tunnel, 1, bytes(32)).encode()
    return [(topics.tunnel(NORTH, SPEAKER), stage.frame(Notification.TUNNEL, message))]


PROVOCATIONS: Final = (
    Provocation(Refusal.TOO_SHORT, Moment.BEFORE, lambda s: own(b"", b"nonsense", s.superposition()[:87])),
    Provocation(Refusal.TOO_LONG, Moment.BEFORE, lambda s: own(bytes(FRAME_BYTES_MAX + 1))),
    Provocation(Refusal.WRONG_PROTOCOL, Moment.BEFORE, lambda s: own(bytes(139), bytes(FRAME_BYTES_MAX), b"{} " * 50)),
    Provocation(Refusal.WRONG_VERSION, Moment.BEFORE, lambda s: own(changed(s.superposition(), 3, 2))),
    Provocation(Refusal.RESERVED_BIT, Moment.BEFORE, lambda s: own(changed(s.superposition(), 12, 0x81))),
    Provocation(Refusal.WRONG_LENGTH, Moment.BEFORE, lambda s: own(s.superposition() + b"\0", s.superposition()[:-1])),
    Provocation(Refusal.UNKNOWN_NOTIFICATION, Moment.BEFORE, lambda s: own(changed(s.superposition(), 21, 99))),
    Provocation(
        Refusal.BAD_DATA,
        Moment.BEFORE,
        lambda s: own(
            s.superposition(s.order(excess=b"\0")),
            s.superposition(bytes(DATA_BYTES_MAX)),
            s.frame(Notification.ENTERED, b"\xff\xff"),
            s.frame(Notification.RESUME, b"\xff\xff"),
            s.frame(Notification.EXIT, b"\0"),
        ),
    ),
    Provocation(Refusal.RETAINED, Moment.AGAIN, lambda s: [(s.captured.topic, s.captured.payload)]),
    Provocation(
        Refusal.WRONG_TOPIC,
        Moment.BEFORE,
        lambda s: [
            (topics.up(NORTH, LIVE[0]), s.superposition()),
            (topics.up(NORTH, "Speaker"), s.superposition()),
            (topics.tunnel(NORTH, SPEAKER), s.superposition()),
            (topics.register(SPEAKER), s.superposition()),
            (f"dcnet/1/01/up/{SPEAKER}", s.superposition()),
            (topics.register("somebody"), registration("somebody-else", RULES.region)),
        ],
    ),
    Provocation(
        Refusal.WRONG_NETWORK,
        Moment.BEFORE,
        lambda s: [
            (SPEAKER_UP, s.superposition(network=NetworkId(99))),
            (topics.up(NetworkId(99), SPEAKER), s.superposition(network=NetworkId(99))),
            (topics.register("somebody"), registration("somebody", RULES.region, network=NORTH)),
        ],
    ),
    Provocation(
        Refusal.UNKNOWN_CLIENT,
        Moment.BEFORE,
        lambda s: own(
            s.superposition(client=ClientId(4_000)),
            s.frame(Notification.RESUME, Holdings(()).encode(), client=EVERYONE),
        ),
    ),
    Provocation(
        Refusal.BAD_SIGNATURE,
        Moment.BEFORE,
        lambda s: own(
            s.superposition(direction=Direction.DOWN),
            s.superposition(signer=STRANGER),
            changed(s.superposition(), 45, 0xFF),
            s.frame(Notification.EXIT, signer=STRANGER),
            s.frame(Notification.EXIT, direction=Direction.DOWN),
        ),
    ),
    Provocation(Refusal.STALE, Moment.BEFORE, lambda s: own(s.superposition(ahead_ms=-60_000))),
    Provocation(Refusal.FUTURE, Moment.BEFORE, lambda s: own(s.superposition(ahead_ms=60_000))),
    Provocation(Refusal.REPEATED, Moment.OPEN, lambda s: [(s.captured.topic, s.captured.payload)] * 3),
    Provocation(Refusal.REPEATED, Moment.OPEN, reports, accepted=1),
    Provocation(
        Refusal.UNEXPECTED,
        Moment.BEFORE,
        lambda s: own(
            registration(SPEAKER, RULES.region),
            s.frame(Notification.FINAL),
            s.frame(Notification.CORRECTION),
            s.superposition(s.order(attempt=1)),
            s.frame(Notification.EXIT_CONFIRMED, ExitConfirmed(ClientId(4_000)).encode()),
            s.frame(Notification.EXIT_CONFIRMED, ExitConfirmed(s.client).encode()),
        ),
    ),
    Provocation(Refusal.WRONG_SUITE, Moment.BEFORE, lambda s: own(s.superposition(s.order(suite=2)))),
    Provocation(
        Refusal.WRONG_ROUND,
        Moment.BEFORE,
        lambda s: own(*(s.superposition(s.order(number=number)) for number in (s.round + 1, 2**64 - 1))),
    ),
    Provocation(Refusal.LATE, Moment.DECLARED, lambda s: own(s.superposition())),
    Provocation(Refusal.LATE, Moment.CLOSED, lambda s: [(s.captured.topic, s.captured.payload)] * 2),
    Provocation(Refusal.NOT_EXPECTED, Moment.CLOSED, lambda s: own(s.superposition())),
    Provocation(Refusal.WRONG_VIEW, Moment.BEFORE, lambda s: own(s.superposition(s.order(view=bytes(8))))),
    Provocation(
        Refusal.WRONG_MASKS,
        Moment.BEFORE,
        lambda s: own(s.superposition(s.order(tunnels=())), s.superposition(s.order(tunnels=s.tunnels[1:]))),
    ),
    Provocation(
        Refusal.NAME_TAKEN,
        Moment.BEFORE,
        lambda s: [(topics.register(name), registration(name, RULES.region)) for name in (SPEAKER, LIVE[0])],
    ),
    Provocation(
        Refusal.UNKNOWN_REGION,
        Moment.BEFORE,
        lambda s: [(topics.register("somebody"), registration("somebody", "atlantis"))],
    ),
    Provocation(Refusal.NOT_AN_END, Moment.BEFORE, lambda s: through(s, s.foreign_tunnel)),
    Provocation(
        Refusal.NOT_AN_END,
        Moment.BEFORE,
        lambda s: own(s.frame(Notification.ENTERED, Entered((s.foreign_tunnel,), ()).encode(), ahead_ms=1)),
    ),
    Provocation(Refusal.TUNNEL_CLOSED, Moment.BEFORE, lambda s: through(s, TunnelId(7))),
)
"""How each reason that a provider can give is provoked."""

GATEWAYS_ONLY: Final = frozenset(
    {
        Refusal.BAD_HANDSHAKE,
        Refusal.TOO_MANY_NEIGHBORS,
        Refusal.TOO_FEW_MASKS,
        Refusal.TOO_FEW_MEMBERS,
        Refusal.NAMES_ITSELF,
        Refusal.LIST_SHRINKS,
        Refusal.CONTRADICTION,
        Refusal.WEAKER_RULES,
        Refusal.ROUND_NOT_NEW,
        Refusal.ROUND_CLOSED,
        Refusal.STARTED_WITHIN_ROUND,
        Refusal.NO_FINAL,
    }
)
"""Reasons that only a gateway gives, for an order or for not sending its reading."""


@dataclass(frozen=True)
class Outcome:
    """How often the provider refused while everything was said, what it wrote, and the round before all that."""

    refused: Counter[str]
    words: list[str]
    since: int


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcome(field: Field) -> Outcome:
    """Say everything around one round in which the speaker is expected and silent; then let the speaker return."""
    before, words = await field.counts(), len(field.provider.words())
    since, start = field.last_round(), len(field.stranger.heard)
    stage = await take_stage(field)
    await say(field, Moment.BEFORE, stage)
    live = {field.client(name) for name in LIVE}
    captured = await field.stranger.next(lambda heard: is_superposition(heard, live, stage.round), start)
    stage = replace(stage, captured=captured)
    await say(field, Moment.OPEN, stage)
    await field.stranger.next(lambda heard: is_correction(heard, stage.round), start)
    await say(field, Moment.DECLARED, stage)
    final = await field.stranger.next(lambda heard: is_final(heard, stage.round), start)
    stage = replace(stage, round=RoundNumber(stage.round + 1), view=view_of(final.payload))
    await say(field, Moment.CLOSED, stage)
    await retain(field, stage)
    after = await field.counts_now()
    field.gateways[SPEAKER].start()
    await field.until_complete(ALL)
    return Outcome(after - before, field.provider.words()[words:], since)


async def take_stage(field: Field) -> Stage:
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
    return Stage(situation.identity, situation.client, number, known.view, tunnels, foreign, NOTHING)


async def say(field: Field, moment: Moment, stage: Stage) -> None:
    await field.stranger.say_all(
        said for each in PROVOCATIONS if each.moment is moment for said in each.messages(stage)
    )


async def retain(field: Field, stage: Stage) -> None:
    """Have messages retained; then take the provider's name on the bus for a moment, so that it connects again."""
    said = [message for each in PROVOCATIONS if each.moment is Moment.AGAIN for message in each.messages(stage)]
    await field.stranger.say_all(said, retain=True)
    start = len(field.stranger.heard)
    await publish(field, "-i", "provider", "-t", "elsewhere", "-m", "out of my way")
    await field.stranger.next(lambda heard: heard.topic == ROSTER_TOPIC, start)
    await field.stranger.say_all([(topic, b"") for topic, _ in said], retain=True)


async def publish(field: Field, *arguments: str, words: bytes = b"") -> int:
    """Run mosquitto_pub."""
    command = ["mosquitto_pub", "-h", HOST, "-p", str(field.port), "-q", "1", *arguments]
    done = await asyncio.to_thread(
        subprocess.run, command, input=words, capture_output=True, timeout=WITHIN_S, check=False
    )
    return done.returncode


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


async def test_every_reason_that_a_provider_can_give_is_provoked() -> None:
    provoked = {each.reason for each in PROVOCATIONS}
    assert provoked | GATEWAYS_ONLY == set(Refusal)
    assert not provoked & GATEWAYS_ONLY


@pytest.mark.parametrize("reason", sorted({each.reason for each in PROVOCATIONS}), ids=lambda reason: reason.name)
async def test_the_running_provider_counts_a_refusal(outcome: Outcome, reason: Refusal) -> None:
    assert outcome.refused[reason.name.lower()] >= wanted()[reason]


async def test_nothing_is_refused_for_another_reason(outcome: Outcome) -> None:
    by_delivery = {Refusal.LATE, Refusal.REPEATED, Refusal.RETAINED, Refusal.TOO_SHORT}
    refused = {reason: outcome.refused[reason.name.lower()] for reason in Refusal if reason not in by_delivery}
    assert {reason: count for reason, count in refused.items() if count} == {
        reason: count for reason, count in wanted().items() if reason not in by_delivery
    }


async def test_each_kind_of_refusal_is_said_once(outcome: Outcome) -> None:
    said = [words.split(" on ")[0].split(" WARNING ")[1] for words in outcome.words if "refused a " in words]
    reasons = [words.rsplit(": ", 1)[1] for words in outcome.words if "refused a " in words]
    kinds = Counter(zip(said, reasons, strict=True))
    assert len(kinds) >= len({each.reason for each in PROVOCATIONS})
    assert max(kinds.values()) == 1


async def test_rounds_stay_right_meanwhile(field: Field, outcome: Outcome) -> None:
    assert field.check(after=outcome.since) >= 2


def wanted() -> Counter[Refusal]:
    """How often each reason must be counted."""
    dummy = Stage(STRANGER, ClientId(1), RoundNumber(1), bytes(8), (TunnelId(1),), TunnelId(2), NOTHING)
    counts = Counter[Refusal]()
    for each in PROVOCATIONS:
        counts[each.reason] += len(each.messages(dummy)) - each.accepted
    return counts


async def test_messages_above_the_brokers_limit_cost_their_sender_the_connection(field: Field, tmp_path: Path) -> None:
    before, first = await field.counts(), field.last_round()
    large = tmp_path / "large"
    large.write_bytes(bytes(FRAME_BYTES_MAX + 2_000))
    assert await publish(field, "-t", SPEAKER_UP, "-f", str(large)) != 0
    await field.pass_rounds(1)
    assert await field.counts_now() == before
    assert field.check(after=first) >= 1


async def test_a_flood_of_garbage_disturbs_no_round_and_fills_no_log(field: Field) -> None:
    before, words, first = await field.counts(), len(field.provider.words()), field.last_round()
    flood = b"".join(b"%d\n" % number for number in range(5_000))
    assert await publish(field, "-t", SPEAKER_UP, "-l", words=flood) == 0
    assert (await field.until_refused(before, too_short=5_000))["too_short"] == 5_000
    assert len(field.provider.words()) - words < LINES_MAX
    await field.until_complete(ALL, after=first)
    field.check(after=first)


async def test_a_flood_of_frames_with_bad_signatures_disturbs_no_round(field: Field) -> None:
    """Each costs the provider a verification, since everything else in it is right."""
    before, words, first = await field.counts(), len(field.provider.words()), field.last_round()
    situation = field.gateways[SPEAKER].core.situation
    data = Holdings(()).encode()
    frame = Frame(NORTH, situation.client, wall_ms() + 500, Notification.RESUME, data).signed(STRANGER, Direction.UP)
    await field.stranger.say_all([(SPEAKER_UP, frame)] * 3_000)
    refused = await field.counts_now() - before
    while refused["bad_signature"] + refused["stale"] < 3_000:
        refused = await field.counts_now() - before
    assert len(field.provider.words()) - words < LINES_MAX
    await field.until_complete(ALL, after=first)
    field.check(after=first)


async def test_a_flood_of_registrations_in_a_members_name_fills_neither_log(
    field: Field, caplog: pytest.LogCaptureFixture
) -> None:
    """The provider answers each on the member's own inbox; the member has asked for nothing and is not disturbed."""
    before, words, first = await field.counts(), len(field.provider.words()), field.last_round()
    data = Registration(STRANGER.public_key, RULES.region, LIVE[0]).encode()
    now_ms = wall_ms()
    frames = [Frame(NO_NETWORK, EVERYONE, now_ms + n, Notification.REGISTER, data) for n in range(500)]
    await field.stranger.say_all((topics.register(LIVE[0]), frame.signed(STRANGER, Direction.UP)) for frame in frames)
    assert (await field.until_refused(before, name_taken=500))["name_taken"] == 500
    assert field.gateways[LIVE[0]].agent.refusals[Refusal.UNEXPECTED] >= 500
    assert len(field.provider.words()) - words < LINES_MAX
    assert len([record for record in caplog.records if record.name == "smgw.agent"]) < LINES_MAX
    await field.until_complete(ALL, after=first)
    field.check(after=first)


async def test_a_flood_of_forged_exits_fills_no_log_and_removes_nobody(field: Field) -> None:
    """A gateway cannot check the exit of a client that is not its neighbor, and confirms it."""
    words, first = len(field.provider.words()), field.last_round()
    exits = [forged(Notification.EXIT, b"", client=ClientId(4_000 + number)) for number in range(100)]
    await field.stranger.say_all((topics.down(NORTH, name), order) for name in LIVE for order in exits)
    await field.until_complete(ALL, after=first)
    assert len(field.provider.words()) - words < LINES_MAX
    field.check(after=first)


def forged(
    notification: Notification, data: bytes, *, client: ClientId = EVERYONE, signer: Identity = STRANGER
) -> bytes:
    frame = Frame(NORTH, client, wall_ms(), notification, data)
    return frame.signed(signer, Direction.UP if notification is Notification.EXIT else Direction.DOWN)


async def test_gateways_refuse_forged_orders_and_keep_their_seeds(field: Field) -> None:
    """A stranger, and a member with its own key, speak for the provider and for other gateways."""
    first = await field.settled(ALL)
    agents = [field.gateways[name].agent for name in LIVE]
    before = [Counter(agent.refusals) for agent in agents]
    seeds = [set(field.gateways[name].core.situation.edges) for name in LIVE]
    speaker = field.gateways[SPEAKER].core.situation
    known = speaker.final
    assert known is not None
    nobody, two = ClientSet(), ClientSet.of([field.client(LIVE[0]), field.client(LIVE[1])])
    orders = []
    for signer in (STRANGER, speaker.identity):
        for number in (known.round, known.round + 1):
            now = RoundNumber(number)
            final = RoundFinal(BASIC.code, now, known.view, now, nobody, known.expected - two, ())
            orders += [
                forged(Notification.FINAL, final.encode(), signer=signer),
                forged(
                    Notification.CORRECTION, Correction(BASIC.code, now, known.view, 1, two).encode(), signer=signer
                ),
            ]
        orders.append(forged(Notification.EXIT, b"", client=field.client(LIVE[2]), signer=signer))
    inboxes = [topics.down(NORTH, name) for name in LIVE]
    everywhere = [FINAL_TOPIC, CORRECTION_TOPIC, ROSTER_TOPIC, *inboxes]
    await field.stranger.say_all((topic, order) for topic in everywhere for order in orders)
    await field.stranger.say_all(
        (topic, garbage) for topic in everywhere for garbage in (b"", bytes(139), b"\xff" * 500)
    )
    await field.until_complete(ALL, after=first.round + 1)
    for agent, earlier in zip(agents, before, strict=True):
        refused = agent.refusals - earlier
        # Each hears all of it on four topics; the exits, two on each, the one that they name cannot check.
        assert refused[Refusal.BAD_SIGNATURE] >= 4 * (len(orders) - 2)
        assert refused[Refusal.TOO_SHORT] == 4
        assert refused[Refusal.WRONG_PROTOCOL] == 8
    assert [set(field.gateways[name].core.situation.edges) for name in LIVE] == seeds
    field.check(after=first.round)


async def test_an_older_final_of_the_provider_is_refused_again(field: Field) -> None:
    first = await field.settled(ALL)
    agents = [field.gateways[name].agent for name in LIVE]
    before = [agent.refusals[Refusal.STALE] for agent in agents]
    await field.stranger.say(FINAL_TOPIC, field.finals()[first.round - 1])
    await eventually(
        lambda: all(agent.refusals[Refusal.STALE] > old for agent, old in zip(agents, before, strict=True)), WITHIN_S
    )
    await field.until_complete(ALL, after=first.round)
    field.check(after=first.round)


async def test_a_gateway_returns_although_a_forged_final_is_retained(field: Field) -> None:
    first = field.last_round()
    speaker = field.gateways[SPEAKER]
    await speaker.stop()
    await field.until(lambda line: line.members < ALL)
    number = RoundNumber(wall_ms() // RULES.period_ms)
    order = RoundFinal(BASIC.code, number, bytes(8), number, ClientSet(), ClientSet(), ())
    await field.stranger.say(FINAL_TOPIC, forged(Notification.FINAL, order.encode()), retain=True)
    speaker.start()
    await field.until_complete(ALL)
    # The next FINAL of the provider takes its place with the broker.
    assert speaker.agent.refusals[Refusal.BAD_SIGNATURE] >= 1
    field.check(after=first)
