"""`dcnet analyze graph` as a whole: its tables, its advice, what it says, and what it keeps."""

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from common.thresholds import needed, silent
from launcher.analysis import graph
from launcher.analysis.graph_advice import Population, basic, choices, hardened, recommended
from launcher.analysis.graph_cases import Connectivity, connectivity
from launcher.analysis.graph_words import chance
from launcher.analysis.options import Options
from launcher.analysis.options import silent as quiet
from launcher.analysis.tables import Results
from launcher.errors import LauncherError

FEW = [Connectivity(20, 24, 0.1, 0.2, 50), Connectivity(100, 6, 0.3, 0.5, 50)]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "connectivity", lambda is_full: iter(FEW))
    monkeypatch.setattr("launcher.analysis.graph_cases.COLLUDING_TRIALS", 1_000)


def _results(options: Options) -> Results:
    return graph.results(options, quiet)


def test_share_of_colluders_is_rounded_up_and_leaves_one_honest() -> None:
    assert Population.of_share(1_000, 0.05, 0.0).colluders == 50
    assert Population.of_share(10, 0.05, 0.0).colluders == 1
    assert Population.of_share(10, 1.0, 0.0).colluders == 9


def test_thresholds_are_those_of_the_protocol() -> None:
    choice = hardened(Population(1_000, 50, 0.05), 24, 1e-6)
    assert (choice.draws, choice.silent, choice.needed) == (24, silent(24), needed(24)) == (24, 7, 17)
    assert (choice.ending, choice.replacements) == (10, 6)


def test_mesh_draws_everybody_and_replaces_nobody() -> None:
    choice = hardened(Population(20, 1, 0.05), 24, 1e-6)
    assert (choice.draws, choice.replacements) == (19, 0)


def test_one_in_a_million_at_five_percent_takes_24_draws() -> None:
    choice = recommended(Population.of_share(1_000, 0.05, 0.05), 1e-6)
    assert choice is not None
    assert (choice.draws, choice.silent, choice.needed) == (24, 7, 17)
    assert choice.hidden >= 2


def test_nothing_is_recommended_against_a_third_of_colluders() -> None:
    assert recommended(Population.of_share(1_000, 0.33, 0.05), 1e-6) is None


def test_recommended_draws_are_the_fewest_that_are_good() -> None:
    population = Population.of_share(1_000, 0.02, 0.05)
    choice = recommended(population, 1e-6)
    assert choice is not None
    fewer = [other for other in choices(population, 1e-6) if other.draws < choice.draws]
    assert fewer
    assert all(other.risk > 1e-6 or other.held_back > 0.01 for other in fewer)


def test_nothing_is_recommended_beyond_the_cliff() -> None:
    assert recommended(Population.of_share(1_000, 0.01, 0.12), 1e-6) is not None
    assert recommended(Population.of_share(1_000, 0.01, 0.15), 1e-6) is None


def test_provider_that_chooses_needs_half_of_the_drawn_in_suite_basic() -> None:
    population = Population.of_share(1_000, 0.05, 0.05)
    follows, chooses = (basic(population, 6, is_lying=is_lying) for is_lying in (False, True))
    assert (follows.ending, chooses.ending) == (6, 3)
    assert follows.risk < 1e-7
    assert chooses.risk > 1e-3


def test_more_silent_holders_hold_fewer_back_and_bear_fewer_colluders() -> None:
    population = Population.of_share(1_000, 0.05, 0.05)
    strict, loose = (hardened(population, 24, 1e-6, silent_max) for silent_max in (4, 9))
    assert strict.risk < loose.risk
    assert strict.held_back > loose.held_back


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("50", 0.05), ("0", 0.0), ("0.5%", 0.005)])
def test_colluders_are_a_share_or_a_number_of_members(text: str, share: float) -> None:
    assert graph.Question.parse(1_000, text, "5%", 1e-6) == graph.Question(1_000, share, 0.05, 1e-6)


@pytest.mark.parametrize("text", ["many", "100%", "-1%", "1000", "", "%"])
def test_what_is_no_share_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(LauncherError, match="--colluders 5%"):
        graph.Question.parse(1_000, text, "5%", 1e-6)


@pytest.mark.usefixtures("few")
def test_same_seed_gives_the_same_tables(tmp_path: Path) -> None:
    options = Options(seed=3, out=tmp_path, resume=False)
    assert _results(options) == _results(options)
    assert _results(options) != _results(replace(options, seed=4))


@pytest.mark.usefixtures("few")
def test_finished_parts_are_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = Options(out=tmp_path)
    first = _results(options)
    monkeypatch.setattr("launcher.analysis.graph_cases.simulate", None)
    assert _results(options) == first


@pytest.mark.usefixtures("few")
def test_command_writes_tables_and_recommends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert graph.run(Options(out=tmp_path)) == 0
    assert "d = 24, f = 7, k = 17" in capsys.readouterr().out
    names = {path.stem for path in tmp_path.glob("*.csv")}
    assert names == {f"graph_{name}" for name in ("connectivity", "surrounded", "basic", "choices", "trade", "advice")}


@pytest.mark.usefixtures("few")
def test_section_holds_its_tables_and_says_when_nothing_is_good_enough(tmp_path: Path) -> None:
    question = graph.Question(colluders=0.33)
    text = graph.section(graph.results(Options(out=tmp_path), quiet, question))
    assert text.startswith("### ")
    assert text.count("*Table:") == 5
    assert "no number of draws up to 24" in text


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("members", [2, 5, 25, 26])
def test_small_networks_are_answered_too(tmp_path: Path, members: int) -> None:
    found = graph.results(Options(out=tmp_path), quiet, graph.Question(members=members))
    asked = next(row for row in found["graph_advice"] if row["is_asked"])
    assert asked["members"] == members
    assert f"For {members} members" in graph.summary(found)


def test_full_analysis_has_more_cases_than_the_short_one() -> None:
    short, full = (list(connectivity(is_full=is_full)) for is_full in (False, True))
    assert len(full) > len(short)
    assert max(case.members * case.trials for case in short) <= 20_000 * 100


def test_probabilities_are_said_as_people_read_them() -> None:
    said = [chance(value) for value in (0.0, 3e-7, 0.0012, 0.052, 0.5, 1.0)]
    assert said == ["0", "3.0e-07", "0.12 %", "5.2 %", "50 %", "100 %"]


@pytest.mark.usefixtures("few")
def test_panels_show_every_promise_and_every_number_of_draws(tmp_path: Path) -> None:
    found = _results(Options(out=tmp_path))
    promises, connected = Figure().subplots(1, 2)
    graph.draw(promises, found)
    graph.draw_connectivity(connected, found)
    labels = promises.get_legend_handles_labels()[1]
    assert sum("hardened" in label for label in labels) == 3
    assert connected.get_legend_handles_labels()[1] == ["6 drawn"]
