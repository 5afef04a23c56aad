"""Test vectors as JSON, for this implementation and for others; README.md says what each field is."""

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent


def load(name: str) -> dict[str, Any]:
    """The content of one vector file, such as `masks.json`."""
    content: dict[str, Any] = json.loads((FOLDER / name).read_text("utf-8"))
    return content


def frame_octets(entry: dict[str, Any]) -> bytes:
    """The bytes of one frame entry: its `frame`, or its `repeat` written out."""
    if "frame" in entry:
        return bytes.fromhex(entry["frame"])
    return b"".join(bytes.fromhex(part["octets"]) * part["times"] for part in entry["repeat"])
