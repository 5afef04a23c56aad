"""The self-mask of a frame: one encoding, what opens it, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import ClientId, NetworkId, RoundNumber
from common.reader import Reader
from common.refusal import Refusal, RefusedError
from common.sealing import Bits, Context, Sealing, encode_shares, read_shares, seal, self_mask
from common.shares import PRIME, deal
from tests.common.strategies import (
    bit_lists,
    clients,
    field_shares,
    members,
    moderate,
    networks,
    rounds,
    sealings,
    views,
)

CONTEXT = Context(NetworkId(7), ClientId(3), RoundNumber(5), bytes(range(8)))

contexts = st.builds(Context, networks, clients, rounds, views)


def _clients(count: int) -> tuple[ClientId, ...]:
    return tuple(ClientId(number) for number in range(1, count + 1))


def _expect_bad_data(octets: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        Sealing.decode(octets)
    assert caught.value.reason is Refusal.BAD_DATA


# Bits


@moderate
@given(bit_lists)
def test_bits_stand_for_the_places_for_which_they_were_set(chosen: list[bool]) -> None:
    everybody, bits = _clients(len(chosen)), Bits.of(chosen)
    meant = tuple(client for client, is_in in zip(everybody, chosen, strict=True) if is_in)
    assert bits.among(everybody) == meant
    assert bits.count == len(meant)
    assert bits.positions == tuple(client - 1 for client in meant)


@moderate
@given(bit_lists, st.integers(0, 40))
def test_bits_have_one_encoding(chosen: list[bool], more: int) -> None:
    bits = Bits.of(chosen)
    assert Bits.of(chosen + [False] * more) == bits
    reader = Reader(bits.encode())
    assert Bits.read(reader) == bits
    reader.end()


@moderate
@given(st.binary(max_size=20))
def test_bits_that_are_read_are_encoded_as_they_were(octets: bytes) -> None:
    try:
        bits = Bits.read(Reader(octets))
    except RefusedError as refused:
        assert refused.reason is Refusal.BAD_DATA
    else:
        assert octets.startswith(bits.encode())


@pytest.mark.parametrize(
    ("chosen", "octets"),
    [
        ([], "00"),
        ([False] * 9, "00"),
        ([True], "0101"),
        ([False, True], "0102"),
        ([False] * 7 + [True], "0180"),
        ([False] * 8 + [True], "020001"),
        ([True] * 24, "03ffffff"),
    ],
)
def test_bit_i_of_a_byte_stands_for_the_ith_of_eight(chosen: list[bool], octets: str) -> None:
    assert Bits.of(chosen).encode().hex() == octets


@pytest.mark.parametrize("octets", ["", "01", "0100", "020100", "0201", "03010000"])
def test_bits_cut_short_or_with_a_zero_at_their_end_are_refused(octets: str) -> None:
    with pytest.raises(RefusedError) as caught:
        Bits.read(Reader(bytes.fromhex(octets)))
    assert caught.value.reason is Refusal.BAD_DATA


@moderate
@given(bit_lists.filter(any), st.integers(0, 39))
def test_a_bit_that_stands_for_nobody_is_refused(chosen: list[bool], count: int) -> None:
    bits = Bits.of(chosen)
    if count > bits.positions[-1]:
        assert bits.among(_clients(count)) == tuple(ClientId(place + 1) for place in bits.positions)
        return
    with pytest.raises(RefusedError) as caught:
        bits.among(_clients(count))
    assert caught.value.reason is Refusal.BAD_DATA


# Shares in a data field


@moderate
@given(st.lists(field_shares, max_size=10))
def test_shares_are_read_as_they_were_written(shares: list[int]) -> None:
    reader = Reader(encode_shares(shares))
    assert read_shares(reader, len(shares)) == tuple(shares)
    reader.end()


@pytest.mark.parametrize("number", [PRIME, PRIME + 1, 2**127, 2**128 - 1])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_share_that_is_not_below_the_prime_is_refused(number: int, place: int) -> None:
    octets = [bytes(16)] * 3
    octets[place] = number.to_bytes(16)
    with pytest.raises(RefusedError) as caught:
        read_shares(Reader(b"".join(octets)), 3)
    assert caught.value.reason is Refusal.BAD_DATA


def test_shares_cut_short_are_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        read_shares(Reader(bytes(31)), 2)
    assert caught.value.reason is Refusal.BAD_DATA


# What a frame tells


@moderate
@given(sealings())
def test_what_a_frame_tells_is_read_as_it_was_written(sealing: Sealing) -> None:
    assert Sealing.decode(sealing.encode()) == sealing


@moderate
@given(sealings())
def test_what_a_frame_tells_is_refused_when_it_is_cut_short(sealing: Sealing) -> None:
    octets = sealing.encode()
    for length in range(len(octets)):
        _expect_bad_data(octets[:length])


@moderate
@given(sealings(), st.binary(min_size=1, max_size=17))
def test_what_a_frame_tells_is_refused_when_more_follows(sealing: Sealing, more: bytes) -> None:
    _expect_bad_data(sealing.encode() + more)


@moderate
@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_refused_or_encoded_as_they_were(octets: bytes) -> None:
    try:
        sealing = Sealing.decode(octets)
    except RefusedError as refused:
        assert refused.reason is Refusal.BAD_DATA
    else:
        assert sealing.encode() == octets
        assert 1 <= sealing.needed <= sealing.holders.count
        assert len(sealing.corrections) == sealing.holders.count - sealing.needed


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "00",
        "0000",
        "000101" + "00" * 16,  # no share needed
        "0100",  # nobody holds one
        "020101",  # two needed of one
        "ff03ffffff",
        "01020100",  # a zero after the bits
        "010103",  # no correction for the second
        "010103" + "00" * 15,
        "010103" + "00" * 17,
        "010103" + "7f" + "ff" * 15,  # the prime
        "010101" + "00" * 16,  # a correction for nobody
    ],
)
def test_seals_with_one_fault_are_refused(octets: str) -> None:
    _expect_bad_data(bytes.fromhex(octets))


def test_the_smallest_and_the_usual_seal_are_so_long() -> None:
    assert len(Sealing.decode(bytes.fromhex("010101")).encode()) == 3
    shares: dict[ClientId, int | None] = {ClientId(client): client for client in range(1, 25)}
    assert len(seal(CONTEXT, shares, 17)[1].encode()) == 1 + 1 + 3 + 7 * 16


# Sealing and opening


@st.composite
def neighborhoods(draw: st.DrawFn) -> dict[ClientId, int | None]:
    """Neighbors in no order, with their share; None of who is no holder."""
    some: dict[ClientId, int | None] = draw(st.dictionaries(members, field_shares | st.none(), max_size=24))
    return some | {draw(members): draw(field_shares)}


@moderate
@given(contexts, neighborhoods(), st.data())
def test_any_quorum_of_the_holders_opens_what_was_sealed(
    context: Context, shares: dict[ClientId, int | None], data: st.DataObject
) -> None:
    held = {client: share for client, share in shares.items() if share is not None}
    needed = data.draw(st.integers(1, len(held)))
    mask, sealing = seal(context, shares, needed)
    holders = sealing.holders.among(sorted(shares))
    assert holders == tuple(sorted(held))
    chosen = data.draw(st.sets(st.sampled_from(holders), min_size=needed))
    assert sealing.open(holders, {client: held[client] for client in chosen}, context) == mask
    few = sorted(chosen)[: needed - 1]
    assert sealing.open(holders, {client: held[client] for client in few}, context) is None


@moderate
@given(contexts, neighborhoods())
def test_what_is_told_is_the_quorum_the_holders_and_their_corrections(
    context: Context, shares: dict[ClientId, int | None]
) -> None:
    held = {int(client): share for client, share in shares.items() if share is not None}
    secret, corrections = deal(held, len(held) // 2 + 1)
    mask, sealing = seal(context, shares, len(held) // 2 + 1)
    bits = Bits.of(shares[client] is not None for client in sorted(shares))
    assert sealing == Sealing(len(held) // 2 + 1, bits, corrections)
    assert mask == self_mask(secret, context)


def test_fewer_holders_than_needed_seal_nothing() -> None:
    shares: dict[ClientId, int | None] = {ClientId(1): 5, ClientId(2): None, ClientId(9): 6}
    with pytest.raises(ValueError, match="3 of 2 shares"):
        seal(CONTEXT, shares, 3)


def test_a_wrong_share_opens_another_mask() -> None:
    shares: dict[ClientId, int | None] = {ClientId(1): 5, ClientId(2): 8, ClientId(9): 6}
    mask, sealing = seal(CONTEXT, shares, 2)
    holders = (ClientId(1), ClientId(2), ClientId(9))
    assert sealing.open(holders, {ClientId(1): 5, ClientId(9): 6}, CONTEXT) == mask
    assert sealing.open(holders, {ClientId(1): 5, ClientId(9): 7}, CONTEXT) != mask


def test_masks_differ_by_secret_network_client_round_and_view_in_every_lane() -> None:
    masks = [
        self_mask(secret, Context(NetworkId(network), ClientId(client), RoundNumber(round_), view))
        for secret in (0, 1, PRIME - 1)
        for network in (1, 2)
        for client in (1, 2, 2**32 - 1)
        for round_ in (0, 1, 2**64 - 1)
        for view in (bytes(8), b"\xff" * 8)
    ]
    words = [word for mask in masks for word in mask]
    assert len(set(words)) == len(words) == 3 * 2 * 3 * 3 * 2 * 3
