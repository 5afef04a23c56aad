"""A provider that lies in tunnels: no edge comes to stand, the owner reads why, and the others get their seeds.

The provider relays every message, so it may change, withhold, repeat, exchange and make up what it likes. What it
cannot make are signatures of gateways and certificates of the administrator. Lies about rosters are in
`test_lying_rosters`. Source: docs/protocol.md, "Key agreement", "Draw".
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from common.agreement import CONFIRM, HELLO, REPLY, STORED, Ends, Introduction, Responder
from common.certificates import Role as Party
from common.frames import Frame, Notification, decode
from common.identifiers import ClientId, TunnelId
from common.secret import Secret
from common.signing import Direction
from common.tunnels import DrawnMember, Kind, Role, TunnelMessage, TunnelOpen
from tests.provider.core.certified import certificate, identity
from tests.smgw.core.builders import START
from tests.smgw.core.relay import Forward, Household, Relay, honest, honestly
from tests.smgw.core.rosters import NETWORK, PROVIDER, leaf

COUNT = 5
VICTIM, PEER = ClientId(5), ClientId(2)
"""In a mesh the higher client asks, so the victim speaks first."""

PUPPET = 700
"""The provider's own key pair, for which it has no certificate."""

FOREIGN = 301_000
"""An authority that is not the administrator."""


def mesh(forward: Forward = honestly) -> Relay:
    """Five gateways that have all registered, with a provider that forwards like this."""
    relay = honest(COUNT)
    relay.forward = forward
    for number in range(1, COUNT + 1):
        relay.join(number)
    relay.wait(25_000)
    return relay


def between(sender: ClientId, other: ClientId) -> bool:
    """Whether a frame passes between the two whom the provider lies to."""
    return {sender, other} == {VICTIM, PEER}


def house(relay: Relay, number: int) -> Household:
    return relay.households[ClientId(number)]


def no_seed_with(number: int, why: str) -> str:
    return f"No seed was agreed with client {number}: {why}."


def require_apart(relay: Relay, *, victim_reads: str | None = None, peer_reads: str | None = None) -> None:
    """The two have no seed of each other, everybody else has all of them, and the owners read this and nothing else."""
    everybody = set(range(1, COUNT + 1))
    for number in everybody:
        lacking = {VICTIM: {PEER}, PEER: {VICTIM}}.get(ClientId(number), set())
        assert house(relay, number).peers == everybody - {number} - lacking, f"client {number}"
    assert house(relay, VICTIM).alarms == ([victim_reads] if victim_reads else [])
    assert house(relay, PEER).alarms == ([peer_reads] if peer_reads else [])


def test_an_honest_provider_brings_everybody_a_seed_with_everybody() -> None:
    relay = mesh()
    for number, each in relay.households.items():
        assert each.peers == set(range(1, COUNT + 1)) - {number}
        assert each.alarms == []
        for edge in each.kept.edges:
            others = {theirs.tunnel: theirs.seed for theirs in relay.households[edge.peer].kept.edges}
            assert others[edge.tunnel] == edge.seed


# In the middle


def answer_as(said: TunnelMessage, leaf_key: int, papers: bytes) -> bytes:
    """Message 2, made by the provider itself with whatever certificate it has."""
    ends = Ends(NETWORK, said.tunnel, Kind.MESH, honest(COUNT).rosters[0].at, leaf(VICTIM), leaf(PEER))
    body = Responder(ends, Secret(b"\x07" * 32)).reply(said.body, Introduction(papers))
    data = TunnelMessage(said.tunnel, REPLY, body).encode()
    return Frame(NETWORK, PEER, START, Notification.TUNNEL, data).signed(identity(leaf_key), Direction.UP)


def in_the_middle(raw: bytes, sender: ClientId, other: ClientId, said: TunnelMessage) -> list[tuple[ClientId, bytes]]:
    """Answer the victim with a key of the provider's own, in the name of the other end."""
    if not between(sender, other):
        return [(other, raw)]
    return [(VICTIM, answer_as(said, PUPPET, certificate(PEER)))] if said.step == HELLO else []


def test_a_provider_in_the_middle_cannot_sign_for_the_other_end() -> None:
    require_apart(mesh(in_the_middle), victim_reads=no_seed_with(PEER, "its signature does not hold"))


@pytest.mark.parametrize(
    ("papers", "why"),
    [
        (certificate(PEER), "its certificate is for another name, region, role or key"),
        (certificate(PUPPET, by=FOREIGN), "its certificate is not one of the gateway administrator's"),
        (certificate(PUPPET, role=Party.PROVIDER), "its certificate is for another name, region, role or key"),
        (certificate(PUPPET, region="south"), "its certificate is for another name, region, role or key"),
        (b"no certificate", "its certificate is not one of the gateway administrator's"),
    ],
    ids=["the peer's", "another authority's", "the provider's", "another region's", "none"],
)
def test_a_provider_that_puts_its_own_key_into_the_roster_has_no_certificate_for_it(papers: bytes, why: str) -> None:
    relay = honest(COUNT)
    lie = replace(leaf(PEER), public_key=identity(PUPPET).public_key)
    relay.leaves[PEER - 1] = lie
    relay.rosters = []
    relay.rosters.append(relay.roster())

    def middle(raw: bytes, sender: ClientId, other: ClientId, said: TunnelMessage) -> Iterable[tuple[ClientId, bytes]]:
        if not between(sender, other):
            return [(other, raw)]
        ends = Ends(NETWORK, said.tunnel, Kind.MESH, relay.rosters[0].at, leaf(VICTIM), lie)
        body = Responder(ends, Secret(b"\x07" * 32)).reply(said.body, Introduction(papers))
        data = TunnelMessage(said.tunnel, REPLY, body).encode()
        return [(VICTIM, Frame(NETWORK, PEER, START, Notification.TUNNEL, data).signed(identity(PUPPET), Direction.UP))]

    relay.forward = middle
    for number in (1, 3, 4, 5):
        relay.join(number)
    relay.wait(25_000)
    assert no_seed_with(PEER, why) in house(relay, VICTIM).alarms
    assert house(relay, VICTIM).peers == {1, 3, 4}


def test_a_provider_that_shows_another_leaf_than_the_rosters_is_refused_at_once() -> None:
    relay = honest(COUNT)
    true_proof = relay.proof
    for number in range(1, COUNT + 1):
        relay.join(number)
    lie = replace(leaf(PEER), public_key=identity(PUPPET).public_key)
    for own, other in [(VICTIM, replace(true_proof(PEER, relay.rosters[0].at), leaf=lie))]:
        order = TunnelOpen(TunnelId(9), Role.INITIATOR, Kind.MESH, 1, other)
        relay.order(own, Notification.TUNNEL_OPEN, order.encode())
    relay.wait(25_000)
    assert "BAD_DRAW" in house(relay, VICTIM).refused
    assert house(relay, VICTIM).peers == {1, 2, 3, 4}


# Exchanged, reflected, repeated, cut off, mixed


def reflected(raw: bytes, sender: ClientId, other: ClientId, _said: TunnelMessage) -> list[tuple[ClientId, bytes]]:
    """Send everything back to whom it comes from."""
    return [(sender if between(sender, other) else other, raw)]


def test_what_is_reflected_is_the_gateways_own_signature_and_not_the_other_ends() -> None:
    require_apart(mesh(reflected), victim_reads=no_seed_with(PEER, "its signature does not hold"))


def swapped(raw: bytes, sender: ClientId, other: ClientId, said: TunnelMessage) -> list[tuple[ClientId, bytes]]:
    """Bring what client 3 answers to the victim in the place of what the peer answers, and the other way round."""
    if sender == PEER and other == VICTIM and said.step == REPLY:
        return []
    if sender == 3 and other == VICTIM and said.step == REPLY:
        moved = TunnelMessage(TunnelId(said.tunnel - 1), said.step, said.body).encode()
        frame = decode(raw).frame
        return [(other, raw), (VICTIM, replace(frame, data=moved).signed(PROVIDER, Direction.UP))]
    return [(other, raw)]


def test_the_answer_of_another_member_does_not_pass_for_the_peers() -> None:
    require_apart(mesh(swapped), victim_reads=no_seed_with(PEER, "its signature does not hold"))


@pytest.mark.parametrize("step", [HELLO, REPLY, CONFIRM])
def test_a_message_that_was_cut_off_is_not_the_other_ends(step: int) -> None:
    def truncated(raw: bytes, sender: ClientId, other: ClientId, said: TunnelMessage) -> list[tuple[ClientId, bytes]]:
        if not between(sender, other) or said.step != step:
            return [(other, raw)]
        frame = decode(raw).frame
        short = replace(frame, data=frame.data[:-1]).unsigned() + raw[-64:]
        return [(other, short)]

    reads = no_seed_with(PEER if step == REPLY else VICTIM, "its signature does not hold")
    relay = mesh(truncated)
    require_apart(relay, **{"victim_reads" if step == REPLY else "peer_reads": reads})


def test_a_last_message_that_is_withheld_leaves_the_initiator_without_a_seed_and_reports_that() -> None:
    def withheld(raw: bytes, sender: ClientId, other: ClientId, said: TunnelMessage) -> list[tuple[ClientId, bytes]]:
        return [] if between(sender, other) and said.step == STORED else [(other, raw)]

    relay = mesh(withheld)
    assert house(relay, VICTIM).peers == {1, 3, 4}
    assert house(relay, PEER).peers == {1, 3, 4, 5}, "it stored the seed before it said so; no FINAL ever starts it"
    assert not any(edge.is_started for edge in house(relay, PEER).kept.edges)


def test_an_old_handshake_says_nothing_in_a_new_tunnel() -> None:
    relay = mesh()
    old = [raw for raw in relay.heard if decode(raw).frame.client in {VICTIM, PEER}]
    victim = house(relay, VICTIM)
    for edge in victim.kept.edges:
        if edge.peer == PEER:
            victim.member.situation.erase(edge.tunnel)
    victim.kept = replace(victim.kept, edges=tuple(edge for edge in victim.kept.edges if edge.peer != PEER))
    relay.forward = lambda *_: [(VICTIM, raw) for raw in old] + [(PEER, raw) for raw in old]
    relay.open(VICTIM, PEER, epoch=1)
    relay.wait(25_000)
    assert victim.peers == {1, 3, 4}
    assert set(victim.refused) <= {"TUNNEL_CLOSED", "BAD_SIGNATURE", "REPEATED"}


def test_an_old_handshake_does_not_pass_in_a_tunnel_of_the_same_number() -> None:
    relay = mesh()
    (tunnel,) = (edge.tunnel for edge in house(relay, VICTIM).kept.edges if edge.peer == PEER)
    old = [raw for raw in relay.heard if TunnelMessage.decode(decode(raw).frame.data).tunnel == tunnel]
    fresh = honest(COUNT)
    for number in (VICTIM, PEER):
        fresh.join(number)
    fresh.forward = lambda *_: []
    fresh.ends[tunnel] = (VICTIM, PEER)
    for role, own, other in [(Role.RESPONDER, PEER, VICTIM), (Role.INITIATOR, VICTIM, PEER)]:
        order = TunnelOpen(tunnel, role, Kind.MESH, 1, fresh.proof(other, fresh.rosters[0].at))
        fresh.order(own, Notification.TUNNEL_OPEN, order.encode())
    for raw in old:
        fresh.post(VICTIM if decode(raw).frame.client == PEER else PEER, raw)
    fresh.wait(25_000)
    assert house(fresh, VICTIM).peers | house(fresh, PEER).peers == set()
    assert no_seed_with(PEER, "the key agreement in the tunnel does not hold") in house(fresh, VICTIM).alarms


def told_apart(relay: Relay, lie: Callable[[TunnelOpen], TunnelOpen]) -> None:
    """Open a tunnel, and tell the peer of it something else than the victim."""
    tunnel, at = TunnelId(9_000), relay.rosters[0].at
    relay.ends[tunnel] = (VICTIM, PEER)
    true = TunnelOpen(tunnel, Role.RESPONDER, Kind.MESH, 1, relay.proof(VICTIM, at))
    relay.order(PEER, Notification.TUNNEL_OPEN, lie(true).encode())
    order = TunnelOpen(tunnel, Role.INITIATOR, Kind.MESH, 1, relay.proof(PEER, at))
    relay.order(VICTIM, Notification.TUNNEL_OPEN, order.encode())
    relay.wait(25_000)


def strangers() -> Relay:
    """The two alone, whom the provider has not brought together yet."""
    relay = honest(COUNT)
    relay.redirect = lambda _, __: ClientId(1)
    for number in (PEER, VICTIM):
        relay.join(number)
    relay.deliver()
    return relay


@pytest.mark.parametrize(
    "lie",
    [lambda order: replace(order, own_epoch=2), lambda order: replace(order, kind=Kind.RENEWAL)],
    ids=["own epoch", "kind"],
)
def test_two_ends_that_are_told_different_things_do_not_agree(lie: Callable[[TunnelOpen], TunnelOpen]) -> None:
    relay = strangers()
    told_apart(relay, lie)
    assert house(relay, VICTIM).peers | house(relay, PEER).peers == set()
    assert no_seed_with(PEER, "the key agreement in the tunnel does not hold") in house(relay, VICTIM).alarms


def test_two_ends_that_both_shall_speak_first_do_not_agree() -> None:
    relay = strangers()
    told_apart(relay, lambda order: replace(order, role=Role.INITIATOR))
    assert house(relay, VICTIM).peers | house(relay, PEER).peers == set()
    assert "the provider proposed a neighbor of its own choice" in " ".join(house(relay, PEER).alarms).lower()


def test_messages_of_two_tunnels_of_one_pair_do_not_mix() -> None:
    relay = strangers()
    first = relay.open(VICTIM, PEER, epoch=1)
    second = relay.open(PEER, VICTIM, epoch=1, kind=Kind.RENEWAL)

    def mixed(raw: bytes, _sender: ClientId, other: ClientId, said: TunnelMessage) -> list[tuple[ClientId, bytes]]:
        if said.step in {HELLO, STORED}:
            return [(other, raw)]
        swap = {first: second, second: first}[said.tunnel]
        moved = TunnelMessage(swap, said.step, said.body).encode()
        return [(other, replace(decode(raw).frame, data=moved).unsigned() + raw[-64:])]

    relay.forward = mixed
    relay.wait(25_000)
    assert house(relay, VICTIM).peers | house(relay, PEER).peers == set()
    assert house(relay, VICTIM).alarms == [no_seed_with(PEER, "its signature does not hold")]
    assert house(relay, PEER).alarms == [no_seed_with(VICTIM, "its signature does not hold")]


def test_toward_one_neighbor_a_gateway_speaks_in_one_tunnel_at_a_time() -> None:
    relay = strangers()
    tunnels = [relay.open(VICTIM, PEER, epoch=1) for _ in range(3)]
    relay.deliver()
    victim = house(relay, VICTIM)
    assert victim.refused[-2:] == ["REPEATED", "REPEATED"]
    assert [edge.tunnel for edge in victim.kept.edges if edge.peer == PEER] == tunnels[:1]


# Its own choice


def test_a_provider_that_proposes_its_own_choice_is_refused_and_reported_and_the_others_agree() -> None:
    relay = honest(30)
    colluder = ClientId(30)

    def choosing(asker: ClientId, drawn: DrawnMember) -> ClientId:
        is_lied_to = asker == VICTIM and drawn.client % 2 and drawn.client != colluder
        return colluder if is_lied_to else drawn.client

    relay.redirect = choosing
    for number in range(1, 31):
        relay.join(number)
    relay.wait(25_000)
    victim = house(relay, VICTIM)
    drawn = {slot.client for slot in victim.kept.slots}
    replaced = {client for client in drawn if client % 2 and client != colluder}
    assert replaced
    assert colluder not in drawn
    text = "The provider proposed a neighbor of its own choice, client 30, which this gateway did not draw."
    assert set(victim.alarms) == {text}
    assert drawn - replaced <= victim.peers
    drew_victim = {n for n, each in relay.households.items() if VICTIM in {slot.client for slot in each.kept.slots}}
    assert victim.peers - drawn <= drew_victim


def test_a_responder_wants_to_see_that_it_was_drawn() -> None:
    """The other end is the provider's gateway: with a good certificate, and no slot that fell to the victim."""
    relay = honest(30)
    colluder = relay.join(1)
    relay.wait(25_000)
    slot, *_ = colluder.kept.slots
    victim = next(ClientId(n) for n in range(2, 31) if n not in {slot.client for slot in colluder.kept.slots})
    relay.join(victim)
    colluder.member.situation.slots[slot.number] = replace(slot, client=victim)
    relay.open(ClientId(1), victim, epoch=1)
    relay.wait(25_000)
    assert house(relay, victim).peers == set()
    assert house(relay, victim).alarms == [no_seed_with(1, "nothing proves that the neighbor was drawn")]


def test_a_renewal_makes_no_neighbors_of_strangers() -> None:
    relay = strangers()
    relay.open(VICTIM, PEER, epoch=1, kind=Kind.RENEWAL)
    relay.wait(25_000)
    assert house(relay, VICTIM).peers | house(relay, PEER).peers == set()
    assert no_seed_with(PEER, "nothing proves that the neighbor was drawn") in house(relay, VICTIM).alarms


def test_a_renewal_brings_back_the_seed_that_one_end_has_lost() -> None:
    relay = mesh()
    relay.join(PEER)
    relay.open(VICTIM, PEER, epoch=1, kind=Kind.RENEWAL)
    relay.wait(1_000)
    renewed = [edge.tunnel for edge in house(relay, PEER).kept.edges if edge.peer == VICTIM]
    assert renewed
    assert set(renewed) <= {edge.tunnel for edge in house(relay, VICTIM).kept.edges}
