"""SUPERPOSITION frames in batches: the fixed layout as a numpy structured type, the sum as one reduction.

Source: docs/protocol.md, "Frames" and "Suites".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from common.frames import FRAME_BYTES_MIN, MAGIC, TRANSMISSION_BIT, VERSION, Notification
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


@dataclass(frozen=True, slots=True)
class Row:
    """One frame of a batch, fields as in the layout; `raw` are its bytes."""

    raw: bytes
    network: int
    client: int
    timestamp_ms: int
    suite: int
    round: int
    view: bytes
    lanes: Lanes
    attempt: int
    edges: int


def decode_batch(raws: Sequence[bytes]) -> list[Row | None]:
    """Read many SUPERPOSITION frames at once; no signature is checked.

    Args:
        raws: frames as they arrived, of any length.

    Returns:
        A row for each frame of suite `basic`'s size whose fixed fields are right, in order; None for every other one:
        `common.frames.decode` refuses it, or reads another notification, or one without the transmission bit.
    """
    fitting = [i for i, raw in enumerate(raws) if len(raw) == BASIC_FRAME.itemsize]
    rows: list[Row | None] = [None] * len(raws)
    if not fitting:
        return rows
    array = np.frombuffer(b"".join(raws[i] for i in fitting), dtype=BASIC_FRAME)
    right = (
        (array["protocol"] == _PROTOCOL)
        & (array["bits"] == TRANSMISSION_BIT)
        & (array["notification"] == Notification.SUPERPOSITION)
        & (array["length"] == BASIC_FRAME.itemsize - FRAME_BYTES_MIN)
    )
    columns = [array[name].tolist() for name in _COLUMNS]
    for i, is_right, network, client, timestamp, suite, number, lanes, attempt, edges in zip(
        fitting, right.tolist(), *columns, strict=True
    ):
        if is_right:
            raw = raws[i]
            rows[i] = Row(raw, network, client, timestamp, suite, number, raw[33:41], tuple(lanes), attempt, edges)
    return rows


_COLUMNS: Final = ("network", "client", "timestamp_ms", "suite", "round", "lanes", "attempt", "edges")


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
    array["length"] = BASIC_FRAME.itemsize - FRAME_BYTES_MIN
    for name, column in fields.items():
        array[name] = column
    return array


def sum_lanes(lanes: Sequence[Lanes]) -> Lanes:
    """The sum of many lanes modulo 2**64, in one reduction."""
    if not lanes:
        return (0, 0, 0)
    total = np.array(lanes, dtype=np.uint64).sum(axis=0, dtype=np.uint64)
    return (int(total[0]), int(total[1]), int(total[2]))
