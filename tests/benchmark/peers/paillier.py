"""Packed Paillier on the work of a meter: a script for the environment of `paillier.txt`, alone.

Each meter packs its lanes into one number and encrypts it under the provider's key; the provider multiplies the
ciphertexts and decrypts the product. A missing meter is one factor fewer. What this can't do: whoever holds the key can
decrypt each reading alone.

Prints a JSON object a line: first the versions, then one for each round, as `child.py` reads them.
"""

import argparse
import json
import random
import sys
import time
from importlib.metadata import version
from typing import Final

from phe import EncryptedNumber, PaillierPrivateKey, PaillierPublicKey, generate_paillier_keypair
from phe.util import HAVE_GMP

LANES: Final = 3
LANE_BITS: Final = 64
SPARE_BITS: Final = 16
"""Between two lanes, for the carries of up to 2^16 meters."""
KEY_BITS: Final = 2048
CIPHERTEXT_BYTES: Final = 2 * KEY_BITS // 8
PACKAGES: Final = ("phe", "gmpy2")


def pack(reading: list[int]) -> int:
    """The lanes in one number."""
    return sum(lane << (LANE_BITS + SPARE_BITS) * place for place, lane in enumerate(reading))


def unpack(packed: int) -> list[int]:
    """The lanes of a sum."""
    width = LANE_BITS + SPARE_BITS
    return [packed >> width * place & (1 << width) - 1 for place in range(LANES)]


def frames_of(key: PaillierPublicKey, readings: list[list[int]]) -> tuple[list[bytes], float]:
    """What every meter sends, and its CPU seconds, all meters together."""
    before = time.process_time()
    frames = [int(key.encrypt(pack(reading)).ciphertext()).to_bytes(CIPHERTEXT_BYTES, "big") for reading in readings]
    return frames, time.process_time() - before


def add(key: PaillierPublicKey, private: PaillierPrivateKey, frames: list[bytes]) -> tuple[list[int], float]:
    """The provider's sum, and its CPU seconds."""
    before = time.process_time()
    total = EncryptedNumber(key, int.from_bytes(frames[0], "big"))
    for frame in frames[1:]:
        total += EncryptedNumber(key, int.from_bytes(frame, "big"))
    lanes = unpack(private.decrypt(total))
    return lanes, time.process_time() - before


def say(found: dict[str, object]) -> None:
    """One line for the benchmark, at once: it may stop listening at any moment."""
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Play the rounds: every share of missing meters once, then all again.

    Raises:
        SystemExit: gmpy2 is not in use, or a sum is not that of the meters that sent.
    """
    parser = argparse.ArgumentParser(description="Packed Paillier on the work of a meter.")
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--dropouts", type=float, nargs="+", required=True)
    parser.add_argument("--rounds", type=int, required=True)
    options = parser.parse_args()
    if not HAVE_GMP:
        raise SystemExit("phe does not find gmpy2")
    say({"versions": {name: version(name) for name in PACKAGES}})
    key, private = generate_paillier_keypair(n_length=KEY_BITS)
    for _ in range(options.rounds):
        readings = [[random.getrandbits(LANE_BITS) for _ in range(LANES)] for _ in range(options.size)]
        # A meter does not know who else is missing, so the same frames serve every share of missing meters.
        frames, meters_s = frames_of(key, readings)
        for dropout in options.dropouts:
            stayed = slice(round(dropout * options.size), None)
            lanes, server_s = add(key, private, frames[stayed])
            if lanes != [sum(reading[lane] for reading in readings[stayed]) for lane in range(LANES)]:
                raise SystemExit("the sum is wrong")
            found = {"dropout": dropout, "is_finished": True, "why": "", "meter_cpu_s": meters_s / options.size}
            say({**found, "server_cpu_s": server_s, "up_bytes": CIPHERTEXT_BYTES})


if __name__ == "__main__":
    main()
