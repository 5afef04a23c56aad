"""Whole rounds between a real provider and real gateways: what is published is what the meters counted."""

import signal
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from common import topics
from common.clients import ClientSet
from common.frames import Notification
from common.identifiers import ClientId, RoundNumber
from common.payloads import Correction, Superposition
from common.topics import Broadcast
from tests.integration.conftest import eventually
from tests.integration.field import Field
from tests.integration.networks import NORTH, SOUTH, Line, Rules
from tests.integration.program import WITHIN_S
from tests.integration.stranger import Heard

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

STEADY: Final = tuple(f"steady-{number}" for number in range(6))
FRAIL: Final = ("frail-0", "frail-1")
"""Processes of their own, which the tests kill."""
SOUTHERN: Final = tuple(f"southern-{number}" for number in range(3))
ALL: Final = len(STEADY) + len(FRAIL)
SOUTH_RULES: Final = Rules(SOUTH, members_min=3, masks_min=2)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def field(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Field]:
    """A provider with two regions: eight gateways in the north, each a holder of each, of whom two may be silent."""
    field = Field(tmp_path_factory.mktemp("rounds"), Rules(), SOUTH_RULES)
    try:
        await field.open()
        for name in STEADY:
            field.add(name).start()
        for name in FRAIL:
            field.add(name).program.start()
        for name in SOUTHERN:
            field.add(name, SOUTH).start()
        await field.until_complete(ALL, after=0)
        yield field
    finally:
        await field.close()


async def test_complete_rounds_are_exact_in_two_regions_at_once(field: Field) -> None:
    first = await field.settled(ALL)
    await field.until_complete(len(SOUTHERN), network=SOUTH, after=0)
    await field.until_complete(ALL, after=first.round)
    assert field.check() >= 2
    assert field.check(SOUTH) >= 1
    assert {line.network for line in field.lines(SOUTH)} == {SOUTH}
    assert sum(line.import_dwh or 0 for line in field.lines()) > 0


async def test_a_killed_gateway_is_corrected_out_and_returns(field: Field) -> None:
    first = field.last_round()
    victim = field.gateways[FRAIL[0]].program
    await victim.end(signal.SIGKILL)
    corrected = await field.until(lambda line: line.status == "corrected")
    assert corrected.members == ALL
    assert corrected.attempts >= 1
    await field.until_complete(ALL - 1)
    victim.start()
    await field.until_complete(ALL)
    assert field.check(after=first) >= 3


async def test_two_gateways_killed_at_once_are_corrected_out_in_one_round(field: Field) -> None:
    first = (await field.settled(ALL)).round
    victims = [field.gateways[name].program for name in FRAIL]
    for victim in victims:
        victim.send(signal.SIGKILL)
    for victim in victims:
        await victim.ended()
    await field.until(lambda line: line.status == "corrected" and line.members == ALL and line.present <= ALL - 2)
    for victim in victims:
        victim.start()
    await field.until_complete(ALL)
    assert field.check(after=first) >= 3


async def test_a_neighbor_killed_in_the_middle_of_a_correction_needs_a_further_attempt(field: Field) -> None:
    """It has sent its reading, is stopped before it can hear the correction, and killed once that is out."""
    first = (await field.settled(ALL)).round
    victim, neighbor = (field.gateways[name] for name in FRAIL)
    own, start = field.client(neighbor.name), len(field.stranger.heard)
    assert field.tunnels(own, field.client(victim.name))
    await victim.program.end(signal.SIGKILL)
    number = RoundNumber(field.last_round() + 1)
    await field.stranger.next(lambda heard: is_superposition(heard, own, number), start)
    neighbor.program.send(signal.SIGSTOP)
    await field.stranger.next(lambda heard: bool(corrects(heard, number)), start)
    neighbor.program.send(signal.SIGKILL)
    await neighbor.program.ended()
    line = await field.until(lambda line: line.round == number, after=first)
    lists = [missing for heard in field.stranger.heard[start:] if (missing := corrects(heard, number))]
    assert line.status == "corrected"
    assert line.attempts >= 2
    assert lists[0] <= lists[-1]
    assert own not in lists[0]
    assert own in lists[-1]
    for gateway in (victim, neighbor):
        gateway.program.start()
    await field.until_complete(ALL)
    assert field.check(after=first) >= 2


async def test_joining_and_leaving_disturb_no_round(field: Field) -> None:
    first = await field.settled(ALL)
    newcomer = field.add("newcomer")
    newcomer.start()
    joined = await field.until_complete(ALL + 1)
    newcomer.agent.leave()
    await newcomer.ended()
    left = await field.until_complete(ALL)
    lines = [line for line in field.lines(after=first.round) if line.round <= left.round]
    assert [line for line in lines if not is_undisturbed(line)] == []
    assert field.check(after=first.round) == len(lines)
    assert joined.round < left.round
    assert not newcomer.core.situation.edges
    own = field.client(newcomer.name)
    assert not field.tunnels(own)
    await eventually(lambda: all(has_no_edge(field, name, own) for name in STEADY), WITHIN_S)


async def test_erased_seeds_are_agreed_anew(field: Field) -> None:
    """A gateway whose vault is gone, and its identity key not, gets its place back and new edges."""
    first = (await field.settled(ALL)).round
    gateway = field.gateways[FRAIL[0]]
    own = field.client(gateway.name)
    before = field.tunnels(own)
    await gateway.program.end()
    gateway.lose_vault()
    gateway.program.start()
    await field.until(lambda line: line.members < ALL)
    await field.until_complete(ALL)
    after = field.tunnels(own)
    assert field.client(gateway.name) == own
    assert len(before) == len(after) == ALL - 1
    assert not before & after
    assert field.check(after=first) >= 2


async def test_a_provider_killed_within_a_round_loses_that_round_and_goes_on(field: Field) -> None:
    """It is killed when the first frames of a round are in, and comes back in a later one."""
    await field.settled(len(SOUTHERN), SOUTH)
    first = (await field.settled(ALL)).round
    number = RoundNumber(first + 1)
    clients = [field.client(name) for name in STEADY]
    await field.stranger.next(lambda heard: any(is_superposition(heard, each, number) for each in clients), 0)
    mosquitto = field.mosquitto
    await field.provider.end(signal.SIGKILL)
    await eventually(lambda: not mosquitto.is_running(), WITHIN_S)
    await field.start_provider()
    await field.until_complete(ALL)
    await field.until_complete(len(SOUTHERN), network=SOUTH, after=first)
    for network in (NORTH, SOUTH):
        field.check(network)
        (lost, *_) = field.lines(network, after=first)
        assert lost.round == number
        assert lost.has_sum or lost.why == "the provider was not running, or stopped, within the round"
        contradictions = {
            number: finals for number, finals in field.stranger.finals(network).items() if len(finals) > 1
        }
        assert contradictions == {}
        kept = field.finals(network)
        assert all(kept[number] in finals for number, finals in field.stranger.finals(network).items())


def is_superposition(heard: Heard, client: ClientId, number: RoundNumber) -> bool:
    signed = heard.signed
    if signed is None or signed.frame.notification is not Notification.SUPERPOSITION or signed.frame.network != NORTH:
        return False
    return signed.frame.client == client and Superposition.decode(signed.frame.data).round == number


def corrects(heard: Heard, number: RoundNumber) -> ClientSet:
    """Who is missing, as a correction of this round says; nobody if it is none."""
    signed = heard.signed
    if heard.topic != topics.broadcast(NORTH, Broadcast.CORRECTION) or signed is None:
        return ClientSet()
    order = Correction.decode(signed.frame.data)
    return order.missing if order.round == number else ClientSet()


def is_undisturbed(line: Line) -> bool:
    return line.status == "complete" and line.present == line.members


def has_no_edge(field: Field, name: str, client: ClientId) -> bool:
    return all(edge.peer != client for edge in field.gateways[name].core.situation.edges.values())
