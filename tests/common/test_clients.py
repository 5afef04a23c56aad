"""A set of clients behaves as the builtin set does."""

from hypothesis import given
from hypothesis import strategies as st

from common.clients import ClientSet
from common.identifiers import ClientId
from tests.common.strategies import members, moderate

_sets = st.sets(members)


@moderate
@given(_sets, members)
def test_members_number_and_order_are_those_of_the_builtin_set(clients: set[ClientId], other: ClientId) -> None:
    mine = ClientSet.of(clients)
    assert list(mine) == sorted(clients)
    assert len(mine) == len(clients)
    assert bool(mine) is bool(clients)
    assert (other in mine) is (other in clients)
    assert all(client in mine for client in clients)


@moderate
@given(_sets, _sets)
def test_operations_are_those_of_the_builtin_set(a: set[ClientId], b: set[ClientId]) -> None:
    one, other = ClientSet.of(a), ClientSet.of(b)
    assert set(one | other) == a | b
    assert set(one & other) == a & b
    assert set(one - other) == a - b
    assert (one <= other) is (a <= b)
    assert (one <= one | other) is True
    assert (one == other) is (a == b)
    assert hash(one | other) == hash(other | one)


@moderate
@given(_sets)
def test_octets_are_read_again_and_have_no_trailing_zeros(clients: set[ClientId]) -> None:
    mine = ClientSet.of(clients)
    octets = mine.octets()
    assert ClientSet.from_octets(octets) == mine
    assert not octets.endswith(b"\x00")
    assert len(octets) == (max(clients) // 8 + 1 if clients else 0)


@moderate
@given(st.binary(max_size=50))
def test_any_octets_are_a_set(octets: bytes) -> None:
    read = ClientSet.from_octets(octets)
    assert read.octets() == octets.rstrip(b"\x00")
    assert ClientSet.of(read) == read


def test_repeated_clients_count_once() -> None:
    assert len(ClientSet.of([ClientId(3), ClientId(3)])) == 1


def test_client_c_is_bit_c_modulo_8_of_byte_c_divided_by_8() -> None:
    assert ClientSet.of([ClientId(0), ClientId(9), ClientId(23)]).octets() == b"\x01\x02\x80"
