"""Larger networks, rosters that grow and shrink: attacks that cut sets off never gain a smaller one than promised."""

from itertools import chain
from random import Random

from common.thresholds import needed
from launcher.simulation.rosters import Drawn, grown
from launcher.simulation.sampled import DRAWS, Attack, attacks, sample


def test_no_attack_gains_a_smaller_set_than_promised() -> None:
    sizes = (8, 15, 30, 60, 200)
    gains = list(chain.from_iterable(sample(seed, members_max=sizes[seed % 5]) for seed in range(100)))
    assert len(gains) > 300
    assert sum(1 for gain in gains if gain.groups) > 150
    assert not [gain for gain in gains if gain.broken]


def test_the_attacks_are_as_good_as_the_promise() -> None:
    """Where the holders that have to be in a set lie close together, its size is what was promised and no more."""
    margins = [gain.margin for seed in range(100) for gain in sample(seed, members_max=30) if gain.margin is not None]
    assert min(margins) == 0


def test_with_half_of_the_drawn_as_threshold_the_same_attacks_gain_readings() -> None:
    rng = Random(3)
    drawn = grown(rng, members_max=200, draws=DRAWS, colluding=0)
    halves = {member: len(drawn.slots[member]) // 2 for member in drawn.live}
    gains = list(attacks(drawn, rng, halves))
    assert len(drawn.live) > 50
    assert sum(gain.smallest == 1 for gain in gains) >= 2
    assert all(gain.broken for gain in gains[1:])


def test_holders_of_two_draws_under_the_threshold_of_one_gain_readings() -> None:
    """Why a frame must not mix the neighbors of an old draw with those of a new one while the seeds change."""
    rng, drawn = Random(4), Drawn(DRAWS)
    drawn.join(120, rng)
    assert not [gain for gain in attacks(drawn, rng) if gain.broken]
    gains = list(attacks(drawn, rng, {member: needed(DRAWS // 2) for member in drawn.live}))
    assert [gain.smallest for gain in gains[1:]] == [1, 1, 1]


def test_a_mesh_that_the_provider_calls_smaller_than_it_is_gains_readings() -> None:
    """Why the threshold must count no fewer than the holders under the frame, whatever a roster says is left."""
    rng, drawn = Random(5), Drawn(DRAWS)
    drawn.join(10, rng)
    called_six = {member: needed(5) for member in drawn.live}
    assert [gain.smallest for gain in attacks(drawn, rng, called_six)][1:] == [1, 1, 1]
    assert not [gain for gain in attacks(drawn, rng) if gain.broken]


def test_who_drew_a_member_of_a_full_mesh_must_not_hold_for_it() -> None:
    """Five colluding newcomers beside 24 honest holders, under the threshold of the 24: one more than can be borne."""
    rng, drawn = Random(6), Drawn(DRAWS)
    drawn.join(25, rng)
    newcomers = set(range(25, 30))
    drawn.live |= newcomers
    drawn.colluding = newcomers
    drawn.slots |= {newcomer: {0} for newcomer in newcomers}
    drawn.edges |= {frozenset((newcomer, member)) for newcomer in newcomers for member in range(25)}
    kept = dict(drawn.slots)
    attack = Attack(drawn, rng)
    attack.cut(attack.surround(0))
    assert attack.gain().smallest >= needed(24) * 2 - 24 + 1
    drawn.slots = {member: drawn.live - {member} for member in kept}
    attack = Attack(drawn, rng, dict.fromkeys(drawn.live, needed(24)))
    attack.cut({0})
    assert attack.gain().smallest == 1


def test_slots_have_different_ages_and_the_edges_of_ended_ones_stay() -> None:
    drawn = grown(Random(1), members_max=200, draws=DRAWS, colluding=0.1)
    near = drawn.neighbors()
    assert drawn.colluding < drawn.live
    assert all(drawn.holders(member) <= near[member] for member in drawn.live)
    beyond = [m for m in drawn.live if any(m not in drawn.holders(n) for n in near[m] - drawn.holders(m))]
    assert beyond, "nobody has an edge that neither end has in a slot"
