"""The administrator's file of meters: which gateway reads which meter, one `name,meter` for each line."""

import csv
from pathlib import Path

from broker.gwa.issuing import RequestError
from broker.gwa.rules import meter_of
from common.identifiers import is_name
from launcher.errors import LauncherError


def read_meters(path: Path) -> dict[str, str]:
    """The meter of each gateway by its name. A first line `name,meter`, empty lines and those with a # are passed over.

    Raises:
        LauncherError: It cannot be read, a line is not understood, or a name or meter stands there twice.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LauncherError(f"{path} cannot be read: {error}. It holds lines with name,meter.") from error
    meters: dict[str, str] = {}
    for number, row in rows:
        words = [word.strip() for word in row]
        if words[0].startswith("#") or (number == 1 and words == ["name", "meter"]):
            continue
        name, meter = _pair(words, f"{path}, line {number}")
        if name in meters or meter in meters.values():
            raise LauncherError(f"{path}, line {number}: {name} or its meter {meter} stands there twice.")
        meters[name] = meter
    return meters


def _pair(words: list[str], where: str) -> tuple[str, str]:
    if len(words) != 2 or not is_name(words[0]):
        raise LauncherError(f"{where}: {','.join(words)!r} is not name,meter, such as  gateway-1,1EMH0012345678")
    try:
        return words[0], meter_of(words[1])
    except RequestError as error:
        raise LauncherError(f"{where}: {error}.") from error
