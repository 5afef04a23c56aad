"""What a lying provider computes: the reading in suite basic, and in suite hardened only with a quorum's shares."""

import pytest

from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import Seed
from common.payloads import Release, Superposition
from common.sealing import Bits, Context
from common.secret import Secret
from common.suites import BASIC, HARDENED, EdgePad, Suite
from common.superposition import signed, vector
from launcher.attack.findings import Finding
from launcher.attack.reckoning import Target
from launcher.attack.verdict import Outcome, Truth
from tests.launcher.commands import dcnet

NETWORK, ROUND, VIEW = NetworkId(1), RoundNumber(50), b"12345678"
VICTIM, PEERS = ClientId(3), tuple(map(ClientId, (1, 2, 4, 5, 6)))
EVERYBODY = tuple(sorted((VICTIM, *PEERS)))
NEAR = {
    one: {other: TunnelId(min(one, other) * 100 + max(one, other)) for other in EVERYBODY if other != one}
    for one in EVERYBODY
}
READING = vector(1_234, -5)
NEEDED = 4


def pad(suite: Suite, own: ClientId, peer: ClientId) -> EdgePad:
    seed = Seed(1, Secret(bytes([min(own, peer), max(own, peer)]) * 16))
    return suite.pad(seed, Context(NETWORK, own, ROUND, VIEW), peer)


def sent(suite: Suite, own: ClientId) -> Superposition:
    """A member's first frame; only the victim's reading matters."""
    pads = {peer: pad(suite, own, peer) for peer in NEAR[own]}
    cover = suite.cover(Context(NETWORK, own, ROUND, VIEW), {peer: one.lent for peer, one in pads.items()}, NEEDED)
    masks = {NEAR[own][peer]: one.mask for peer, one in pads.items()}
    return Superposition(suite.code, ROUND, VIEW, suite.conceal(READING, masks, cover))


def answered(suite: Suite, own: ClientId) -> Superposition:
    """Its answer to the correction that names the victim."""
    kept = [tunnel for peer, tunnel in NEAR[own].items() if peer != VICTIM]
    body = suite.correct(sent(suite, own).body, 1, kept, [pad(suite, own, VICTIM).mask])
    return Superposition(suite.code, ROUND, VIEW, body)


def target(suite: Suite) -> Target:
    """All that a lying provider gets in the round."""
    found = Target(NETWORK, ROUND, VICTIM, NEAR)
    for client in EVERYBODY:
        found.keep_frame(client, sent(suite, client))
    for peer in PEERS:
        found.keep_frame(peer, answered(suite, peer))
    return found


def share_for_the_victim(holder: ClientId) -> Release:
    places = Bits.of(peer == VICTIM for peer in sorted(NEAR[holder]))
    return Release(HARDENED.code, ROUND, VIEW, places, (pad(HARDENED, holder, VICTIM).held,))


def test_in_suite_basic_one_false_correction_is_the_reading() -> None:
    found = target(BASIC).reckon()
    assert (found.lanes, found.needed) == (signed(READING), 0)


def test_in_suite_hardened_a_false_correction_is_not_the_reading() -> None:
    found = target(HARDENED).reckon()
    assert (found.holders, found.needed, found.shares) == (5, NEEDED, 0)
    assert all(lane != true for lane, true in zip(found.lanes, signed(READING), strict=True))


@pytest.mark.parametrize(("shares", "is_read"), [(NEEDED - 1, False), (NEEDED, True), (5, True)])
def test_the_reckoning_uses_every_share_so_a_quorum_would_open_the_reading(shares: int, is_read: bool) -> None:
    found = target(HARDENED)
    for holder in PEERS[:shares]:
        found.keep_release(holder, share_for_the_victim(holder))
    reckoned = found.reckon()
    assert (reckoned.shares, reckoned.lanes == signed(READING)) == (shares, is_read)


def test_shares_for_others_and_for_nobody_are_none_for_the_victim() -> None:
    found = target(HARDENED)
    found.keep_release(PEERS[0], Release(HARDENED.code, ROUND, VIEW, Bits.of([True]), (7,)))
    found.keep_release(PEERS[1], Release(HARDENED.code, ROUND, VIEW, Bits(b"\0\0\1"), (7,)))
    assert found.reckon().shares == 0


def test_an_answer_that_lacks_makes_the_round_useless() -> None:
    found = Target(NETWORK, ROUND, VICTIM, NEAR)
    found.keep_frame(VICTIM, sent(BASIC, VICTIM))
    for peer in PEERS:
        found.keep_frame(peer, sent(BASIC, peer))
    assert not found.is_complete
    for peer in PEERS:
        found.keep_frame(peer, answered(BASIC, peer))
    assert found.is_complete


FINDING = Finding(
    lie="false-correction",
    network=1,
    suite="basic",
    round=50,
    victim="basic-3",
    neighbors=5,
    holders=0,
    needed=0,
    shares=0,
    lanes=(1_234, -5, 1),
)
SEALED = FINDING.model_copy(update={"suite": "hardened", "holders": 5, "needed": 4, "lanes": (2**62, 1, 7)})


def test_a_reading_is_told_in_watt_hours_and_anything_else_as_a_number() -> None:
    truth = Truth(1_234, -5)
    read, sealed = Outcome(FINDING, truth), Outcome(SEALED, truth)
    assert (read.is_read, read.claim) == (True, "123.4 Wh import, -0.5 Wh export")
    assert read.why == "READ: the masks of its 5 neighbors were all that hid it"
    assert (sealed.is_read, sealed.claim) == (False, f"{2**62} (modulo 2^64)")
    assert "0 of the 4 shares that open it, since no gateway gives one" in sealed.why


def test_the_right_energy_under_another_count_is_not_the_reading() -> None:
    other = FINDING.model_copy(update={"lanes": (1_234, -5, 2)})
    assert not Outcome(other, Truth(1_234, -5)).is_read


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--gateways 5", "--gateways 5 does not fit --attack. Give 6 to 25."),
        ("--rounds 3", "--attack goes with --gateways, --period, --keep and --json."),
        ("--suite basic", "--attack goes with --gateways, --period, --keep and --json."),
        ("--profile thesis", "--attack goes with --gateways, --period, --keep and --json."),
    ],
)
def test_what_does_not_fit_the_attack_is_said(arguments: str, sentence: str) -> None:
    shown = dcnet("demo", "--attack", "false-correction", *arguments.split())
    assert (shown.status, sentence in shown.err) == (2, True)
