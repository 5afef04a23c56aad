"""Trees are those of RFC 9162, proofs prove what they say, and nothing else passes for one."""

from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.merkle import EMPTY_ROOT, Tree, is_consistent, is_in, leaf_hash, node_hash
from tests.common.strategies import hashes, moderate
from tests.vectors import straight_agreement

SIZES: Final = range(1, 71)
ENTRIES: Final = [b"entry %d" % index for index in range(71)]
TREE: Final = Tree(ENTRIES)

proofs = st.lists(hashes, max_size=9)


def _root(size: int) -> bytes:
    return straight_agreement.merkle_root(ENTRIES[:size])


def _damages(proof: Sequence[bytes]) -> list[list[bytes]]:
    """The proof with a hash too few, too many, twice, damaged, or with two of them swapped."""
    hashes_ = list(proof)
    damaged = [[*hashes_, bytes(32)], [bytes(32), *hashes_]]
    for at, octets in enumerate(hashes_):
        damaged.append(hashes_[:at] + hashes_[at + 1 :])
        damaged.append([*hashes_[: at + 1], *hashes_[at:]])
        damaged.append([*hashes_[:at], bytes([octets[0] ^ 0x80]) + octets[1:], *hashes_[at + 1 :]])
        damaged.append([*hashes_[:at], octets[:-1], *hashes_[at + 1 :]])
    for at in range(len(hashes_) - 1):
        damaged.append([*hashes_[:at], hashes_[at + 1], hashes_[at], *hashes_[at + 2 :]])
    return damaged


@pytest.mark.parametrize("size", SIZES)
def test_root_and_every_path_are_those_of_the_recursive_definition(size: int) -> None:
    assert TREE.root(size) == _root(size)
    for index in range(size):
        path = TREE.path(index, size)
        assert list(path) == straight_agreement.inclusion(index, ENTRIES[:size])
        assert is_in(ENTRIES[index], index, size, path, _root(size))


@pytest.mark.parametrize("size", SIZES)
def test_every_proof_of_growth_is_that_of_the_recursive_definition(size: int) -> None:
    for old in range(1, size + 1):
        proof = TREE.consistency(old, size)
        assert list(proof) == straight_agreement.consistency(old, ENTRIES[:size])
        assert is_consistent(old, _root(old), size, _root(size), proof)


@pytest.mark.parametrize("size", SIZES)
def test_a_tree_that_grew_to_a_size_is_the_tree_made_at_once(size: int) -> None:
    at_once = Tree(ENTRIES[:size])
    assert len(at_once) == size
    assert at_once.root() == TREE.root(size)
    assert at_once.path(size - 1) == TREE.path(size - 1, size)
    assert at_once.consistency(1) == TREE.consistency(1, size)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 25, 26, 33, 64, 70])
def test_a_path_proves_one_leaf_at_one_index_under_one_root(size: int) -> None:
    for index in range(size):
        path, entry, root = TREE.path(index, size), ENTRIES[index], TREE.root(size)
        for other in range(size):
            assert is_in(entry, other, size, path, root) is (other == index)
            assert is_in(ENTRIES[other], index, size, path, root) is (other == index)
        assert not is_in(entry, index, size, path, TREE.root(size + 1))
        assert not is_in(entry, index, size, path, leaf_hash(entry)) or size == 1
        for damaged in _damages(path):
            assert not is_in(entry, index, size, damaged, root)


@pytest.mark.parametrize(("index", "size"), [(-1, 7), (7, 7), (8, 7), (0, 0), (0, -1), (5, 5), (2**40, 7)])
def test_an_index_outside_the_tree_is_in_no_tree(index: int, size: int) -> None:
    assert not is_in(ENTRIES[5], index, size, TREE.path(5, 7), TREE.root(7))
    assert not is_in(ENTRIES[0], index, size, (), leaf_hash(ENTRIES[0]))


@pytest.mark.parametrize("size", [2, 3, 7, 8, 13, 32, 63])
def test_a_proof_of_growth_holds_between_two_roots_alone(size: int) -> None:
    for old in range(1, size):
        proof, old_root, root = TREE.consistency(old, size), TREE.root(old), TREE.root(size)
        assert not is_consistent(old, TREE.root(old + 1), size, root, proof)
        assert not is_consistent(old, old_root, size, TREE.root(size + 1), proof)
        assert not is_consistent(size, root, old, old_root, proof)
        assert not is_consistent(old, old_root, old, root, proof)
        for damaged in _damages(proof):
            assert not is_consistent(old, old_root, size, root, damaged)


@pytest.mark.parametrize("changed", range(9))
def test_a_tree_in_which_an_old_leaf_was_replaced_does_not_continue_the_old_one(changed: int) -> None:
    entries = [b"another" if index == changed else entry for index, entry in enumerate(ENTRIES[:26])]
    other = Tree(entries)
    assert not is_consistent(9, TREE.root(9), 26, other.root(), other.consistency(9))
    assert not is_consistent(9, TREE.root(9), 26, other.root(), TREE.consistency(9, 26))


def test_a_proof_of_no_growth_is_empty() -> None:
    assert TREE.consistency(9, 9) == ()
    assert is_consistent(9, TREE.root(9), 9, TREE.root(9), ())
    assert not is_consistent(9, TREE.root(9), 9, TREE.root(9), (bytes(32),))
    assert not is_consistent(9, TREE.root(9), 9, TREE.root(10), ())


def test_from_nothing_nothing_is_proven_to_grow() -> None:
    assert not is_consistent(0, EMPTY_ROOT, 5, TREE.root(5), ())
    assert not is_consistent(0, EMPTY_ROOT, 5, TREE.root(5), (TREE.root(5),))
    assert not is_consistent(-1, EMPTY_ROOT, 5, TREE.root(5), (TREE.root(5),))


def test_an_empty_tree_has_a_root_of_its_own() -> None:
    assert Tree().root() == TREE.root(0) == EMPTY_ROOT
    assert EMPTY_ROOT not in {TREE.root(1), leaf_hash(b"")}


def test_an_inner_node_passes_for_no_leaf() -> None:
    left, right = leaf_hash(ENTRIES[0]), leaf_hash(ENTRIES[1])
    assert TREE.root(2) == node_hash(left, right) != leaf_hash(left + right)
    assert not is_in(left + right, 0, 1, (), TREE.root(2))


def test_what_is_no_place_in_the_tree_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="no such leaf"):
        TREE.path(7, 7)
    with pytest.raises(AssertionError, match="from something"):
        TREE.consistency(0, 7)
    with pytest.raises(AssertionError, match="not so many leaves"):
        TREE.root(72)


@moderate
@given(st.binary(max_size=40), st.integers(-5, 2**33), st.integers(-5, 2**33), proofs, hashes)
def test_arbitrary_hashes_prove_no_leaf(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> None:
    assert is_in(leaf, index, size, path, root) is False


@moderate
@given(st.integers(-5, 2**33), hashes, st.integers(-5, 2**33), hashes, proofs)
def test_arbitrary_hashes_prove_no_growth(
    old: int, old_root: bytes, size: int, root: bytes, proof: list[bytes]
) -> None:
    assert is_consistent(old, old_root, size, root, proof) is (old == size and old_root == root and not proof)


@moderate
@given(st.lists(st.binary(max_size=8), min_size=1, max_size=80), st.data())
def test_whatever_is_in_a_tree_is_proven_to_be_there_and_to_stay(entries: list[bytes], data: st.DataObject) -> None:
    tree = Tree(entries)
    size = data.draw(st.integers(1, len(entries)))
    index = data.draw(st.integers(0, size - 1))
    assert is_in(entries[index], index, size, tree.path(index, size), tree.root(size))
    assert is_consistent(size, tree.root(size), len(tree), tree.root(), tree.consistency(size))
    assert tree.root() == straight_agreement.merkle_root(entries)
