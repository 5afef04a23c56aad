"""With how many of its holders a gateway of suite `hardened` sends, and how many a correction must leave it."""

from dataclasses import replace

import pytest

from common.frames import Notification, decode
from common.identifiers import ClientId
from common.payloads import NO_VIEW, Superposition
from common.sealing import Context, Sealing
from common.suites import BASIC, HARDENED, Suite
from common.superposition import subtract, vector
from smgw.core.events import Connected, Level, Membership, Notice, VaultContents
from tests.smgw.core.builders import (
    MIDNIGHT,
    PEERS,
    RULES,
    SELF,
    START,
    Bench,
    announced,
    edge,
    not_sent,
    published,
    refusals,
    seed,
    sent_by,
    shown,
)
from tests.smgw.core.hardened import (
    MESH,
    NEEDED,
    RULED,
    STRICT,
    calls_missing,
    closes,
    member_of_mesh,
    reports,
    sealed,
    waiting,
)
from tests.smgw.core.rosters import NETWORK, PARAMETERS, ROUND, SCHEDULE, known_as, root, roster_of

FIRST = SCHEDULE.deadline(ROUND, 0)


def told_in(frame: bytes) -> tuple[tuple[int, int, int], Sealing]:
    """The concealed lanes of a frame, and what it tells of its self-mask."""
    contribution = HARDENED.read(Superposition.decode(decode(frame).frame.data).body)
    assert contribution.sealing is not None
    return contribution.lanes, contribution.sealing


@pytest.mark.parametrize(("peers", "sends"), [(PEERS, True), (PEERS[:5], True), (PEERS[:4], False)])
def test_a_gateway_sends_only_when_as_many_holders_as_it_needs_are_expected(
    peers: tuple[int, ...], sends: bool
) -> None:
    bench, _ = waiting(expected=[SELF, *peers, 8, 9])
    effects = reports(bench)
    assert published(effects) == ([Notification.SUPERPOSITION] if sends else [])
    assert sends or effects == not_sent("TOO_FEW_DRAWN")


@pytest.mark.parametrize(("missing", "answers"), [((5,), True), ((5, 6), False), ((1, 2, 3), False)])
def test_a_correction_that_leaves_too_few_holders_is_refused(missing: tuple[int, ...], answers: bool) -> None:
    bench = sealed()
    first = bench.sent
    effects = bench.handle(calls_missing(*missing), at_ms=FIRST)
    assert refusals(effects) == ([] if answers else ["TOO_FEW_DRAWN"])
    assert (bench.sent == first) is not answers


def test_holders_that_several_corrections_take_away_are_counted_together() -> None:
    bench = sealed()
    assert published(bench.handle(calls_missing(5), at_ms=FIRST)) == [Notification.SUPERPOSITION]
    again = bench.handle(calls_missing(5, 6, attempt=2), at_ms=SCHEDULE.deadline(ROUND, 1))
    assert refusals(again) == ["TOO_FEW_DRAWN"]


def test_after_a_restart_a_correction_is_measured_by_the_holders_that_the_first_frame_told() -> None:
    bench = sealed()
    bench.handle(calls_missing(5), at_ms=FIRST)
    bench.restart()
    bench.handle(announced(MESH), closes(ROUND - 1, of_view=NO_VIEW))
    assert refusals(bench.handle(calls_missing(5, 6, attempt=2))) == ["TOO_FEW_DRAWN"]


def test_a_correction_after_the_final_is_refused() -> None:
    bench = sealed()
    bench.handle(closes(), at_ms=FIRST)
    assert refusals(bench.handle(calls_missing(5))) == ["ROUND_CLOSED"]
    bench.restart()
    bench.handle(announced(MESH), closes())
    assert refusals(bench.handle(calls_missing(5))) == ["ROUND_CLOSED"]


def test_the_reading_is_under_the_masks_of_all_neighbors_and_a_self_mask_that_five_of_six_holders_open() -> None:
    bench = sealed()
    lanes, sealing = told_in(bench.sent.frame)
    context = Context(NETWORK, SELF, ROUND, bench.sent.view)
    pads = {peer: seed(peer).pad(NETWORK, ROUND, bench.sent.view) for peer in PEERS}
    lent = {peer: pad.high if peer < SELF else pad.low for peer, pad in pads.items()}
    assert (sealing.needed, sealing.holders.among(PEERS), len(sealing.corrections)) == (NEEDED, PEERS, 1)
    for silent in PEERS:
        mask = sealing.open(PEERS, {peer: share for peer, share in lent.items() if peer != silent}, context)
        assert mask is not None
        bare = subtract(lanes, mask)
        for peer, pad in pads.items():
            bare = subtract(bare, pad.mask if peer > SELF else subtract((0, 0, 0), pad.mask))
        assert bare == vector(1_234, 0)
    assert sealing.open(PEERS, {peer: lent[peer] for peer in PEERS[:4]}, context) is None


def test_a_corrected_frame_is_under_the_same_self_mask_and_tells_the_same_of_it() -> None:
    bench = sealed()
    lanes, sealing = told_in(bench.sent.frame)
    second, again = told_in(sent_by(bench.handle(calls_missing(5), at_ms=FIRST)))
    mask = seed(5).pad(NETWORK, ROUND, bench.sent.view).mask
    assert subtract(lanes, second) == mask
    assert again == sealing


def drawn(held: int, others: int) -> tuple[Bench, list[ClientId]]:
    """A member of thirty that drew six, with edges to so many of them and to others; and who all these are."""
    thirty = roster_of(root(30), parameters=RULED)
    bench = Bench(VaultContents(Membership(NETWORK, SELF), rosters=(known_as(thirty),)), STRICT)
    bench.handle(*shown(thirty), at_ms=START - 1_000)
    clients = sorted(slot.client for slot in bench.kept.slots)
    rest = [ClientId(number) for number in range(1, 31) if number not in {SELF, *clients}]
    peers = [*clients[:held], *rest[:others]]
    for client in peers:
        bench.member.situation.keep(edge(client))
    bench.handle(closes(ROUND - 1, of_view=NO_VIEW, expected=[SELF, *peers], at=thirty.at))
    return bench, sorted(peers)


@pytest.mark.parametrize(("held", "sends"), [(6, True), (5, True), (4, False)])
def test_of_six_drawn_neighbors_five_are_needed_however_many_others_there_are(held: int, sends: bool) -> None:
    bench, _ = drawn(held, others=10)
    effects = reports(bench)
    assert published(effects) == ([Notification.SUPERPOSITION] if sends else [])
    assert sends or effects == not_sent("TOO_FEW_DRAWN")


def test_only_drawn_neighbors_hold_shares_and_the_masks_of_the_others_come_on_top() -> None:
    bench, peers = drawn(6, others=4)
    _, sealing = told_in(sent_by(reports(bench)))
    assert bench.sent.neighbors == tuple(peers)
    assert set(sealing.holders.among(peers)) == {slot.client for slot in bench.kept.slots}
    assert (sealing.needed, len(sealing.corrections)) == (5, 1)


@pytest.mark.parametrize(("own", "network"), [(HARDENED, BASIC), (BASIC, HARDENED)])
def test_a_network_of_another_suite_than_the_gateways_own_settings_is_refused(own: Suite, network: Suite) -> None:
    mesh = roster_of(root(), parameters=replace(PARAMETERS, suite=network.code))
    start = replace(member_of_mesh(), rosters=(known_as(mesh),))
    bench = Bench(start, replace(RULES, suite=own), now_ms=START - 2_000)
    effects = bench.handle(Connected(), announced(mesh))
    assert refusals(effects) == ["WEAKER_RULES"]
    assert any(isinstance(effect, Notice) and effect.level is Level.FATAL for effect in effects)
    bench.handle(closes(ROUND - 1, of_view=NO_VIEW, suite=network.code), at_ms=START - 1_000)
    assert published(reports(bench)) == []


def test_a_seed_of_a_later_day_makes_the_gateway_silent_instead_of_crashing() -> None:
    start = member_of_mesh()
    edges = tuple(replace(each, seed=each.seed.on(SCHEDULE.day(MIDNIGHT))) for each in start.edges)
    bench, _ = waiting(replace(start, edges=edges))
    assert reports(bench) == not_sent("ROUND_NOT_NEW")
