"""Which suite a demonstration and a provider run, and what is said of the weaker one."""

import inspect
from pathlib import Path

import pytest

from common.suites import BASIC_WARNING
from launcher.board import Board
from launcher.cli import demo
from launcher.profile import Overrides, load_profile
from provider import settings as provider_settings
from provider.results import DEMONSTRATION
from tests.launcher.commands import dcnet


def warning(profile: str, suite: str | None) -> str:
    played = load_profile(profile, Overrides(suite=suite))
    return Board(played, played.schedule, [], "results.csv").warning


@pytest.mark.parametrize("suite", ["basic", "hardened"])
def test_the_command_line_chooses_the_suite_of_all_networks(suite: str) -> None:
    played = load_profile("regions", Overrides(suite=suite))
    assert {plan.suite for plan in played.network} == {suite}


def test_the_demo_runs_suite_hardened_unless_told_otherwise() -> None:
    default = inspect.signature(demo).parameters["profile"].default
    assert default == "demo"
    assert {plan.suite for plan in load_profile(default, Overrides()).network} == {"hardened"}


@pytest.mark.parametrize(
    ("profile", "suite", "is_warned"),
    [("demo", None, False), ("demo", "basic", True), ("thesis", None, True), ("thesis", "hardened", False)],
)
def test_a_demonstration_in_suite_basic_says_what_that_means(profile: str, suite: str | None, is_warned: bool) -> None:
    said = warning(profile, suite)
    assert (BASIC_WARNING in said, DEMONSTRATION in said) == (is_warned, True)


def test_a_suite_that_there_is_not_is_refused() -> None:
    shown = dcnet("demo", "--suite", "strong")
    assert shown.status == 2


@pytest.mark.parametrize(("line", "is_warned"), [("", False), ("suite = 'basic'", True), ("suite = 'hardened'", False)])
def test_a_provider_is_warned_of_suite_basic(tmp_path: Path, line: str, is_warned: bool) -> None:
    config = tmp_path / "provider.toml"
    config.write_text(f"home = '{tmp_path / 'home'}'\n[[network]]\nid = 1\nregion = 'north'\n{line}\n")
    (network,) = provider_settings.load(config).network
    assert network.suite_warning == (f"network 1 (north): {BASIC_WARNING}" if is_warned else "")
