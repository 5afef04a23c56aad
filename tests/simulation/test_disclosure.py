"""What opens a self-mask, and what the observer makes of it: never a set smaller than was promised."""

from collections import Counter
from collections.abc import Iterable
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identifiers import ClientId, NetworkId, RoundNumber
from launcher.simulation.algebra import Form, Mask, known_forms
from launcher.simulation.disclosure import Disclosure, SelfMask, Share
from launcher.simulation.observer import Observer, components, know

KEY = (NetworkId(1), RoundNumber(7))


def edge(a: int, b: int, view: str = "view") -> Mask:
    return view, min(a, b), max(a, b)


def self_mask(owner: int, holders: Iterable[int], needed: int, view: str = "view") -> SelfMask:
    shares = frozenset(Share(edge(owner, holder, view), ClientId(owner)) for holder in holders)
    return SelfMask((view, owner), ClientId(owner), shares, needed, len(shares))


def masks(owner: int, near: Iterable[int], view: str = "view") -> dict[Mask, int]:
    return {edge(owner, other, view): 1 if owner < other else -1 for other in near}


def others(count: int, member: int) -> set[int]:
    return set(range(1, count + 1)) - {member}


def test_fewer_shares_than_needed_tell_nothing_of_the_seed_even_with_the_corrections() -> None:
    """All polynomials of degree 1 for three holders over a field of seven: two shares open, one tells nothing."""
    prime, points = 7, (1, 3, 6)
    seen: Counter[tuple[int, int, int, int]] = Counter()
    for shares in product(range(prime), repeat=3):
        slope = (shares[1] - shares[0]) * pow(points[1] - points[0], -1, prime) % prime
        seed = (shares[0] - slope * points[0]) % prime
        correction = (seed + slope * points[2] - shares[2]) % prime
        seen.update((holder, share, correction, seed) for holder, share in enumerate(shares))
    assert len(seen) == 3 * prime**3
    assert set(seen.values()) == {1}


def test_a_self_mask_opens_with_as_many_shares_as_are_needed_released_or_told() -> None:
    disclosure, held = Disclosure(), self_mask(1, (2, 3, 4, 5), needed=3)
    disclosure.covers(held)
    disclosure.shares.update({Share(edge(1, 2), ClientId(1)), Share(edge(1, 3), ClientId(3))})
    disclosure.tells(ClientId(4), [edge(1, 4)])
    assert disclosure.known() == {edge(1, 4)}
    disclosure.shares.add(Share(edge(1, 5), ClientId(1)))
    assert disclosure.known() == {edge(1, 4), held.name}


def test_one_name_is_one_self_mask() -> None:
    disclosure = Disclosure()
    disclosure.covers(self_mask(1, (2, 3, 4), needed=3))
    with pytest.raises(AssertionError, match="two self-masks"):
        disclosure.covers(self_mask(1, (2, 3), needed=3))


def test_a_promise_counts_the_colluding_holders() -> None:
    disclosure = Disclosure()
    disclosure.covers(self_mask(1, range(2, 26), needed=17))
    assert disclosure.promises() == {ClientId(1): 11}
    disclosure.tells(ClientId(4), [edge(1, 4), edge(4, 9)])
    assert disclosure.promises() == {ClientId(1): 10}
    assert disclosure.broken([frozenset({ClientId(1)}), frozenset(map(ClientId, range(1, 11)))]) == [{1}]


def network(observer: Observer, count: int, needed: int, view: str = "view") -> None:
    """A mesh whose members have all sent; each frame is named by its member."""
    for member in range(1, count + 1):
        own = self_mask(member, others(count, member), needed, view)
        observer.made(
            KEY, f"{view} {member}".encode(), ClientId(member), masks(member, others(count, member), view), own
        )
        observer.arrived(f"{view} {member}".encode())


def release(observer: Observer, count: int, member: int, included: Iterable[int], view: str = "view") -> None:
    payload = f"release {view} {member}".encode()
    shares = {Share(edge(member, other, view), ClientId(other)) for other in included if other != member}
    observer.released(KEY, payload, shares)
    observer.arrived(payload)


def test_before_any_release_nothing_is_determined_and_afterwards_the_sum_of_all() -> None:
    observer = Observer()
    network(observer, 5, needed=3)
    assert not observer.know(KEY, below=6).small_groups
    for member in (1, 2, 3, 4):
        release(observer, 5, member, range(1, 6))
    assert observer.know(KEY, below=6).small_groups == (frozenset(range(1, 6)),)
    assert not observer.broken(KEY)


def test_a_release_that_never_arrived_opens_nothing() -> None:
    observer = Observer()
    network(observer, 5, needed=3)
    observer.released(KEY, b"lost", {Share(edge(1, 2), ClientId(2))})
    assert observer.know(KEY, below=6) == know(observer.forms(KEY), 6)


def test_shares_of_another_view_open_nothing() -> None:
    observer = Observer()
    network(observer, 5, needed=3)
    for member in range(1, 6):
        release(observer, 5, member, range(1, 6), view="other")
    assert not observer.know(KEY, below=6).small_groups


def test_a_late_frame_stays_hidden_by_its_self_mask() -> None:
    """The negative control of suite `basic`: there the late frame of the missing is its reading."""
    observer, missing = Observer(), 2
    network(observer, 5, needed=3)
    for member in others(5, missing):
        left = others(5, member) - {missing}
        own = self_mask(member, others(5, member), 3)
        observer.made(KEY, f"again {member}".encode(), ClientId(member), masks(member, left), own)
        observer.arrived(f"again {member}".encode())
        release(observer, 5, member, others(5, missing))
    assert observer.know(KEY, below=6).small_groups == (frozenset({1, 3, 4, 5}),)
    assert not observer.broken(KEY)
    opened = {mask for form in observer.forms(KEY) for mask, _ in form.masks if mask == ("view", missing)}
    assert know(observer.forms(KEY), 6, opened | {("view", member) for member in range(1, 6)}).singles == {missing}


def test_whoever_releases_for_one_whose_mask_it_took_off_breaks_the_promise() -> None:
    observer, victim = Observer(), 2
    network(observer, 5, needed=3)
    for member in others(5, victim):
        own = self_mask(member, others(5, member), 3)
        observer.made(KEY, f"again {member}".encode(), ClientId(member), masks(member, others(5, member) - {2}), own)
        observer.arrived(f"again {member}".encode())
        release(observer, 5, member, [victim])
    assert observer.know(KEY, below=6).singles == {victim}
    assert observer.broken(KEY) == [{victim}]


def test_too_low_a_threshold_is_found_out() -> None:
    """Two of four holders have taken their masks off; the other two open the self-mask, and were taken off by it."""
    observer = Observer()
    own = SelfMask(("view", 1), ClientId(1), self_mask(1, (2, 3, 4, 5), 2).shares, 2, 4)
    for name, near in ((b"first", {2, 3, 4, 5}), (b"second", {4, 5})):
        observer.made(KEY, name, ClientId(1), masks(1, near), own)
        observer.arrived(name)
    for member in (4, 5):
        for name, near in ((b"first", {1}), (b"second", set[int]())):
            held = self_mask(member, (1, 2, 3), 3)
            observer.made(KEY, name + bytes([member]), ClientId(member), masks(member, near), held)
            observer.arrived(name + bytes([member]))
    release(observer, 5, 2, [1])
    release(observer, 5, 3, [1])
    assert observer.broken(KEY) == [{1}]


def test_colluding_members_tell_their_masks_and_are_not_counted() -> None:
    observer = Observer()
    network(observer, 5, needed=3)
    observer.told(KEY, ClientId(5), (edge(5, other) for other in range(1, 5)))
    for member in (1, 2, 3):
        release(observer, 5, member, range(1, 6))
    assert observer.know(KEY, below=6).small_groups == (frozenset({1, 2, 3, 4}),)
    assert not observer.broken(KEY)


@given(st.data())
def test_components_and_elimination_find_the_same_under_self_masks(data: st.DataObject) -> None:
    """Any frames of two views, any shares, any colluding member: whether the rules allow them or not."""
    count = data.draw(st.integers(2, 6))
    drawn = data.draw(st.sets(st.sampled_from(list(combinations(range(1, count + 1), 2)))))
    near = {m: {b if m == a else a for a, b in drawn if m in {a, b}} for m in range(1, count + 1)}
    disclosure, forms = Disclosure(), list[Form]()
    if data.draw(st.booleans()):
        disclosure.tells(ClientId(count), (edge(count, other, view) for other in near[count] for view in "ab"))
    for member in range(1, count + 1 - len(disclosure.colluding)):
        view, left = data.draw(st.sampled_from("ab")), sorted(near[member])
        held = self_mask(member, left, data.draw(st.integers(1, count)), view)
        disclosure.covers(held)
        for _ in range(data.draw(st.integers(1, 3))):
            forms.append(Form.of(ClientId(member), {**masks(member, left, view), held.name: 1}))
            left = [other for other in left if data.draw(st.booleans())]
        disclosure.shares.update(share for share in held.shares if data.draw(st.booleans()))
    groups = components(forms, disclosure.known())
    rows = known_forms(forms, disclosure.known())
    assert groups == sorted((frozenset(row) for row in rows), key=sorted)
