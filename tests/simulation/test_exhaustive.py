"""Every choice of a lying provider in small meshes: never a set below the promise, and every rule is needed for it."""

from itertools import product
from random import Random

import pytest

from common.thresholds import needed, smallest_opened
from launcher.simulation.exhaustive import judge, search
from launcher.simulation.meshes import Mesh
from launcher.simulation.observer import know


def meshes(limit: int = 10**8) -> list[Mesh]:
    """All meshes of 4 to 7 with up to 2 colluding and any number away, all thresholds that promise anything.

    One with more states than `limit` is left to the long form, `dcnet simulate --proof`.
    """
    found = []
    for members, colluding in product(range(4, 8), range(3)):
        for threshold in range(1, members):
            for away in range(members - threshold):
                mesh = Mesh(members, colluding, threshold, away)
                if mesh.is_covered and mesh.honest > 1 and len(list(mesh.choices(0))) ** mesh.honest <= limit:
                    found.append(mesh)
    return found


@pytest.mark.parametrize("mesh", meshes(), ids=str)
def test_no_sum_of_fewer_than_promised_is_determined(mesh: Mesh) -> None:
    findings = search(mesh)
    assert findings.states > 0
    assert findings.smallest >= mesh.promise


def test_the_thresholds_of_the_suite_are_among_those_searched() -> None:
    searched = {(mesh.members, mesh.colluding) for mesh in meshes() if mesh.needed == needed(mesh.drawn)}
    covered = {(n, c) for n, c in product(range(4, 8), range(3)) if smallest_opened(n - 1, c)}
    assert searched == covered == set(product(range(4, 8), range(3))) - {(5, 2)}
    for mesh in meshes():
        if mesh.needed == needed(mesh.drawn):
            assert mesh.promise == smallest_opened(mesh.drawn, mesh.colluding)


@pytest.mark.parametrize("mesh", [Mesh(4, 0, 2), Mesh(4, 0, 3), Mesh(5, 1, 3), Mesh(6, 2, 4), Mesh(5, 0, 3)], ids=str)
def test_to_hold_shares_back_determines_no_smaller_set(mesh: Mesh) -> None:
    every, most = search(mesh, with_neither=True), search(mesh)
    assert every.states > most.states
    assert every.smallest == most.smallest


@pytest.mark.parametrize(
    "mesh", [Mesh(4, 0, 2), Mesh(5, 0, 3), Mesh(5, 1, 2), Mesh(6, 0, 4), Mesh(5, 1, 3, 1)], ids=str
)
def test_to_change_the_numbers_of_members_leaves_out_nothing(mesh: Mesh) -> None:
    every, some = search(mesh, by_symmetry=False), search(mesh)
    assert every.states == len(list(mesh.choices(0))) ** mesh.honest > some.states or mesh.drops_max == 0
    assert every.sizes.keys() == some.sizes.keys()


BROKEN = {
    "k at half of drawn and colluding": [Mesh(5, 0, 2), Mesh(6, 1, 3), Mesh(5, 2, 3), Mesh(7, 2, 4), Mesh(4, 1, 2)],
    "suite basic, a late frame among the states": [
        Mesh(4, 0, 3, has_self_mask=False),
        Mesh(5, 0, 3, has_self_mask=False),
    ],
    "both kinds for one": [Mesh(5, 0, 3, is_one_kind=False), Mesh(6, 1, 4, is_one_kind=False)],
    "no floor at corrections": [Mesh(4, 0, 3, has_floor=False), Mesh(5, 0, 3, has_floor=False)],
}


@pytest.mark.parametrize("mesh", [mesh for broken in BROKEN.values() for mesh in broken], ids=str)
def test_without_one_of_the_rules_a_reading_is_found(mesh: Mesh) -> None:
    findings = search(mesh)
    assert findings.smallest == 1
    forms, disclosure = mesh.forms(findings.example)
    assert know(forms, 2, disclosure.known()).singles, "the algebra finds it too"


@pytest.mark.parametrize(
    "mesh", [Mesh(5, 0, 3), Mesh(5, 1, 2), Mesh(7, 2, 4), Mesh(6, 0, 3), Mesh(6, 1, 4, 1)], ids=str
)
def test_the_algebra_finds_the_same_in_drawn_states(mesh: Mesh) -> None:
    rng = Random(5)
    choices = [list(mesh.choices(member, with_neither=True)) for member in range(mesh.honest)]
    for _ in range(40):
        state = [rng.choice(held) for held in choices]
        forms, disclosure = mesh.forms(state)
        groups = know(forms, mesh.honest + 1, disclosure.known()).small_groups
        assert judge(mesh, state) == min(map(len, groups), default=0)
        assert not mesh.is_covered or mesh.needed != needed(mesh.drawn) or not disclosure.broken(groups)
