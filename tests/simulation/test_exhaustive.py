"""Every choice of a lying provider in small meshes: never a set below the promise, and every rule is needed for it."""

from itertools import product
from random import Random

import pytest

from common.thresholds import needed, smallest_opened
from launcher.simulation.exhaustive import judge, search
from launcher.simulation.meshes import CONTROLS, Mesh, covered
from launcher.simulation.observer import know

MESHES = list(covered(states_max=10**8))
"""One mesh has more states than that, and is left to the long form, `dcnet simulate --proof`."""


@pytest.mark.parametrize("mesh", MESHES, ids=str)
def test_no_sum_of_fewer_than_promised_is_determined(mesh: Mesh) -> None:
    findings = search(mesh)
    assert findings.states > 0
    assert findings.smallest >= mesh.promise


def test_the_thresholds_of_the_suite_are_among_those_searched() -> None:
    searched = {(mesh.members, mesh.colluding) for mesh in MESHES if mesh.needed == needed(mesh.drawn)}
    covered = {(n, c) for n, c in product(range(4, 8), range(3)) if smallest_opened(n - 1, c)}
    assert searched == covered == set(product(range(4, 8), range(3))) - {(5, 2)}
    for mesh in MESHES:
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


@pytest.mark.parametrize("mesh", [mesh for held in CONTROLS.values() for mesh in held], ids=str)
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
