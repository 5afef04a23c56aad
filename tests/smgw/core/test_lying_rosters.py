"""A provider that lies about who is a member, or about who has left: the owner reads why, and no reading leaves.

Source: docs/protocol.md, "Roster", "Draw".
"""

from collections.abc import Iterable
from dataclasses import replace

from common.agreement import CONFIRM, HELLO, REPLY, Ends, Initiator, Introduction, Responder
from common.draws import VALUES, counter_limit
from common.frames import Frame, Notification, decode
from common.identifiers import ClientId, TunnelId
from common.payloads import Resumed
from common.roster import Leaf
from common.schedule import DAY_MS
from common.secret import Secret
from common.signing import Direction, Identity
from common.tunnels import Departure, End, Kind, Role, TunnelMessage, TunnelOpen
from smgw.core.events import Connected, Disconnected, ReadingTaken, RevocationsRenewed
from tests.provider.core.certified import certificate, identity, revocations
from tests.smgw.core.builders import after, before, valid
from tests.smgw.core.relay import Household, Relay, honest
from tests.smgw.core.rosters import NETWORK, PARAMETERS, PROVIDER, ROUND, SCHEDULE, leaf, values

COUNT = 30
FAKE = 5_000
"""Keys from here on are the provider's own: the roster may hold them, and no certificate names them."""


def house(relay: Relay, number: int) -> Household:
    return relay.households[ClientId(number)]


def fake(number: int) -> Leaf:
    return Leaf(ClientId(number), identity(FAKE + number).public_key, bytes(32), 1)


def with_fakes(*gateways: int) -> Relay:
    """A network of thirty, of which only these are gateways; all the others are the provider's inventions."""
    return Relay([leaf(number) if number in gateways else fake(number) for number in range(1, COUNT + 1)])


def drawn_by(each: Household) -> set[ClientId]:
    return {slot.client for slot in each.kept.slots}


# Rosters that leave out, shrink, or differ


def test_a_roster_that_omits_most_members_gives_no_neighbors() -> None:
    relay = honest(5)
    for number in range(1, 6):
        relay.join(number)
        relay.tell(ClientId(number), RevocationsRenewed(revocations(2, valid=11)))
    relay.wait(25_000)
    for each in relay.households.values():
        assert each.peers == set()
        assert each.alarms == [
            "The roster holds 5 of 11 gateways with a valid certificate; this gateway draws no neighbors before it"
            " holds half."
        ]
    assert relay.asked == []


def test_members_that_a_later_roster_leaves_out_are_missed_and_the_first_one_stays() -> None:
    relay = honest(8)
    for number in range(1, 9):
        relay.join(number)
    relay.wait(25_000)
    relay.leaves = relay.leaves[:7]
    relay.announce(relay.roster())
    relay.wait(1_000)
    for number, each in relay.households.items():
        assert each.refused == ["ROSTER_SHRINKS"]
        assert "members were left out or exchanged" in each.alarms[0]
        assert each.peers == set(range(1, 9)) - {number}


def test_two_rosters_for_one_gateway_are_noticed_and_the_first_one_stays() -> None:
    relay = honest(COUNT)
    victim = relay.join(7)
    relay.wait(1_000)
    drawn = drawn_by(victim)
    relay.announce(with_fakes(2, 7).rosters[0], [7])
    relay.wait(1_000)
    assert victim.refused == ["TWO_ROSTERS"]
    assert "two different rosters of epoch 1" in victim.alarms[0]
    assert drawn_by(victim) == drawn


def split_view() -> tuple[Relay, Relay, ClientId]:
    """Client 1 knows the true network; one whom it drew was shown a roster of itself, client 1, and inventions."""
    truth = honest(COUNT)
    truth.join(1)
    truth.wait(25_000)
    victim = min(drawn_by(house(truth, 1)))
    lie = with_fakes(1, victim)
    truth.join(victim, lie=lie)
    truth.wait(1_000)
    return truth, lie, victim


def open_between(truth: Relay, lie: Relay, victim: ClientId) -> None:
    """Open the tunnel that client 1 asked for, and tell the victim of it in the roster of `lie`."""
    truth.wait(25_000)
    tunnel = TunnelId(9_000)
    truth.ends[tunnel] = (ClientId(1), victim)
    for own, other, role, view in [(victim, 1, Role.RESPONDER, lie), (1, victim, Role.INITIATOR, truth)]:
        order = TunnelOpen(tunnel, role, Kind.DRAW, 1, view.proof(ClientId(other), view.rosters[0].at))
        truth.order(ClientId(own), Notification.TUNNEL_OPEN, order.encode())
    truth.wait(25_000)


def test_two_gateways_that_were_shown_different_rosters_do_not_agree() -> None:
    truth, lie, victim = split_view()
    open_between(truth, lie, victim)
    assert house(truth, 1).peers | house(truth, victim).peers == set()
    text = f"No seed was agreed with client {victim}: the key agreement in the tunnel does not hold."
    assert text in house(truth, 1).alarms


def test_a_gateway_refuses_a_tunnel_in_another_roster_than_it_was_shown() -> None:
    truth, _, victim = split_view()
    open_between(truth, truth, victim)
    assert house(truth, 1).peers | house(truth, victim).peers == set()
    assert "two different rosters of epoch 1" in house(truth, victim).alarms[0]


# A gateway surrounded by the provider's own few


def answer_for(relay: Relay, key: Identity, papers: bytes, raw: bytes) -> bytes:
    """Message 2 of an invented member."""
    frame, said = decode(raw).frame, TunnelMessage.decode(decode(raw).frame.data)
    _, responder = relay.ends[said.tunnel]
    ends = Ends(NETWORK, said.tunnel, Kind.DRAW, relay.rosters[0].at, leaf(frame.client), relay.leaves[responder - 1])
    body = Responder(ends, Secret(b"\x07" * 32)).reply(said.body, Introduction(papers))
    data = TunnelMessage(said.tunnel, REPLY, body).encode()
    return Frame(NETWORK, responder, relay.now_ms, Notification.TUNNEL, data).signed(key, Direction.UP)


def falls_to(relay: Relay, colluder: int, victim: ClientId) -> bytes:
    """The opening of a slot that the provider's own gateway chose so that it falls to the victim."""
    at = relay.rosters[0].at
    for counter in range(counter_limit(at.leaves, at.live, PARAMETERS.draws) + 1):
        for slot in range(VALUES):
            if values(colluder).drawn(slot, counter, at.root, at.leaves) == victim - 1:
                return values(colluder).open(slot, counter).encode()
    raise AssertionError("one of so many draws falls to everybody")


def force_upon(relay: Relay, colluder: int, victim: ClientId, posed: Leaf | None = None) -> TunnelId:
    """Let the provider's own gateway, which has a certificate, become a neighbor of the victim, if it goes along."""
    own, at = posed or leaf(colluder), relay.rosters[0].at
    tunnel = TunnelId(8_000 + own.client)
    order = TunnelOpen(tunnel, Role.RESPONDER, Kind.DRAW, 1, relay.proof(own.client, at))
    relay.order(victim, Notification.TUNNEL_OPEN, order.encode())
    relay.deliver()
    initiator = Initiator(Ends(NETWORK, tunnel, Kind.DRAW, at, own, leaf(victim)), Secret(b"\x08" * 32))
    relay.ends[tunnel] = (own.client, victim)
    relay.heard.clear()
    say(relay, identity(colluder), own.client, victim, TunnelMessage(tunnel, HELLO, initiator.hello))
    if not relay.heard:
        return tunnel
    initiator.meet(TunnelMessage.decode(decode(relay.heard[-1]).frame.data).body)
    opening = falls_to(relay, colluder, victim)
    papers = Introduction(certificate(colluder), day=relay.now_ms // DAY_MS - 1, opening=opening)
    say(relay, identity(colluder), own.client, victim, TunnelMessage(tunnel, CONFIRM, initiator.confirm(papers)))
    return tunnel


def say(relay: Relay, key: Identity, sender: ClientId, to: ClientId, said: TunnelMessage) -> None:
    frame = Frame(NETWORK, sender, relay.now_ms, Notification.TUNNEL, said.encode())
    relay.post(to, frame.signed(key, Direction.UP))
    relay.deliver()


def surrounded() -> tuple[Relay, ClientId]:
    """A gateway with edges to three of the provider's own, expected with them; whom it drew are inventions."""
    victim = ClientId(30)
    relay = with_fakes(1, 2, 3, victim)
    relay.now_ms = SCHEDULE.start(before(ROUND, 2))
    relay.forward = lambda raw, _, other, said: answers(relay, raw, other, said)
    relay.join(victim)
    relay.wait(25_000)
    tunnels = [force_upon(relay, colluder, victim) for colluder in (1, 2, 3)]
    assert house(relay, victim).peers == {1, 2, 3}
    relay.now_ms = SCHEDULE.deadline(before(ROUND), 0)
    relay.final(ROUND - 1, {victim, 1, 2, 3, 4}, tunnels)
    return relay, victim


def answers(relay: Relay, raw: bytes, other: ClientId, said: TunnelMessage) -> Iterable[tuple[ClientId, bytes]]:
    """Forward to gateways; answer in the name of inventions, with the one certificate that the provider has."""
    if other in relay.households:
        return [(other, raw)]
    sender = decode(raw).frame.client
    papers = certificate(1)
    return [(sender, answer_for(relay, identity(FAKE + other), papers, raw))] if said.step == HELLO else []


def reports(relay: Relay, victim: ClientId) -> list[str]:
    """What the gateway refuses, and whether it sends, in `ROUND`."""
    each = house(relay, victim)
    each.refused.clear()
    relay.heard.clear()
    relay.wait(SCHEDULE.start(ROUND) - relay.now_ms)
    relay.tell(victim, ReadingTaken(valid()))
    relay.wait(SCHEDULE.window_ms)
    return each.refused


def test_a_gateway_among_inventions_and_three_of_the_providers_own_sends_nothing() -> None:
    relay, victim = surrounded()
    assert "TOO_FEW_DRAWN" in reports(relay, victim)
    assert house(relay, victim).kept.sent == ()
    told = house(relay, victim).alarms
    why = "its certificate is for another name, region, role or key"
    invented = drawn_by(house(relay, victim)) - {ClientId(1), ClientId(2), ClientId(3)}
    assert {f"No seed was agreed with client {number}: {why}." for number in invented} <= set(told)
    reason = "too few of the neighbors that the gateway drew are among those who mask with it"
    assert f"The reading of round {ROUND} was not sent: {reason}." in told


def posing(relay: Relay, colluder: int, number: ClientId) -> tuple[Relay, Leaf]:
    """A roster of another epoch, which nobody ever saw, with the colluder's key under this number."""
    lie = Leaf(number, identity(colluder).public_key, values(colluder).root, 1)
    leaves = [lie if number == place else true for place, true in enumerate(relay.leaves, 1)]
    invented = Relay(leaves)
    invented.rosters[0] = replace(invented.rosters[0], at=replace(invented.rosters[0].at, epoch=900 + number))
    invented.households, invented.now_ms = relay.households, relay.now_ms
    return invented, lie


def test_one_gateway_of_the_providers_does_not_count_as_many_under_numbers_that_were_drawn() -> None:
    """It poses as each of those who were drawn, and then leaves in its name, so that the slot falls to another one."""
    relay = honest(COUNT)
    relay.is_opening = False
    victim = relay.join(29)
    relay.wait(1_000)
    slots = victim.kept.slots
    for number in sorted(drawn_by(victim) - {ClientId(1)}):
        invented, lie = posing(relay, 1, number)
        force_upon(invented, 1, ClientId(29), lie)
        leaving = Frame(NETWORK, number, relay.now_ms, Notification.EXIT).signed(identity(1), Direction.UP)
        relay.post(ClientId(29), leaving)
        departure = Departure(invented.proof(number, invented.rosters[0].at), End.EXIT, leaving)
        relay.order(ClientId(29), Notification.DEPARTED, departure.encode())
        relay.deliver()
    assert victim.peers == set()
    assert set(victim.refused) == {"UNKNOWN_ROSTER", "TUNNEL_CLOSED", "BAD_DRAW"}
    assert victim.kept.slots == slots


# Drawing again until the outcome is liked


def established() -> tuple[Relay, Household]:
    """A gateway with started edges to all that it drew."""
    relay = honest(COUNT)
    relay.now_ms = SCHEDULE.start(before(ROUND, 2))
    for number in range(1, COUNT + 1):
        relay.join(number)
    relay.wait(25_000)
    victim = house(relay, 7)
    assert drawn_by(victim) <= victim.peers
    relay.now_ms = SCHEDULE.deadline(before(ROUND, 2), 0)
    relay.final(ROUND - 2, range(1, COUNT + 1), [edge.tunnel for edge in victim.kept.edges])
    assert all(edge.is_started for edge in victim.kept.edges)
    return relay, victim


def false_departures(relay: Relay, victim: Household) -> None:
    """Say of everybody whom it drew that they left, with whatever evidence a provider can have."""
    for client in drawn_by(victim):
        exiting = Frame(NETWORK, client, relay.now_ms, Notification.EXIT)
        for end, evidence in [
            (End.EXIT, exiting.signed(PROVIDER, Direction.UP)),
            (End.EXIT, exiting.signed(PROVIDER, Direction.DOWN)),
            (End.CERTIFICATE, certificate(client)),
            (End.CERTIFICATE, certificate(client, by=301_000)),
        ]:
            departure = Departure(relay.proof(client, relay.rosters[0].at), end, evidence)
            relay.order(ClientId(7), Notification.DEPARTED, departure.encode())
    relay.deliver()


def test_a_gateway_that_is_cut_off_draws_one_other_neighbor_and_then_no_more_whatever_is_tried() -> None:
    relay, victim = established()
    before_all = {slot.number for slot in victim.kept.slots}
    for turn in range(12):
        relay.now_ms = SCHEDULE.deadline(after(ROUND, turn), 0)
        relay.final(ROUND + turn, {7, 29, 30})
        false_departures(relay, victim)
        relay.order(ClientId(7), Notification.RESUMED, Resumed(()).encode())
        relay.tell(ClientId(7), Disconnected())
        relay.tell(ClientId(7), Connected())
        relay.leaves.append(leaf(COUNT + 1 + turn))
        relay.rosters.append(relay.roster())
        relay.announce(relay.rosters[-1], [7])
        relay.deliver()
        if turn == 6:
            told = victim.told
            relay.join(7, victim.kept)
            victim = house(relay, 7)
            victim.told[:0] = told
            relay.deliver()
    now = {slot.number for slot in victim.kept.slots}
    assert len(before_all - now) == 1
    assert any("The provider has cut this gateway off from" in text for text in victim.alarms)
    assert any("It draws no others" in text for text in victim.alarms)


def test_false_departures_end_no_slot() -> None:
    relay, victim = established()
    slots = victim.kept.slots
    false_departures(relay, victim)
    assert set(victim.refused) == {"BAD_SIGNATURE", "UNEXPECTED", "BAD_CERTIFICATE"}
    assert victim.kept.slots == slots
