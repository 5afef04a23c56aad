"""How many holders may be silent, how many are needed, and what colluding ones leave."""

import pytest

from common.thresholds import half, needed, silent, smallest_opened

_TABLE = {
    2: (0, 2), 3: (0, 3),
    4: (1, 3), 5: (1, 4), 6: (1, 5),
    7: (2, 5), 8: (2, 6), 9: (2, 7),
    10: (3, 7), 11: (3, 8), 12: (3, 9),
    13: (4, 9), 14: (4, 10), 15: (4, 11),
    16: (5, 11), 17: (5, 12), 18: (5, 13),
    19: (6, 13), 20: (6, 14), 21: (6, 15),
    22: (7, 15), 23: (7, 16), 24: (7, 17),
}  # fmt: skip
"""By drawn holders: how many may be silent, and how many are needed."""


@pytest.mark.parametrize(("drawn", "thresholds"), _TABLE.items())
def test_a_third_may_be_silent_and_the_others_are_needed(drawn: int, thresholds: tuple[int, int]) -> None:
    assert (silent(drawn), needed(drawn)) == thresholds


def test_a_gateway_that_drew_nobody_needs_nobody_and_one_that_drew_one_needs_it() -> None:
    assert [(silent(drawn), needed(drawn)) for drawn in (0, 1)] == [(0, 0), (0, 1)]


@pytest.mark.parametrize("drawn", range(2, 25))
def test_as_many_may_collude_as_may_be_silent(drawn: int) -> None:
    colluding = drawn - 2 * silent(drawn) - 1
    assert colluding >= silent(drawn)
    assert smallest_opened(drawn, colluding) == 2, "with as many colluders as are tolerated, a sum covers two at least"
    assert smallest_opened(drawn, colluding + 1) == 0


@pytest.mark.parametrize(
    ("drawn", "colluding", "smallest"),
    [
        (4, 0, 3),
        (4, 1, 2),
        (4, 2, 0),
        (24, 0, 11),
        (24, 5, 6),
        (24, 9, 2),
        (24, 10, 0),
        (2, 1, 2),
        (2, 2, 0),
        (0, 0, 0),
    ],
)
def test_what_a_lying_provider_learns_covers_so_many(drawn: int, colluding: int, smallest: int) -> None:
    assert smallest_opened(drawn, colluding) == smallest


@pytest.mark.parametrize("drawn", range(2, 25))
def test_each_further_colluder_takes_one_member_off_the_smallest_sum(drawn: int) -> None:
    sizes = [smallest_opened(drawn, colluding) for colluding in range(drawn + 1)]
    assert sizes[0] == 2 * needed(drawn) - drawn + 1
    kept = [size for size in sizes if size]
    assert kept == list(range(kept[0], 1, -1))


def test_two_quorums_of_honest_holders_always_meet() -> None:
    for drawn in range(2, 25):
        for colluding in range(drawn - 2 * silent(drawn)):
            honest = drawn - colluding
            masking = releasing = needed(drawn) - colluding
            overlap = masking + releasing - honest
            assert overlap >= 1
            assert smallest_opened(drawn, colluding) == overlap + 1


def test_suite_basic_needs_half_rounded_up() -> None:
    assert [half(drawn) for drawn in range(9)] == [0, 1, 1, 2, 2, 3, 3, 4, 4]
