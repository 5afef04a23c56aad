"""What makes members neighbors, taken apart."""

import pytest

from common.frames import Frame, Notification
from common.identifiers import EVERYONE, ClientId, NetworkId, RoundNumber, TunnelId
from common.merkle import Tree
from common.parameters import Parameters
from common.payloads import ClockAnswer, Registration
from common.refusal import RefusedError
from common.roster import NO_PREDECESSOR, Leaf, LeafPart, Roster, RosterRoot
from common.schedule import Schedule
from common.suites import BASIC
from common.tunnels import Departure, Drawn, DrawnMember, End, Kind, MemberProof, Role, TunnelOpen
from launcher.decoding import data_fields
from launcher.fields import Field, Value
from tests.launcher.papers import CERTIFICATE, REVOCATIONS

RULES = Parameters(BASIC.code, "north", Schedule(900_000, 60_000, 30_000, 60_000, 3))
LEAVES = tuple(Leaf(ClientId(client), bytes([client]) * 32, bytes([client + 100]) * 32, 1) for client in (1, 2, 3))
TREE = Tree(leaf.encode() for leaf in LEAVES)
AT = RosterRoot(1, 3, 2, TREE.root())
PROOF = MemberProof(AT, LEAVES[1], tuple(TREE.path(1)))
ROSTER = Roster(AT, RoundNumber(50), NO_PREDECESSOR, RULES, (), LEAVES)


def fields_of(notification: Notification, data: bytes) -> dict[str, Field]:
    return {field.name: field for field in data_fields(Frame(NetworkId(7), EVERYONE, 0, notification, data))}


def values_of(notification: Notification, data: bytes) -> dict[str, Value]:
    return {name: field.value for name, field in fields_of(notification, data).items()}


def test_a_roster_shows_its_head_its_rules_and_its_members() -> None:
    shown = fields_of(Notification.ROSTER, ROSTER.encode())
    head = [shown[name].value for name in ("epoch", "leaves", "live", "root", "first_round", "name")]
    assert head == [1, 3, 2, AT.root.hex(), 50, ROSTER.name.hex()]
    assert shown["predecessor"].note == "the first epoch"
    assert (shown["region"].value, shown["period_ms"].value, shown["draws"].value) == ("north", 900_000, 6)
    listed = shown["listed"].value
    assert isinstance(listed, list)
    assert len(listed) == 3
    assert listed[1] == f"client 2, key {'02' * 32}, draws {'66' * 32}, since epoch 1"


def test_members_of_a_larger_network_are_listed_in_parts() -> None:
    late = Leaf(ClientId(129), bytes(32), bytes(32), 2)
    shown = fields_of(Notification.LEAVES, LeafPart(1, (late,)).encode())
    assert (shown["part"].value, shown["part"].note) == (1, "from client 129 on")
    assert shown["listed"].value == [f"client 129, key {'00' * 32}, draws {'00' * 32}, since epoch 2"]


def test_a_tunnel_that_is_opened_shows_the_other_end_and_its_proof() -> None:
    data = TunnelOpen(TunnelId(5), Role.RESPONDER, Kind.DRAW, 4, PROOF).encode()
    shown = values_of(Notification.TUNNEL_OPEN, data)
    assert shown["tunnel"] == "0000000000000005"
    assert (shown["role"], shown["kind"], shown["own_epoch"]) == ("responder", "draw", 4)
    assert (shown["peer"], shown["peer_key"], shown["peer_epoch"]) == (2, "02" * 32, 1)
    assert (shown["epoch"], shown["leaves"], shown["live"], shown["root"]) == (1, 3, 2, AT.root.hex())
    assert shown["path"] == [each.hex() for each in PROOF.path]


def test_the_drawn_are_named_with_their_epochs() -> None:
    data = Drawn((DrawnMember(2, ClientId(5)), DrawnMember(3, ClientId(9)))).encode()
    assert values_of(Notification.DRAWN, data) == {"members": ["client 5 in epoch 2", "client 9 in epoch 3"]}


def test_a_departure_shows_the_exit_or_the_certificate_that_ended() -> None:
    left = values_of(Notification.DEPARTED, Departure(PROOF, End.EXIT, b"exit").encode())
    assert (left["member"], left["end"], left["evidence"]) == (2, "exit", b"exit".hex())
    ended = values_of(Notification.DEPARTED, Departure(PROOF, End.CERTIFICATE, CERTIFICATE).encode())
    assert (ended["end"], ended["name"], ended["serial"]) == ("certificate", "gw-1", "abc")


def test_a_registration_shows_the_certificate() -> None:
    shown = values_of(Notification.REGISTER, Registration(bytes(32), CERTIFICATE).encode())
    assert (shown["draw_root"], shown["name"], shown["region"]) == ("00" * 32, "gw-1", "north")
    assert (shown["serial"], shown["valid_until"]) == ("abc", "2026-01-31T00:00:00+00:00")


def test_revocations_show_the_list_of_the_administrator() -> None:
    assert values_of(Notification.REVOCATIONS, REVOCATIONS)["revoked"] == ["abc", "def"]


def test_the_question_for_the_time_is_empty_and_the_answer_repeats_when_it_was_asked() -> None:
    assert fields_of(Notification.CLOCK, b"") == {}
    (answer,) = fields_of(Notification.CLOCK, ClockAnswer(1_767_225_600_000).encode()).values()
    assert (answer.value, answer.note) == (1_767_225_600_000, "2026-01-01T00:00:00.000+00:00")


@pytest.mark.parametrize(
    ("notification", "data"),
    [
        (Notification.ROSTER, ROSTER.encode() + b"\0"),
        (Notification.TUNNEL_OPEN, bytes(20)),
        (Notification.DRAWN, b"\0\1"),
        (Notification.LEAVES, bytes(4)),
        (Notification.DEPARTED, b"\0"),
        (Notification.CLOCK, b"\0"),
    ],
    ids=lambda each: each.name if isinstance(each, Notification) else "",
)
def test_data_that_does_not_fit_is_refused(notification: Notification, data: bytes) -> None:
    with pytest.raises(RefusedError, match="its data does not decode"):
        fields_of(notification, data)
