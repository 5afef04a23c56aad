"""What the observer proves: nothing in fault-free and corrected rounds, and exactly the missing with its late frame."""

from dataclasses import replace
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import ClientId, NetworkId, RoundNumber
from launcher.simulation.algebra import Form, determined_readings, known_forms, smallest_groups
from launcher.simulation.observer import Observer, components, know
from launcher.simulation.scenario import Request, draw
from launcher.simulation.world import World

Edge = tuple[int, int]


def frame(client: int, edges: set[Edge], without: frozenset[int] = frozenset()) -> Form:
    """A frame under the masks of all its edges except those toward `without`."""
    near = sorted(e for e in edges if client in e and not without & (set(e) - {client}))
    return Form.of(ClientId(client), {e: 1 if client == e[0] else -1 for e in near})


def complete(count: int) -> set[Edge]:
    return set(combinations(range(1, count + 1), 2))


def test_a_fault_free_round_determines_the_sum_of_all_and_nothing_else() -> None:
    rows = known_forms(frame(client, complete(5)) for client in range(1, 6))
    assert rows == [{ClientId(client): 1 for client in range(1, 6)}]


def test_a_corrected_round_determines_the_sum_of_the_others_and_nothing_else() -> None:
    edges, missing = complete(6), frozenset({2})
    present = [client for client in range(1, 7) if client != 2]
    frames = [frame(c, edges) for c in present] + [frame(c, edges, missing) for c in present]
    knowledge = know(frames, members_min=5)
    assert not knowledge.singles
    assert not knowledge.small_groups
    assert [set(row) for row in known_forms(frames)] == [{1, 3, 4, 5, 6}]


def test_the_late_frame_of_the_missing_determines_exactly_its_reading() -> None:
    edges, missing = complete(6), frozenset({2})
    present = [client for client in range(1, 7) if client != 2]
    frames = [frame(c, edges) for c in present] + [frame(c, edges, missing) for c in present]
    knowledge = know([*frames, frame(2, edges)], members_min=5)
    assert knowledge.singles == {2}
    assert knowledge.small_groups == (frozenset({2}),)


def test_two_missing_who_are_neighbors_are_determined_together_only() -> None:
    edges, missing = complete(7), frozenset({2, 5})
    present = [client for client in range(1, 8) if client not in missing]
    frames = [frame(c, edges) for c in present] + [frame(c, edges, missing) for c in present]
    knowledge = know([*frames, frame(2, edges), frame(5, edges)], members_min=5)
    assert not knowledge.singles
    assert knowledge.small_groups == (frozenset({2, 5}),)


def test_a_gateway_all_of_whose_neighbors_collude_is_determined() -> None:
    edges = {(1, 2), (1, 3), (2, 3), (3, 4), (4, 5), (3, 5)}
    frames = [frame(client, edges) for client in range(1, 6)]
    colluding = [e for e in edges if 2 in e or 3 in e]
    assert know(frames, 3, colluding).singles >= {1}
    assert not know(frames, 3).singles


def test_groups_that_overlap_are_searched_one_by_one() -> None:
    rows = known_forms([Form(ClientId(1), ()), Form(ClientId(2), (("m", 1),)), Form(ClientId(3), (("m", 1),))])
    assert determined_readings(rows) == {1}
    assert smallest_groups(rows, below=3) == [frozenset({1}), frozenset({2, 3})]
    overlapping = [{ClientId(1): 1, ClientId(3): 1}, {ClientId(2): 1, ClientId(3): -1}]
    expected = [frozenset({1, 2}), frozenset({1, 3}), frozenset({2, 3})]
    assert smallest_groups(overlapping, below=3) == expected


@given(st.data())
def test_components_and_elimination_find_the_same(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 8))
    edges = data.draw(st.sets(st.sampled_from(sorted(complete(count)))))
    silent = data.draw(st.sets(st.integers(1, count)))
    chain = [data.draw(st.frozensets(st.sampled_from(sorted(silent))))] if silent else [frozenset[int]()]
    chain.append(chain[0] | data.draw(st.frozensets(st.integers(1, count))))
    forms = []
    for client in range(1, count + 1):
        if client not in silent:
            forms.append(frame(client, edges))
        forms += [
            frame(client, edges, missing) for missing in chain if client not in missing and data.draw(st.booleans())
        ]
    known = data.draw(st.sets(st.sampled_from(sorted(edges)))) if edges else set()
    groups = components(forms, known)
    assert groups is not None
    assert groups == sorted((frozenset(row) for row in known_forms(forms, known)), key=sorted)


def test_the_observer_counts_a_repeated_frame_once_and_ignores_what_nobody_made() -> None:
    observer, key = Observer(), (NetworkId(1), RoundNumber(7))
    observer.made(key, b"frame", ClientId(1), {"m": 1})
    for payload in (b"frame", b"frame", b"damaged"):
        observer.arrived(payload)
    assert observer.rounds == [key]
    assert observer.forms(key) == [Form(ClientId(1), (("m", 1),))]


def test_in_simulated_rounds_exactly_the_missing_falls_with_its_late_frame() -> None:
    """The negative control on real runs: the frame that the network lost is handed to the observer afterwards."""
    exposed = hidden = 0
    for seed in range(30, 45):
        world = World(replace(draw(Request(seed, loss=0.0, suite="basic")), lie=None))
        assert world.run().violation is None
        for key, final in world.audit.finals.items():
            forms, included = world.observer.forms(key), set(final.included)
            named = world.audit.named_missing.get(key, set())
            if not included or len(named) != 1 or {form.client for form in forms} - included:
                continue
            (missing,) = named
            if not (late := world.observer.unseen(key, missing)):
                continue
            assert not know(forms, world.rules[key[0]].members_min).small_groups
            hidden += 1
            knowledge = know([*forms, *late], world.rules[key[0]].members_min)
            assert knowledge.singles == {missing}
            exposed += 1
    assert exposed == hidden > 0
