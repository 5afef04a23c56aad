"""Addressed random numbers: fixed values, independence of how many are asked, uniformity."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smgw.lmn.draws import uniforms


def test_numbers_are_the_same_on_every_machine() -> None:
    numbers = uniforms(42, 3, np.array([-1, 20_000]), 2)
    expected = [[0.9589071970512832, 0.9215869897178119], [0.6282975996501986, 0.0030757653748364477]]
    assert numbers.tolist() == expected


@given(seed=st.integers(), stream=st.integers(0, 200), day=st.integers(-(10**6), 10**6), count=st.integers(1, 20))
def test_a_number_depends_on_its_address_alone(seed: int, stream: int, day: int, count: int) -> None:
    alone = uniforms(seed, stream, np.array([day]), count)
    among = uniforms(seed, stream, np.array([day - 1, day, day + 1]), count + 3)
    assert alone[0].tolist() == among[1, :count].tolist()
    assert np.all((alone >= 0) & (alone < 1))


def test_numbers_are_uniform_and_streams_are_unrelated() -> None:
    days = np.arange(2_000)
    first, second = uniforms(1, 1, days, 20), uniforms(1, 2, days, 20)
    assert abs(first.mean() - 0.5) < 0.005
    assert abs(first.var() - 1 / 12) < 0.001
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(first.ravel(), uniforms(2, 1, days, 20).ravel())[0, 1]) < 0.02
