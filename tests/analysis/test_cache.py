"""Finished parts: taken when nothing changed, computed again otherwise."""

from pathlib import Path

from launcher.analysis.cache import Cache
from launcher.analysis.tables import Rows
from tests.analysis.samples_of import options


class Counted:
    """A computation that counts how often it is made."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Rows:
        self.times += 1
        return [{"n": 1, "value": 0.5, "none": None}]


def test_a_finished_part_is_not_computed_again(tmp_path: Path) -> None:
    compute = Counted()
    found = [Cache(options(tmp_path)).rows("part", {"n": 1}, compute) for _ in range(2)]
    assert compute.times == 1
    assert found[0] == found[1]


def test_other_parameters_another_seed_and_a_fresh_run_are_computed(tmp_path: Path) -> None:
    compute = Counted()
    Cache(options(tmp_path)).rows("part", {"n": 1}, compute)
    Cache(options(tmp_path)).rows("part", {"n": 2}, compute)
    Cache(options(tmp_path)).rows("other", {"n": 1}, compute)
    Cache(options(tmp_path, seed=8)).rows("part", {"n": 1}, compute)
    Cache(options(tmp_path, resume=False)).rows("part", {"n": 1}, compute)
    assert compute.times == 5


def test_a_broken_file_is_computed_again(tmp_path: Path) -> None:
    compute = Counted()
    Cache(options(tmp_path)).rows("part", {}, compute)
    (file,) = (tmp_path / "cache").iterdir()
    file.write_text("{")
    Cache(options(tmp_path)).rows("part", {}, compute)
    assert compute.times == 2


def test_random_numbers_depend_on_seed_and_address_alone(tmp_path: Path) -> None:
    first, again = (options(tmp_path, 1).generator("a", 2).random() for _ in range(2))
    others = {options(tmp_path, 2).generator("a", 2).random(), options(tmp_path, 1).generator("a2").random()}
    assert first == again
    assert len({first, *others}) == 3
