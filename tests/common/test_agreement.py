"""The handshake: both ends agree, and whatever a relay does to the messages is refused."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.agreement import CONFIRM, HASH_BYTES, HELLO, KEY_BYTES, REPLY, STORED, Ends, Initiator, Responder
from common.identifiers import ClientId, NetworkId, TunnelId
from common.refusal import Refusal, RefusedError
from common.secret import Secret
from tests.common.strategies import clients, keys, moderate, networks, tunnels
from tests.vectors import load, straight_line
from tests.vectors.good_frames import GATEWAY, NEIGHBOR, PROVIDER

ENDS = Ends(NetworkId(7), TunnelId(2**63 + 1), GATEWAY.public_key, NEIGHBOR.public_key)
DAY = 20_454

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
        return cls(Initiator(ends, ClientId(3), secrets[0]), Responder(other or ends, ClientId(9), secrets[1]))

    def messages(self) -> list[bytes]:
        """All four messages; both ends are finished then."""
        reply = self.responder.reply(self.initiator.hello)
        confirm = self.initiator.confirm(reply, DAY)
        _, stored = self.responder.agree(confirm)
        self.initiator.finish(stored)
        return [self.initiator.hello, reply, confirm, stored]

    def taker(self, step: int) -> Callable[[bytes], object]:
        """The end that awaits the message of `step`, everything before delivered."""
        if step == HELLO:
            return self.responder.reply
        reply = self.responder.reply(self.initiator.hello)
        if step == REPLY:
            return lambda message: self.initiator.confirm(message, DAY)
        confirm = self.initiator.confirm(reply, DAY)
        if step == CONFIRM:
            return self.responder.agree
        self.responder.agree(confirm)
        return self.initiator.finish


def _expect_refusal(take: Callable[[bytes], object], message: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        take(message)
    assert caught.value.reason is Refusal.BAD_HANDSHAKE


MESSAGES = dict(zip((HELLO, REPLY, CONFIRM, STORED), Run.of(1).messages(), strict=True))


@moderate
@given(
    st.builds(Ends, networks, tunnels, keys, keys),
    st.tuples(clients, clients),
    st.tuples(keys, keys).map(lambda pair: (Secret(pair[0]), Secret(pair[1]))),
    st.integers(0, 2**32 - 1),
)
def test_both_ends_agree_on_one_seed_and_on_who_they_are(
    ends: Ends, numbers: tuple[ClientId, ClientId], secrets: tuple[Secret, Secret], day: int
) -> None:
    one, other = numbers
    initiator, responder = Initiator(ends, one, secrets[0]), Responder(ends, other, secrets[1])
    at_responder, stored = responder.agree(initiator.confirm(responder.reply(initiator.hello), day))
    at_initiator = initiator.finish(stored)
    assert (at_initiator.peer, at_responder.peer) == (other, one)
    assert at_initiator.seed == at_responder.seed
    assert at_initiator.seed.day == day


def test_each_handshake_has_a_seed_of_its_own() -> None:
    seeds = set()
    for number in range(20):
        for ends in (ENDS, replace(ENDS, tunnel=TunnelId(5)), replace(ENDS, network=NetworkId(8))):
            run = Run.of(number, ends)
            seeds.add(run.initiator.finish(run.messages()[3]).seed.secret.reveal())
    assert len(seeds) == 60


def test_the_seed_is_in_no_message() -> None:
    run = Run.of(1)
    messages = run.messages()
    seed = run.initiator.finish(messages[3]).seed.secret.reveal()
    assert seed not in b"".join(messages)


@pytest.mark.parametrize("step", MESSAGES)
def test_every_truncated_message_is_refused_and_the_whole_one_still_taken(step: int) -> None:
    take = Run.of(1).taker(step)
    for length in range(len(MESSAGES[step])):
        _expect_refusal(take, MESSAGES[step][:length])
    take(MESSAGES[step])


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


@pytest.mark.parametrize("bit", range(8 * KEY_BYTES))
def test_a_bit_flipped_in_the_first_message_is_refused_at_the_second(bit: int) -> None:
    run = Run.of(1)
    changed = bytearray(run.initiator.hello)
    changed[bit // 8] ^= 1 << bit % 8
    _expect_refusal(lambda reply: run.initiator.confirm(reply, DAY), run.responder.reply(bytes(changed)))


@pytest.mark.parametrize("step", MESSAGES)
@moderate
@given(message=st.one_of(st.binary(max_size=100), st.sampled_from([32, 84, 56, 22]).map(bytes)))
def test_arbitrary_bytes_are_refused(step: int, message: bytes) -> None:
    if step != HELLO or len(message) != KEY_BYTES:
        _expect_refusal(Run.of(1).taker(step), message)


@pytest.mark.parametrize("point", LOW_ORDER)
@pytest.mark.parametrize("top_bit", [0, 0x80])
def test_a_point_of_low_order_is_refused_at_both_ends(point: str, top_bit: int) -> None:
    public = bytearray.fromhex(point)
    public[31] |= top_bit
    run = Run.of(1)
    _expect_refusal(run.responder.reply, bytes(public))
    transcript = ENDS.transcript(run.initiator.hello, bytes(public))
    _expect_refusal(lambda reply: run.initiator.confirm(reply, DAY), bytes(public) + transcript + bytes(20))


@pytest.mark.parametrize("step", [REPLY, CONFIRM, STORED])
def test_a_message_of_another_handshake_of_the_same_ends_is_refused(step: int) -> None:
    other = dict(zip(MESSAGES, Run.of(2).messages(), strict=True))
    _expect_refusal(Run.of(1).taker(step), other[step])


def test_a_first_message_of_another_handshake_is_refused_at_the_second() -> None:
    run = Run.of(1)
    reply = run.responder.reply(Run.of(2).initiator.hello)
    _expect_refusal(lambda message: run.initiator.confirm(message, DAY), reply)


def test_a_whole_handshake_replayed_to_a_fresh_responder_ends_at_the_third_message() -> None:
    fresh = Responder(ENDS, ClientId(9), Secret(bytes([77]) * 32))
    fresh.reply(MESSAGES[HELLO])
    _expect_refusal(fresh.agree, MESSAGES[CONFIRM])


@pytest.mark.parametrize("step", MESSAGES)
@pytest.mark.parametrize("reflected", MESSAGES)
def test_a_message_in_the_place_of_another_is_refused(step: int, reflected: int) -> None:
    if step != reflected:
        _expect_refusal(Run.of(1).taker(step), MESSAGES[reflected])


def test_an_end_is_not_fooled_by_its_own_messages() -> None:
    run = Run.of(1)
    mirrored = run.initiator.hello + ENDS.transcript(run.initiator.hello, run.initiator.hello) + bytes(20)
    _expect_refusal(lambda reply: run.initiator.confirm(reply, DAY), mirrored)
    reply = run.responder.reply(run.initiator.hello)
    _expect_refusal(run.responder.agree, reply)
    _expect_refusal(run.responder.agree, reply[KEY_BYTES:])
    confirm = run.initiator.confirm(reply, DAY)
    _expect_refusal(run.initiator.finish, confirm)
    _expect_refusal(run.initiator.finish, confirm[HASH_BYTES:])


@pytest.mark.parametrize(
    "other",
    [
        replace(ENDS, network=NetworkId(8)),
        replace(ENDS, tunnel=TunnelId(1)),
        replace(ENDS, initiator_key=PROVIDER.public_key),
        replace(ENDS, responder_key=PROVIDER.public_key),
        Ends(ENDS.network, ENDS.tunnel, ENDS.responder_key, ENDS.initiator_key),
    ],
)
def test_ends_that_take_each_other_for_somebody_else_do_not_agree(other: Ends) -> None:
    run = Run.of(1, ENDS, other)
    _expect_refusal(lambda reply: run.initiator.confirm(reply, DAY), run.responder.reply(run.initiator.hello))


def test_messages_out_of_order_are_refused() -> None:
    _expect_refusal(Run.of(1).initiator.finish, MESSAGES[STORED])
    _expect_refusal(Run.of(1).responder.agree, MESSAGES[CONFIRM])


def test_a_second_first_message_and_a_second_reply_are_refused() -> None:
    run = Run.of(1)
    run.messages()
    _expect_refusal(run.responder.reply, MESSAGES[HELLO])
    _expect_refusal(run.responder.reply, Run.of(2).initiator.hello)
    _expect_refusal(lambda reply: run.initiator.confirm(reply, DAY), MESSAGES[REPLY])


def test_repeated_last_messages_change_nothing() -> None:
    run = Run.of(1)
    run.messages()
    agreed, stored = run.responder.agree(MESSAGES[CONFIRM])
    assert stored == MESSAGES[STORED]
    assert agreed.seed == run.initiator.finish(stored).seed == run.initiator.finish(stored).seed


def test_a_refused_message_does_not_end_the_handshake() -> None:
    run = Run.of(1)
    _expect_refusal(run.responder.reply, bytes(32))
    reply = run.responder.reply(run.initiator.hello)
    _expect_refusal(lambda message: run.initiator.confirm(message, DAY), reply[:-1])
    confirm = run.initiator.confirm(reply, DAY)
    _expect_refusal(run.responder.agree, confirm[:-1])
    _, stored = run.responder.agree(confirm)
    _expect_refusal(run.initiator.finish, stored[:-1])
    assert run.initiator.finish(stored).peer == 9


@pytest.mark.parametrize("told", [b"", b"\x09", bytes(3), bytes(5), bytes(8), b"\xff" * 40], ids=len)
def test_a_client_identifier_that_is_not_4_bytes_is_refused_although_its_seal_holds(told: bytes) -> None:
    given_ = load("handshake.json")["handshakes"][0]
    initiator = Initiator(_ends(given_), ClientId(given_["initiator_client"]), _secret(given_, "initiator_ephemeral"))
    reply = straight_line.handshake(given_, told)["reply"]
    _expect_refusal(lambda message: initiator.confirm(message, DAY), reply)


def _ends(entry: dict[str, Any]) -> Ends:
    identities = bytes.fromhex(entry["initiator_key"]), bytes.fromhex(entry["responder_key"])
    return Ends(NetworkId(entry["network"]), TunnelId(entry["tunnel"]), *identities)


def _secret(entry: dict[str, Any], name: str) -> Secret:
    return Secret(bytes.fromhex(entry[name]))


def test_no_end_shows_what_it_knows() -> None:
    run = Run.of(1)
    agreed = run.initiator.finish(run.messages()[3])
    seed = agreed.seed.secret.reveal()
    for shown in (repr(run.initiator), repr(run.responder), repr(agreed), str(agreed.seed)):
        assert seed.hex() not in shown
        assert repr(seed) not in shown
