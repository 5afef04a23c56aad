"""What was found, as tables: goals first, then everything they rest on."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from common.suites import BASIC, HARDENED
from tests.benchmark import connects, proving, shares, wire
from tests.benchmark.network import NETWORK
from tests.benchmark.over_mqtt import DOWN_TOPIC, UP_TOPIC, Received
from tests.benchmark.peers import PeerTable, ours, section
from tests.benchmark.plan import MISSING, Found, SizeFound
from tests.benchmark.rounds import CORRECTION_TOPIC, FINAL_TOPIC
from tests.benchmark.stopwatch import Laps
from tests.benchmark.tables import Table, ms, us

GATEWAY_GOAL_US: Final = {BASIC.code: 100, HARDENED.code: 250}
BYTES_GOAL: Final = {BASIC.code: 250, HARDENED.code: 800}
PLAIN_GOAL_MS: Final = 80
"""Suite `basic`: beyond a receiver of plain readings."""

PROVIDER_GOAL_MS: Final = 250
MISSING_GOAL_MS: Final = 500
"""Suite `hardened`: all of the provider's CPU for a round, with nobody missing and with a tenth."""

PROVIDER_GOAL_SIZE: Final = 1_000

_Cell = Callable[[SizeFound], str]


def tables(found: Found, others: PeerTable | None = None) -> list[Table]:
    """All tables, in the order of reading; those of the peers only when they were measured."""
    return [
        _goals(found),
        _gateway(found),
        _bytes(found),
        _joining(found),
        _provider(found),
        shares.table(found),
        _mqtt(found),
        connects.table(found.connects),
        proving.table(found.proving),
        *(section.tables(others, ours.all_rows(found.sizes)) if others else ()),
        _machine(found),
    ]


def markdown(found: Found, command: str, others: PeerTable | None = None) -> str:
    """The page for the documentation."""
    head = (
        "# Benchmarks\n\n"
        "What a round costs in CPU and bytes, at a gateway and at the provider, beside plain MQTT in the same run.\n"
        f"Made by `{command}` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; every number below was measured in that run.\n"
        "`make bench` makes this page anew.\n"
    )
    return "\n".join([head, *(table.markdown() for table in tables(found, others)), _NOTES])


def _goals(found: Found) -> Table:
    rows = [row for size in found.sizes for row in _gateway_goals(size)]
    for size in found.sizes:
        if size.size == PROVIDER_GOAL_SIZE:
            rows += _provider_goals(size)
    note = (
        "Goals, not tests. CPU from the least laps, which noise disturbed least. A gateway's CPU is without its MQTT"
        " client and its vault, which are below; the provider's is with MQTT, signatures and store."
    )
    return Table("Goals", ("Goal", "Measured", "Goal", "Met"), rows, note)


def _gateway_goals(size: SizeFound) -> list[Sequence[str]]:
    code, sizes = size.suite.code, size.cores.quiet.sizes
    cpu_us, up = size.cores.quiet.gateway.round_us, size.exchange.up.bytes
    name, most = f"{size.suite.name}, {size.size} gateways", BYTES_GOAL[code]
    rows: list[Sequence[str]] = [
        (f"{name}: protocol CPU per gateway and round", *_goal(cpu_us, GATEWAY_GOAL_US[code], "µs")),
        (f"{name}: bytes up per gateway and round, payload", *_goal(sizes.frame + sizes.release, most, "B")),
        (f"{name}: bytes up per gateway and round, with MQTT and TLS", *_goal(up, most, "B")),
    ]
    if size.suite is BASIC:
        both = up + size.exchange.down.bytes
        rows.append((f"{name}: bytes up and down (with FINAL), with MQTT and TLS", *_goal(both, most, "B")))
    return rows


def _provider_goals(size: SizeFound) -> list[Sequence[str]]:
    bus, name = size.over_mqtt, f"{size.suite.name}, {size.size} gateways: provider CPU per round"
    if size.suite is BASIC:
        return [
            _plain_goal(f"{name} beyond plain MQTT, all frames at once", bus.provider.round, bus.bus),
            _plain_goal(f"{name} beyond plain MQTT, one frame at a time", bus.provider_paced.round, bus.bus_paced),
        ]
    quiet, paced, missing = (laps.round.least_us / 1_000 for laps in (bus.provider, bus.provider_paced, bus.missing))
    return [
        (f"{name}, nobody missing, all frames at once", *_goal(quiet, PROVIDER_GOAL_MS, "ms")),
        (f"{name}, nobody missing, one frame at a time", *_goal(paced, PROVIDER_GOAL_MS, "ms")),
        (f"{name}, {MISSING:.0%} missing, all frames at once", *_goal(missing, MISSING_GOAL_MS, "ms")),
    ]


def _plain_goal(title: str, provider: Laps, plain: Laps) -> Sequence[str]:
    return (title, *_goal((provider.least_us - plain.least_us) / 1_000, PLAIN_GOAL_MS, "ms"))


def _goal(measured: float, goal: float, unit: str) -> tuple[str, str, str]:
    return (f"{measured:.0f} {unit}", f"at most {goal} {unit}", "yes" if measured <= goal else "no")


def _rows(sizes: Sequence[SizeFound], rows: Sequence[tuple[str, _Cell]]) -> list[Sequence[str]]:
    return [(name, *(cell(size) for size in sizes)) for name, cell in rows]


def _head(sizes: Sequence[SizeFound], first: str) -> Sequence[str]:
    return (first, *(f"{size.suite.name}, n = {size.size}" for size in sizes))


def _all(found: Found, cell: str) -> Sequence[str]:
    return [cell for _ in found.sizes]


def _gateway(found: Found) -> Table:
    basic = found.primitives
    rows = _rows(
        found.sizes,
        [
            ("Round begins: ask the meter", lambda s: us(s.cores.quiet.gateway.begin)),
            ("Reading to signed frame", lambda s: us(s.cores.quiet.gateway.frame)),
            ("FINAL: verify, read, keep; RELEASE", lambda s: us(s.cores.quiet.gateway.final)),
            ("**Protocol, a round**", lambda s: f"**{s.cores.quiet.gateway.round_us:.1f}**"),
            ("Clock: ask, and verify the answer", lambda s: us(s.cores.quiet.gateway.clock)),
            ("Correction that takes masks off: verify, resend", lambda s: us(s.cores.missing.gateway.resend)),
            (
                "Correction that does not: verify",
                lambda s: us(s.cores.missing.gateway.spared) if _has_spared(s) else "none",
            ),
            ("Apart: vault, two commits", lambda s: us(s.cores.vault)),
            ("Apart: MQTT client, frame (and RELEASE) up, FINAL down", lambda s: us(s.exchange.round)),
        ],
    )
    rows += [
        ("Yardstick: same MQTT client, plain reading up", *_all(found, us(found.reading.round))),
        ("Yardstick: aiomqtt alone, plain reading up", *_all(found, us(found.aiomqtt_reading))),
        ("Primitive: mask, keyed BLAKE2b", *_all(found, us(basic.mask))),
        ("Primitive: pad (mask and two shares), keyed BLAKE2b", *_all(found, us(basic.pad))),
        ("Primitive: self-mask, BLAKE2b", *_all(found, us(basic.self_mask))),
        ("Primitive: secret and 7 corrections of 24 shares", *_all(found, us(basic.deal))),
        ("Primitive: secret of 17 shares, other holders each time", *_all(found, us(basic.interpolate))),
        ("Primitive: secret of 17 shares, holders as before", *_all(found, us(basic.again))),
        ("Primitive: Ed25519 signature", *_all(found, us(basic.sign))),
        ("Primitive: Ed25519 verification", *_all(found, us(basic.verify))),
        ("Primitive: X25519", *_all(found, us(basic.agree))),
    ]
    note = (
        "Microseconds of CPU: the least lap, the median in parentheses. The clocks are compared once in"
        f" max(period, 60 s), which is in no round above. Mean degree {_degrees(found)}."
    )
    return Table("A gateway, CPU per round", _head(found.sizes, "Part"), rows, note)


def _has_spared(size: SizeFound) -> bool:
    return bool(size.cores.missing.gateway.spared.seconds)


def _degrees(found: Found) -> str:
    means = []
    for size in found.sizes:
        graph = size.cores.network.provider.networks[NETWORK].desk.graph
        degrees = [
            len(graph.neighbors(client)) for client in size.cores.network.provider.networks[NETWORK].desk.members
        ]
        means.append(f"{sum(degrees) / len(degrees):.1f}")
    return ", ".join(means)


def _exchange_bytes(size: SizeFound) -> tuple[int, int]:
    """Up: the frame, the RELEASE and the PUBACK of the FINAL. Down: the FINAL and the PUBACKs of both."""
    sizes = size.cores.quiet.sizes
    up = [wire.publish_bytes(UP_TOPIC, round(count)) for count in (sizes.frame, sizes.release) if count]
    down = wire.publish_bytes(FINAL_TOPIC, sizes.final) + len(up) * wire.PUBACK_BYTES
    return sum(up) + wire.PUBACK_BYTES, down


def _bytes(found: Found) -> Table:
    rows = _rows(
        found.sizes,
        [
            ("Frame up, payload", lambda s: f"{s.cores.quiet.sizes.frame:.0f}"),
            ("Frame up, MQTT packet and its PUBACK", lambda s: str(_packet(UP_TOPIC, s.cores.quiet.sizes.frame))),
            ("RELEASE up, payload", lambda s: f"{s.cores.quiet.sizes.release:.0f}"),
            ("RELEASE up, MQTT packet and its PUBACK", _release_packet),
            ("FINAL down, payload", lambda s: str(s.cores.quiet.sizes.final)),
            ("FINAL down, MQTT packet and its PUBACK", lambda s: str(_packet(FINAL_TOPIC, s.cores.quiet.sizes.final))),
            ("Up per round, as MQTT defines it", lambda s: str(_exchange_bytes(s)[0])),
            ("Up per round, counted inside TLS", lambda s: f"{s.exchange.up.inside_bytes:.0f}"),
            ("Up per round, with TLS", lambda s: f"{s.exchange.up.bytes:.0f}"),
            ("Down per round, as MQTT defines it", lambda s: str(_exchange_bytes(s)[1])),
            ("Down per round, counted inside TLS", lambda s: f"{s.exchange.down.inside_bytes:.0f}"),
            ("Down per round, with TLS", lambda s: f"{s.exchange.down.bytes:.0f}"),
            ("Clock: question and answer, MQTT packets and PUBACKs", lambda s: str(_clock_packets(s))),
            ("Correction down, payload (5 % missing)", lambda s: str(s.cores.missing.sizes.correction)),
            ("Correction down, MQTT packet and its PUBACK", lambda s: str(_correction_packet(s))),
            ("Gateways of the rest that resend their frame", lambda s: f"{_resent_share(s):.0%}"),
        ],
    )
    plain = f"{found.reading.up.bytes + found.reading.down.bytes:.0f}"
    rows.append(("Yardstick: plain reading of that size, both ways, with TLS", *_all(found, plain)))
    note = (
        "Names of 8 characters; each more adds a byte to the frame's topic. TLS adds 22 bytes to each packet. TCP and"
        " IP headers are not counted. The clocks are compared once in max(period, 60 s)."
    )
    return Table("A gateway, bytes per round", _head(found.sizes, "What"), rows, note)


def _packet(topic: str, payload_bytes: float) -> int:
    return wire.exchange_bytes(topic, round(payload_bytes))


def _release_packet(size: SizeFound) -> str:
    count = size.cores.quiet.sizes.release
    return str(_packet(UP_TOPIC, count)) if count else "0"


def _clock_packets(size: SizeFound) -> int:
    sizes = size.cores.quiet.sizes
    return _packet(UP_TOPIC, sizes.question) + _packet(DOWN_TOPIC, sizes.answer)


def _correction_packet(size: SizeFound) -> int:
    return _packet(CORRECTION_TOPIC, size.cores.missing.sizes.correction)


def _resent_share(size: SizeFound) -> float:
    return size.cores.missing.provider.resent / len(size.cores.missing.frames)


def _joining(found: Found) -> Table:
    def each(total: Callable[[SizeFound], float]) -> _Cell:
        return lambda s: f"{total(s) / s.size:.1f}"

    joined = [size for size in found.sizes if size.suite is BASIC]
    rows = _rows(
        joined,
        [
            ("Messages up", each(lambda s: s.cores.network.joining.up.messages)),
            ("Messages down", each(lambda s: s.cores.network.joining.down.messages)),
            ("Bytes up, MQTT packets and PUBACKs", each(lambda s: s.cores.network.joining.up.wire_bytes)),
            ("Bytes down, MQTT packets and PUBACKs", each(lambda s: s.cores.network.joining.down.wire_bytes)),
            ("CPU of the gateway, ms", each(lambda s: sum(s.cores.network.joining.gateways.seconds) * 1_000)),
            ("CPU of the provider, ms", each(lambda s: sum(s.cores.network.joining.provider.seconds) * 1_000)),
        ],
    )
    note = (
        "Suite `basic` alone: in suite `hardened` the seeds are drawn here, each gateway having agreed on four times as"
        " many. Once for each gateway: registration, the handshakes with its neighbors, roster and the first FINAL."
        " All join at the same moment here, so that FINAL names every edge, 8 bytes each, to everybody. Cores only, one"
        " run."
    )
    return Table("Joining, per gateway", _head(joined, "What"), rows, note)


def _provider(found: Found) -> Table:
    rows = _rows(
        found.sizes,
        [
            ("A frame, all at once, µs", lambda s: us(s.cores.quiet.provider.frame)),
            ("A frame, one by one, µs", lambda s: us(s.cores.one_by_one.provider.frame)),
            ("… of it decoding, in a batch, µs", lambda s: us(s.cores.decode_batch)),
            ("… of it decoding, one by one, µs", lambda s: us(s.cores.decode_single)),
            ("… of it the signature, µs", lambda s: us(s.cores.signature)),
            ("A RELEASE, all at once, with its part of opening, µs", _release_us),
            ("… of it opening the self-masks, µs", _opening_us),
            ("Last frame: sum, FINAL, key graph, ms", lambda s: ms(s.cores.quiet.provider.closing)),
            ("Deadline with 5 % missing: the order, ms", lambda s: ms(s.cores.missing.provider.order)),
            ("A question for the time, µs", lambda s: us(s.cores.quiet.provider.clock)),
            ("A corrected frame, µs", lambda s: us(s.cores.missing.provider.corrected)),
            ("Corrected frames in a round", lambda s: str(s.cores.missing.provider.resent)),
            ("**Round, nobody missing, all at once, ms**", lambda s: ms(s.cores.quiet.provider.round)),
            ("**Round, nobody missing, one by one, ms**", lambda s: ms(s.cores.one_by_one.provider.round)),
            ("**Round, 5 % missing, all at once, ms**", lambda s: ms(s.cores.missing.provider.round)),
        ],
    )
    note = "CPU of the provider's core alone: no bus, no store. The least lap, the median in parentheses."
    return Table("The provider without a bus", _head(found.sizes, "Part"), rows, note)


def _release_us(size: SizeFound) -> str:
    laps = size.cores.quiet.provider.release
    return us(laps) if laps.seconds else "none"


def _opening_us(size: SizeFound) -> str:
    laps = size.cores.quiet.provider.opening
    return us(Laps([lap / size.size for lap in laps.seconds])) if laps.seconds else "none"


def _mqtt(found: Found) -> Table:
    def beyond(mine: Callable[[SizeFound], Laps], plain: Callable[[SizeFound], Laps]) -> _Cell:
        return lambda s: _beyond(mine(s), plain(s))

    rows = _rows(
        found.sizes,
        [
            ("Provider, nobody missing", lambda s: ms(s.over_mqtt.provider.round)),
            ("… of it the store", lambda s: ms(s.over_mqtt.provider.store)),
            ("… of it MQTT and the loop", lambda s: _bus_ms(s.over_mqtt.provider, s.cores.quiet.provider.round)),
            ("Provider, 10 % missing", lambda s: ms(s.over_mqtt.missing.round)),
            ("… of it the store", lambda s: ms(s.over_mqtt.missing.store)),
            (
                "… of it MQTT and the loop",
                lambda s: _bus_ms(s.over_mqtt.missing, s.cores.shares[-1].rounds.provider.round),
            ),
            ("Yardstick: same MQTT client, plain readings", lambda s: ms(s.over_mqtt.bus)),
            ("Yardstick: aiomqtt alone, plain readings", lambda s: ms(s.over_mqtt.aiomqtt)),
            (
                "**Beyond the same client, nobody missing**",
                beyond(lambda s: s.over_mqtt.provider.round, lambda s: s.over_mqtt.bus),
            ),
            (
                "**Beyond the same client, 10 % missing**",
                beyond(lambda s: s.over_mqtt.missing.round, lambda s: s.over_mqtt.bus),
            ),
            ("One at a time: provider, nobody missing", lambda s: ms(s.over_mqtt.provider_paced.round)),
            ("One at a time: same MQTT client, plain readings", lambda s: ms(s.over_mqtt.bus_paced)),
            ("One at a time: aiomqtt alone, plain readings", lambda s: ms(s.over_mqtt.aiomqtt_paced)),
            (
                "**One at a time: beyond the same client**",
                beyond(lambda s: s.over_mqtt.provider_paced.round, lambda s: s.over_mqtt.bus_paced),
            ),
        ],
    )
    note = (
        "Milliseconds of CPU of the receiving process for a round, through the real Mosquitto: the least, the median in"
        " parentheses. Beyond: the difference of the least, and their ratio. Provider: the real loop, client,"
        " store and results file. At once: all frames are published without a pause; one at a time: one a millisecond."
        " The yardsticks take one reading of each gateway, as long as a frame; in suite `hardened` the provider takes a"
        " RELEASE of each besides."
    )
    return Table("The provider through Mosquitto", _head(found.sizes, "Receiver"), rows, note)


def _bus_ms(whole: Received, core: Laps) -> str:
    """What is neither the core, as measured without a bus, nor the store."""
    return f"{(whole.round.least_us - whole.store.least_us - core.least_us) / 1_000:.2f}"


def _beyond(mine: Laps, plain: Laps) -> str:
    return f"{(mine.least_us - plain.least_us) / 1_000:.2f} (factor {mine.least_us / plain.least_us:.2f})"


def _machine(found: Found) -> Table:
    return Table("Machine and versions", ("What", "Which"), found.machine)


_NOTES: Final = """\
## How to read this

- CPU time of a process (`CLOCK_PROCESS_CPUTIME_ID`), not wall time: what else runs on the machine delays a measurement
  but counts little. Through caches, clock rates and the hypervisor it still counts, so compare numbers of one run only;
  how far least and median lie apart shows how quiet the machine was.
- The cores are the real ones, in virtual time. All gateways of a network run in one process, one after the other, so
  that each finds the processor's caches filled by the others, as a gateway does that wakes once a round. The garbage
  collector leaves the other gateways alone, since none of them is in a real gateway's memory.
- Networks of suite `hardened`, and those of 10,000 gateways, stand from the start: their seeds are drawn instead of
  agreed in handshakes. From there on everything that gateways and provider hear is a signed frame.
- In suite `hardened` a gateway sends twice in a round: its frame, and after FINAL a RELEASE with the shares it holds.
- A gateway's shell (event loop, timers, reading the meter) and its start are not measured.
- Through Mosquitto the benchmark moves the provider's clock, so that no round waits for its minute. Everything else is
  the program. One client publishes for all gateways, and the broker's own CPU is in no number.
- One frame at a time costs more for every receiver: its event loop turns once for each message. Gateways send each at
  its own moment, so a real network is like this; all at once is what a broker's queue holds after an outage.
- Missing gateways say nothing from the start of the round, others in each round. Each neighbor of one resends, and
  each frame that comes again costs the provider another signature. A round that ends without a sum counts as not
  finished, and its time does not count.
- Every sum was compared with the readings of those who are in it; when one is wrong, the run stops.
"""
