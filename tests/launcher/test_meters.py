from pathlib import Path

import pytest

from launcher.errors import LauncherError
from launcher.meters import read_meters


def test_meters_are_read_by_name(tmp_path: Path) -> None:
    path = tmp_path / "meters.csv"
    path.write_text("name,meter\n# first street\ngateway-1, 1 EMH00 1234 5678 \n\ngateway-2,1emh0012345679\n")
    assert read_meters(path) == {"gateway-1": "1EMH0012345678", "gateway-2": "1EMH0012345679"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("gateway-1\n", "line 1: 'gateway-1' is not name,meter, such as  gateway-1,1EMH0012345678"),
        ("Gateway,1EMH0012345678\n", "line 1: 'Gateway,1EMH0012345678' is not name,meter"),
        ("gateway-1,1EMH0012345678,x\n", "line 1: .* is not name,meter"),
        ("name,meter\ngateway-1,12\n", "line 2: '12' does not identify a meter"),
        (
            "gateway-1,1EMH0012345678\ngateway-1,1EMH0012345679\n",
            "line 2: gateway-1 or its meter .* stands there twice",
        ),
        (
            "gateway-1,1EMH0012345678\ngateway-2,1EMH0012345678\n",
            "line 2: gateway-2 or its meter .* stands there twice",
        ),
    ],
)
def test_a_line_that_is_not_understood_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "meters.csv"
    path.write_text(text)
    with pytest.raises(LauncherError, match=sentence):
        read_meters(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match=r"cannot be read.* It holds lines with name,meter"):
        read_meters(tmp_path / "none.csv")
    (tmp_path / "picture.csv").write_bytes(b"\xff\xd8")
    with pytest.raises(LauncherError, match="cannot be read"):
        read_meters(tmp_path / "picture.csv")
