"""Which members may be summed together: against brute force on small graphs."""

from collections.abc import Mapping
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import ClientId, TunnelId
from provider.core.events import EdgeState
from provider.core.keygraph import Edge, KeyGraph, components, neighborhoods, summable
from tests.common.strategies import moderate

Near = Mapping[ClientId, Mapping[ClientId, TunnelId]]
EIGHT = [ClientId(number) for number in range(1, 9)]
PAIRS = list(combinations(EIGHT, 2))


def edge(a: int, b: int, number: int, state: EdgeState = EdgeState.STARTED) -> Edge:
    return Edge(TunnelId(number), ClientId(a), ClientId(b), state)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[set[ClientId], Near]:
    """Up to eight members, each pair joined or not."""
    clients = draw(st.sets(st.sampled_from(EIGHT)))
    bits = draw(st.integers(0, 2 ** len(PAIRS) - 1))
    edges = [edge(a, b, i + 1) for i, (a, b) in enumerate(PAIRS) if bits >> i & 1]
    return clients, neighborhoods(clients, edges)


def is_summable(clients: set[ClientId], near: Near, masks_min: int, members_min: int) -> bool:
    """Everybody has enough masks within, and every connected part is large enough."""
    if any(len(clients & set(near[client])) < masks_min for client in clients):
        return False
    return all(len(reached(client, clients, near)) >= members_min for client in clients)


def reached(start: ClientId, clients: set[ClientId], near: Near) -> set[ClientId]:
    found = {start}
    while more := {peer for client in found for peer in near[client] if peer in clients} - found:
        found |= more
    return found


@moderate
@given(graphs(), st.integers(1, 4), st.integers(2, 6))
def test_the_largest_summable_set_is_found(graph: tuple[set[ClientId], Near], masks_min: int, members_min: int) -> None:
    clients, near = graph
    found = summable(clients, near, masks_min, members_min)
    subsets = (set(chosen) for size in range(len(clients) + 1) for chosen in combinations(sorted(clients), size))
    good = [subset for subset in subsets if is_summable(subset, near, masks_min, members_min)]
    assert found in good
    assert all(subset <= found for subset in good)


@moderate
@given(graphs())
def test_parts_are_what_can_be_reached_and_the_largest_comes_first(graph: tuple[set[ClientId], Near]) -> None:
    clients, near = graph
    parts = components(clients, near)
    assert sorted(client for part in parts for client in part) == sorted(clients)
    assert all(part == reached(client, clients, near) for part in parts for client in part)
    assert [len(part) for part in parts] == sorted((len(part) for part in parts), reverse=True)


def test_neighborhoods_leave_out_edges_to_others_and_take_the_later_of_two() -> None:
    two = {ClientId(1), ClientId(2)}
    near = neighborhoods(two, [edge(1, 2, 10), edge(2, 3, 11), edge(2, 1, 12)])
    assert near == {1: {2: 12}, 2: {1: 12}}


def test_a_graph_knows_its_edges_by_tunnel_by_member_by_pair_and_by_state() -> None:
    first, second = edge(1, 2, 10), edge(2, 3, 11, EdgeState.OPEN)
    graph = KeyGraph([first, second])
    assert graph.get(TunnelId(10)) is first
    assert graph.of(ClientId(2)) == [first, second]
    assert graph.between(ClientId(3), ClientId(2)) == [second]
    assert graph.in_state(EdgeState.OPEN) == [second]
    assert graph.neighbors(ClientId(2)) == {1, 3}
    assert graph.neighbors(ClientId(2), EdgeState.STARTED) == {1}
    graph.remove(TunnelId(10))
    assert (graph.get(TunnelId(10)), graph.of(ClientId(1)), graph.of(ClientId(9))) == (None, [], [])


def test_an_edge_names_the_other_end() -> None:
    joined = edge(4, 9, 1)
    assert (joined.other(ClientId(4)), joined.other(ClientId(9))) == (9, 4)
    assert sorted(joined.pair) == [4, 9]
