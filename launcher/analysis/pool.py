"""The parts of an experiment, on as many cores as there are. Results come in the order of the parts."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Final, TypeVar

_Part = TypeVar("_Part")
_Found = TypeVar("_Found")
_THREADS: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def each(
    work: Callable[[_Part], _Found], parts: Sequence[_Part], jobs: int, tell: Callable[[int, int], None]
) -> list[_Found]:
    """`work` of every part; `tell` learns how many are done.

    Processes are spawned, with one thread each for linear algebra: more would wait for each other, and the order of
    additions, so the last digits, would depend on how many there are.
    """
    tell(0, len(parts))
    for name in _THREADS:
        os.environ.setdefault(name, "1")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max(1, min(jobs, len(parts))), mp_context=spawn) as pool:
        futures = [pool.submit(work, part) for part in parts]
        for done, _ in enumerate(as_completed(futures), 1):
            tell(done, len(parts))
        return [future.result() for future in futures]
