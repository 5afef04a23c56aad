"""What the vector files say of a round and of the bus: masks, sums, sets, schedules and topics."""

from collections.abc import Iterator
from typing import Any, Final

from common.clients import ClientSet
from common.identifiers import ClientId, NetworkId, RoundNumber, TunnelId
from common.masks import Seed
from common.payloads import view_of
from common.schedule import Schedule
from common.secret import Secret
from common.suites import BASIC, fingerprint, toward
from common.superposition import ZERO, Lanes, add, signed, subtract, vector
from common.topics import Broadcast, Channel, Topic, broadcast, down, leaves, register, tunnel, up
from tests.vectors.good_frames import GOOD
from tests.vectors.members import DEMO, GATEWAY, LARGE, NEIGHBOR, PROVIDER

SEEDS: Final = (bytes(32), bytes(range(32)), bytes([0xFF]) * 32)
_WORD_MAX: Final = 2**64 - 1


def masks() -> dict[str, Any]:
    """The content of `masks.json`."""
    inputs = [(seed, network, round_) for seed in SEEDS[:2] for network in (1, 7) for round_ in (0, 1_963_584)]
    inputs.append((SEEDS[2], 2**32 - 1, 2**64 - 1))
    entries = []
    for seed, network, round_ in inputs:
        mask = Seed(0, Secret(seed)).mask(NetworkId(network), RoundNumber(round_))
        entries.append({"seed": seed.hex(), "network": network, "round": round_, "lanes": mask})
    signs = []
    for own, peer in ((3, 9), (9, 3), (1, 2**32 - 1)):
        lanes = toward(ClientId(own), ClientId(peer), (1, 2**63, _WORD_MAX))
        signs.append({"own": own, "peer": peer, "mask": (1, 2**63, _WORD_MAX), "lanes": lanes})
    return {"masks": entries, "signs": signs}


def ratchet() -> dict[str, Any]:
    """The content of `ratchet.json`."""
    entries = []
    for seed in SEEDS:
        for day, later in ((0, 0), (20_454, 20_455), (20_454, 20_456), (20_454, 20_484)):
            value = Seed(day, Secret(seed)).on(later).secret.reveal()
            entries.append({"seed": seed.hex(), "day": day, "later_day": later, "later_seed": value.hex()})
    return {"ratchet": entries}


def superposition() -> dict[str, Any]:
    """The content of `superposition.json`."""
    readings = ((0, 0), (1, 0), (2500, 17), (-1, 0), (0, -340), (2**63 - 1, -(2**63)))
    vectors = [{"import_dwh": a, "export_dwh": b, "lanes": vector(a, b)} for a, b in readings]
    pairs: list[tuple[Lanes, Lanes]] = [
        (vector(120, 0), vector(340, 5)),
        (vector(-120, 3), vector(100, -5)),
        ((_WORD_MAX, 2**63, 1), (1, 2**63, _WORD_MAX)),
        ((2**63 - 1, 0, 0), (1, 1, 1)),
        (ZERO, (_WORD_MAX, 2**63, 1)),
    ]
    sums = []
    for a, b in pairs:
        total = add(a, b)
        sums.append({"a": a, "b": b, "sum": total, "sum_signed": signed(total), "difference": subtract(a, b)})
    return {"vectors": vectors, "sums": sums}


def suite_basic() -> dict[str, Any]:
    """The content of `suite_basic.json`: first sendings, and the corrections that follow from them."""
    entries = []
    for own, peers, reading in ((3, (1, 5, 9), (2500, 17)), (1, (2,), (-340, 0)), (9, (1, 2, 3, 4), None)):
        neighbors = [{"client": peer, "tunnel": 2**64 - peer, "seed": (bytes([peer]) * 32).hex()} for peer in peers]
        masks_ = {}
        for peer in peers:
            mask = Seed(0, Secret(bytes([peer]) * 32)).mask(NetworkId(7), RoundNumber(5))
            masks_[TunnelId(2**64 - peer)] = toward(ClientId(own), ClientId(peer), mask)
        body = BASIC.conceal(vector(*reading) if reading else ZERO, masks_)
        dropped, *kept = masks_
        corrected = BASIC.correct(body, 1, kept, [masks_[dropped]])
        entries.append(
            {
                "network": 7,
                "round": 5,
                "own": own,
                "reading": {"import_dwh": reading[0], "export_dwh": reading[1]} if reading else None,
                "neighbors": neighbors,
                "body": body.hex(),
                "missing": [peers[0]],
                "attempt": 1,
                "corrected_body": corrected.hex(),
            }
        )
    return {"bodies": entries}


def _sets() -> Iterator[list[int]]:
    yield from ([], [0], [1], [7], [8], [1, 2, 3], [9, 300, 1, 8], list(range(1, 33)), [255], [1, 4095])


def clients() -> dict[str, Any]:
    """The content of `clients.json`."""
    return {
        "sets": [
            {
                "clients": sorted(members),
                "octets": ClientSet.of(map(ClientId, members)).octets().hex(),
            }
            for members in _sets()
        ]
    }


def fingerprints() -> dict[str, Any]:
    """The content of `fingerprints.json`; the tunnels are in no order."""
    sets: tuple[list[int], ...] = ([], [0], [1, 2, 3], [3, 1, 2], [2**64 - 1, 0x0102030405060708, 2**63], [2**32, 1])
    return {
        "fingerprints": [{"tunnels": tunnels, "fingerprint": fingerprint(map(TunnelId, tunnels))} for tunnels in sets]
    }


def view() -> dict[str, Any]:
    """The content of `view.json`."""
    finals = [case for case in GOOD if case.name.startswith("final")]
    return {"views": [{"frame": case.signed().hex(), "view": view_of(case.signed()).hex()} for case in finals]}


def schedule() -> dict[str, Any]:
    """The content of `schedule.json`."""
    entries = []
    for times in (DEMO.schedule, LARGE.schedule, Schedule(10, 1, 0, 1, 1)):
        for key in (GATEWAY, NEIGHBOR, PROVIDER):
            for at in (0, 1_767_225_599_999, 1_767_225_600_000):
                round_ = times.round_at(at)
                entries.append(
                    {
                        "period_ms": times.period_ms,
                        "window_ms": times.window_ms,
                        "grace_ms": times.grace_ms,
                        "correction_ms": times.correction_ms,
                        "attempts_max": times.attempts_max,
                        "public_key": key.public_key.hex(),
                        "at_ms": at,
                        "round": round_,
                        "day": times.day(round_),
                        "start_ms": times.start(round_),
                        "send_at_ms": times.send_at(round_, key.public_key),
                        "deadlines_ms": [times.deadline(round_, i) for i in range(times.attempts_max + 1)],
                        "stale_ms": times.stale_ms,
                        "future_ms": times.future_ms,
                    }
                )
    return {"rounds": entries}


def topics() -> dict[str, Any]:
    """The content of `topics.json`."""
    network = NetworkId(7)
    good = [
        (register("gw-0001"), Topic(Channel.REGISTER, NetworkId(0), "gw-0001")),
        (up(network, "gw-0001"), Topic(Channel.UP, network, "gw-0001")),
        (down(NetworkId(0), "a"), Topic(Channel.DOWN, NetworkId(0), "a")),
        (tunnel(NetworkId(2**32 - 1), "z" * 32), Topic(Channel.TUNNEL, NetworkId(2**32 - 1), "z" * 32)),
        *((broadcast(network, what), Topic(Channel.ALL, network, what.value)) for what in Broadcast),
        *((leaves(network, part), Topic(Channel.ALL, network, f"leaves-{part}")) for part in (0, 78, 2**25 - 1)),
    ]
    bad = (
        "", "/", "dcnet", "dcnet/1", "dcnet/1/", "dcnet/2/7/up/gw", "DCNET/1/7/up/gw", "/dcnet/1/7/up/gw",
        "dcnet/1/7/up/gw/", "dcnet/1/7/up/", "dcnet/1/7/up/+", "dcnet/1/7/up/#", "dcnet/1/7/up/Gw", "dcnet/1/7/up/gw\n",
        "dcnet/1/7/up/gw\x00", "dcnet/1/7/up/g w", "dcnet/1/7/up/gü", "dcnet/1/7/up/" + "z" * 33, "dcnet/1/7/over/gw",
        "dcnet/1/7/register/gw", "dcnet/1/register", "dcnet/1/register/", "dcnet/1/register/gw/x", "dcnet/1//up/gw",
        "dcnet/1/07/up/gw", "dcnet/1/+7/up/gw", "dcnet/1/-7/up/gw", "dcnet/1/7.0/up/gw", "dcnet/1/0x7/up/gw",
        "dcnet/1/4294967296/up/gw", "dcnet/1/99999999999/up/gw", "dcnet/1/\u0667/up/gw", "dcnet/1/\u00b2/up/gw",
        "dcnet/1/7/result", "$SYS/broker/uptime",
    )  # fmt: skip
    return {
        "good": [
            {"topic": text, "channel": topic.channel.value, "network": topic.network, "name": topic.name}
            for text, topic in good
        ],
        "bad": list(bad),
    }
