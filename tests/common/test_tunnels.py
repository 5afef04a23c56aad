"""What makes neighbors: orders with proofs, lists of the drawn, evidence of who departed."""

from dataclasses import replace
from typing import Final

import pytest

from common.identifiers import ClientId, TunnelId
from common.refusal import Refusal, RefusedError
from common.tunnels import (
    DRAWN_MAX,
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
from tests.vectors.members import GROWN, LEAVES, MESH, NEIGHBOR_LEAF, proof

PROOF: Final = proof(NEIGHBOR_LEAF, GROWN.at)
ORDER: Final = TunnelOpen(TunnelId(5), Role.INITIATOR, Kind.DRAW, 3, PROOF)


def _expect_bad_data(payload: TunnelOpen | Departure | Drawn, data: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        type(payload).decode(data)
    assert caught.value.reason is Refusal.BAD_DATA


def _with(octets: bytes, at: int, new: bytes) -> bytes:
    return octets[:at] + new + octets[at + len(new) :]


@pytest.mark.parametrize("role", range(256))
def test_only_two_roles_are_read(role: int) -> None:
    data = _with(ORDER.encode(), 8, bytes([role]))
    if role < 2:
        assert TunnelOpen.decode(data).role == role
    else:
        _expect_bad_data(ORDER, data)


@pytest.mark.parametrize("kind", range(256))
def test_only_three_kinds_are_read(kind: int) -> None:
    data = _with(ORDER.encode(), 9, bytes([kind]))
    if kind < 3:
        assert TunnelOpen.decode(data).kind == kind
    else:
        _expect_bad_data(ORDER, data)


@pytest.mark.parametrize("end", range(256))
def test_only_two_ends_are_read(end: int) -> None:
    departure = Departure(PROOF, End.EXIT, b"evidence")
    data = _with(departure.encode(), len(PROOF.encode()), bytes([end]))
    if end < 2:
        assert Departure.decode(data) == replace(departure, end=End(end))
    else:
        _expect_bad_data(departure, data)


@pytest.mark.parametrize("length", [0, 1, 32, 255])
def test_a_path_is_as_long_as_it_is_counted(length: int) -> None:
    order = replace(ORDER, peer=replace(PROOF, path=(bytes(32),) * length))
    data = order.encode()
    assert TunnelOpen.decode(data) == order
    for counted in {length - 1, length + 1} & set(range(256)):
        _expect_bad_data(ORDER, _with(data, 130, bytes([counted])))


def test_a_member_is_no_client_0_and_no_more_are_living_than_leaves() -> None:
    for wrong in (
        replace(PROOF, leaf=replace(NEIGHBOR_LEAF, client=ClientId(0))),
        replace(PROOF, at=replace(GROWN.at, live=31)),
        replace(PROOF, at=replace(GROWN.at, leaves=0)),
    ):
        _expect_bad_data(ORDER, replace(ORDER, peer=wrong).encode())
        _expect_bad_data(Departure(PROOF, End.EXIT, b""), Departure(wrong, End.EXIT, b"evidence").encode())


def test_a_proof_holds_for_its_leaf_in_its_roster() -> None:
    for roster in (GROWN.at, MESH.at):
        for leaf in LEAVES[: roster.leaves]:
            proof(leaf, roster).require()
    for wrong in (
        replace(PROOF, leaf=LEAVES[0]),
        replace(PROOF, at=MESH.at),
        replace(PROOF, at=replace(GROWN.at, root=bytes(32))),
        replace(PROOF, path=PROOF.path[:-1]),
        replace(PROOF, path=(*PROOF.path, bytes(32))),
        replace(PROOF, path=PROOF.path[::-1]),
        MemberProof(replace(GROWN.at, leaves=0, live=0), NEIGHBOR_LEAF, ()),
    ):
        with pytest.raises(RefusedError) as caught:
            wrong.require()
        assert caught.value.reason is Refusal.BAD_DRAW


@pytest.mark.parametrize("count", [0, 1, DRAWN_MAX])
def test_up_to_64_members_are_named(count: int) -> None:
    drawn = Drawn(tuple(DrawnMember(2**32 - 1 - number, ClientId(number)) for number in range(count)))
    assert Drawn.decode(drawn.encode()) == drawn


@pytest.mark.parametrize("count", [DRAWN_MAX + 1, 1_000, 8_191])
def test_a_longer_list_is_refused(count: int) -> None:
    drawn = Drawn((DrawnMember(1, ClientId(2)),) * count)
    _expect_bad_data(drawn, drawn.encode())


def test_a_tunnel_message_of_an_unknown_step_is_read_and_left_to_the_handshake() -> None:
    message = TunnelMessage(TunnelId(2**64 - 1), 200, b"")
    assert TunnelMessage.decode(message.encode()) == message
