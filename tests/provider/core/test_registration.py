"""Notification 1 to notification 2: places, draws, tunnels between two ends, and when a gateway is in."""

import random
from dataclasses import replace

from common import topics
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, NO_NETWORK, ClientId, NetworkId, TunnelId
from common.payloads import Assigned, Entered, Rejected, Role, TunnelMessage, TunnelOpen
from common.refusal import Refusal
from common.signing import Direction
from provider.core.events import (
    EdgeRecord,
    EdgeState,
    MemberRecord,
    MemberState,
    NetworkSetup,
    Notice,
    Publish,
    Refuse,
    Store,
    StoreContents,
)
from tests.provider.core.bench import Bench, empty, operating
from tests.provider.core.builders import (
    DEADLINE,
    NETWORK,
    PARAMETERS,
    PROVIDER,
    SCHEDULE,
    START,
    STRANGER,
    everybody,
    forwarded,
    identity,
    member,
    message,
    name,
    opened,
    ordered,
    published,
    refusals,
    registration,
    stored,
)

GATHERED = START + 1_000


def assigned(number: int, client: int, at_ms: int = START) -> Publish:
    data = Assigned(identity(number).public_key).encode()
    return replace(ordered(client, Notification.ASSIGNED, data, at_ms), topic=topics.down(NETWORK, name(number)))


def rejection(number: int, reason: Refusal) -> Publish:
    data = Rejected(Notification.REGISTER, reason).encode()
    frame = Frame(NO_NETWORK, EVERYONE, START, Notification.REFUSED, data).signed(PROVIDER, Direction.DOWN)
    return Publish(topics.down(NO_NETWORK, name(number)), frame, START + 60_000)


def joined(count: int) -> tuple[Bench, list[tuple[str, TunnelOpen]]]:
    """So many gateways that register at once, and the tunnels that the provider opens for them."""
    bench = empty()
    bench.receive(*(registration(number) for number in range(1, count + 1)))
    return bench, opened(bench.tick(GATHERED))


def entering(client: int, standing: list[TunnelId], failed: list[TunnelId] | None = None) -> Entered:
    del client
    return Entered(tuple(standing), tuple(failed or []))


def drawn_by(client: int, orders: list[tuple[str, TunnelOpen]]) -> list[TunnelId]:
    return [order.tunnel for who, order in orders if who == name(client) and order.role is Role.INITIATOR]


def test_a_gateway_gets_the_next_number_and_keeps_it() -> None:
    bench = empty()
    record = MemberRecord(NETWORK, ClientId(1), "gw-30", identity(30).public_key, MemberState.JOINING)
    assert bench.receive(registration(30)) == [Store(record), assigned(30, 1)]
    assert bench.receive(registration(31))[1] == assigned(31, 2)
    assert bench.receive(registration(30, at_ms=START + 1)) == [assigned(30, 1)]


def test_numbers_of_those_who_left_are_not_given_again() -> None:
    contents = StoreContents((member(1, MemberState.LEFT), member(2, MemberState.LEFT)))
    bench = Bench((NetworkSetup(NETWORK, PARAMETERS, contents),), START)
    assert bench.receive(registration(2))[1] == assigned(2, 3)


def test_a_name_that_another_key_has_is_refused_and_the_gateway_is_told() -> None:
    bench = empty()
    bench.receive(registration(1))
    said = registration(1, by=STRANGER, at_ms=START + 1)
    assert bench.receive(said) == [
        Refuse(Refusal.NAME_TAKEN, Notification.REGISTER, said.topic),
        rejection(1, Refusal.NAME_TAKEN),
    ]


def test_a_region_that_no_network_serves_is_refused_and_the_gateway_is_told() -> None:
    said = registration(1, region="south")
    assert empty().receive(said) == [
        Refuse(Refusal.UNKNOWN_REGION, Notification.REGISTER, said.topic),
        rejection(1, Refusal.UNKNOWN_REGION),
    ]


def test_registrations_are_gathered_so_that_each_can_draw_each() -> None:
    bench, orders = joined(3)
    pairs = {order.tunnel for _, order in orders}
    assert len(pairs) == 3
    assert sorted(who for who, _ in orders) == sorted(["gw-1", "gw-2", "gw-3"] * 2)
    assert bench.records == [record for record in bench.records if isinstance(record, MemberRecord)]


def test_each_gateway_draws_six_and_the_drawn_learn_only_the_key_of_who_drew_them() -> None:
    _, orders = joined(40)
    assert all(len(drawn_by(client, orders)) == 6 for client in range(1, 41))
    ends: dict[TunnelId, dict[Role, str]] = {}
    for who, order in orders:
        ends.setdefault(order.tunnel, {})[order.role] = who
    for who, order in orders:
        other = ends[order.tunnel][Role(1 - order.role)]
        assert order.peer_key == identity(int(other.removeprefix("gw-"))).public_key
        assert other != who


def test_a_tunnel_forwards_only_between_its_two_ends() -> None:
    bench, orders = joined(3)
    first = drawn_by(1, orders)[0]
    responder = next(w for w, order in orders if order.tunnel == first and order.role is Role.RESPONDER)
    peer = int(responder.removeprefix("gw-"))
    (stranger,) = {1, 2, 3} - {1, peer}
    data = TunnelMessage(first, 1, b"anything").encode()
    there, back = message(1, Notification.TUNNEL, data), message(peer, Notification.TUNNEL, data)
    assert bench.receive(there) == [forwarded(there, peer, bench.now_ms)]
    assert bench.receive(back) == [forwarded(back, 1, bench.now_ms)]
    assert refusals(bench.receive(message(stranger, Notification.TUNNEL, data))) == ["NOT_AN_END"]


def test_a_tunnel_stays_usable_when_its_seed_stands() -> None:
    bench = operating(everybody(7))
    data = TunnelMessage(TunnelId(1002), 9, b"later").encode()
    said = message(2, Notification.TUNNEL, data)
    assert bench.receive(said) == [forwarded(said, 1, START)]


def test_a_gateway_is_in_when_its_own_handshakes_are_done_and_it_has_enough_edges() -> None:
    bench, orders = joined(7)
    mine = drawn_by(1, orders)
    report = Entered(tuple(mine), ()).encode()
    effects = bench.receive(message(1, Notification.ENTERED, report))
    standing = [effect.record for effect in effects if isinstance(effect, Store)]
    assert [r.tunnel for r in standing if isinstance(r, EdgeRecord) and r.state is EdgeState.STANDING] == mine
    assert [r for r in standing if isinstance(r, MemberRecord)] == [member(1)]
    assert effects[-1] == Notice("client 1 has entered")


def test_a_gateway_with_too_few_edges_is_not_in() -> None:
    bench, orders = joined(3)
    for client in (1, 2, 3):
        report = Entered(tuple(drawn_by(client, orders)), ()).encode()
        bench.receive(message(client, Notification.ENTERED, report))
    assert {bench.state(client) for client in (1, 2, 3)} == {MemberState.JOINING}


def test_a_failed_handshake_is_drawn_anew_with_somebody_else() -> None:
    bench, orders = joined(20)
    first, *others = drawn_by(1, orders)
    report = Entered(tuple(others), (first,)).encode()
    effects = bench.receive(message(1, Notification.ENTERED, report))
    (again,) = drawn_by(1, opened(effects))
    assert again not in {order.tunnel for _, order in orders}
    assert refusals(bench.receive(message(1, Notification.TUNNEL, TunnelMessage(first, 1, b"").encode()))) == [
        "TUNNEL_CLOSED"
    ]


def test_a_repeated_report_of_standing_seeds_changes_nothing() -> None:
    bench, orders = joined(7)
    report = Entered(tuple(drawn_by(1, orders)), ()).encode()
    bench.receive(message(1, Notification.ENTERED, report))
    assert bench.receive(message(1, Notification.ENTERED, report, at_ms=START + 1)) == []


def test_a_tunnel_in_which_nothing_happens_is_closed() -> None:
    bench, _ = joined(7)
    assert bench.machine.networks[NETWORK].desk.graph.in_state(EdgeState.OPEN)
    bench.tick(DEADLINE)
    graph = bench.machine.networks[NETWORK].desk.graph
    assert all(edge.opened_ms == DEADLINE for edge in graph.in_state(EdgeState.OPEN))


def test_a_network_operates_as_soon_as_enough_are_in() -> None:
    bench, orders = joined(5)
    for client in range(1, 6):
        report = Entered(tuple(drawn_by(client, orders)), ()).encode()
        bench.receive(message(client, Notification.ENTERED, report))
    effects = bench.tick(DEADLINE)
    assert published(effects)[0] is Notification.FINAL
    assert len(bench.last.expected) == 5
    assert set(bench.last.started) == {order.tunnel for _, order in orders}
    assert bench.edges(EdgeState.STARTED) == set(bench.last.started)


def test_a_network_that_is_too_small_says_how_many_it_waits_for_once() -> None:
    bench, orders = joined(4)
    for client in range(1, 5):
        report = Entered(tuple(drawn_by(client, orders)), ()).encode()
        bench.receive(message(client, Notification.ENTERED, report))
    notices = [e for e in bench.run(START + 5 * SCHEDULE.period_ms) if isinstance(e, Notice)]
    assert notices == [Notice("network 7 waits: 4 of at least 5 members")]
    assert bench.contents.final is None


def test_while_a_network_waits_nobody_gets_more_tunnels_than_it_drew() -> None:
    bench = empty(replace(PARAMETERS, members_min=30))
    bench.receive(*(registration(number) for number in range(1, 21)))
    orders = opened(bench.tick(GATHERED))
    for client in range(1, 21):
        report = Entered(tuple(drawn_by(client, orders)), ()).encode()
        bench.receive(message(client, Notification.ENTERED, report))
    assert opened(bench.run(START + 10 * SCHEDULE.period_ms)) == []


def test_who_left_before_the_draw_draws_nobody() -> None:
    bench = operating(everybody(7))
    bench.receive(registration(8))
    bench.receive(message(8, Notification.EXIT))
    assert opened(bench.tick(GATHERED)) == []


def test_two_networks_of_one_provider_do_not_know_each_other() -> None:
    south = NetworkSetup(NetworkId(8), replace(PARAMETERS, region="south"), StoreContents())
    north = NetworkSetup(NETWORK, PARAMETERS, stored(everybody(7)))
    bench = Bench((north, south), START - 1_000)
    effects = bench.receive(registration(21, region="south"))
    records = [effect.record for effect in effects if isinstance(effect, Store)]
    key = identity(21).public_key
    assert records == [MemberRecord(NetworkId(8), ClientId(1), "gw-21", key, MemberState.JOINING)]
    bench.now_ms = START
    assert bench.report(1, 2, 3, 4, 5, 6, 7)
    assert {result.network for result in bench.results} == {NETWORK}


def test_a_member_of_one_network_stays_there_whatever_region_it_asks_for() -> None:
    south = NetworkSetup(NetworkId(8), replace(PARAMETERS, region="south"), StoreContents())
    north = NetworkSetup(NETWORK, PARAMETERS, stored(everybody(7)))
    bench = Bench((south, north), START)
    assert assigned(1, 1) in bench.receive(registration(1, region="south"))
    assert not bench.machine.networks[NetworkId(8)].desk.members


def test_draws_are_uniform_over_all_who_have_room() -> None:
    """Chi-square over 49 candidates and 3,000 draws of six each, with a fixed seed: below the 99.9 % quantile."""
    contents = StoreContents(tuple(member(client) for client in range(1, 50)))
    counts = dict.fromkeys(range(1, 50), 0)
    entropy = random.Random(7)
    for _ in range(500):
        bench = Bench((NetworkSetup(NETWORK, PARAMETERS, contents),), START, entropy)
        bench.receive(registration(60))
        for who, order in opened(bench.tick(GATHERED)):
            if order.role is Role.RESPONDER:
                counts[int(who.removeprefix("gw-"))] += 1
    wanted = sum(counts.values()) / 49
    assert sum(counts.values()) == 3_000
    assert sum((count - wanted) ** 2 / wanted for count in counts.values()) < 84.0
