"""What uniform words must look like: single bits, bytes, small numbers, repetitions, each gateway by itself.

Every check ends in the probability with which words that are uniform and independent look at least so odd. Where one
check looks at many places, such as 192 bits, that probability is multiplied by their number (Bonferroni).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from launcher.hiding.sample import Sample, Superpositions, Words
from launcher.tails import chi_square_tail, more_than, sub_gaussian

LANES: Final = ("import", "export", "contributors")
_SMALL_BITS: Final = 48
"""A word counts as small when, as a signed number, its bits from here up are all equal: one word in 32,768."""

_MEAN_MIN: Final = 8
"""So often each class of a chi-square test must be expected before the test says anything."""

_OF_GATEWAY_MIN: Final = 16
ROWS_MIN: Final = 30
"""Differences and corrected frames are tested when there are at least so many of them."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found. `finding` is a sentence on its oddest place, whether that is odd or not."""

    name: str
    p_value: float
    finding: str


def checks(all_frames: Superpositions, first: Sample) -> Iterator[Check]:
    """Every check that needs no readings, on whatever there is enough of."""
    yield _once(all_frames)
    yield from _of_lanes("lanes", "the published lanes", first)
    corrected = all_frames.corrected()
    if len(corrected.words) >= ROWS_MIN:
        yield from _of_lanes("corrected lanes", "the lanes of corrected frames", corrected)


def _of_lanes(name: str, what: str, sample: Sample) -> Iterator[Check]:
    yield from battery(name, what, sample.words)
    yield from _gateways(name, sample)
    for derived, told, words in _derived(sample):
        if len(words) >= ROWS_MIN:
            yield from battery(f"{name}, {derived}", f"{told} of {what}", words)


def _derived(sample: Sample) -> Iterator[tuple[str, str, Words]]:
    """Combinations of two words, which are uniform and independent of each other if the words are."""
    words, gateways = sample.words, sample.gateways
    follows = gateways[1:] == gateways[:-1]
    before, after = words[:-1][follows], words[1:][follows]
    yield "round to round", "the differences between one round and the next of a gateway,", after - before
    yield "round xor round", "the exclusive or of one round and the next of a gateway,", after ^ before
    yield "lane to lane", "the differences between neighboring lanes,", words[:, :2] - words[:, 1:]
    yield "outer lanes", "the differences between the first and the last lane,", words[:, :1] - words[:, 2:]
    order = np.lexsort((gateways, sample.rounds, sample.networks))
    words, rounds, networks = words[order], sample.rounds[order], sample.networks[order]
    together = (rounds[1:] == rounds[:-1]) & (networks[1:] == networks[:-1])
    one, other = words[:-1][together], words[1:][together]
    yield "gateway to gateway", "the differences between two gateways in a round,", other - one
    yield "gateway and gateway", "the sums of two gateways in a round,", other + one


def battery(name: str, what: str, words: Words) -> Iterator[Check]:
    """The checks of one set of words, with a column for each lane.

    Args:
        name: What the set is called in a table.
        what: The same in a sentence.
        words: At least one row.
    """
    yield _bits(name, what, words)
    if words.size * 8 >= 256 * _MEAN_MIN:
        yield _bytes(name, what, words)
    yield _small(name, what, words)
    yield _repeated(name, what, words)


def ones(words: Words) -> NDArray[np.int64]:
    """How often each bit is set: a row for each column of words, bit 0 first."""
    return np.array([((words >> np.uint64(bit)) & np.uint64(1)).sum(axis=0) for bit in range(64)], np.int64).T


def _bits(name: str, what: str, words: Words) -> Check:
    count = len(words)
    set_ = ones(words)
    column, bit = np.unravel_index(np.abs(2 * set_ - count).argmax(), set_.shape)
    hits = int(set_[column, bit])
    p_value = set_.size * sub_gaussian((2 * hits - count) / count**0.5)
    where = f"bit {bit} of the {LANES[column]} lane" if words.shape[1] == len(LANES) else f"bit {bit}"
    finding = f"in {what} {where} is set {hits:,} times in {count:,}, {count / 2:,g} are expected"
    return Check(f"{name}: bits", min(1.0, p_value), finding)


def _bytes(name: str, what: str, words: Words) -> Check:
    """Pearson's test on all bytes, and on each of the places of a word once there are enough."""
    octets = words.astype(">u8").view(np.uint8).reshape(len(words), -1)
    places = [octets.ravel()]
    if len(words) >= 256 * _MEAN_MIN:
        places += list(octets.T)
    tails = [_unevenness(place) for place in places]
    p_value, common, hits, mean = min(tails)
    finding = f"in {what} the byte {common:#04x} comes {hits:,} times, {mean:,.1f} are expected"
    return Check(f"{name}: bytes", min(1.0, p_value * len(tails)), finding)


def _unevenness(octets: NDArray[np.uint8]) -> tuple[float, int, int, float]:
    """The tail of Pearson's statistic; the most common byte, how often it comes, and how often each is expected."""
    hits, mean = np.bincount(octets, minlength=256), octets.size / 256
    common = int(hits.argmax())
    return chi_square_tail(float(((hits - mean) ** 2).sum() / mean), 255), common, int(hits[common]), mean


def _small(name: str, what: str, words: Words) -> Check:
    top = words.view(np.int64) >> _SMALL_BITS
    count = int(((top == 0) | (top == -1)).sum())
    mean = words.size * 2.0 ** (_SMALL_BITS - 63)
    finding = f"in {what} {count:,} words of {words.size:,} are small numbers, {mean:.2g} are expected"
    return Check(f"{name}: high bits", more_than(count, mean), finding)


def _repeated(name: str, what: str, words: Words) -> Check:
    again = words.size - len(np.unique(words))
    expected = words.size * (words.size - 1) / 2 / 2.0**64
    finding = f"in {what} {again:,} words of {words.size:,} came before, none is expected"
    return Check(f"{name}: repetitions", min(1.0, expected) if again else 1.0, finding)


def _gateways(name: str, sample: Sample) -> Iterator[Check]:
    """Each gateway's 192 bits together: a defect of one is lost among the others."""
    gateways, found = sample.gateways, list[tuple[float, str, int]]()
    # The sample is sorted by sender, so each gateway's frames are a run.
    starts = [0, *(np.flatnonzero(np.diff(gateways)) + 1), len(gateways)]
    for start, end in pairwise(starts):
        if (count := int(end - start)) >= _OF_GATEWAY_MIN:
            set_ = ones(sample.words[start:end])
            uneven = float(((2 * set_ - count) ** 2).sum() / count)
            network, gateway = sample.senders[start]
            found.append((chi_square_tail(uneven, set_.size), f"{gateway} in network {network}", count))
    if found:
        p_value, who, count = min(found)
        finding = f"the bits of {who} are set unevenly in its {count:,} frames, more than those of any other gateway"
        yield Check(f"{name}: each gateway", min(1.0, p_value * len(found)), finding)


def _once(all_frames: Superpositions) -> Check:
    """What must never happen has probability 0."""
    twice, uncovered = all_frames.contradictions, all_frames.uncovered
    finding = (
        f"{twice:,} frames contradict another one of the same gateway, round and attempt, and {uncovered:,} corrected "
        "frames dropped masks that changed nothing, none is expected"
    )
    return Check("frames: one for each round", 0.0 if twice or uncovered else 1.0, finding)
