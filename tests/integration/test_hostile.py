"""Hostile messages through the real broker: each is refused with its reason, and the rounds stay right.

The broker's rules let no stranger say any of this, which `test_break_in.py` shows. Here they are opened to two clients,
who can do what the broker itself could: so does whoever runs it, and nobody has to trust it. What a gateway can say
with its own certificate is said by one that has it.
"""

import asyncio
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from broker import files
from broker.access import render_access
from broker.credentials import AUTHORITY_FILE, CERTIFICATE_FILE, KEY_FILE
from broker.mosquitto import Broker
from broker.settings import BrokerSettings
from common import topics
from common.clients import ClientSet
from common.frames import FRAME_BYTES_MAX, Frame, Notification
from common.identifiers import EVERYONE, ClientId, RoundNumber
from common.payloads import Correction, Holdings, Release, RoundFinal, view_of
from common.refusal import Refusal
from common.signing import Direction, Identity
from common.suites import HARDENED
from smgw.agent import wall_ms
from smgw.core.releasing import PENDING_ROUNDS
from tests.integration.conftest import ACCESS, eventually
from tests.integration.field import Field
from tests.integration.impostors import Impostors
from tests.integration.networks import NORTH
from tests.integration.program import HOST, WITHIN_S
from tests.integration.provocations import ELSEWHERE, GATEWAYS_ONLY, PROVOCATIONS, Moment, wanted
from tests.integration.stage import (
    ALL,
    CORRECTION_TOPIC,
    FINAL_TOPIC,
    LIVE,
    ROSTER_TOPIC,
    RULES,
    SPEAKER,
    SPEAKER_UP,
    STRANGER,
    Stage,
    is_correction,
    is_final,
    is_superposition,
    take_stage,
)

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LINES_MAX: Final = 50
"""More lines than a program writes in a few rounds, and far fewer than one for each message."""

OPERATOR: Final = "operator"
"""Whoever runs the broker: reads and writes everything."""

HELPER: Final = "helper"
"""The same with another client, for what mosquitto_pub says."""


@contextmanager
def opened_to_the_operator() -> Iterator[None]:
    """Brokers that are started inside let two clients do everything."""
    rules = "".join(f"\nuser {name}\ntopic readwrite dcnet/#\n" for name in (OPERATOR, HELPER))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "render_access", lambda access, broker: render_access(access, broker) + rules)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def field(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Field]:
    """Seven gateways in this loop, all expected; the test knows the key of one, the speaker."""
    directory = tmp_path_factory.mktemp("hostile")
    field = Field(directory, RULES, is_embedded=False, inspector=OPERATOR)
    field.administrator.inspector(HELPER)
    Impostors(field.administrator)
    field.administrator.write_list(field.home)
    settings = BrokerSettings(port=field.port)
    with opened_to_the_operator():
        async with Broker(settings, directory / "broker", field.broker_home, ACCESS):
            try:
                await field.open()
                for name in (*LIVE, SPEAKER):
                    field.add(name).start()
                await field.until_complete(ALL, after=0)
                yield field
            finally:
                await field.close()


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
    stage = await take_stage(field, Impostors(field.administrator))
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


async def say(field: Field, moment: Moment, stage: Stage) -> None:
    await field.stranger.say_all(
        said for each in PROVOCATIONS if each.moment is moment for said in each.messages(stage)
    )


async def retain(field: Field, stage: Stage) -> None:
    """Have messages retained; then take the provider's place on the bus for a moment, so that it connects again."""
    said = [message for each in PROVOCATIONS if each.moment is Moment.AGAIN for message in each.messages(stage)]
    await field.stranger.say_all(said, retain=True)
    start = len(field.stranger.heard)
    await publish(field, field.home, "-t", "elsewhere", "-m", "out of my way")
    await field.stranger.next(lambda heard: heard.topic == ROSTER_TOPIC, start)
    await field.stranger.say_all([(topic, b"") for topic, _ in said], retain=True)


async def publish(field: Field, credentials: Path, *arguments: str, words: bytes = b"") -> int:
    """Run mosquitto_pub with the certificate in this directory."""
    tls = {"--cafile": AUTHORITY_FILE, "--cert": CERTIFICATE_FILE, "--key": KEY_FILE}
    options = [part for option, file in tls.items() for part in (option, str(credentials / file))]
    command = ["mosquitto_pub", "-h", HOST, "-p", str(field.port), *options, "-i", "any", "-q", "1", *arguments]
    done = await asyncio.to_thread(
        subprocess.run, command, input=words, capture_output=True, timeout=WITHIN_S, check=False
    )
    return done.returncode


async def test_every_reason_that_a_provider_can_give_is_provoked() -> None:
    provoked = {each.reason for each in PROVOCATIONS}
    assert provoked | GATEWAYS_ONLY | ELSEWHERE == set(Refusal)
    assert not provoked & (GATEWAYS_ONLY | ELSEWHERE)


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


async def test_messages_above_the_brokers_limit_cost_their_sender_the_connection(field: Field, tmp_path: Path) -> None:
    before, first = await field.counts(), field.last_round()
    large = tmp_path / "large"
    large.write_bytes(bytes(FRAME_BYTES_MAX + 2_000))
    mallory = field.administrator.gateway("mallory")
    assert await publish(field, mallory, "-t", topics.up(NORTH, "mallory"), "-f", str(large)) != 0
    await field.pass_rounds(1)
    assert await field.counts_now() == before
    assert field.check(after=first) >= 1


async def test_a_flood_of_garbage_disturbs_no_round_and_fills_no_log(field: Field) -> None:
    before, words, first = await field.counts(), len(field.provider.words()), field.last_round()
    flood = b"".join(b"%d\n" % number for number in range(5_000))
    mallory = field.administrator.gateway("mallory")
    assert await publish(field, mallory, "-t", topics.up(NORTH, "mallory"), "-l", words=flood) == 0
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
    twin = Impostors(field.administrator).twin(LIVE[0])
    frames = [twin.registration(later_ms=number) for number in range(500)]
    await field.stranger.say_all((topics.register(LIVE[0]), frame) for frame in frames)
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
    """The operator, and a member with its own key, speak for the provider and for other gateways."""
    first = await field.settled(ALL)
    agents = [field.gateways[name].agent for name in LIVE]
    before = [Counter(agent.refusals) for agent in agents]
    seeds = [set(field.gateways[name].core.situation.edges) for name in LIVE]
    speaker = field.gateways[SPEAKER].core.situation
    known, roster = speaker.final, speaker.roster
    assert known is not None and roster is not None
    nobody, two = ClientSet(), ClientSet.of([field.client(LIVE[0]), field.client(LIVE[1])])
    orders = []
    for signer in (STRANGER, speaker.identity):
        for number in (known.round, known.round + 1):
            now = RoundNumber(number)
            at, expected = roster.at, known.expected - two
            final = RoundFinal(HARDENED.code, now, known.view, now, at.epoch, at.root, nobody, expected, ())
            orders += [
                forged(Notification.FINAL, final.encode(), signer=signer),
                forged(
                    Notification.CORRECTION, Correction(HARDENED.code, now, known.view, 1, two).encode(), signer=signer
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


async def test_a_final_of_the_last_rounds_is_answered_with_the_same_shares_again(field: Field) -> None:
    """The operator learns nothing by it: whoever has heard one answer has heard them all."""
    first = await field.settled(ALL)
    live = {field.client(name) for name in LIVE}
    before = {client: len(said) for client, said in released(field, live, first.round).items()}
    assert min(before.values()) >= 1
    await field.stranger.say(FINAL_TOPIC, field.finals()[first.round])
    await eventually(
        lambda: all(len(said) > before[client] for client, said in released(field, live, first.round).items()),
        WITHIN_S,
    )
    assert all(len(set(said)) == 1 for said in released(field, live, first.round).values())
    await field.until_complete(ALL, after=first.round)
    field.check(after=first.round)


def released(field: Field, clients: set[ClientId], number: int) -> dict[ClientId, list[bytes]]:
    """The data of what these members released for a round."""
    said: dict[ClientId, list[bytes]] = {client: [] for client in clients}
    for heard in field.stranger.heard:
        frame = heard.signed.frame if heard.signed is not None else None
        if frame is None or frame.notification is not Notification.RELEASE or frame.client not in clients:
            continue
        if Release.decode(frame.data).round == number:
            said[frame.client].append(frame.data)
    return said


async def test_a_final_that_is_older_than_the_rounds_that_may_wait_is_refused(field: Field) -> None:
    agents = [field.gateways[name].agent for name in LIVE]
    oldest = min(field.finals())
    first = await field.until(lambda line: line.round > oldest + PENDING_ROUNDS and line.is_complete(ALL), after=oldest)
    before = [agent.refusals[Refusal.STALE] for agent in agents]
    await field.stranger.say(FINAL_TOPIC, field.finals()[oldest])
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
    order = RoundFinal(HARDENED.code, number, bytes(8), number, 1, bytes(32), ClientSet(), ClientSet(), ())
    await field.stranger.say(FINAL_TOPIC, forged(Notification.FINAL, order.encode()), retain=True)
    speaker.start()
    await field.until_complete(ALL)
    # The next FINAL of the provider takes its place with the broker.
    assert speaker.agent.refusals[Refusal.BAD_SIGNATURE] >= 1
    field.check(after=first)
