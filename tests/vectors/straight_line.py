"""Every layout of the protocol and what a round derives once more, from `hashlib` and `struct` alone.

Nothing here imports the product: what a vector file says is computed from its own inputs, in the words of the
documentation.
Source: docs/protocol.md; RFC 7693.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from struct import pack, unpack
from typing import Any, Final

from tests.vectors.rfc import ed25519_public, ed25519_sign

_LABELS: Final = {"UP": b"dcnet/1 up", "DOWN": b"dcnet/1 down"}


def frame(entry: dict[str, Any], data: bytes, seed: bytes) -> bytes:
    """A whole frame around `data`, signed by the key of `seed`."""
    unsigned = b"DCN\x01"
    unsigned += pack(">II", entry["network"], entry["client"])
    unsigned += b"\x80" if entry["transmission_bit"] else b"\x00"
    unsigned += pack(">QBH", entry["timestamp_ms"], entry["notification"], len(data)) + data
    return unsigned + ed25519_sign(seed, ed25519_public(seed), _LABELS[entry["direction"]] + unsigned)


def bitmap(clients: Iterable[int]) -> bytes:
    """A client set: a length of 2 bytes, then a bit for each identifier, lowest first."""
    bits = sum(1 << client for client in clients)
    octets = b""
    while bits:
        octets += bytes([bits % 256])
        bits //= 256
    return pack(">H", len(octets)) + octets


def _named(text: str) -> bytes:
    return pack(">B", len(text)) + text.encode("ascii")


def _tunnels(tunnels: list[int]) -> bytes:
    return pack(">H", len(tunnels)) + b"".join(pack(">Q", tunnel) for tunnel in tunnels)


def _holdings(f: dict[str, Any]) -> bytes:
    edges = f["edges"]
    return pack(">H", len(edges)) + b"".join(
        pack(">QIB", edge["tunnel"], edge["peer"], edge["is_started"]) for edge in edges
    )


def order(f: dict[str, Any]) -> bytes:
    """How everything begins that belongs to a round."""
    return pack(">BQ", f["suite"], f["round"]) + bytes.fromhex(f["view"])


def basic_body(f: dict[str, Any]) -> bytes:
    """The body of suite `basic`."""
    return pack(">QQQ", *f["lanes"]) + pack(">BBQ", f["attempt"], f["masks"], f["edges"])


def _shares(shares: Iterable[int]) -> bytes:
    return b"".join(share.to_bytes(16, "big") for share in shares)


def _bits(octets: str) -> bytes:
    return pack(">B", len(octets) // 2) + bytes.fromhex(octets)


def hardened_body(f: dict[str, Any]) -> bytes:
    """The body of suite `hardened`."""
    return basic_body(f) + pack(">B", f["needed"]) + _bits(f["holders"]) + _shares(f["corrections"])


def release(f: dict[str, Any]) -> bytes:
    """The data of a RELEASE."""
    return order(f) + _bits(f["members"]) + _shares(f["shares"])


_BODIES: Final = {1: basic_body, 2: hardened_body}


def superposition(f: dict[str, Any]) -> bytes:
    """The data of a SUPERPOSITION of any suite."""
    return order(f) + _BODIES[f["suite"]](f)


def _path(hashes: list[str]) -> bytes:
    return pack(">B", len(hashes)) + b"".join(map(bytes.fromhex, hashes))


def _root(f: dict[str, Any]) -> bytes:
    return pack(">III", f["epoch"], f["leaves"], f["live"]) + bytes.fromhex(f["root"])


def leaf(f: dict[str, Any]) -> bytes:
    """A leaf of a roster."""
    keys = bytes.fromhex(f["public_key"]) + bytes.fromhex(f["draw_root"])
    return pack(">I", f["client"]) + keys + pack(">I", f["epoch"])


def _member(f: dict[str, Any]) -> bytes:
    return _root(f["at"]) + leaf(f["leaf"]) + _path(f["path"])


def _rules(f: dict[str, Any]) -> bytes:
    times = pack(">IIII", f["period_ms"], f["window_ms"], f["grace_ms"], f["correction_ms"])
    counts = pack(">BH", f["attempts_max"], f["members_min"])
    least = pack(">BBB", f["masks_min"], f["draws"], f["degree_max"])
    return pack(">B", f["suite"]) + times + counts + least + _named(f["region"])


def roster(f: dict[str, Any]) -> bytes:
    """The data of a ROSTER frame."""
    at = f["at"]
    head = pack(">IQ", at["epoch"], f["first_round"]) + bytes.fromhex(f["predecessor"])
    head += pack(">II", at["leaves"], at["live"]) + bytes.fromhex(at["root"])
    return head + _rules(f["parameters"]) + _path(f["growth"]) + b"".join(map(leaf, f["listed"]))


def _final(f: dict[str, Any]) -> bytes:
    head = order(f) + pack(">QI", f["void_from"], f["epoch"]) + bytes.fromhex(f["root"])
    return head + bitmap(f["included"]) + bitmap(f["expected"]) + _tunnels(f["started"])


def _tunnel_open(f: dict[str, Any]) -> bytes:
    return pack(">QBBI", f["tunnel"], f["role"], f["kind"], f["own_epoch"]) + _member(f["peer"])


def _drawn(f: dict[str, Any]) -> bytes:
    members = f["members"]
    return pack(">H", len(members)) + b"".join(pack(">II", each["epoch"], each["client"]) for each in members)


DATA: Final[dict[str, Callable[[dict[str, Any]], bytes]]] = {
    "REGISTER": lambda f: bytes.fromhex(f["draw_root"]) + bytes.fromhex(f["certificate"]),
    "ENTERED": lambda f: _tunnels(f["standing"]) + _tunnels(f["failed"]),
    "EXIT": lambda _: b"",
    "CORRECTION": lambda f: order(f) + pack(">B", f["attempt"]) + bitmap(f["missing"]),
    "SUPERPOSITION": superposition,
    "ROSTER": roster,
    "FINAL": _final,
    "RELEASE": release,
    "TUNNEL": lambda f: pack(">QB", f["tunnel"], f["step"]) + bytes.fromhex(f["body"]),
    "EMERGENCY": _holdings,
    "EXIT_CONFIRMED": lambda f: pack(">I", f["leaver"]),
    "ASSIGNED": lambda f: bytes.fromhex(f["public_key"]),
    "TUNNEL_OPEN": _tunnel_open,
    "RESUME": _holdings,
    "RESUMED": lambda f: _tunnels(f["started"]),
    "REFUSED": lambda f: pack(">BB", f["notification"], f["reason"]),
    "REVOCATIONS": lambda f: bytes.fromhex(f["list"]),
    "DRAWN": _drawn,
    "DEPARTED": lambda f: _member(f["member"]) + pack(">B", f["end"]) + bytes.fromhex(f["evidence"]),
    "LEAVES": lambda f: pack(">I", f["part"]) + b"".join(map(leaf, f["leaves"])),
    "HOLD": lambda f: pack(">H", len(f["clients"])) + b"".join(pack(">I", client) for client in f["clients"]),
    "CLOCK": lambda f: pack(">Q", f["asked_ms"]) if f else b"",
}
"""The data field of each notification from its fields."""


def mask(seed: bytes, network: int, round_: int) -> list[int]:
    """The three words that a seed of the round's day gives."""
    octets = blake2b(pack(">IQ", network, round_), key=seed, digest_size=24, person=b"dcnet mask").digest()
    return list(unpack(">QQQ", octets))


def ratchet(seed: bytes, days: int) -> bytes:
    """The seed so many days later."""
    for _ in range(days):
        seed = blake2b(b"", key=seed, digest_size=32, person=b"dcnet ratchet").digest()
    return seed


def fingerprint(tunnels: Iterable[int]) -> int:
    """The fingerprint of the edges made in these tunnels."""
    octets = b"".join(pack(">Q", tunnel) for tunnel in sorted(set(tunnels)))
    return int(unpack(">Q", blake2b(octets, digest_size=8, person=b"dcnet edges").digest())[0])


def view(frame_: bytes) -> bytes:
    """The name of a FINAL frame."""
    return blake2b(frame_[: len(frame_) - 64], digest_size=8, person=b"dcnet view").digest()


def offset_ms(public_key: bytes, window_ms: int) -> int:
    """How long after the start of a round the gateway with this key sends."""
    place = unpack(">I", blake2b(public_key, digest_size=4, person=b"dcnet offset").digest())[0]
    return int((window_ms * 9 // 10) * place // 4294967296)
