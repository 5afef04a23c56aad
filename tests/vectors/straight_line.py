"""Every derivation and layout of the protocol once more, from `hashlib` and `struct` alone.

Nothing here imports the product: what a vector file says is computed from its own inputs, in the words of the
documentation.
Source: docs/protocol.md; RFC 7693.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from struct import pack, unpack
from typing import Any, Final

from tests.vectors.rfc import X25519_BASE, chacha20poly1305, ed25519_public, ed25519_sign, x25519

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


def _order(f: dict[str, Any]) -> bytes:
    return pack(">BQ", f["suite"], f["round"]) + bytes.fromhex(f["view"])


def basic_body(f: dict[str, Any]) -> bytes:
    """The body of suite `basic`."""
    return pack(">QQQ", *f["lanes"]) + pack(">BBQ", f["attempt"], f["masks"], f["edges"])


def roster(f: dict[str, Any]) -> bytes:
    """The data of a ROSTER frame."""
    head = pack(">BI", f["suite"], f["epoch"])
    head += pack(">IIII", f["period_ms"], f["window_ms"], f["grace_ms"], f["correction_ms"])
    head += pack(">BH", f["attempts_max"], f["members_min"])
    return head + pack(">BBB", f["masks_min"], f["draws"], f["degree_max"]) + _named(f["region"])


def _final(f: dict[str, Any]) -> bytes:
    sets = bitmap(f["included"]) + bitmap(f["expected"])
    return _order(f) + pack(">Q", f["void_from"]) + sets + _tunnels(f["started"])


DATA: Final[dict[str, Callable[[dict[str, Any]], bytes]]] = {
    "REGISTER": lambda f: bytes.fromhex(f["public_key"]) + _named(f["region"]) + _named(f["name"]),
    "ENTERED": lambda f: _tunnels(f["standing"]) + _tunnels(f["failed"]),
    "EXIT": lambda _: b"",
    "CORRECTION": lambda f: _order(f) + pack(">B", f["attempt"]) + bitmap(f["missing"]),
    "SUPERPOSITION": lambda f: _order(f) + basic_body(f),
    "ROSTER": roster,
    "FINAL": _final,
    "RELEASE": lambda _: b"",
    "TUNNEL": lambda f: pack(">QB", f["tunnel"], f["step"]) + bytes.fromhex(f["body"]),
    "EMERGENCY": _holdings,
    "EXIT_CONFIRMED": lambda f: pack(">I", f["leaver"]),
    "ASSIGNED": lambda f: bytes.fromhex(f["public_key"]),
    "TUNNEL_OPEN": lambda f: pack(">QB", f["tunnel"], f["role"]) + bytes.fromhex(f["peer_key"]),
    "RESUME": _holdings,
    "RESUMED": lambda f: _tunnels(f["started"]),
    "REFUSED": lambda f: pack(">BB", f["notification"], f["reason"]),
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


def _hash(ends: bytes, messages: Iterable[bytes]) -> bytes:
    said = ends + b"".join(pack(">H", len(message)) + message for message in messages)
    return blake2b(said, digest_size=32, person=b"dcnet handshake").digest()


def _key(root: bytes, person: bytes) -> bytes:
    return blake2b(b"", key=root, digest_size=32, person=person).digest()


def _seal(key: bytes, step: int, transcript: bytes, message: bytes) -> bytes:
    return chacha20poly1305(key, bytes(8) + pack(">I", step), message, transcript)


def handshake(given: dict[str, Any], told: bytes | None = None) -> dict[str, bytes]:
    """The four messages and the keys of one handshake, from both ephemeral secrets.

    Args:
        given: the inputs of an entry of `handshake.json`.
        told: what the responder seals into message 2 instead of its client identifier, if anything.
    """
    initiator, responder = bytes.fromhex(given["initiator_ephemeral"]), bytes.fromhex(given["responder_ephemeral"])
    identities = bytes.fromhex(given["initiator_key"]) + bytes.fromhex(given["responder_key"])
    ends = pack(">IQ", given["network"], given["tunnel"]) + identities
    hello, public = x25519(initiator, X25519_BASE), x25519(responder, X25519_BASE)
    shared = x25519(initiator, public)
    first = _hash(ends, [hello, public])
    root = blake2b(first, key=shared, digest_size=32, person=b"dcnet root").digest()
    from_initiator, from_responder = _key(root, b"dcnet tunnel i"), _key(root, b"dcnet tunnel r")
    if told is None:
        told = pack(">I", given["responder_client"])
    reply = public + first + _seal(from_responder, 2, first, told)
    second = _hash(ends, [hello, reply])
    confirm = second + _seal(from_initiator, 3, second, pack(">II", given["initiator_client"], given["day"]))
    return {
        "hello": hello,
        "reply": reply,
        "confirm": confirm,
        "stored": _seal(from_responder, 4, second, b"stored"),
        "shared": shared,
        "transcript_reply": first,
        "transcript_confirm": second,
        "root": root,
        "key_initiator": from_initiator,
        "key_responder": from_responder,
        "seed": _key(root, b"dcnet seed"),
    }
