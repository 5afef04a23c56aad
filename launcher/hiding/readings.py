"""Whether published lanes tell anything about the true readings, which only their owners know.

The lanes are uniform whatever the readings are. So the readings are taken as given, and only the lanes as random:
correlations have bounds that hold for any readings. Mutual information is compared with permutations.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from launcher.errors import LauncherError
from launcher.hiding.checks import LANES, Check
from launcher.hiding.sample import Sample, Words
from launcher.tails import chi_square_tail, sub_gaussian

COLUMNS: Final = ("network", "gateway", "round", "import_dwh", "export_dwh")
"""The head of a file of readings; `dcnet smgw readings` writes one."""

_KINDS: Final = COLUMNS[3:]
_CLASSES: Final = 8
_LOW_BITS: Final = 16
_PERMUTATIONS: Final = 199
_PERMUTED_MAX: Final = 50_000
_CELL_MIN: Final = 5
_SEED: Final = 1
"""Fixed, so that a recording gets the same verdict each time."""

Floats = NDArray[np.float64]
Readings = dict[tuple[int, str, int], tuple[int, int]]
"""Import and export in 0.1 Wh, by network, gateway and round."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Frames whose readings are known: a row of words and a row of readings (import, export in 0.1 Wh) for each."""

    words: Words
    readings: NDArray[np.int64]


def read_readings(path: Path) -> Readings:
    """The readings in a file. Files may be appended to each other with their heads.

    Raises:
        LauncherError: The file cannot be read, or is none of readings; the line is named.
    """
    found: Readings = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            for row in rows:
                if tuple(row) != COLUMNS:
                    network, gateway, number, import_dwh, export_dwh = row
                    found[int(network), gateway, int(number)] = (_energy(import_dwh), _energy(export_dwh))
    except OSError as error:
        raise LauncherError(f"{path} cannot be read: {error.strerror}. Name a file of readings.") from error
    except (ValueError, csv.Error) as error:
        raise LauncherError(
            f"{path}, line {rows.line_num}, is none of readings. Each has {', '.join(COLUMNS)}, as dcnet smgw"
            " readings writes them."
        ) from error
    return found


def _energy(text: str) -> int:
    energy = int(text)
    if not -(2**53) < energy < 2**53:
        raise ValueError(f"{energy} is no energy")
    return energy


def pair(sample: Sample, readings: Readings) -> Pairs:
    """The frames of the sample whose readings are known."""
    keys = [(network, name, int(number)) for (network, name), number in zip(sample.senders, sample.rounds, strict=True)]
    known = [row for row, key in enumerate(keys) if key in readings]
    values = np.array([readings[keys[row]] for row in known], np.int64).reshape(-1, 2)
    return Pairs(sample.words[known], values)


@dataclass(frozen=True, slots=True)
class _View:
    """One way to look at the lanes: a column for each, scaled so that every row has the variance 1 / rows.

    The product with readings of length 1 is then a correlation.
    """

    name: str
    what: str
    lanes: Floats
    is_ranked: bool = False


def checks(pairs: Pairs) -> Iterator[Check]:
    """Every check of lanes against readings; readings that never change tell nothing, and are passed over."""
    told = [index for index in range(len(_KINDS)) if len(pairs.words) and np.ptp(pairs.readings[:, index])]
    if not told:
        return
    for view in _views(pairs.words.view(np.int64)):
        yield _correlation(view, pairs.readings, told)
    yield _low_bits(pairs, told)
    rng = np.random.default_rng(_SEED)
    for index in told:
        yield from _informations(pairs, index, rng)


def _views(signed: NDArray[np.int64]) -> list[_View]:
    root = len(signed) ** 0.5
    uniform = signed * (12**0.5 / 2.0**64)
    ranks = np.column_stack([_standard(_ranks(column)) for column in signed.T])
    coins = np.where(signed < 0, -1.0, 1.0)
    return [
        _View("values", "the value", uniform / root),
        _View("ranks", "the rank", ranks, is_ranked=True),
        _View("top bits", "the top bit", coins / root),
    ]


def _correlation(view: _View, readings: NDArray[np.int64], told: list[int]) -> Check:
    """Pearson's correlation, of ranks Spearman's, with each kind of readings; the strongest counts."""
    found = []
    for index in told:
        column = readings[:, index]
        reading = _standard(_ranks(column) if view.is_ranked else column.astype(np.float64))
        found += [(float(reading @ lane), _KINDS[index], name) for lane, name in zip(view.lanes.T, LANES, strict=True)]
    strongest, kind, name = max(found, key=lambda each: abs(each[0]))
    p_value = len(found) * sub_gaussian(strongest * len(readings) ** 0.5)
    finding = f"{view.what} of the {name} lane correlates with {kind} by {strongest:+.3f} in {len(readings):,} frames"
    return Check(f"readings: {view.name}", min(1.0, p_value), finding)


def _standard(column: Floats) -> Floats:
    """Centered, and of length 1; zeros when it does not vary."""
    centered: Floats = column - column.mean()
    length = float(np.linalg.norm(centered))
    return centered / length if length else centered


def _ranks(column: NDArray[np.int64]) -> Floats:
    """The ranks, those of equal values averaged."""
    _, places, counts = np.unique(column, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    averages: Floats = (ends - (counts - 1) / 2)[places]
    return averages


def _low_bits(pairs: Pairs, told: list[int]) -> Check:
    """Whether a low bit of a lane tends to be that of the reading, which a mask without low bits would leave."""
    count, found = len(pairs.words), []
    for index in told:
        differing = pairs.words[:, index] ^ pairs.readings[:, index].view(np.uint64)
        for bit in range(_LOW_BITS):
            equal = count - int(((differing >> np.uint64(bit)) & np.uint64(1)).sum())
            found.append((abs(2 * equal - count), equal, bit, index))
    distance, equal, bit, index = max(found)
    p_value = len(found) * sub_gaussian(distance / count**0.5)
    finding = (
        f"bit {bit} of the {LANES[index]} lane is that of {_KINDS[index]} in {equal:,} of {count:,} frames, "
        f"{count / 2:,g} are expected"
    )
    return Check("readings: low bits", min(1.0, p_value), finding)


def _informations(pairs: Pairs, index: int, rng: np.random.Generator) -> Iterator[Check]:
    words, reading = pairs.words[:_PERMUTED_MAX], pairs.readings[:_PERMUTED_MAX, index]
    classes = max(2, min(_CLASSES, len(words) // (_CELL_MIN * _CLASSES)))
    levels = np.searchsorted(np.quantile(reading, np.arange(1, classes) / classes), reading, side="right")
    kind = _KINDS[index]
    for lane, name in enumerate(LANES):
        yield _information(f"{name} lane, {kind}", levels, words[:, lane] >> np.uint64(61), rng)
    low = (reading % _CLASSES).astype(np.int64)
    yield _information(f"low bits of {LANES[index]} lane, {kind}", low, words[:, index] % np.uint64(_CLASSES), rng)


def _information(what: str, one: NDArray[np.int64], other: Words, rng: np.random.Generator) -> Check:
    """The mutual information of two sequences of classes.

    Twice the information (in nats), times the frames, tends to a chi-square distribution under permutations. With few
    frames its mean is off, so it is scaled to the mean of a fixed number of permutations. That reaches tails that
    counting permutations cannot; the count is told too.
    """
    first, second = (np.unique(side, return_inverse=True)[1] for side in (one, other))
    rows, columns = int(first.max()) + 1, int(second.max()) + 1
    degrees = (rows - 1) * (columns - 1)
    if not degrees:
        return Check(f"readings: information, {what}", 1.0, f"{what}: one of the two never changes")
    found = _likelihood_ratio(first, second, rows, columns)
    permuted = [_likelihood_ratio(first, rng.permutation(second), rows, columns) for _ in range(_PERMUTATIONS)]
    mean = max(float(np.mean(permuted)), 1e-9)
    above = sum(ratio >= found for ratio in permuted)
    bits = found / 2 / len(one) / np.log(2)
    finding = (
        f"{what}: {bits:.3f} bits of mutual information in {len(one):,} frames, by chance {mean / found * bits:.3f}"
        f" ({above} of {_PERMUTATIONS} permutations have as much)"
    )
    return Check(f"readings: information, {what}", chi_square_tail(found * degrees / mean, degrees), finding)


def _likelihood_ratio(first: NDArray[np.intp], second: NDArray[np.intp], rows: int, columns: int) -> float:
    """The statistic G of a contingency table: 2 n times the mutual information in nats."""
    table = np.bincount(first * columns + second, minlength=rows * columns).reshape(rows, columns).astype(np.float64)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / len(first)
    hit = table > 0
    return 2 * float((table[hit] * np.log(table[hit] / expected[hit])).sum())
