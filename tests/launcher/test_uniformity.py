"""`dcnet inspect --uniformity`: real masks pass, planted defects are found, whatever cannot be tested is said."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from common.sealing import Context
from common.suites import BASIC, SUITES, Suite
from common.superposition import ZERO, Lanes
from launcher.hiding.checks import checks
from launcher.hiding.sample import Sample, collect
from launcher.hiding.verdict import FRAMES_MIN, LEVEL, LOOKS_UNIFORM, Verdict, judge
from tests.launcher.commands import dcnet
from tests.launcher.masked import FIRST, Household, Reading, known, write

WORD: Final = 2**64 - 1
ATTEMPT_AT: Final = 24 + 17 + 24
"""Behind a header, suite, round, view and lanes."""


def verdict_on(household: Household, *, with_readings: bool = True) -> Verdict:
    messages, readings = known(household)
    return judge(collect(messages), readings if with_readings else None)


@pytest.mark.parametrize("suite", SUITES.values(), ids=[suite.name for suite in SUITES.values()])
@pytest.mark.parametrize("gateways", [3, 6, 12])
def test_real_masks_look_uniform(suite: Suite, gateways: int) -> None:
    verdict = verdict_on(Household(suite, gateways, 100))
    assert (verdict.status, verdict.found) == (LOOKS_UNIFORM, [])
    assert verdict.p_value > 0.01
    assert verdict.compared == verdict.frames > FRAMES_MIN
    names = {check.name for check in verdict.checks}
    assert {"lanes: bits", "lanes, round to round: bytes", "readings: ranks", "frames: one for each round"} <= names
    assert ("corrected lanes: bits" in names) == (gateways > 3)


def zero(masks: Lanes, context: Context, reading: Reading) -> Lanes:
    return ZERO


def sixteen_bits(masks: Lanes, context: Context, reading: Reading) -> Lanes:
    return (masks[0] & 0xFFFF, masks[1] & 0xFFFF, masks[2] & 0xFFFF)


def without_low_bits(masks: Lanes, context: Context, reading: Reading) -> Lanes:
    return (masks[0] << 12 & WORD, masks[1] << 12 & WORD, masks[2] << 12 & WORD)


def same_in_all_lanes(masks: Lanes, context: Context, reading: Reading) -> Lanes:
    return (masks[0], masks[0], masks[0])


def counting(masks: Lanes, context: Context, reading: Reading) -> Lanes:
    """A mask that grows by the same in each round."""
    start = int(context.client) * 0x9E3779B97F4A7C15
    step = int(context.round) * 0xBF58476D1CE4E5B9
    return ((start + step) & WORD, (start + 3 * step) & WORD, (start + 5 * step) & WORD)


def of_all_alike(masks: Lanes, context: Context, reading: Reading) -> Lanes:
    """One mask for all gateways of a round."""
    octets = np.random.default_rng(int(context.round)).integers(0, WORD, 3, np.uint64, endpoint=True)
    return (int(octets[0]), int(octets[1]), int(octets[2]))


def telling_top_bit(masks: Lanes, context: Context, reading: Reading) -> Lanes:
    """Uniform to look at, but the top bit tells a great reading from a small one."""
    top = (reading[0] > 1_500) << 63
    return (((masks[0] & (WORD >> 1)) | top), masks[1], masks[2])


def telling_parity(masks: Lanes, context: Context, reading: Reading) -> Lanes:
    """Its lowest bit is that of the reading."""
    return (masks[0] & ~1 & WORD, masks[1], masks[2])


def of_one_gateway_zero(masks: Lanes, context: Context, reading: Reading) -> Lanes:
    return ZERO if context.client == 4 else masks


def of_one_gateway_odd(masks: Lanes, context: Context, reading: Reading) -> Lanes:
    """One gateway of many has bits that are set three times in four."""
    if context.client != 4:
        return masks
    twist = masks[1] ^ (masks[2] << 17 & WORD)
    return (masks[0] | twist, masks[1], masks[2])


DEFECTS: Final = {
    "zero masks": (Household(defect=zero), "lanes: high bits"),
    "fixed seed": (Household(is_seed_fixed=True), "lanes, round to round: high bits"),
    "16 bits": (Household(defect=sixteen_bits), "lanes: high bits"),
    "without low bits": (Household(defect=without_low_bits), "lanes: bits"),
    "repeated lane": (Household(defect=same_in_all_lanes), "lanes, lane to lane: high bits"),
    "counter": (Household(defect=counting), "lanes, round to round: repetitions"),
    "all alike": (Household(defect=of_all_alike), "lanes, gateway to gateway: high bits"),
    "one gateway without masks": (Household(gateways=30, defect=of_one_gateway_zero), "lanes: high bits"),
    "one odd gateway": (Household(gateways=30, defect=of_one_gateway_odd), "lanes: each gateway"),
}


@pytest.mark.parametrize(("household", "check"), DEFECTS.values(), ids=DEFECTS.keys())
def test_a_planted_defect_is_found_without_knowing_a_reading(household: Household, check: str) -> None:
    verdict = verdict_on(household, with_readings=False)
    assert verdict.status == 1
    assert check in [found.name for found in verdict.found]
    assert verdict.p_value < LEVEL


@pytest.mark.parametrize("suite", SUITES.values(), ids=[suite.name for suite in SUITES.values()])
def test_a_fixed_seed_is_found_in_every_suite(suite: Suite) -> None:
    verdict = verdict_on(Household(suite, rounds=30, is_seed_fixed=True), with_readings=False)
    assert "lanes, round to round: high bits" in [found.name for found in verdict.found]


@pytest.mark.parametrize(
    ("defect", "check"),
    [(telling_top_bit, "readings: top bits"), (telling_parity, "readings: low bits")],
    ids=["top bit", "parity"],
)
def test_lanes_that_tell_of_the_readings_are_found_with_them(defect: Callable[..., Lanes], check: str) -> None:
    verdict = verdict_on(Household(gateways=8, rounds=40, defect=defect))
    assert verdict.status == 1
    names = [found.name for found in verdict.found]
    assert check in names
    assert [name for name in names if name.startswith("readings: information")]


def test_corrected_frames_that_lose_all_masks_are_found() -> None:
    covered, _ = known(Household(rounds=120))
    bare, _ = known(Household(rounds=120, defect=zero))
    verdict = judge(collect(b if b.payload[ATTEMPT_AT] else a for a, b in zip(covered, bare, strict=True)), None)
    assert "corrected lanes: high bits" in [found.name for found in verdict.found]
    assert "lanes: high bits" not in [found.name for found in verdict.found]


def test_a_corrected_frame_whose_dropped_masks_were_zero_is_found() -> None:
    verdict = verdict_on(Household(defect=zero), with_readings=False)
    once = next(check for check in verdict.found if check.name == "frames: one for each round")
    assert "100 corrected frames dropped masks that changed nothing" in once.finding


def test_the_same_message_twice_is_one_and_another_one_in_its_place_is_found() -> None:
    messages, _ = known(Household(rounds=40))
    found = collect([*messages, *messages])
    assert (found.kept, found.contradictions) == (len(messages), 0)
    other, _ = known(Household(rounds=40, seed=2))
    both = judge(collect([*messages, other[0]]), None)
    assert [check.name for check in both.found] == ["frames: one for each round"]


def test_one_gateway_of_each_round_is_left_out_in_turn() -> None:
    messages, _ = known(Household(gateways=3, rounds=30))
    sample: Sample = collect(messages).first()
    assert len(sample.words) == 60
    assert sorted({name for _, name in sample.senders}) == ["gw-1", "gw-2", "gw-3"]
    assert [sample.senders.count((7, f"gw-{client}")) for client in (1, 2, 3)] == [20, 20, 20]


def test_perfect_masks_fail_no_more_often_than_stated() -> None:
    """The bounds are generous, so of 300 recordings hardly any comes below 0.05."""
    rng, low = np.random.default_rng(5), 0
    senders = [(7, f"gw-{client:02}") for client in range(10) for _ in range(30)]
    rounds = np.tile(np.arange(30), 10)
    nothing = collect([])
    for _ in range(300):
        words = rng.integers(0, WORD, (300, 3), np.uint64, endpoint=True)
        found = list(checks(nothing, Sample(senders, rounds, words)))
        low += min(check.p_value for check in found) * len(found) < 0.05
    assert low <= 25, "15 on average if the bounds were exact; 25 has a margin of 2.6 standard deviations"


def test_the_verdict_of_the_command_on_real_masks(tmp_path: Path) -> None:
    messages, readings = known(Household(BASIC, 6, 60))
    recording, table = write(tmp_path / "day.jsonl", messages), tmp_path / "readings.csv"
    head = "network,gateway,round,import_dwh,export_dwh\n"
    lines = [f"{','.join(map(str, key))},{a},{b}\n" for key, (a, b) in readings.items()]
    table.write_text(head + "".join(lines[:50]) + head + "".join(lines[50:]))
    done = dcnet("inspect", "--uniformity", recording, "--readings", table)
    assert done.status == 0, done.out
    assert "440 superpositions of 6 gateways in 60 rounds; 280 are tested" in done.out
    assert "looks uniform (p = " in done.out
    assert "It cannot show secrecy" in done.out
    told = json.loads(dcnet("inspect", "--uniformity", recording, "--readings", table, "--json").out)
    assert (told["verdict"], told["failed"], told["frames_compared"]) == ("looks uniform", [], 280)
    assert told["p_value"] >= told["level"] == LEVEL
    again = dcnet("inspect", "--uniformity", recording, "--readings", table)
    assert again.out == done.out, "the same recording has the same verdict"


def test_the_verdict_of_the_command_on_a_defect(tmp_path: Path) -> None:
    messages, _ = known(Household(defect=sixteen_bits))
    recording = write(tmp_path / "day.jsonl", messages)
    done = dcnet("inspect", "--uniformity", recording)
    assert done.status == 1
    assert "DOES NOT look uniform: in the published lanes bit " in done.out
    assert "words of 840 are small numbers, 0.026 are expected" in done.out
    told = json.loads(dcnet("inspect", "--uniformity", recording, "--json").out)
    assert told["verdict"] == "does not look uniform"
    assert "lanes: high bits" in told["failed"]


def test_too_few_frames_are_no_verdict(tmp_path: Path) -> None:
    recording = write(tmp_path / "short.jsonl", known(Household(rounds=12))[0])
    done = dcnet("inspect", "--uniformity", recording)
    assert done.status == 2
    assert "TOO FEW frames: 56 can be tested, 100 are needed" in done.out
    assert "Record about 10 rounds more." in done.out
    assert json.loads(dcnet("inspect", "--uniformity", recording, "--json").out)["verdict"] == "too few frames"


def test_too_few_readings_are_no_verdict(tmp_path: Path) -> None:
    recording, table = write(tmp_path / "day.jsonl", known(Household())[0]), tmp_path / "readings.csv"
    table.write_text(f"7,gw-1,{FIRST},100,0\n7,gw-2,{FIRST},100,0\n")
    done = dcnet("inspect", "--uniformity", recording, "--readings", table)
    assert done.status == 2
    assert "TOO FEW readings: those of " in done.out


def test_a_recording_without_superpositions_is_refused(tmp_path: Path) -> None:
    done = dcnet("inspect", "--uniformity", write(tmp_path / "empty.jsonl", []))
    assert (done.status, "has no superposition. Record while rounds are played" in done.err) == (2, True)


@pytest.mark.parametrize("text", ["1,2,3\n", "7,gw-1,x,1,1\n", f"7,gw-1,1,{2**60},0\n", "7,gw-1,1,1,0,0\n"])
def test_a_file_that_is_none_of_readings_is_refused_with_its_line(text: str, tmp_path: Path) -> None:
    recording, table = write(tmp_path / "day.jsonl", known(Household())[0]), tmp_path / "readings.csv"
    table.write_text(f"7,gw-1,1,1,0\n{text}")
    done = dcnet("inspect", "--uniformity", recording, "--readings", table)
    assert done.status == 2
    assert f"{table}, line 2, is none of readings" in done.err
