import json
from collections import deque
from typing import Any

import pytest

from broker.events import BusEvent, Connected, Message
from common.clients import ClientSet
from common.frames import Frame, Notification
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.merkle import Tree
from common.parameters import Parameters
from common.payloads import ClockAnswer, Hold, Registration, Release, RoundFinal, Superposition
from common.roster import NO_PREDECESSOR, Leaf, LeafPart, Roster, RosterRoot
from common.schedule import Schedule
from common.sealing import Bits, Sealing
from common.secret import Secret
from common.signing import Direction, Identity
from common.suites import BASIC, HARDENED, Cover
from common.tunnels import (
    Departure,
    Drawn,
    DrawnMember,
    End,
    Kind,
    MemberProof,
    Role,
    TunnelMessage,
    TunnelOpen,
)
from provider.mirror import Mirrored, as_fields

IDENTITY = Identity(Secret(bytes(32)))


class FakeBus:
    def __init__(self, *batches: list[BusEvent]) -> None:
        self.batches = deque(batches)
        self.sent: list[tuple[str, bytes]] = []

    async def next_batch(self, limit: int, timeout_s: float) -> list[BusEvent]:
        return self.batches.popleft()

    def publish_soon(
        self, topic: str, payload: bytes, *, retain: bool = False, expires_in_s: float | None = None
    ) -> bool:
        self.sent.append((topic, payload))
        return True


def raw(notification: Notification, data: bytes) -> bytes:
    frame = Frame(NetworkId(7), ClientId(3), 1_000, notification, data)
    return frame.signed(IDENTITY, Direction.UP)


def shown(notification: Notification, data: bytes) -> Any:  # noqa: ANN401 -- whatever the JSON holds
    fields = as_fields(raw(notification, data))
    assert fields["notification"] == notification.name
    return json.loads(json.dumps(fields["data"]))


async def test_what_arrives_is_shown_and_handed_on() -> None:
    payload = raw(Notification.EXIT, b"")
    batch: list[BusEvent] = [Connected(), Message("dcnet/1/7/up/gw-3", payload, False)]
    bus = FakeBus(batch)
    assert await Mirrored(bus).next_batch(10, 1) == batch
    ((topic, text),) = bus.sent
    assert topic == "dcnet/1/7/decoded/up/gw-3"
    assert json.loads(text) == {
        "network": 7,
        "client": 3,
        "transmission_bit": False,
        "timestamp_ms": 1_000,
        "notification": "EXIT",
        "data": "",
        "signature": payload[-64:].hex(),
    }


def test_what_leaves_is_shown_and_sent() -> None:
    bus = FakeBus()
    Mirrored(bus).publish_soon("dcnet/1/7/all/final", raw(Notification.EXIT, b""))
    assert [topic for topic, _ in bus.sent] == ["dcnet/1/7/decoded/all/final", "dcnet/1/7/all/final"]


def test_a_registration_is_shown_under_network_0() -> None:
    bus = FakeBus()
    Mirrored(bus).publish_soon("dcnet/1/register/gw-3", b"")
    assert bus.sent[0][0] == "dcnet/1/0/decoded/register/gw-3"


def test_results_are_not_shown_twice() -> None:
    bus = FakeBus()
    Mirrored(bus).publish_soon("dcnet/1/7/result", b"{}")
    assert bus.sent == [("dcnet/1/7/result", b"{}")]


def test_the_lanes_are_shown_as_concealed_as_they_are() -> None:
    body = BASIC.body.pack(2**64 - 1, 5, 1, 0, 4, 2**60)
    data = Superposition(BASIC.code, RoundNumber(9), b"12345678", body).encode()
    superposition = shown(Notification.SUPERPOSITION, data)
    assert (superposition["round"], superposition["view"]) == (9, b"12345678".hex())
    assert superposition["body"]["lanes"] == ["0xffffffffffffffff", 5, 1]


def test_sets_of_clients_are_lists() -> None:
    included = ClientSet.of([ClientId(1), ClientId(9)])
    number, nobody = RoundNumber(9), ClientSet()
    order = RoundFinal(1, number, bytes(8), number, 1, bytes(32), included, nobody, (TunnelId(2**63),))
    final = shown(Notification.FINAL, order.encode())
    assert (final["included"], final["expected"], final["started"]) == ([1, 9], [], ["0x8000000000000000"])


LEAF = Leaf(ClientId(1), bytes([1]) * 32, bytes([2]) * 32, 1)
AT = RosterRoot(1, 1, 1, Tree([LEAF.encode()]).root())
PROOF = MemberProof(AT, LEAF, ())


def test_rosters_registrations_and_tunnels_are_shown_by_name() -> None:
    rules = Parameters(1, "north", Schedule(10_000, 2_000, 1_000, 1_000, 3))
    roster = shown(Notification.ROSTER, Roster(AT, RoundNumber(5), NO_PREDECESSOR, rules, (), (LEAF,)).encode())
    assert (roster["at"]["live"], roster["parameters"]["schedule"]["period_ms"]) == (1, 10_000)
    assert roster["listed"][0]["public_key"] == "01" * 32
    assert shown(Notification.REGISTER, Registration(bytes(32), b"\xbb").encode())["certificate"] == "bb"
    assert shown(Notification.TUNNEL, TunnelMessage(TunnelId(4), 1, b"\xaa").encode())["body"] == "aa"
    opened = shown(Notification.TUNNEL_OPEN, TunnelOpen(TunnelId(4), Role.RESPONDER, Kind.DRAW, 1, PROOF).encode())
    assert (opened["role"], opened["kind"], opened["peer"]["leaf"]["client"]) == ("RESPONDER", "DRAW", 1)


def test_leaves_are_shown_by_name() -> None:
    told = shown(Notification.LEAVES, LeafPart(0, (LEAF,)).encode())
    assert (told["part"], [each["client"] for each in told["leaves"]]) == (0, [1])


def test_draws_departures_and_clocks_are_shown_by_name() -> None:
    drawn = shown(Notification.DRAWN, Drawn((DrawnMember(2, ClientId(7)),)).encode())
    assert drawn["members"] == [{"epoch": 2, "client": 7}]
    departed = shown(Notification.DEPARTED, Departure(PROOF, End.EXIT, b"\xee").encode())
    assert (departed["end"], departed["evidence"], departed["member"]["at"]["epoch"]) == ("EXIT", "ee", 1)
    assert shown(Notification.CLOCK, ClockAnswer(42).encode()) == {"asked_ms": 42}
    assert shown(Notification.CLOCK, b"") == ""


@pytest.mark.parametrize("notification", [Notification.FINAL, Notification.SUPERPOSITION, Notification.ROSTER])
def test_data_that_does_not_decode_is_shown_in_hexadecimal(notification: Notification) -> None:
    assert shown(notification, b"\x01\x02") == "0102"


def test_bytes_that_are_no_frame_are_shown_with_the_reason() -> None:
    assert as_fields(b"nonsense") == {
        "refused": "it is shorter than a header and a signature",
        "bytes": 8,
        "begins": b"nonsense".hex(),
    }


def test_what_opens_a_self_mask_is_shown_by_name() -> None:
    sealing = Sealing(1, Bits.of([True, False, True]), (2**100,))
    body = HARDENED.conceal((0, 0, 0), {}, Cover(told=sealing.encode()))
    told = shown(Notification.SUPERPOSITION, Superposition(HARDENED.code, RoundNumber(9), bytes(8), body).encode())
    assert told["body"]["sealing"] == {"needed": 1, "holders": [0, 2], "corrections": [f"0x{2**100:x}"]}
    release = shown(Notification.RELEASE, Release(2, RoundNumber(9), bytes(8), Bits.of([False, True]), (5,)).encode())
    assert (release["members"], release["shares"]) == ([1], [5])
    assert shown(Notification.HOLD, Hold((ClientId(3), ClientId(300))).encode()) == {"clients": [3, 300]}
