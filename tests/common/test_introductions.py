"""What the ends of a handshake say of themselves, under seals that hold."""

from collections.abc import Callable
from typing import Final

import pytest

from common.agreement import NO_TUNNEL, Initiator, Introduction, Responder
from common.identifiers import TunnelId
from common.refusal import Refusal, RefusedError
from common.secret import Secret
from tests.vectors import load, straight_agreement
from tests.vectors.handshakes import DRAW, NEIGHBOR_SAYS

_GIVEN: Final = load("handshake.json")["handshakes"][0]


def _expect_refusal(take: Callable[[bytes], object], message: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        take(message)
    assert caught.value.reason is Refusal.BAD_HANDSHAKE


def _sealed_to_the_initiator(told: bytes) -> tuple[Initiator, bytes]:
    """An initiator, and a message 2 whose seal is right, around whatever it holds."""
    initiator = Initiator(DRAW, Secret(bytes.fromhex(_GIVEN["initiator_ephemeral"])))
    return initiator, straight_agreement.handshake(_GIVEN, told=told)["reply"]


def _sealed_to_the_responder(offered: bytes) -> tuple[Responder, bytes]:
    """A responder that has replied, and a message 3 whose seal is right, around whatever it holds."""
    responder = Responder(DRAW, Secret(bytes.fromhex(_GIVEN["responder_ephemeral"])))
    responder.reply(bytes.fromhex(_GIVEN["hello"]), NEIGHBOR_SAYS)
    return responder, straight_agreement.handshake(_GIVEN, offered=offered)["confirm"]


@pytest.mark.parametrize("told", [b"", bytes(7), bytes(8)], ids=len)
def test_a_reply_without_a_certificate_is_refused_although_its_seal_holds(told: bytes) -> None:
    initiator, reply = _sealed_to_the_initiator(told)
    _expect_refusal(initiator.meet, reply)


@pytest.mark.parametrize(
    "offered",
    [
        b"",
        bytes(13),
        bytes(14),
        bytes(12) + b"\x00\x01" + b"o",
        bytes(12) + b"\x00\x05" + b"open",
        bytes(12) + b"\xff\xff" + bytes(400),
    ],
    ids=len,
)
def test_a_confirmation_without_a_certificate_is_refused_although_its_seal_holds(offered: bytes) -> None:
    responder, confirm = _sealed_to_the_responder(offered)
    _expect_refusal(responder.meet, confirm)


def test_introductions_are_read_to_their_last_byte() -> None:
    initiator, reply = _sealed_to_the_initiator(b"\xff" * 8 + b"c")
    assert initiator.meet(reply) == Introduction(b"c", TunnelId(2**64 - 1))
    responder, confirm = _sealed_to_the_responder(b"\xff" * 12 + b"\x00\x04" + b"openc")
    met, seed, _ = responder.meet(confirm)
    assert met == Introduction(b"c", TunnelId(2**64 - 1), 2**32 - 1, b"open")
    assert seed.day == 2**32 - 1
    responder, confirm = _sealed_to_the_responder(bytes(14) + b"c")
    assert responder.meet(confirm)[0] == Introduction(b"c", NO_TUNNEL, 0, b"")
