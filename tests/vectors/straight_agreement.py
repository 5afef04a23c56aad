"""Merkle trees, draws, the name of a roster and the handshake once more, from `hashlib` and `struct` alone.

Nothing here imports the product. The trees are the recursive definitions of their RFC, word by word.
Source: RFC 9162 section 2.1; docs/protocol.md, "Roster", "Draw" and "Key agreement".
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from struct import pack, unpack
from typing import Any, Final

from tests.vectors import straight_line
from tests.vectors.rfc import X25519_BASE, chacha20poly1305, x25519

_VALUES: Final = 1024


def _blake2b(person: bytes, message: bytes, key: bytes = b"", size: int = 32) -> bytes:
    return blake2b(message, digest_size=size, key=key, person=person).digest()


def _largest_power_below(count: int) -> int:
    power = 1
    while 2 * power < count:
        power *= 2
    return power


def merkle_root(entries: Sequence[bytes]) -> bytes:
    """MTH(D_n) of section 2.1.1."""
    if not entries:
        return _blake2b(b"dcnet node", b"")
    if len(entries) == 1:
        return _blake2b(b"dcnet leaf", entries[0])
    k = _largest_power_below(len(entries))
    return _blake2b(b"dcnet node", merkle_root(entries[:k]) + merkle_root(entries[k:]))


def inclusion(index: int, entries: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D_n) of section 2.1.3.1."""
    if len(entries) == 1:
        return []
    k = _largest_power_below(len(entries))
    if index < k:
        return [*inclusion(index, entries[:k]), merkle_root(entries[k:])]
    return [*inclusion(index - k, entries[k:]), merkle_root(entries[:k])]


def consistency(old: int, entries: Sequence[bytes]) -> list[bytes]:
    """PROOF(m, D_n) of section 2.1.4.1."""
    return _subproof(old, entries, is_known=True)


def _subproof(old: int, entries: Sequence[bytes], *, is_known: bool) -> list[bytes]:
    if old == len(entries):
        return [] if is_known else [merkle_root(entries)]
    k = _largest_power_below(len(entries))
    if old <= k:
        return [*_subproof(old, entries[:k], is_known=is_known), merkle_root(entries[k:])]
    return [*_subproof(old - k, entries[k:], is_known=False), merkle_root(entries[:k])]


def root_from_path(entry: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root to which a path of the right length leads: PATH read backwards, from the outermost split inwards."""
    if size == 1:
        return _blake2b(b"dcnet leaf", entry)
    k = _largest_power_below(size)
    if index < k:
        return _blake2b(b"dcnet node", root_from_path(entry, index, k, path[:-1]) + path[-1])
    return _blake2b(b"dcnet node", path[-1] + root_from_path(entry, index - k, size - k, path[:-1]))


def roster_name(data: bytes) -> bytes:
    """The name of the roster with this data."""
    return _blake2b(b"dcnet roster", data)


def draw_values(seed: bytes, region: str) -> list[bytes]:
    """All draw values of a gateway with this identity key in this region."""
    secret = _blake2b(b"dcnet draws", region.encode("ascii"), seed)
    return [_blake2b(b"dcnet draw", pack(">H", slot), secret) for slot in range(_VALUES)]


def drawn_index(value: bytes, root: bytes, counter: int, leaves: int) -> int:
    """The leaf that a draw value names."""
    high, low = unpack(">QQ", _blake2b(b"dcnet drawn", value + root + pack(">H", counter), size=16))
    return int(high * 2**64 + low) % leaves


def counter_limit(leaves: int, live: int, slots: int) -> int:
    """The highest counter that the drawn neighbor lets pass."""
    free = live - slots
    return min(32 * leaves // (free if free > 0 else 1), 65_535)


def is_drawn(entry: dict[str, Any]) -> bool:
    """Whether an opening of `draws.json` proves its draw."""
    octets = bytes.fromhex(entry["opening"])
    (slot, counter), value = unpack(">HH", octets[:4]), octets[4:36]
    path = [octets[at : at + 32] for at in range(36, len(octets), 32)]
    if slot >= _VALUES or len(path) != 10 or counter > entry["limit"]:
        return False
    if root_from_path(value, slot, _VALUES, path).hex() != entry["draw_root"]:
        return False
    return drawn_index(value, bytes.fromhex(entry["root"]), counter, entry["leaves"]) == int(entry["index"])


def _ends(f: dict[str, Any]) -> bytes:
    at = f["at"]
    head = pack(">IQB", f["network"], f["tunnel"], f["kind"])
    head += pack(">III", at["epoch"], at["leaves"], at["live"]) + bytes.fromhex(at["root"])
    return head + straight_line.leaf(f["initiator"]) + straight_line.leaf(f["responder"])


def _hash(ends: bytes, messages: Iterable[bytes]) -> bytes:
    said = b"".join(pack(">H", len(message)) + message for message in messages)
    return _blake2b(b"dcnet handshake", ends + said)


def _seal(key: bytes, step: int, transcript: bytes, message: bytes) -> bytes:
    return chacha20poly1305(key, bytes(8) + pack(">I", step), message, transcript)


def handshake(given: dict[str, Any], told: bytes | None = None, offered: bytes | None = None) -> dict[str, bytes]:
    """The four messages and the keys of one handshake, from both ephemeral secrets.

    Args:
        given: the inputs of an entry of `handshake.json`.
        told: what the responder seals into message 2 instead of its introduction, if anything.
        offered: what the initiator seals into message 3 instead of its introduction, if anything.
    """
    initiator, responder = bytes.fromhex(given["initiator_ephemeral"]), bytes.fromhex(given["responder_ephemeral"])
    ends = _ends(given["ends"])
    hello, public = x25519(initiator, X25519_BASE), x25519(responder, X25519_BASE)
    shared = x25519(initiator, public)
    first = _hash(ends, [hello, public])
    root = _blake2b(b"dcnet root", first, shared)
    from_initiator, from_responder = _blake2b(b"dcnet tunnel i", b"", root), _blake2b(b"dcnet tunnel r", b"", root)
    if told is None:
        told = pack(">Q", given["responder_held"]) + bytes.fromhex(given["responder_certificate"])
    reply = public + first + _seal(from_responder, 2, first, told)
    second = _hash(ends, [hello, reply])
    if offered is None:
        opening = bytes.fromhex(given["opening"])
        offered = pack(">IQH", given["day"], given["initiator_held"], len(opening)) + opening
        offered += bytes.fromhex(given["initiator_certificate"])
    return {
        "hello": hello,
        "reply": reply,
        "confirm": second + _seal(from_initiator, 3, second, offered),
        "stored": _seal(from_responder, 4, second, b"stored"),
        "shared": shared,
        "seed": _blake2b(b"dcnet seed", b"", root),
    }
