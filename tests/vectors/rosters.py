"""What the vector files say of rosters: Merkle trees, draws, and one epoch after the other."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any, Final

from common.draws import COUNTER_MAX, VALUES, DrawValues, Opening, counter_limit, drawn_leaf
from common.identifiers import ClientId
from common.merkle import Tree
from common.refusal import Refusal
from common.roster import Leaf, Roster, RosterRoot
from tests.vectors.good_frames import plain
from tests.vectors.members import (
    FIRST,
    GATEWAY,
    GATEWAY_DRAWS,
    GATEWAY_LEAF,
    GROWN,
    LEAVES,
    MESH,
    NEIGHBOR,
    NEIGHBOR_LEAF,
    OPENING,
    REGION,
    SAME,
    TREE,
    roster_root,
)

_ENTRIES: Final = tuple(bytes([0xA0 + index]) * index for index in range(27))
"""Leaves of all lengths, the empty one first."""


def _hexes(hashes: tuple[bytes, ...]) -> list[str]:
    return [each.hex() for each in hashes]


def _flipped(octets: bytes) -> bytes:
    return octets[:-1] + bytes([octets[-1] ^ 1])


def merkle() -> dict[str, Any]:
    """The content of `merkle.json`."""
    tree = Tree(_ENTRIES)
    return {
        "leaves": [leaf.hex() for leaf in _ENTRIES],
        "roots": [{"size": size, "root": tree.root(size).hex()} for size in range(len(tree) + 1)],
        "paths": [
            {"index": index, "size": size, "path": _hexes(tree.path(index, size))}
            for size in (1, 2, 3, 6, 7, 8, 25, 26)
            for index in sorted({0, size // 2, size - 1})
        ],
        "consistency": [
            {"old": old, "size": size, "proof": _hexes(tree.consistency(old, size))}
            for size in (1, 2, 7, 8, 13)
            for old in range(1, size + 1)
        ],
        "bad_paths": list(_bad_paths(tree)),
        "bad_consistency": list(_bad_consistency(tree)),
    }


def _bad_paths(tree: Tree) -> Iterator[dict[str, Any]]:
    path = tree.path(5, 7)
    cases: tuple[tuple[str, int, int, tuple[bytes, ...]], ...] = (
        ("another_index", 4, 7, path),
        ("index_above_the_size", 7, 7, path),
        ("smaller_size", 5, 6, path),
        ("larger_size", 5, 9, path),
        ("size_0", 0, 0, ()),
        ("no_path", 5, 7, ()),
        ("a_hash_too_few", 5, 7, path[:-1]),
        ("a_hash_too_many", 5, 7, (*path, path[-1])),
        ("hashes_in_another_order", 5, 7, path[::-1]),
        ("a_flipped_bit", 5, 7, (*path[:-1], _flipped(path[-1]))),
        ("path_of_another_leaf", 5, 7, tree.path(6, 7)),
        ("path_in_a_larger_tree", 5, 7, tree.path(5, 8)),
    )
    for name, index, size, hashes in cases:
        yield {"name": name, "leaf": 5, "index": index, "size": size, "root_of": 7, "path": _hexes(hashes)}


def _bad_consistency(tree: Tree) -> Iterator[dict[str, Any]]:
    proof = tree.consistency(6, 13)
    cases: tuple[tuple[str, int, int, tuple[bytes, ...]], ...] = (
        ("smaller_old_size", 5, 13, proof),
        ("larger_old_size", 7, 13, proof),
        ("old_size_0", 0, 13, proof),
        ("smaller_size", 6, 8, proof),
        ("shrunk", 13, 6, proof),
        ("equal_sizes_of_other_roots", 6, 6, ()),
        ("no_proof", 6, 13, ()),
        ("a_hash_too_few", 6, 13, proof[:-1]),
        ("a_hash_too_many", 6, 13, (*proof, proof[-1])),
        ("hashes_in_another_order", 6, 13, proof[::-1]),
        ("a_flipped_bit", 6, 13, (_flipped(proof[0]), *proof[1:])),
    )
    for name, old, size, hashes in cases:
        entry = {"name": name, "old": old, "old_root_of": 6, "size": size, "root_of": 13}
        yield entry | {"proof": _hexes(hashes)}


def draws() -> dict[str, Any]:
    """The content of `draws.json`."""
    gateways = []
    for identity, region in ((GATEWAY, REGION), (NEIGHBOR, REGION), (GATEWAY, "a")):
        values = DrawValues(identity, region)
        opened = {slot: values.open(slot, 0).value for slot in (0, 1, 1023)}
        gateways.append(
            {
                "seed": identity.seed.reveal().hex(),
                "region": region,
                "values": [{"slot": slot, "value": value.hex()} for slot, value in opened.items()],
                "draw_root": values.root.hex(),
            }
        )
    limits = ((26, 26, 6), (30, 29, 6), (30, 13, 6), (30, 6, 6), (1000, 900, 8), (200_000, 3, 2), (0, 0, 0))
    return {
        "gateways": gateways,
        "drawn": list(_drawn()),
        "limits": [
            {"leaves": leaves, "live": live, "slots": slots, "limit": counter_limit(leaves, live, slots)}
            for leaves, live, slots in limits
        ],
        "openings": list(_openings()),
    }


def _drawn() -> Iterator[dict[str, Any]]:
    for value in (bytes(32), bytes(range(32)), bytes([0xFF]) * 32):
        for counter, leaves in ((0, 26), (1, 26), (0, 30), (65_535, 30), (0, 1), (7, 2**32 - 1)):
            root = TREE.root(min(leaves, len(TREE)))
            entry = {"value": value.hex(), "root": root.hex(), "counter": counter, "leaves": leaves}
            yield entry | {"index": drawn_leaf(value, counter, root, leaves)}


def _openings() -> Iterator[dict[str, Any]]:
    """Openings of slots of the gateway, drawn in epoch 3, and what may be wrong with one."""
    at, right = GROWN.at, OPENING
    limit = counter_limit(at.leaves, at.live, at.slots(GROWN.parameters.draws))
    other = GATEWAY_DRAWS.open(right.slot ^ 1, 0)
    good = {"index": NEIGHBOR_LEAF.index, "draw_root": GATEWAY_DRAWS.root, "root": at.root, "leaves": at.leaves}
    cases: tuple[tuple[str, Opening, dict[str, int | bytes]], ...] = (
        ("another_leaf", right, {"index": NEIGHBOR_LEAF.index - 1}),
        ("another_draw_root", right, {"draw_root": NEIGHBOR_LEAF.draw_root}),
        ("another_roster", right, {"root": MESH.at.root, "leaves": MESH.at.leaves}),
        ("another_root_of_as_many_leaves", right, {"root": MESH.at.root}),
        ("another_number_of_leaves", right, {"leaves": at.leaves - 1}),
        ("counter_above_the_limit", _opening_at(range(limit + 1, COUNTER_MAX)), {}),
        ("another_counter", replace(right, counter=right.counter + 1), {}),
        ("another_slot", replace(right, slot=other.slot), {}),
        ("slot_1024", replace(right, slot=VALUES), {}),
        ("another_value", replace(right, value=_flipped(right.value)), {}),
        ("value_of_another_slot", replace(right, value=other.value), {}),
        ("path_of_another_slot", replace(right, path=other.path), {}),
        ("damaged_path", replace(right, path=(*right.path[:-1], _flipped(right.path[-1]))), {}),
        ("path_in_another_order", replace(right, path=right.path[::-1]), {}),
    )
    for name, opening in (("first_counter", right), ("later_counter", _opening_at(range(1, limit)))):
        yield _opening(name, opening, good, limit) | {"refusal": None}
    for name, opening, changes in cases:
        yield _opening(name, opening, good | changes, limit) | {"refusal": Refusal.BAD_DRAW.name}


def _opening(name: str, opening: Opening, given: dict[str, Any], limit: int) -> dict[str, Any]:
    inputs = {key: value.hex() if isinstance(value, bytes) else value for key, value in given.items()}
    return {"name": name, "opening": opening.encode().hex()} | inputs | {"limit": limit}


def _opening_at(counters: range) -> Opening:
    """A slot that falls to the neighbor in epoch 3 at one of these counters."""
    at = GROWN.at
    for slot, counter in product(range(VALUES), counters):
        if GATEWAY_DRAWS.drawn(slot, counter, at.root, at.leaves) == NEIGHBOR_LEAF.index:
            return GATEWAY_DRAWS.open(slot, counter)
    raise AssertionError("no slot falls to the neighbor")


def rosters() -> dict[str, Any]:
    """The content of `roster.json`."""
    epochs = (FIRST, MESH, GROWN, SAME)
    return {
        "leaves": [{"fields": plain(leaf), "leaf": leaf.encode().hex()} for leaf in (LEAVES[0], GATEWAY_LEAF, _LAST)],
        "rosters": [
            {"fields": plain(each), "data": each.encode().hex(), "roster_name": each.name.hex()} for each in epochs
        ],
        "growth": [
            {"name": name, "before": plain(before), "data": roster.encode().hex(), "continues": continues}
            for name, before, roster, continues in _growth()
        ],
    }


_LAST: Final = Leaf(ClientId(2**32 - 1), bytes(range(32)), bytes([0xFF]) * 32, 2**32 - 1)


def _growth() -> Iterator[tuple[str, RosterRoot, Roster, bool]]:
    yield "mesh_in_a_mesh", FIRST.at, MESH, True
    yield "mesh_in_what_is_none", MESH.at, GROWN, True
    yield "same_leaves", GROWN.at, SAME, True
    yield "same_leaves_in_a_mesh", FIRST.at, FIRST, True
    yield "nothing_in_a_mesh", roster_root(0, 0, 0), FIRST, True
    yield "nothing_in_what_is_no_mesh", roster_root(0, 0, 0), SAME, True
    yield "fewer_leaves_in_a_mesh", MESH.at, FIRST, False
    yield "fewer_leaves_than_what_was_no_mesh", GROWN.at, MESH, False
    yield "another_root_in_a_mesh", replace(FIRST.at, root=MESH.at.root), MESH, False
    yield "another_root_of_as_many_leaves", replace(SAME.at, root=MESH.at.root), SAME, False
    yield "proof_for_another_size", FIRST.at, GROWN, False
    yield "without_a_proof", MESH.at, replace(GROWN, growth=()), False
    yield "proof_with_a_hash_too_many", MESH.at, replace(GROWN, growth=(*GROWN.growth, bytes(32))), False
    yield (
        "proof_with_a_flipped_bit",
        MESH.at,
        replace(GROWN, growth=(_flipped(GROWN.growth[0]), *GROWN.growth[1:])),
        False,
    )
