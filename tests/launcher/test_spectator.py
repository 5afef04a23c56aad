import json
from pathlib import Path

import pytest

from broker.events import Message
from common import topics
from common.clients import ClientSet
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, ClientId, NetworkId, RoundNumber
from common.payloads import NO_VIEW, RoundFinal
from common.secret import Secret
from common.signing import Direction, Identity
from common.suites import BASIC
from common.topics import Broadcast
from launcher import truth
from launcher.rounds import ClosedRound
from launcher.spectator import NetworkView, Spectator
from tests.launcher.boards import message

NETWORK = NetworkId(1)
PROVIDER, STRANGER = Identity(Secret(bytes(32))), Identity(Secret(bytes(31) + b"\1"))
COLUMNS = (
    "network,region,round,start_utc,status,why,import_dwh,export_dwh,contributors,members,present,missing,away,"
    "attempts,duration_ms\n"
)


def final(round_: int, expected: int, signer: Identity = PROVIDER) -> Message:
    clients = ClientSet.of(ClientId(client) for client in range(1, expected + 1))
    order = RoundFinal(
        BASIC.code, RoundNumber(round_), NO_VIEW, RoundNumber(round_), 1, bytes(32), ClientSet(), clients, ()
    )
    frame = Frame(NETWORK, EVERYONE, 0, Notification.FINAL, order.encode()).signed(signer, Direction.DOWN)
    return Message(topics.broadcast(NETWORK, Broadcast.FINAL), frame, False)


def result(round_: int, **changes: object) -> Message:
    payload = message(round=round_, import_dwh=0, export_dwh=0, contributors=0).model_dump() | changes
    return Message(topics.result(NETWORK), json.dumps(payload).encode(), False)


@pytest.fixture
def view() -> NetworkView:
    return NetworkView(NETWORK, 3)


@pytest.fixture
def spectator(view: NetworkView, tmp_path: Path) -> Spectator:
    (tmp_path / "results.csv").write_text(COLUMNS)
    return Spectator([view], PROVIDER.public_key, tmp_path / "results.csv", list)


async def hear(spectator: Spectator, *messages: Message) -> list[ClosedRound]:
    return [closed for each in messages for closed in await spectator.hear(each)]


async def test_rounds_are_counted_from_the_first_with_all_gateways(spectator: Spectator) -> None:
    heard = [final(9, 2), result(10), final(10, 3), result(11), final(11, 3)]
    assert [closed.number for closed in await hear(spectator, *heard)] == [0, 1]


async def test_a_network_with_a_real_meter_begins_once_that_was_heard(spectator: Spectator, view: NetworkView) -> None:
    view.not_before = None
    await hear(spectator, final(9, 3))
    view.not_before = 12
    await hear(spectator, final(10, 3))
    assert view.origin is None
    await hear(spectator, final(11, 3))
    assert view.origin == 12


async def test_a_sum_is_judged_once_its_final_is_there(spectator: Spectator) -> None:
    assert await hear(spectator, result(10)) == []
    (closed,) = await hear(spectator, final(10, 3))
    assert closed.is_exact is True


async def test_a_round_without_a_sum_waits_for_nothing(spectator: Spectator) -> None:
    (closed,) = await hear(spectator, result(10, import_dwh=None, why="too few"))
    assert closed.is_exact is None


async def test_a_sum_whose_final_never_came_is_not_exact(spectator: Spectator) -> None:
    first, _ = await hear(spectator, result(10), result(11), final(11, 3))
    assert (first.message.round, first.is_exact) == (10, False)


async def test_a_final_that_the_provider_did_not_sign_is_passed_over(spectator: Spectator, view: NetworkView) -> None:
    assert await hear(spectator, final(9, 3, STRANGER), result(10), final(10, 3, STRANGER)) == []
    assert view.origin is None


async def test_a_result_that_comes_twice_is_told_once(spectator: Spectator) -> None:
    assert len(await hear(spectator, result(10), result(10), final(10, 3), result(10))) == 1


async def test_rounds_that_the_bus_did_not_tell_come_from_the_results_file(
    spectator: Spectator, tmp_path: Path
) -> None:
    line = "1,lindenhof,11,2026-01-01T00:00:00Z,lost,the provider was not running,,,,3,0,3,0,0,2000\n"
    (tmp_path / "results.csv").write_text(COLUMNS + line)
    closed = await hear(spectator, result(10), final(10, 3), result(13), final(13, 3))
    assert [each.message.round for each in closed] == [10, 11, 12, 13]
    assert [each.is_good for each in closed] == [True, True, False, True]


async def test_nonsense_is_passed_over(spectator: Spectator) -> None:
    nonsense = [Message(topic, b"{}", False) for topic in spectator.filters]
    assert await hear(spectator, *nonsense, Message("dcnet/1/7/result", b"{}", False)) == []


async def test_who_is_included_without_a_record_makes_a_sum_unknown(
    spectator: Spectator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truth, "_RECORDS_WITHIN_S", 0)
    number, included = RoundNumber(10), ClientSet.of([ClientId(1)])
    order = RoundFinal(BASIC.code, number, NO_VIEW, number, 1, bytes(32), included, ClientSet(), ())
    frame = Frame(NETWORK, EVERYONE, 0, Notification.FINAL, order.encode()).signed(PROVIDER, Direction.DOWN)
    heard = Message(topics.broadcast(NETWORK, Broadcast.FINAL), frame, False)
    (closed,) = await hear(spectator, result(10), heard)
    assert closed.is_exact is False
