import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.home import HomeError
from common.identifiers import NetworkId, RoundNumber, TunnelId
from provider import schema
from provider.core.events import EdgeRemoved, EdgeState, MemberState, Record, RoundResult, StoreContents
from provider.store import FINALS_KEPT, Store
from tests.provider.records import CHARTER, NETWORK, complete, edge, final, member, pending, refused, roster


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "provider.db"


def open_founded(path: Path) -> Store:
    with Store(path) as store:
        store.charter(CHARTER)
    return Store(path)


def test_what_was_stored_is_there_after_a_restart(path: Path) -> None:
    largest = edge(2**64 - 1)
    with open_founded(path) as store:
        store.apply([member(2), member(1, MemberState.LEFT), edge(5), largest, final(10, b"older"), final(11, b"last")])
        store.apply([roster(2, b"second"), roster(1, b"first")])
    with Store(path) as store:
        assert store.load(NETWORK) == StoreContents(
            (member(1, MemberState.LEFT), member(2)),
            (edge(5), largest),
            (roster(1, b"first"), roster(2, b"second")),
            b"last",
        )


def test_a_network_that_nobody_joined_is_empty(path: Path) -> None:
    with open_founded(path) as store:
        assert store.load(NETWORK) == StoreContents()


def test_networks_do_not_see_each_other(path: Path) -> None:
    other = replace(CHARTER, network=NetworkId(8), region="south")
    with open_founded(path) as store:
        store.charter(other)
        store.apply([member(1), replace(member(2), network=other.network)])
        assert [each.client for each in store.load(other.network).members] == [2]


def test_a_later_record_of_a_member_or_an_edge_replaces_the_earlier(path: Path) -> None:
    with open_founded(path) as store:
        store.apply([member(1, MemberState.JOINING), edge(5), member(1), edge(5, EdgeState.STARTED)])
        contents = store.load(NETWORK)
    assert contents.members == (member(1),)
    assert contents.edges == (edge(5, EdgeState.STARTED),)


def test_a_removed_edge_is_gone_and_removing_it_again_changes_nothing(path: Path) -> None:
    removed = EdgeRemoved(NETWORK, TunnelId(5))
    with open_founded(path) as store:
        store.apply([edge(5), edge(6), removed, removed])
        assert store.load(NETWORK).edges == (edge(6),)


def test_storing_everything_twice_changes_nothing(path: Path) -> None:
    records: list[Record] = [member(1), edge(5), roster(1), final(10), complete(10), final(11), pending(11)]
    with open_founded(path) as store:
        store.apply(records)
        before = store.load(NETWORK), store.results_from(NETWORK, RoundNumber(0))
        store.apply(records)
        assert (store.load(NETWORK), store.results_from(NETWORK, RoundNumber(0))) == before


def test_a_second_different_final_of_a_round_is_refused_with_all_that_came_with_it(path: Path) -> None:
    with open_founded(path) as store:
        store.apply([final(10, b"first")])
        with pytest.raises(HomeError, match="Round 10 of network 7 has another FINAL"):
            store.apply([member(1), final(10, b"second")])
        assert store.load(NETWORK) == StoreContents(final=b"first")


def test_a_second_different_roster_of_an_epoch_is_refused_with_all_that_came_with_it(path: Path) -> None:
    with open_founded(path) as store:
        store.apply([roster(1, b"first")])
        with pytest.raises(HomeError, match="Epoch 1 of network 7 has another roster"):
            store.apply([member(1), roster(1, b"second")])
        assert store.load(NETWORK) == StoreContents(rosters=(roster(1, b"first"),))


def test_only_the_last_finals_are_kept(path: Path) -> None:
    with open_founded(path) as store:
        store.apply([final(number) for number in range(FINALS_KEPT + 5)])
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*), min(round) FROM final").fetchone() == (FINALS_KEPT, 5)
    db.close()


def test_closed_rounds_come_back_in_order_and_as_they_were(path: Path) -> None:
    with open_founded(path) as store:
        store.apply([complete(12), refused(11), complete(10)])
        assert store.results_from(NETWORK, RoundNumber(11)) == [refused(11), complete(12)]


def test_the_first_result_of_a_round_stands(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_founded(path) as store:
        store.apply([complete(10), refused(10)])
        assert store.results_from(NETWORK, RoundNumber(0)) == [complete(10)]
    assert "round 10 of network 7 was closed before" in caplog.text


def test_rounds_that_wait_for_shares_come_back_with_their_own_finals(path: Path) -> None:
    with open_founded(path) as store:
        store.apply([final(10, b"tenth"), pending(10, b"ten"), final(11, b"plain"), final(12, b"last"), pending(12)])
    with Store(path) as store:
        contents = store.load(NETWORK)
        assert contents.pending == ((b"tenth", pending(10, b"ten")), (b"last", pending(12)))
        assert contents.final == b"last"


@pytest.mark.parametrize("result", [complete(10), refused(10)])
def test_the_result_of_a_round_erases_what_it_waited_with(path: Path, result: RoundResult) -> None:
    with open_founded(path) as store:
        store.apply([final(10), pending(10), final(11), pending(11)])
        store.apply([result])
        assert store.load(NETWORK).pending == ((b"final", pending(11)),)
        assert store.results_from(NETWORK, RoundNumber(0)) == [result]


def test_a_second_result_erases_what_waits_and_changes_nothing_else(path: Path) -> None:
    with open_founded(path) as store:
        store.apply([final(10), complete(10), pending(10)])
        store.apply([refused(10)])
        assert store.load(NETWORK).pending == ()
        assert store.results_from(NETWORK, RoundNumber(0)) == [complete(10)]


def test_a_round_waits_in_its_own_network_only(path: Path) -> None:
    other = replace(CHARTER, network=NetworkId(8), region="south")
    with open_founded(path) as store:
        store.charter(other)
        elsewhere = replace(pending(10), network=NetworkId(8))
        store.apply([final(10), pending(10), replace(final(10, b"other"), network=NetworkId(8)), elsewhere])
        store.apply([complete(10)])
        assert store.load(NETWORK).pending == ()
        assert store.load(NetworkId(8)).pending == ((b"other", elsewhere),)


def test_a_round_waits_with_a_final_or_not_at_all(path: Path) -> None:
    """Both are of one transaction: when the FINAL contradicts an earlier one, neither is kept."""
    with open_founded(path) as store:
        store.apply([final(10, b"first")])
        with pytest.raises(HomeError, match="another FINAL"):
            store.apply([pending(10), final(10, b"second")])
        assert store.load(NETWORK) == StoreContents(final=b"first")


def test_an_error_in_the_middle_of_a_transaction_leaves_nothing_of_it(path: Path) -> None:
    def failing() -> Iterator[Record]:
        yield member(1)
        raise KeyboardInterrupt

    with open_founded(path) as store:
        with pytest.raises(KeyboardInterrupt):
            store.apply(failing())
        store.apply([member(2)])
        assert store.load(NETWORK).members == (member(2),)


_KILLED = """
import os, signal, sys
from pathlib import Path
from provider.store import Store
from tests.provider.records import final, member

def records():
    yield final(11)
    for client in range(2, 200):
        yield member(client)
    os.kill(os.getpid(), signal.SIGKILL)

with Store(Path(sys.argv[1])) as store:
    store.apply([member(1), final(10)])
    store.apply(records())
"""


def test_a_kill_in_the_middle_of_a_transaction_leaves_the_transaction_before(path: Path) -> None:
    with open_founded(path):
        pass
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(path)], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    with Store(path) as store:
        assert store.load(NETWORK) == StoreContents((member(1),), final=b"final")


def test_the_files_are_for_their_owner_alone(path: Path) -> None:
    with open_founded(path) as store:
        store.apply([member(1)])
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes == dict.fromkeys(("provider.db", "provider.db-wal", "provider.db-shm"), 0o600)


def test_a_commit_waits_for_the_disk(path: Path) -> None:
    with open_founded(path) as store:
        assert store._pragma("synchronous") == 2
        assert store._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_store_that_others_may_read_is_refused(path: Path) -> None:
    path.touch(mode=0o644)
    with pytest.raises(HomeError, match=r"Others may use .* Run:  chmod 600"), Store(path):
        pass


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"region": "south"}, r"with region 'north', and the settings now say 'south'.*never changes"),
        ({"period_ms": 10_000}, r"with period_s 900.0, and the settings now say 10.0"),
        ({"suite": 1}, r"with suite 2, and the settings now say 1"),
        ({"provider_key": bytes(32)}, r"another identity key .* Restore identity.key"),
        ({"network": 8}, r"Region 'north' has been served by network 7 .* gives? it to network 8"),
    ],
)
def test_settings_that_contradict_the_store_are_refused(path: Path, change: dict[str, int], sentence: str) -> None:
    with open_founded(path) as store:
        store.charter(CHARTER)
        with pytest.raises(HomeError, match=sentence):
            store.charter(replace(CHARTER, **change))  # type: ignore[arg-type]


def test_a_file_that_is_no_database_is_explained(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to have a header of one hundred bytes" * 20)
    path.chmod(0o600)
    with pytest.raises(HomeError, match=r"The store .* is damaged. Restore it from a backup"), Store(path):
        pass


def test_damage_inside_the_file_is_found_at_the_start(path: Path) -> None:
    with open_founded(path) as store:
        store.apply([member(client) for client in range(1, 200)])
    octets = bytearray(path.read_bytes())
    octets[12_288:] = bytes(len(octets) - 12_288)
    path.write_bytes(octets)
    with pytest.raises(HomeError, match="is damaged"), Store(path):
        pass


def test_a_full_disk_is_explained_and_stores_nothing(path: Path) -> None:
    with open_founded(path) as store:
        store.apply([member(1)])
        store._db.execute("PRAGMA max_page_count = 1")
        with pytest.raises(HomeError, match=r"The disk under .* is full; nothing of this step was stored. Free space"):
            store.apply([final(number, bytes(4000)) for number in range(50)])
        assert store.load(NETWORK) == StoreContents((member(1),))


def test_a_store_that_is_locked_by_somebody_else_is_explained(path: Path) -> None:
    with open_founded(path) as store:
        store._db.execute("PRAGMA busy_timeout = 0")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(HomeError, match="cannot be written: database is locked"):
            store.apply([member(1)])
        other.close()


def test_another_program_s_database_is_left_alone(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (a)")
    db.close()
    path.chmod(0o600)
    before = path.read_bytes()
    with pytest.raises(HomeError, match="database of another program"), Store(path):
        pass
    assert path.read_bytes() == before


def test_a_store_of_a_newer_version_is_refused(path: Path) -> None:
    with open_founded(path) as store:
        store._db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    with pytest.raises(HomeError, match="has version 4, and this provider knows 3"), Store(path):
        pass


@pytest.mark.parametrize("version", [1, 2])
def test_a_store_of_an_earlier_version_is_refused_and_left_alone(path: Path, version: int) -> None:
    with open_founded(path) as store:
        store._db.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    sentence = f"version {version}, of an earlier provider, which kept less.*Move it away.*register anew"
    with pytest.raises(HomeError, match=sentence), Store(path):
        pass
    assert path.read_bytes() == before


def test_a_directory_in_place_of_the_store_is_explained(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="cannot be opened: unable to open"), Store(tmp_path):
        pass
