"""The same rounds on paper: how often they are corrected, what they send and how long they take, without any core.

Whoever was connected when it had to send in round t - 1 is expected in round t; who is not connected when it has to
send in t is missing. So a unit of the pattern makes round t a corrected one when its chain goes from on to off between
these two moments, one period apart: a closed form. What follows from a correction, and who refuses, is played by
`rounds_chain`. Source: docs/protocol.md, "Rounds", "Correction", "Sizes".
"""

from typing import Final

import numpy as np

from common import topics
from common.clients import ClientSet
from common.frames import FRAME_BYTES_MIN
from common.identifiers import ClientId, RoundNumber
from common.payloads import NO_VIEW, Correction, RoundFinal
from common.suites import BASIC, SUITES
from common.thresholds import silent
from common.topics import Broadcast
from launcher.analysis.graph_risk import Shape
from launcher.analysis.rounds_chain import Chain, Rules, Tally
from launcher.analysis.rounds_measure import Case
from launcher.analysis.rounds_network import MQTT_BYTES, NETWORK, draws_of, parameters_of
from launcher.analysis.rounds_outages import Outages
from launcher.analysis.tables import Row, rounded
from launcher.simulation.credentials import name_of

LATENCY_MS: Final = 60
"""An order and its answer, or a FINAL and a RELEASE, in the simulation: about."""

CHAIN_ROUNDS: Final = 1_000
CELLS_MAX: Final = 60_000_000
"""Pairs of members looked at over all rounds of a chain: fewer rounds in a large network."""

WARM_ROUNDS: Final = 10

_ROOT: Final = bytes(32)
_RELEASE_HEAD_BYTES: Final = 17


def corrected_closed(outages: Outages, members: int) -> float:
    """The probability that a round is corrected, if gateways refuse nothing: some unit vanishes between two rounds."""
    vanishes = (1 - outages.loss) * outages.lost_within(1.0)
    return float(1 - (1 - vanishes) ** outages.pattern.units(members))


def predict(case: Case) -> Row:
    """What the model says of a case; messages and bytes are those of the round itself, for each gateway."""
    shape = Shape(case.members, draws_of(case.suite))
    rules = Rules.of(parameters_of(SUITES[case.suite]), shape)
    rounds = max(min(CHAIN_ROUNDS, CELLS_MAX // case.members**2), 50)
    chain = Chain(rules, shape, case.outages, np.random.default_rng(case.seed))
    chain.play(WARM_ROUNDS)
    chain.restart()
    chain.play(rounds)
    return {
        "model_rounds": rounds,
        "closed_corrected": rounded(corrected_closed(case.outages, case.members)),
        **_shares(chain.tally),
        **_traffic(chain.tally, case, shape),
    }


def _shares(tally: Tally) -> Row:
    rounds = tally.rounds
    waits_s = (np.array(tally.waits_ms) + LATENCY_MS) / 1000
    return {
        "model_corrected": rounded(tally.corrected / rounds),
        "model_again": rounded(tally.again / rounds),
        "model_without_sum": rounded(tally.without_sum / rounds),
        "model_pending": rounded(tally.pending / rounds),
        "model_expected_mean": rounded(tally.expected / rounds),
        "model_missing_mean": rounded(tally.missing / rounds),
        "model_wait_mean_s": rounded(float(waits_s.mean())) if waits_s.size else None,
        "model_wait_p95_s": rounded(float(np.quantile(waits_s, 0.95))) if waits_s.size else None,
    }


def _traffic(tally: Tally, case: Case, shape: Shape) -> Row:
    frames, releases = (count / (tally.rounds * case.members) for count in (tally.frames, tally.releases))
    orders = tally.attempts / tally.rounds
    up_bytes = frames * frame_bytes(case.suite, shape) + releases * release_bytes(shape)
    down_bytes = final_bytes(case.members, round(tally.expected / tally.rounds)) + orders * correction_bytes(case)
    return {
        "model_up_messages": rounded(frames + releases),
        "model_up_bytes": rounded(up_bytes),
        "model_down_messages": rounded(1 + orders),
        "model_down_bytes": rounded(down_bytes),
    }


def frame_bytes(suite: int, shape: Shape) -> float:
    """A SUPERPOSITION as an MQTT packet with its acknowledgment; `hardened` adds holders and public corrections."""
    sealing = 0.0 if suite == BASIC.code else 2 + shape.degree // 8 + 1 + 16 * silent(shape.drawn)
    return _head_bytes() + BASIC.body.size + sealing


def release_bytes(shape: Shape) -> float:
    """A RELEASE likewise: the members that count on the sender, about as many as it counts on, and a share each."""
    return _head_bytes() + shape.members // 8 + 2 + 16 * shape.drawn


def _head_bytes() -> int:
    return FRAME_BYTES_MIN + _RELEASE_HEAD_BYTES + len(topics.up(NETWORK, name_of(10))) + MQTT_BYTES


def final_bytes(members: int, present: int) -> int:
    """A FINAL likewise, when `present` of the members are included and expected."""
    listed = ClientSet.of(ClientId(client) for client in range(members - present + 1, members + 1))
    data = RoundFinal(1, RoundNumber(1), NO_VIEW, RoundNumber(1), 1, _ROOT, listed, listed, ()).encode()
    return len(data) + FRAME_BYTES_MIN + len(topics.broadcast(NETWORK, Broadcast.FINAL)) + MQTT_BYTES


def correction_bytes(case: Case) -> int:
    """A CORRECTION likewise: its set reaches up to the highest client that is missing, on average beyond the middle."""
    middle = ClientSet.of([ClientId(max(2 * case.members // 3, 1))])
    data = Correction(1, RoundNumber(1), NO_VIEW, 1, middle).encode()
    return len(data) + FRAME_BYTES_MIN + len(topics.broadcast(NETWORK, Broadcast.CORRECTION)) + MQTT_BYTES
