"""The long forms, cut short: tables for a person, and whether all that is promised holds."""

import io
from dataclasses import replace
from functools import partial

import pytest
from rich.console import Console

from launcher import proof
from launcher.simulation.endings import simulate
from launcher.simulation.liveness import Conditions
from launcher.simulation.meshes import Mesh


@pytest.fixture
def consoles(monkeypatch: pytest.MonkeyPatch) -> tuple[Console, Console]:
    monkeypatch.setattr(proof, "covered", lambda: [Mesh(5, 1, 3), Mesh(6, 0, 4)])
    monkeypatch.setattr(proof, "_NETWORKS", 5)
    monkeypatch.setattr(proof, "_ROUNDS", 2)
    return Console(file=io.StringIO(), width=150), Console(file=io.StringIO())


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_proof_counts_its_states_and_finds_readings_in_its_controls_only(consoles: tuple[Console, Console]) -> None:
    assert proof.prove(*consoles)
    assert "19,531" in said(consoles[0])
    assert "negative controls" in said(consoles[0])


def test_a_promise_that_does_not_hold_is_no_proof(
    consoles: tuple[Console, Console], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "covered", lambda: [Mesh(5, 0, 3, is_one_kind=False)])
    assert not proof.prove(*consoles)


def test_a_control_without_a_reading_is_no_proof(
    consoles: tuple[Console, Console], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "CONTROLS", {"nothing left out": [Mesh(5, 0, 3)]})
    assert not proof.prove(*consoles)


def test_the_table_of_liveness_has_the_found_beside_the_expected(consoles: tuple[Console, Console]) -> None:
    proof.show_liveness(*consoles)
    told = said(consoles[0])
    assert (told.count("anywhere"), told.count("feeders")) == (9, 8)
    assert "(99.6%)" in told


def test_the_table_of_liveness_says_who_returns(consoles: tuple[Console, Console]) -> None:
    proof.show_liveness(*consoles)
    assert "assumed: 50% of the silent return in each later round" in said(consoles[0])
    (row,) = (line for line in said(consoles[0]).splitlines() if "never back" in line)
    assert "10%" in row
    assert row.count("(29.7%)") == 2, "who never returns is waited for in vain"


def test_rounds_are_lost_without_blame_only_when_the_silent_never_return(
    consoles: tuple[Console, Console], monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = simulate(Conditions(missing=0.10, silent=0.01, returning=0.0), rounds=40)
    blamed = replace(lost, conditions=Conditions(missing=0.10, silent=0.01))
    for rows, is_good in (([lost], True), ([blamed], False)):
        monkeypatch.setattr(proof, "_liveness", partial(iter, rows))
        assert proof.show_liveness(*consoles) is is_good
