"""`dcnet analyze size` as a whole: one's own households and simulated ones, what is kept, what is written."""

from pathlib import Path

import pytest

from launcher.analysis import size
from launcher.analysis.households import Extent, simulate
from launcher.analysis.options import Options
from tests.analysis.samples_of import options, own_file


@pytest.fixture(autouse=True)
def small_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = size.Plan((1, 2, 5, 10), pairs=6, groups=8, sums=4, targets=3)
    monkeypatch.setattr(size.Plan, "of", lambda _options: plan)
    # Parts run in this process, with the small plan.
    monkeypatch.setattr(size, "each", lambda work, parts, _jobs, _tell: [work(part) for part in parts])


def test_one_s_own_households_get_curves_and_a_smallest_size(tmp_path: Path) -> None:
    found = size.results(options(tmp_path), households=own_file(tmp_path / "own.csv"))
    metrics = {row["metric"] for row in found["size_curves"]}
    assert {"advantage_day", "advantage_week", "advantage_habits", "f1", "groups_15_15", "forecast_error"} <= metrics
    assert {row["period_min"] for row in found["size_curves"]} == {60}
    assert {row["n"] for row in found["size_curves"]} == {1, 2, 5, 10}
    assert "own, own, 60 min: n = > 10" in size.summary(found)


def test_the_same_seed_gives_the_same_numbers_and_another_others(tmp_path: Path) -> None:
    path = own_file(tmp_path / "own.csv")
    first, again, other = (
        size.results(options(tmp_path / name, seed), households=path) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == again
    assert first != other


def test_a_second_run_takes_what_the_first_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = own_file(tmp_path / "own.csv")
    first = size.results(options(tmp_path), households=path)
    monkeypatch.setattr(size, "_fast", None)
    assert size.results(options(tmp_path), households=path) == first


def test_a_simulated_part_has_every_metric_for_members_and_strangers(tmp_path: Path) -> None:
    part = size.Part("flats", "spring")
    sample = simulate("flats", Extent(40, 4), options(tmp_path))
    plan = size.Plan.of(options(tmp_path))
    measured = [
        *size._fast(part, sample, 15, plan, options(tmp_path)),
        *size._slow(part, sample, 15, plan, options(tmp_path)),
    ]
    curves, smallest = size._rows(part, 15, plan.sizes, measured, options(tmp_path))
    with_stranger = {row["metric"] for row in curves if row["stranger"] is not None}
    assert {
        "advantage_day",
        "advantage_habits",
        "auc_day",
        "auc_week",
        "f1",
        "regression",
        "information",
    } <= with_stranger
    assert {row["level"] for row in smallest} == {"recommended", "minimum", "strict"}


@pytest.mark.parametrize("step_min", [15, 60])
def test_the_command_writes_tables_and_plots_of_one_s_own_households(step_min: int, tmp_path: Path) -> None:
    assert size.run(options(tmp_path), own_file(tmp_path / "own.csv", step_min=step_min)) == 0
    written = {path.name for path in tmp_path.iterdir()}
    assert {"size_curves.csv", "size_smallest.csv", "privacy.svg", "likeness.png"} <= written


def test_more_is_drawn_when_everything_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    brief, full = (size.Plan.of(Options(full=is_full)) for is_full in (False, True))
    assert len(brief.sizes) == 12
    assert set(brief.sizes) <= set(full.sizes)
    assert full.targets > brief.targets
