"""SUPERPOSITION frames in batches: the fixed layout as a numpy structured type, whole columns read and written at once.

Source: docs/protocol.md, "Frames" and "Suites".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from common.frames import FRAME_BYTES_MIN, MAGIC, TRANSMISSION_BIT, VERSION, Notification
from common.signing import SIGNATURE_BYTES
from common.superposition import Lanes

_PROTOCOL: Final = int.from_bytes(MAGIC + bytes([VERSION]))

BASIC_FRAME: Final = np.dtype(
    [
        ("protocol", ">u4"),
        ("network", ">u4"),
        ("client", ">u4"),
        ("bits", "u1"),
        ("timestamp_ms", ">u8"),
        ("notification", "u1"),
        ("length", ">u2"),
        ("suite", "u1"),
        ("round", ">u8"),
        ("view", "S8"),
        ("lanes", ">u8", (3,)),
        ("attempt", "u1"),
        ("masks", "u1"),
        ("edges", ">u8"),
        ("signature", "V64"),
    ]
)
"""A whole SUPERPOSITION frame of suite `basic`, 139 bytes."""

_LAYOUT: Final = Struct(">IIIBQBHBQ8s24xBBQ")
_DATA_BYTES: Final = _LAYOUT.size + SIGNATURE_BYTES - FRAME_BYTES_MIN
_FIXED: Final = (_PROTOCOL, TRANSMISSION_BIT, Notification.SUPERPOSITION)
_LANES: Final = slice(41, 65)


@dataclass(frozen=True, slots=True)
class Row:
    """One frame of a batch, fields as in the layout; `raw` are its bytes, which hold the lanes.

    `told` is what the body of its suite holds beyond that of `basic`.
    """

    raw: bytes
    network: int
    client: int
    timestamp_ms: int
    suite: int
    round: int
    view: bytes
    attempt: int
    edges: int
    told: bytes


def decode_batch(raws: Sequence[bytes]) -> list[Row | None]:
    """Read many SUPERPOSITION frames at once; no signature is checked.

    Which frames count is decided one by one, so each becomes a row of its own, by one `struct` call: numpy, through
    columns is hardly faster for a thousand rows and six times slower for a single one, which is how most arrive.

    Args:
        raws: frames as they arrived, of any length.

    Returns:
        A row for each frame that is large enough and whose fixed fields are right, in order; None for every other one,
        which `common.frames.decode` then refuses, or reads as another notification.
    """
    return [_row(raw) if len(raw) >= BASIC_FRAME.itemsize else None for raw in raws]


def _row(raw: bytes) -> Row | None:
    protocol, network, client, bits, timestamp_ms, notification, length, *data = _LAYOUT.unpack_from(raw)
    if (protocol, bits, notification) != _FIXED or length != len(raw) - FRAME_BYTES_MIN:
        return None
    suite, number, view, attempt, _masks, edges = data
    told = raw[_LAYOUT.size : -SIGNATURE_BYTES]
    return Row(raw, network, client, timestamp_ms, suite, number, view, attempt, edges, told)


def encode_batch(fields: dict[str, npt.ArrayLike], count: int) -> npt.NDArray[Any]:
    """Lay out `count` unsigned SUPERPOSITION frames at once.

    Args:
        fields: a column for each of network, client, timestamp_ms, suite, round, view, lanes (count x 3), attempt,
            masks and edges; scalars are repeated.
        count: how many frames.

    Returns:
        A structured array of `BASIC_FRAME`; the signatures are zero. Row i without its last 64 bytes is what is signed.
    """
    array = np.zeros(count, dtype=BASIC_FRAME)
    array["protocol"] = _PROTOCOL
    array["bits"] = TRANSMISSION_BIT
    array["notification"] = Notification.SUPERPOSITION
    array["length"] = _DATA_BYTES
    for name, column in fields.items():
        array[name] = column
    return array


def columns(raws: Sequence[bytes]) -> npt.NDArray[Any]:
    """Read many SUPERPOSITION frames at once, as a structured array of `BASIC_FRAME`; the inverse of `encode_batch`.

    Raises:
        ValueError: a frame is not of suite `basic`'s size.
    """
    if any(len(raw) != BASIC_FRAME.itemsize for raw in raws):
        raise ValueError(f"a SUPERPOSITION of suite basic has {BASIC_FRAME.itemsize} bytes")
    return np.frombuffer(b"".join(raws), dtype=BASIC_FRAME)


def sum_lanes(raws: Sequence[bytes]) -> Lanes:
    """The sum of the concealed lanes of many SUPERPOSITION frames of any suite modulo 2**64, in one reduction."""
    lanes = np.frombuffer(b"".join(raw[_LANES] for raw in raws), dtype=">u8").reshape(-1, 3)
    total = lanes.astype(np.uint64).sum(axis=0, dtype=np.uint64)
    return (int(total[0]), int(total[1]), int(total[2]))
