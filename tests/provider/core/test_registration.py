"""Notification 1 to notification 2: places, tunnels for those who drew each other, and when a gateway is in."""

from dataclasses import replace

from common import topics
from common.certificates import Role as Office
from common.frames import Frame, Notification
from common.identifiers import EVERYONE, NO_NETWORK, ClientId, NetworkId, TunnelId
from common.payloads import Assigned, Entered, Rejected
from common.refusal import Refusal
from common.signing import Direction
from common.tunnels import Kind, Role, TunnelMessage
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
    everybody,
    forwarded,
    leaf,
    member,
    message,
    opened,
    ordered,
    published,
    refusals,
    registration,
    stored,
    wanting,
)
from tests.provider.core.certified import YEARS, certificate, draw_root, identity, name, revocations

GATHERED = START + 1_000


def assigned(number: int, client: int, at_ms: int = START) -> Publish:
    data = Assigned(identity(number).public_key).encode()
    return replace(ordered(client, Notification.ASSIGNED, data, at_ms), topic=topics.down(NETWORK, name(number)))


def rejection(called: str, reason: Refusal) -> Publish:
    data = Rejected(Notification.REGISTER, reason).encode()
    frame = Frame(NO_NETWORK, EVERYONE, START, Notification.REFUSED, data).signed(PROVIDER, Direction.DOWN)
    return Publish(topics.down(NO_NETWORK, called), frame, START + 60_000)


def newcomer(number: int, client: int, network: NetworkId = NETWORK) -> MemberRecord:
    key, cert = identity(number).public_key, certificate(number)
    return MemberRecord(
        network, ClientId(client), name(number), key, draw_root(number), cert, MemberState.JOINING, epoch=0
    )


def joined(count: int) -> Bench:
    """So many gateways that register at once, in a network without any, and their roster."""
    bench = empty()
    bench.receive(*(registration(number) for number in range(1, count + 1)))
    bench.tick(GATHERED)
    return bench


def meshed(count: int) -> Bench:
    """The same; each has asked for all those before it, and has a tunnel to each."""
    bench = joined(count)
    for client in range(2, count + 1):
        bench.receive(wanting(client, *range(1, client), at_ms=bench.now_ms))
    return bench


def entering(bench: Bench, client: int, failed: tuple[TunnelId, ...] = ()) -> list[object]:
    """Notification 2 of this client: all the tunnels that it initiated stand, but the failed ones."""
    standing = tuple(tunnel for tunnel in open_tunnels(bench, client) if tunnel not in failed)
    report = Entered(standing, failed)
    return list(bench.receive(message(client, Notification.ENTERED, report.encode(), at_ms=bench.now_ms)))


def open_tunnels(bench: Bench, client: int) -> list[TunnelId]:
    """Those that this client initiated."""
    graph = bench.machine.networks[NETWORK].desk.graph
    return [edge.tunnel for edge in graph.in_state(EdgeState.OPEN) if edge.initiator == client]


# Places


def test_a_gateway_gets_the_next_number_and_keeps_it() -> None:
    bench = empty()
    assert bench.receive(registration(30)) == [Store(newcomer(30, 1)), assigned(30, 1)]
    assert bench.receive(registration(31))[1] == assigned(31, 2)
    assert bench.receive(registration(30, at_ms=START + 1)) == [assigned(30, 1)]


def test_numbers_of_those_who_left_are_not_given_again() -> None:
    contents = StoreContents((member(1, MemberState.LEFT, epoch=0), member(2, MemberState.LEFT, epoch=0)))
    bench = Bench((NetworkSetup(NETWORK, PARAMETERS, contents),), START)
    assert bench.receive(registration(2))[1] == assigned(2, 3)


def test_a_renewed_certificate_of_the_same_key_replaces_the_one_before() -> None:
    bench = empty()
    bench.receive(registration(1))
    renewed = certificate(1, serial=1_001)
    effects = bench.receive(registration(1, cert=renewed, at_ms=START + 1))
    assert effects == [Store(replace(newcomer(1, 1), certificate=renewed)), assigned(1, 1)]


def test_a_full_network_refuses_with_a_reason() -> None:
    bench = empty()
    desk = bench.machine.networks[NETWORK].desk
    bench.receive(registration(1))
    desk.members |= {ClientId(client): desk.members[ClientId(1)] for client in range(2, 200_001)}
    said = registration(2)
    assert bench.receive(said) == [
        Refuse(Refusal.NETWORK_FULL, Notification.REGISTER, said.topic),
        rejection("gw-2", Refusal.NETWORK_FULL),
    ]


# Who is refused, and told


def refused(bench: Bench, reason: Refusal, called: str, **how: object) -> None:
    """A REGISTER of gateway 1 that differs in this way is refused, and the gateway is told."""
    said = registration(1, topic=called, **how)  # type: ignore[arg-type]
    assert bench.receive(said) == [Refuse(reason, Notification.REGISTER, said.topic), rejection(called, reason)]


def test_a_name_that_another_key_has_is_refused() -> None:
    bench = empty()
    bench.receive(registration(1))
    refused(bench, Refusal.NAME_TAKEN, "gw-1", cert=certificate(1, key=2, serial=2), by=2, at_ms=START + 1)


def test_a_key_that_a_member_has_under_another_name_is_refused_until_that_one_has_left() -> None:
    """Of two leaves with one key only the later would be live, and the roster says how many are."""
    bench = operating(everybody(7))
    second = certificate(1, called="other", serial=1_001)
    refused(bench, Refusal.WRONG_SUBJECT, "other", cert=second)
    bench.receive(message(1, Notification.EXIT))
    refused(bench, Refusal.WRONG_SUBJECT, "other", cert=second, at_ms=START + 1)
    bench.report(*range(1, 8))
    bench.receive(registration(1, topic="other", cert=second, at_ms=START + 2))
    assert (bench.state(1), bench.state(8)) == (MemberState.LEFT, MemberState.JOINING)


def test_a_key_that_comes_with_other_draw_values_is_refused() -> None:
    bench = empty()
    bench.receive(registration(1))
    refused(bench, Refusal.WRONG_SUBJECT, "gw-1", root=draw_root(2), at_ms=START + 1)


def test_a_region_that_no_network_serves_is_refused() -> None:
    refused(empty(), Refusal.UNKNOWN_REGION, "gw-1", cert=certificate(1, region="south"))


def test_only_gateways_register() -> None:
    for role in (Office.PROVIDER, Office.BROKER, Office.INSPECTOR):
        refused(empty(), Refusal.WRONG_SUBJECT, "other", cert=certificate(1, role=role, called="other"))


def test_an_expired_certificate_is_refused() -> None:
    expired = certificate(1, term=replace(YEARS, end_ms=START - 1_000))
    refused(empty(), Refusal.CERTIFICATE_EXPIRED, "gw-1", cert=expired)


def test_a_certificate_that_is_not_valid_yet_is_refused() -> None:
    early = certificate(1, term=replace(YEARS, begin_ms=START + 1_000))
    refused(empty(), Refusal.CERTIFICATE_EXPIRED, "gw-1", cert=early)


def test_a_revoked_certificate_is_refused() -> None:
    bench = empty(revocations=revocations(2, 1))
    refused(bench, Refusal.CERTIFICATE_REVOKED, "gw-1")


def test_while_the_list_of_the_revoked_is_too_old_nobody_new_is_taken() -> None:
    bench = empty(revocations=revocations(2, term=replace(YEARS, end_ms=START - 1_000)))
    refused(bench, Refusal.REVOCATIONS_EXPIRED, "gw-1")


def test_a_member_of_one_network_does_not_move_with_a_certificate_of_another_region() -> None:
    south = NetworkSetup(NetworkId(8), replace(PARAMETERS, region="south"), StoreContents())
    north = NetworkSetup(NETWORK, PARAMETERS, stored(everybody(7)))
    bench = Bench((south, north), START)
    refused(bench, Refusal.WRONG_SUBJECT, "gw-1", cert=certificate(1, region="south"))
    assert not bench.machine.networks[NetworkId(8)].desk.members


def test_two_networks_of_one_provider_do_not_know_each_other() -> None:
    south = NetworkSetup(NetworkId(8), replace(PARAMETERS, region="south"), StoreContents())
    north = NetworkSetup(NETWORK, PARAMETERS, stored(everybody(7)))
    bench = Bench((north, south), START - 1_000)
    cert = certificate(21, region="south")
    effects = bench.receive(registration(21, cert=cert))
    records = [effect.record for effect in effects if isinstance(effect, Store)]
    assert records == [replace(newcomer(21, 1, NetworkId(8)), certificate=cert)]
    bench.now_ms = START
    assert bench.report(1, 2, 3, 4, 5, 6, 7)
    assert {result.network for result in bench.results} == {NETWORK}


# Tunnels


def test_a_tunnel_is_opened_for_who_asks_with_proof_of_the_other_end() -> None:
    bench = joined(3)
    orders = opened(bench.receive(wanting(3, 1, at_ms=bench.now_ms)))
    assert [(who, order.role, order.kind) for who, order in orders] == [
        (name(1), Role.RESPONDER, Kind.MESH),
        (name(3), Role.INITIATOR, Kind.MESH),
    ]
    for (_, order), peer in zip(orders, (3, 1), strict=True):
        order.peer.require()
        assert order.peer.leaf == leaf(peer)
        assert (order.peer.at.leaves, order.own_epoch) == (3, 1)
    assert orders[0][1].tunnel == orders[1][1].tunnel


def test_nobody_gets_a_neighbor_that_was_not_asked_for() -> None:
    bench = joined(20)
    assert opened(bench.run(START + 5 * SCHEDULE.period_ms)) == []


def test_a_tunnel_forwards_only_between_its_two_ends() -> None:
    bench = joined(3)
    (_, order), _ = opened(bench.receive(wanting(2, 1, at_ms=bench.now_ms)))
    data = TunnelMessage(order.tunnel, 1, b"anything").encode()
    there, back = message(1, Notification.TUNNEL, data), message(2, Notification.TUNNEL, data)
    assert bench.receive(there) == [forwarded(there, 2, bench.now_ms)]
    assert bench.receive(back) == [forwarded(back, 1, bench.now_ms)]
    assert refusals(bench.receive(message(3, Notification.TUNNEL, data))) == ["NOT_AN_END"]


def test_a_tunnel_stays_usable_when_its_seed_stands() -> None:
    bench = operating(everybody(7))
    data = TunnelMessage(TunnelId(1002), 9, b"later").encode()
    said = message(2, Notification.TUNNEL, data)
    assert bench.receive(said) == [forwarded(said, 1, START)]


# Entering


def test_a_gateway_is_in_when_its_own_handshakes_are_done_and_it_has_enough_edges() -> None:
    bench = meshed(7)
    mine = open_tunnels(bench, 7)
    effects = entering(bench, 7)
    records = [effect.record for effect in effects if isinstance(effect, Store)]
    assert [r.tunnel for r in records if isinstance(r, EdgeRecord) and r.state is EdgeState.STANDING] == mine
    assert [r for r in records if isinstance(r, MemberRecord)] == [member(7)]
    assert effects[-1] == Notice("client 7 has entered")


def test_a_gateway_that_has_fewer_neighbors_than_masks_is_not_in() -> None:
    bench = meshed(3)
    for client in (2, 3):
        entering(bench, client)
    assert {bench.state(client) for client in (1, 2, 3)} == {MemberState.JOINING}


def test_a_gateway_that_has_fewer_than_half_of_a_mesh_is_not_in() -> None:
    bench = joined(12)
    bench.receive(wanting(12, 1, 2, 3, 4, 5, at_ms=bench.now_ms))
    entering(bench, 12)
    assert bench.state(12) is MemberState.JOINING
    bench.receive(wanting(12, 6, at_ms=bench.now_ms + 1), at_ms=bench.now_ms + 1)
    entering(bench, 12)
    assert bench.state(12) is MemberState.PRESENT


def test_a_repeated_report_of_standing_seeds_changes_nothing() -> None:
    bench = meshed(7)
    tunnels = tuple(open_tunnels(bench, 7))
    entering(bench, 7)
    report = Entered(tunnels, ()).encode()
    assert bench.receive(message(7, Notification.ENTERED, report, at_ms=bench.now_ms + 1)) == []


def test_a_network_operates_as_soon_as_enough_are_in() -> None:
    bench = meshed(5)
    tunnels = {tunnel for client in range(1, 6) for tunnel in open_tunnels(bench, client)}
    for client in range(1, 6):
        entering(bench, client)
    effects = bench.tick(DEADLINE)
    assert published(effects)[0] is Notification.FINAL
    assert len(bench.last.expected) == 5
    assert len(tunnels) == 10
    assert set(bench.last.started) == tunnels == bench.edges(EdgeState.STARTED)
    roster = bench.machine.networks[NETWORK].rosters.current
    assert roster is not None
    assert (bench.last.epoch, bench.last.root) == (1, roster.root)


def test_a_network_that_is_too_small_says_how_many_it_waits_for_once() -> None:
    bench = meshed(4)
    for client in range(1, 5):
        entering(bench, client)
    notices = [e for e in bench.run(START + 5 * SCHEDULE.period_ms) if isinstance(e, Notice)]
    assert notices == [Notice("network 7 waits: 4 of at least 5 members")]
    assert bench.contents.final is None
