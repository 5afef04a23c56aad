"""Orders that are not the provider's, for others, or of another network; and the rules under which it takes part."""

from dataclasses import replace

import pytest

from common import topics
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, ClientId, NetworkId, TunnelId
from common.payloads import Assigned, ExitConfirmed, Resumed
from common.refusal import Refusal
from common.signing import Direction, Identity
from common.tunnels import Role
from smgw.core.events import Connected, Effect, Level, Notice, Received, Refuse, TakeReading, VaultContents
from tests.provider.core.certified import identity
from tests.smgw.core.builders import (
    NAME,
    OWN,
    RULES,
    SELF,
    START,
    STRANGER,
    Bench,
    before,
    correction,
    final,
    opening,
    order,
    published,
    refusals,
    reported,
    roster,
    settled,
)
from tests.smgw.core.rosters import NETWORK, PARAMETERS, PROVIDER, ROUND, SCHEDULE

RESUMED = Resumed(()).encode()


def refuses(reason: str, notification: Notification | None) -> list[Effect]:
    return [Refuse(Refusal[reason], notification)]


@pytest.mark.parametrize(
    "notification",
    [n for n in Notification if n not in (Notification.TUNNEL, Notification.EXIT)],
    ids=lambda n: n.name.lower(),
)
@pytest.mark.parametrize("by", [STRANGER, OWN, identity(1)], ids=["stranger", "itself", "neighbor"])
def test_an_order_that_the_provider_did_not_sign_is_refused(notification: Notification, by: Identity) -> None:
    assert settled().handle(order(notification, RESUMED, by=by)) == refuses("BAD_SIGNATURE", notification)


def test_the_gateways_own_signature_is_no_order_of_the_providers() -> None:
    frame = Frame(NETWORK, SELF, START, Notification.RESUMED, RESUMED).signed(PROVIDER, Direction.UP)
    said = Received(topics.down(NETWORK, NAME), frame)
    assert settled().handle(said) == refuses("BAD_SIGNATURE", Notification.RESUMED)


def test_a_changed_order_is_refused() -> None:
    said = order(Notification.RESUMED, RESUMED)
    changed = said.payload[:20] + bytes([said.payload[20] ^ 1]) + said.payload[21:]
    assert refusals(settled().handle(replace(said, payload=changed))) == ["BAD_SIGNATURE"]


@pytest.mark.parametrize(
    "notification",
    [
        Notification.REGISTER,
        Notification.ENTERED,
        Notification.SUPERPOSITION,
        Notification.RELEASE,
        Notification.RESUME,
        Notification.EMERGENCY,
    ],
    ids=lambda n: n.name.lower(),
)
def test_what_no_provider_says_to_a_gateway_is_refused(notification: Notification) -> None:
    assert settled().handle(order(notification, b"")) == refuses("UNEXPECTED", notification)


def test_an_order_to_another_client_is_refused() -> None:
    said = order(Notification.RESUMED, RESUMED, client=5)
    assert settled().handle(said) == refuses("UNKNOWN_CLIENT", Notification.RESUMED)


def test_an_order_of_another_network_is_refused() -> None:
    frame = Frame(NetworkId(8), SELF, START, Notification.RESUMED, RESUMED).signed(PROVIDER, Direction.DOWN)
    for topic in (topics.down(NetworkId(8), NAME), topics.down(NETWORK, NAME)):
        assert settled().handle(Received(topic, frame)) == refuses("WRONG_NETWORK", Notification.RESUMED)


def test_an_order_on_a_topic_that_is_none_is_refused() -> None:
    said = replace(order(Notification.RESUMED, RESUMED), topic="elsewhere")
    assert settled().handle(said) == refuses("WRONG_TOPIC", Notification.RESUMED)


def test_an_order_that_the_broker_retained_in_the_inbox_is_refused() -> None:
    said = replace(order(Notification.RESUMED, RESUMED), is_retained=True)
    assert settled().handle(said) == refuses("RETAINED", Notification.RESUMED)


def test_a_gateway_without_a_network_obeys_nobody_but_who_gives_it_a_place() -> None:
    bench = Bench(VaultContents())
    assert bench.handle(order(Notification.RESUMED, RESUMED)) == refuses("WRONG_NETWORK", Notification.RESUMED)


def test_bytes_that_are_no_frame_are_refused() -> None:
    assert settled().handle(Received(topics.down(NETWORK, NAME), b"DCN")) == refuses("TOO_SHORT", None)


def test_data_that_does_not_decode_is_refused() -> None:
    assert settled().handle(order(Notification.RESUMED, b"\x00")) == refuses("BAD_DATA", Notification.RESUMED)


def test_an_exit_that_nobody_asked_for_is_not_confirmed_to_this_gateway() -> None:
    said = order(Notification.EXIT_CONFIRMED, ExitConfirmed(SELF).encode())
    assert settled().handle(said) == refuses("UNEXPECTED", Notification.EXIT_CONFIRMED)


def test_the_place_of_another_gateway_is_refused() -> None:
    said = order(Notification.ASSIGNED, Assigned(STRANGER.public_key).encode(), client=9)
    assert settled().handle(said) == refuses("UNKNOWN_CLIENT", Notification.ASSIGNED)


@pytest.mark.parametrize(("network", "client"), [(0, SELF), (NETWORK, EVERYONE)])
def test_a_place_without_a_number_is_refused(network: int, client: int) -> None:
    data = Assigned(OWN.public_key).encode()
    frame = Frame(NetworkId(network), ClientId(client), START, Notification.ASSIGNED, data)
    said = Received(topics.down(NetworkId(network), NAME), frame.signed(PROVIDER, Direction.DOWN))
    assert settled().handle(said) == refuses("WRONG_NETWORK", Notification.ASSIGNED)


@pytest.mark.parametrize(
    ("suite", "members_min", "masks_min"), [(1, 4, 3), (1, 5, 2), (2, 5, 3)], ids=["members", "masks", "suite"]
)
def test_rules_weaker_than_the_owners_are_refused_with_a_sentence(suite: int, members_min: int, masks_min: int) -> None:
    bench = Bench()
    weaker = replace(PARAMETERS, suite=suite, members_min=members_min, masks_min=masks_min)
    text = (
        f"The network wants suite {suite}, at least {members_min} members, {masks_min} masks and 6 drawn neighbors;"
        " this gateway's own settings ask for suite 1, 5, 3 and 6. It does not take part."
    )
    assert bench.handle(roster(weaker)) == [
        Refuse(Refusal.WEAKER_RULES, Notification.ROSTER),
        Notice(Level.FATAL, text),
    ]
    bench.handle(final())
    assert reported(bench)[1] == []


def test_a_network_that_draws_fewer_neighbors_than_the_owner_wants_is_refused() -> None:
    bench = Bench()
    assert refusals(bench.handle(roster(replace(PARAMETERS, draws=5)))) == ["WEAKER_RULES"]
    bench.handle(final())
    assert reported(bench)[1] == []


def test_a_gateway_that_takes_no_part_asks_for_nothing_and_gets_no_neighbors() -> None:
    bench = Bench(now_ms=START)
    bench.handle(Connected(), roster(replace(PARAMETERS, members_min=4)))
    assert published(bench.run(START + 600_000)) == []
    assert refusals(bench.handle(opening(9, Role.RESPONDER, at_ms=bench.now_ms))) == ["WEAKER_RULES"]
    bench.handle(roster(epoch=3))
    assert published(bench.run(bench.now_ms + 120_000))[:1] == [Notification.RESUME]


def test_a_network_whose_rules_become_weaker_gets_no_reading_any_more() -> None:
    bench = settled()
    bench.handle(roster(replace(PARAMETERS, members_min=4), epoch=2))
    assert reported(bench)[1] == []


def test_rules_stricter_than_the_owners_are_followed() -> None:
    bench = Bench(rules=replace(RULES, members_min=4, masks_min=2))
    bench.handle(roster(replace(PARAMETERS, members_min=8, masks_min=5)), final(), at_ms=START - 1_000)
    assert refusals(reported(bench)[1]) == ["TOO_FEW_MEMBERS"]


def test_rules_of_an_earlier_epoch_are_refused() -> None:
    bench = Bench()
    bench.handle(roster(epoch=5))
    assert bench.handle(roster(epoch=4)) == refuses("STALE", Notification.ROSTER)


def test_the_same_rules_again_change_nothing() -> None:
    bench, _ = reported()
    assert bench.handle(roster()) == []


def test_the_rules_begin_a_round_at_once() -> None:
    assert Bench().handle(Connected(), roster(), at_ms=START)[-1] == TakeReading(
        ROUND, SCHEDULE.start(before(ROUND)), START
    )


def test_a_retained_correction_is_as_good_as_any() -> None:
    bench, _ = reported()
    said = replace(correction(5), is_retained=True)
    assert refusals(bench.handle(said, at_ms=SCHEDULE.deadline(ROUND, 0))) == []


def test_a_tunnel_of_a_neighbor_is_no_order() -> None:
    frame = Frame(NETWORK, ClientId(1), START, Notification.TUNNEL, TunnelId(5).to_bytes(8) + b"\x01")
    said = Received(topics.down(NETWORK, NAME), frame.signed(identity(1), Direction.UP))
    assert settled().handle(said) == refuses("TUNNEL_CLOSED", Notification.TUNNEL)
