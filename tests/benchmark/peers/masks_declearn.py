"""DecLearn's pairwise masks on the work of a meter: a script for the environment of `declearn.txt`, alone.

Each meter shares a seed with a few neighbors, adds the masks of the one half and subtracts those of the other, and the
server adds up. The seeds are dealt here as DecLearn's key exchange would leave them, once for all rounds; DecLearn
itself pairs every meter with every other, which no meter would do at this size, so the neighbors are chosen here: a
ring. There is no repair: with one meter missing the sum is lost.

Prints a JSON object a line: first the versions, then one for each round, as `child.py` reads them.
"""

import argparse
import json
import random
import struct
import sys
import time
from importlib.metadata import version
from typing import Final

from declearn.secagg.masking import MaskingDecrypter, MaskingEncrypter

LANES: Final = 3
LANE_BITS: Final = 64
SEED_BITS: Final = 256
FRAME: Final = struct.Struct(f"!{LANES}Q")
PACKAGES: Final = ("declearn", "numpy")


def meters_of(size: int, neighbors: int) -> list[MaskingEncrypter]:
    """The meters in a ring: each shares a seed with the next few and with the few before it."""
    ahead = [[random.getrandbits(SEED_BITS) for _ in range(neighbors // 2)] for _ in range(size)]
    return [
        MaskingEncrypter(ahead[place], [ahead[place - step - 1][step] for step in range(neighbors // 2)], LANE_BITS)
        for place in range(size)
    ]


def say(found: dict[str, object]) -> None:
    """One line for the benchmark, at once: it may stop listening at any moment."""
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Play the rounds: every share of missing meters once, then all again.

    Raises:
        SystemExit: with everybody there, the sum is wrong.
    """
    parser = argparse.ArgumentParser(description="DecLearn's masks on the work of a meter.")
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--dropouts", type=float, nargs="+", required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--neighbors", type=int, required=True)
    options = parser.parse_args()
    say({"versions": {name: version(name) for name in PACKAGES}})
    meters, adder = meters_of(options.size, options.neighbors), MaskingDecrypter(options.size, LANE_BITS)
    for _ in range(options.rounds):
        for dropout in options.dropouts:
            say(play(meters, adder, round(dropout * options.size), dropout))


def play(meters: list[MaskingEncrypter], adder: MaskingDecrypter, gone: int, dropout: float) -> dict[str, object]:
    """One round. Every meter draws its masks, also one whose frame is lost, so that the next round is whole again."""
    readings = [[random.getrandbits(LANE_BITS) for _ in range(LANES)] for _ in meters]
    before = time.process_time()
    frames = [FRAME.pack(*meter.encrypt_uint_list(lanes)) for meter, lanes in zip(meters, readings, strict=True)]
    between = time.process_time()
    columns = zip(*(FRAME.unpack(frame) for frame in frames[gone:]), strict=True)
    sums = [adder.decrypt_uint(adder.sum_encrypted(column)) for column in columns]
    after = time.process_time()
    true = [sum(column) % (1 << LANE_BITS) for column in zip(*readings[gone:], strict=True)]
    if not gone and sums != true:
        raise SystemExit("the sum is wrong")
    return {
        "dropout": dropout,
        "is_finished": sums == true,
        "why": "" if sums == true else "the masks of the missing stay in the sum",
        "meter_cpu_s": (between - before) / len(meters),
        "server_cpu_s": after - between,
        "up_bytes": FRAME.size,
    }


if __name__ == "__main__":
    main()
