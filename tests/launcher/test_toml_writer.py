import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from launcher.toml_writer import Table, Value, to_toml


def test_tables_and_arrays_of_tables_come_back() -> None:
    table: Table = {
        "home": Path("/a b"),
        "broker": {"port": 0, "embedded": True, "inspectors": ["one", 'two"']},
        "network": [{"id": 1}, {"id": 2}],
        "x": 1.5,
    }
    assert tomllib.loads(to_toml(table)) == {**table, "home": "/a b"}


@given(
    st.one_of(
        st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.text()
    )
)
def test_every_value_comes_back(value: Value) -> None:
    assert tomllib.loads(to_toml({"key": value}))["key"] == value
