"""What all experiments of `dcnet analyze` are told: the seed, where results go, how much to compute."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np

SEED_DEFAULT: Final = 2021
OUT_DEFAULT: Final = Path("scratch/evaluation")

Tell = Callable[[str, int, int], None]
"""Called with what is being computed, how many of its parts are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of one `dcnet analyze` command.

    Attributes:
        seed: every random number follows from it.
        out: the directory for CSV files and plots; `out/cache` keeps finished parts.
        full: whether to compute everything instead of what fits in five minutes.
        resume: whether finished parts of an earlier run with the same parameters and seed are taken from the cache.
        jobs: processes; no number depends on it.
    """

    seed: int = SEED_DEFAULT
    out: Path = OUT_DEFAULT
    full: bool = False
    resume: bool = True
    jobs: int = 1

    def generator(self, *address: str | int | float | None) -> "np.random.Generator":
        """Random numbers for one purpose: a function of seed and address alone, so parts can run in any order."""
        import numpy as np  # noqa: PLC0415 -- help comes without it

        octets = hashlib.blake2b(repr((self.seed, *address)).encode(), digest_size=16).digest()
        return np.random.default_rng(int.from_bytes(octets))


def silent(_what: str, _done: int, _total: int) -> None:
    """Say nothing about progress."""
