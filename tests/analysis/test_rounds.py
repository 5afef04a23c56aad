"""`dcnet analyze rounds` as a whole: what real cores do, what is kept, and what is said."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from common.suites import BASIC, HARDENED, SUITES
from launcher.analysis import rounds
from launcher.analysis.options import Options
from launcher.analysis.options import silent as quiet
from launcher.analysis.rounds_cases import measured, modeled
from launcher.analysis.rounds_measure import Case, measure
from launcher.analysis.rounds_model import predict
from launcher.analysis.rounds_outages import BURSTS, INDEPENDENT
from launcher.analysis.tables import Results

FEW = [
    Case(BASIC.code, 6, 0.0, INDEPENDENT.name, 2, 1),
    Case(BASIC.code, 6, 0.05, INDEPENDENT.name, 4, 2),
    Case(BASIC.code, 6, 0.05, BURSTS.name, 4, 3),
    Case(HARDENED.code, 6, 0.05, INDEPENDENT.name, 4, 4),
    Case(HARDENED.code, 6, 0.05, BURSTS.name, 4, 5),
]
ALONE = [
    Case(suite, 30, loss, pattern.name, seed=4)
    for suite in SUITES
    for loss in (0.05, 0.2)
    for pattern in (INDEPENDENT, BURSTS)
]


@dataclass(frozen=True, slots=True)
class Found:
    """What a few cases gave, and where their finished parts are."""

    out: Path
    results: Results


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    out = tmp_path_factory.mktemp("rounds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounds, "measured", lambda _: FEW)
        patch.setattr(rounds, "modeled", lambda _: ALONE)
        yield Found(out, rounds.results(Options(out=out), quiet))


@pytest.mark.parametrize("suite", SUITES)
def test_calm_network_sends_what_the_model_says(suite: int) -> None:
    case = Case(suite, 8, 0.0, INDEPENDENT.name, 3, 1)
    row, model = measure(case), predict(case)
    assert (row["corrected"], row["without_sum"], row["missing_mean"]) == (0, 0, 0)
    assert row["up_messages"] == model["model_up_messages"]
    assert row["down_messages"] == model["model_down_messages"] == 1
    assert row["up_bytes"] == pytest.approx(model["model_up_bytes"], rel=0.02)
    assert row["down_bytes"] == pytest.approx(model["model_down_bytes"], rel=0.02)


def test_model_lies_within_the_band_of_the_real_cores() -> None:
    case = Case(BASIC.code, 30, 0.05, INDEPENDENT.name, 60, 5)
    row, model = measure(case), predict(case)
    assert _number(row["corrected_low"]) < _number(model["model_corrected"]) < _number(row["corrected_high"])
    assert row["expected_mean"] == pytest.approx(model["model_expected_mean"], rel=0.05)
    assert row["wait_mean_s"] == pytest.approx(model["model_wait_mean_s"], rel=0.15)


def test_same_seed_plays_the_same_rounds() -> None:
    case = Case(BASIC.code, 6, 0.2, INDEPENDENT.name, 10, 6)
    assert measure(case) == measure(case)


def test_every_suite_is_measured_and_modeled() -> None:
    options = Options()
    assert {case.suite for case in measured(options)} == {case.suite for case in modeled(options)} == set(SUITES)
    assert max(case.members for case in measured(options)) == 100


def test_full_analysis_plays_larger_networks_for_longer() -> None:
    short, full = measured(Options()), measured(Options(full=True))
    assert max(case.members for case in full) > 100
    assert sum(case.rounds for case in full) > 3 * sum(case.rounds for case in short)


def test_number_of_processes_changes_no_number(tmp_path: Path, found: Found) -> None:
    assert rounds.results(Options(out=tmp_path, jobs=2), quiet) == found.results


def test_finished_cases_are_not_played_again(found: Found) -> None:
    told = list[tuple[int, int]]()
    again = rounds.results(Options(out=found.out), lambda _, done, total: told.append((done, total)))
    assert again == found.results
    assert told == [(len(FEW) + len(ALONE), len(FEW) + len(ALONE))]


def test_command_writes_its_tables(found: Found, capsys: pytest.CaptureFixture[str]) -> None:
    assert rounds.run(Options(out=found.out)) == 0
    assert "Suite basic, 6 members" in capsys.readouterr().out
    assert {path.stem for path in found.out.glob("*.csv")} == {"rounds", "rounds_model"}


def test_section_holds_its_tables(found: Found) -> None:
    text = rounds.section(found.results)
    assert text.startswith("### ")
    assert text.count("*Table:") == 3
    assert "| basic | 6 | 5 % | bursts |" in text
    assert "30 members of suite `hardened` have no sum in" in text


def test_panels_show_the_model_and_the_real_cores(found: Found) -> None:
    for panel in (rounds.draw, rounds.draw_waiting, rounds.draw_bytes):
        axes = Figure().subplots()
        panel(axes, found.results)
        assert len(axes.get_lines()) > 1
        assert axes.get_xlabel() == "members"


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)
