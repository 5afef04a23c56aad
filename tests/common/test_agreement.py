"""The handshake: both ends agree, and whatever a relay does to the messages is refused."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.agreement import (
    CONFIRM,
    HASH_BYTES,
    HELLO,
    KEY_BYTES,
    REPLY,
    STORED,
    Ends,
    Initiator,
    Introduction,
    Responder,
)
from common.identifiers import ClientId, NetworkId, TunnelId
from common.refusal import Refusal, RefusedError
from common.secret import Secret
from common.tunnels import Kind
from tests.common.strategies import keys, leaves, moderate, networks, numbers, roots, tunnels
from tests.vectors.handshakes import DRAW, GATEWAY_SAYS, NEIGHBOR_SAYS

ENDS: Final = DRAW

LOW_ORDER = (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)
"""Every encoding below 2**255 of a point whose order divides 8. Source: RFC 7748 section 7; cr.yp.to/ecdh.html."""


@dataclass(slots=True)
class Run:
    """One handshake between two fresh ends."""

    initiator: Initiator
    responder: Responder

    @classmethod
    def of(cls, number: int, ends: Ends = ENDS, other: Ends | None = None) -> Self:
        """Run `number`, with ephemeral secrets of its own; `other` is what the responder takes the ends for."""
        secrets = [Secret(bytes([2 * number + i]) * 32) for i in (0, 1)]
        return cls(Initiator(ends, secrets[0]), Responder(other or ends, secrets[1]))

    def replied(self) -> bytes:
        """Message 2."""
        return self.responder.reply(self.initiator.hello, NEIGHBOR_SAYS)

    def confirmed(self) -> bytes:
        """Message 3, all before delivered."""
        self.initiator.meet(self.replied())
        return self.initiator.confirm(GATEWAY_SAYS)

    def messages(self) -> list[bytes]:
        """All four messages; both ends are finished then."""
        reply = self.replied()
        self.initiator.meet(reply)
        confirm = self.initiator.confirm(GATEWAY_SAYS)
        _, _, stored = self.responder.meet(confirm)
        self.initiator.finish(stored)
        return [self.initiator.hello, reply, confirm, stored]

    def taker(self, step: int) -> Callable[[bytes], object]:
        """The end that awaits the message of `step`, everything before delivered."""
        if step == HELLO:
            return self.answer
        if step == REPLY:
            self.replied()
            return self.initiator.meet
        confirm = self.confirmed()
        if step == CONFIRM:
            return self.responder.meet
        self.responder.meet(confirm)
        return self.initiator.finish

    def answer(self, hello: bytes) -> bytes:
        """What the responder says to a message 1."""
        return self.responder.reply(hello, NEIGHBOR_SAYS)


def _expect_refusal(take: Callable[[bytes], object], message: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        take(message)
    assert caught.value.reason is Refusal.BAD_HANDSHAKE


MESSAGES: Final = dict(zip((HELLO, REPLY, CONFIRM, STORED), Run.of(1).messages(), strict=True))

_certificates = st.binary(min_size=1, max_size=600)
_offers = st.builds(Introduction, _certificates, tunnels, numbers, st.binary(max_size=400))
_answers = st.builds(Introduction, _certificates, tunnels)


@pytest.mark.parametrize("kind", Kind)
@moderate
@given(
    st.builds(Ends, networks, tunnels, st.just(Kind.DRAW), roots, leaves, leaves),
    st.tuples(_offers, _answers),
    st.tuples(keys, keys).map(lambda pair: (Secret(pair[0]), Secret(pair[1]))),
)
def test_both_ends_agree_on_one_seed_and_on_who_they_are(
    kind: Kind, ends: Ends, said: tuple[Introduction, Introduction], secrets: tuple[Secret, Secret]
) -> None:
    ends = replace(ends, kind=kind)
    initiator, responder = Initiator(ends, secrets[0]), Responder(ends, secrets[1])
    offer, answer = said
    assert initiator.meet(responder.reply(initiator.hello, answer)) == answer
    met, seed, stored = responder.meet(initiator.confirm(offer))
    assert met == offer
    assert initiator.finish(stored) == seed
    assert seed.day == offer.day


def test_each_handshake_has_a_seed_of_its_own() -> None:
    seeds = set()
    for number in range(20):
        for ends in (ENDS, replace(ENDS, tunnel=TunnelId(5)), replace(ENDS, kind=Kind.RENEWAL)):
            run = Run.of(number, ends)
            seeds.add(run.initiator.finish(run.messages()[3]).secret.reveal())
    assert len(seeds) == 60


def test_neither_seed_nor_certificate_nor_draw_value_is_in_a_message() -> None:
    run = Run.of(1)
    messages = run.messages()
    said = b"".join(messages)
    seed = run.initiator.finish(messages[3]).secret.reveal()
    for hidden in (seed, GATEWAY_SAYS.certificate, NEIGHBOR_SAYS.certificate, GATEWAY_SAYS.opening[4:36]):
        assert hidden not in said
        assert hidden[8:24] not in said


@pytest.mark.parametrize("step", MESSAGES)
def test_every_truncated_message_is_refused_and_the_whole_one_still_taken(step: int) -> None:
    take = Run.of(1).taker(step)
    for length in range(len(MESSAGES[step])):
        _expect_refusal(take, MESSAGES[step][:length])
    assert take(MESSAGES[step])


@pytest.mark.parametrize("step", MESSAGES)
def test_every_extended_message_is_refused(step: int) -> None:
    take = Run.of(1).taker(step)
    for more in (b"\x00", b"\xff", bytes(16), bytes(70_000)):
        _expect_refusal(take, MESSAGES[step] + more)


@pytest.mark.parametrize("step", [REPLY, CONFIRM, STORED])
def test_every_flipped_bit_is_refused(step: int) -> None:
    take = Run.of(1).taker(step)
    for bit in range(8 * len(MESSAGES[step])):
        changed = bytearray(MESSAGES[step])
        changed[bit // 8] ^= 1 << bit % 8
        _expect_refusal(take, bytes(changed))


def test_every_bit_flipped_in_the_first_message_is_refused_at_the_second() -> None:
    for bit in range(8 * KEY_BYTES):
        run = Run.of(1)
        changed = bytearray(run.initiator.hello)
        changed[bit // 8] ^= 1 << bit % 8
        _expect_refusal(run.initiator.meet, run.answer(bytes(changed)))


@pytest.mark.parametrize("step", MESSAGES)
@moderate
@given(message=st.one_of(st.binary(max_size=100), st.sampled_from([32, 64, 84, 88, 500, 22]).map(bytes)))
def test_arbitrary_bytes_are_refused(step: int, message: bytes) -> None:
    if step == HELLO and len(message) == KEY_BYTES and message != bytes(KEY_BYTES):
        assert len(Run.of(1).taker(step)(message)) > HASH_BYTES  # type: ignore[arg-type]
    else:
        _expect_refusal(Run.of(1).taker(step), message)


@pytest.mark.parametrize("point", LOW_ORDER)
@pytest.mark.parametrize("top_bit", [0, 0x80])
def test_a_point_of_low_order_is_refused_at_both_ends(point: str, top_bit: int) -> None:
    public = bytearray.fromhex(point)
    public[31] |= top_bit
    run = Run.of(1)
    _expect_refusal(run.answer, bytes(public))
    transcript = ENDS.transcript(run.initiator.hello, bytes(public))
    _expect_refusal(run.initiator.meet, bytes(public) + transcript + bytes(40))


@pytest.mark.parametrize("step", [REPLY, CONFIRM, STORED])
def test_a_message_of_another_handshake_of_the_same_ends_is_refused(step: int) -> None:
    other = dict(zip(MESSAGES, Run.of(2).messages(), strict=True))
    _expect_refusal(Run.of(1).taker(step), other[step])


@pytest.mark.parametrize("step", [REPLY, CONFIRM, STORED])
def test_a_message_of_another_tunnel_with_the_same_ephemeral_keys_is_refused(step: int) -> None:
    other = Run.of(1, replace(ENDS, tunnel=TunnelId(77))).messages()
    assert other[0] == MESSAGES[HELLO]
    _expect_refusal(Run.of(1).taker(step), other[step - 1])


def test_a_first_message_of_another_handshake_is_refused_at_the_second() -> None:
    run = Run.of(1)
    _expect_refusal(run.initiator.meet, run.answer(Run.of(2).initiator.hello))


def test_a_whole_handshake_replayed_to_a_fresh_responder_ends_at_the_third_message() -> None:
    fresh = Responder(ENDS, Secret(bytes([77]) * 32))
    fresh.reply(MESSAGES[HELLO], NEIGHBOR_SAYS)
    _expect_refusal(fresh.meet, MESSAGES[CONFIRM])


def test_a_whole_handshake_replayed_to_a_fresh_initiator_ends_at_the_second_message() -> None:
    _expect_refusal(Initiator(ENDS, Secret(bytes([77]) * 32)).meet, MESSAGES[REPLY])


@pytest.mark.parametrize("step", MESSAGES)
@pytest.mark.parametrize("reflected", MESSAGES)
def test_a_message_in_the_place_of_another_is_refused(step: int, reflected: int) -> None:
    if step == reflected:
        assert Run.of(1).taker(step)(MESSAGES[reflected])
    else:
        _expect_refusal(Run.of(1).taker(step), MESSAGES[reflected])


def test_an_end_is_not_fooled_by_its_own_messages() -> None:
    run = Run.of(1)
    mirrored = run.initiator.hello + ENDS.transcript(run.initiator.hello, run.initiator.hello) + bytes(40)
    _expect_refusal(run.initiator.meet, mirrored)
    reply = run.replied()
    _expect_refusal(run.responder.meet, reply)
    _expect_refusal(run.responder.meet, reply[KEY_BYTES:])
    run.initiator.meet(reply)
    confirm = run.initiator.confirm(GATEWAY_SAYS)
    _expect_refusal(run.initiator.finish, confirm)
    _expect_refusal(run.initiator.finish, confirm[HASH_BYTES:])
    _expect_refusal(run.initiator.finish, reply[KEY_BYTES + HASH_BYTES :])


def _other_ends() -> dict[str, Ends]:
    """The ends with one thing that the two do not know alike."""
    at, initiator, responder = ENDS.at, ENDS.initiator, ENDS.responder
    return {
        "network": replace(ENDS, network=NetworkId(8)),
        "tunnel": replace(ENDS, tunnel=TunnelId(1)),
        "mesh": replace(ENDS, kind=Kind.MESH),
        "renewal": replace(ENDS, kind=Kind.RENEWAL),
        "epoch": replace(ENDS, at=replace(at, epoch=at.epoch + 1)),
        "leaves": replace(ENDS, at=replace(at, leaves=at.leaves + 1)),
        "live": replace(ENDS, at=replace(at, live=at.live - 1)),
        "root": replace(ENDS, at=replace(at, root=bytes(32))),
        "initiator_client": replace(ENDS, initiator=replace(initiator, client=ClientId(4))),
        "initiator_key": replace(ENDS, initiator=replace(initiator, public_key=bytes(32))),
        "initiator_draw_root": replace(ENDS, initiator=replace(initiator, draw_root=bytes(32))),
        "initiator_epoch": replace(ENDS, initiator=replace(initiator, epoch=2)),
        "responder_client": replace(ENDS, responder=replace(responder, client=ClientId(4))),
        "responder_key": replace(ENDS, responder=replace(responder, public_key=bytes(32))),
        "responder_draw_root": replace(ENDS, responder=replace(responder, draw_root=bytes(32))),
        "responder_epoch": replace(ENDS, responder=replace(responder, epoch=2)),
        "swapped": replace(ENDS, initiator=responder, responder=initiator),
    }


@pytest.mark.parametrize("name", _other_ends())
def test_ends_that_do_not_know_the_same_do_not_agree(name: str) -> None:
    run = Run.of(1, ENDS, _other_ends()[name])
    _expect_refusal(run.initiator.meet, run.replied())
    other = Run.of(1, _other_ends()[name])
    _expect_refusal(Run.of(1).taker(CONFIRM), other.confirmed())


def test_messages_out_of_order_are_refused() -> None:
    _expect_refusal(Run.of(1).initiator.finish, MESSAGES[STORED])
    _expect_refusal(Run.of(1).responder.meet, MESSAGES[CONFIRM])
    _expect_refusal(lambda _: Run.of(1).initiator.confirm(GATEWAY_SAYS), b"")
    run = Run.of(1)
    run.initiator.meet(run.replied())
    _expect_refusal(run.initiator.finish, MESSAGES[STORED])


def test_a_second_first_message_and_a_second_reply_are_refused() -> None:
    run = Run.of(1)
    run.messages()
    _expect_refusal(run.answer, MESSAGES[HELLO])
    _expect_refusal(run.answer, Run.of(2).initiator.hello)
    _expect_refusal(run.initiator.meet, MESSAGES[REPLY])


def test_nothing_is_sealed_twice_under_one_key_and_nonce() -> None:
    run = Run.of(1)
    run.confirmed()
    for say in (GATEWAY_SAYS, replace(GATEWAY_SAYS, day=GATEWAY_SAYS.day + 1)):
        _expect_refusal(lambda _, say=say: run.initiator.confirm(say), b"")  # type: ignore[misc]


def test_repeated_last_messages_change_nothing() -> None:
    run = Run.of(1)
    run.messages()
    met, seed, stored = run.responder.meet(MESSAGES[CONFIRM])
    assert (met, stored) == (GATEWAY_SAYS, MESSAGES[STORED])
    assert seed == run.initiator.finish(stored) == run.initiator.finish(stored)


def test_a_refused_message_does_not_end_the_handshake() -> None:
    run = Run.of(1)
    _expect_refusal(run.answer, bytes(32))
    reply = run.replied()
    _expect_refusal(run.initiator.meet, reply[:-1])
    assert run.initiator.meet(reply) == NEIGHBOR_SAYS
    confirm = run.initiator.confirm(GATEWAY_SAYS)
    _expect_refusal(run.responder.meet, confirm[:-1])
    _, seed, stored = run.responder.meet(confirm)
    _expect_refusal(run.initiator.finish, stored[:-1])
    assert run.initiator.finish(stored) == seed


def test_no_end_shows_what_it_knows() -> None:
    run = Run.of(1)
    seed = run.initiator.finish(run.messages()[3])
    secret = seed.secret.reveal()
    for shown in (repr(run.initiator), repr(run.responder), repr(seed), str(seed)):
        assert secret.hex() not in shown
        assert repr(secret) not in shown
