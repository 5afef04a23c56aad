import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit

import pytest

from broker.credentials import load_authority, present_list
from broker.home import HomeError
from broker.keyfile import load_identity, make_identity
from common.certificates import RevocationList
from common.identifiers import ClientId, NetworkId, TunnelId
from smgw.core.events import (
    Departed,
    EdgeErased,
    KnownRevocations,
    MemberGone,
    Membership,
    Moved,
    Offense,
    Record,
    Replaced,
    SlotEnded,
    VaultContents,
)
from smgw.ledger import read_ledger
from smgw.vault import Vault
from tests.credentials import Administrator
from tests.smgw.core.memory import remembered
from tests.smgw.records import MEMBERSHIP, SERIAL, closed, edge, evidence, known_roster, sent, slot
from tests.smgw.vaults import FRAMES, contents, enrolled_home, keep


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return enrolled_home(tmp_path)


@contextmanager
def file_size_limited(limit: int) -> Iterator[None]:
    """A disk that is full: no file of this process grows beyond `limit` bytes."""
    soft, hard = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        setrlimit(RLIMIT_FSIZE, (soft, hard))


def test_first_start_makes_an_empty_vault(home: Path) -> None:
    with Vault(home, FRAMES) as vault:
        assert vault.load() == VaultContents()
        assert vault.identity.public_key == load_identity(home / "identity.key").public_key


def test_everything_in_the_home_is_for_its_owner_alone(home: Path) -> None:
    keep(home, MEMBERSHIP)
    assert home.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in home.iterdir()}
    assert {"identity.key", "vault.sqlite", "vault.sqlite-journal", "agent.pid"} >= modes.keys()
    assert set(modes.values()) == {0o600}


def test_membership_returns_and_is_replaced(home: Path) -> None:
    keep(home, MEMBERSHIP)
    assert contents(home).membership == MEMBERSHIP
    leaving = replace(MEMBERSHIP, is_leaving=True)
    keep(home, leaving)
    assert contents(home).membership == leaving


def test_edge_returns_and_is_replaced_by_a_later_state(home: Path) -> None:
    keep(home, edge(1), edge(2**64 - 1))
    assert contents(home).edges == (edge(1), edge(2**64 - 1))
    aged = edge(1, day=20_001, seed=b"\x5f" * 32, is_started=True)
    keep(home, aged)
    assert contents(home).edges == (aged, edge(2**64 - 1))


def test_erased_seed_is_on_no_page_of_the_vault(home: Path) -> None:
    old, new = bytes(range(32)), bytes(range(100, 132))
    keep(home, MEMBERSHIP, edge(1, seed=old), edge(2, seed=new))
    keep(home, EdgeErased(TunnelId(1)), EdgeErased(TunnelId(77)))
    assert contents(home).edges == (edge(2, seed=new),)
    keep(home, edge(2, day=20_001, seed=b"\x11" * 32))
    octets = (home / "vault.sqlite").read_bytes()
    assert old not in octets
    assert new not in octets


def test_departure_erases_membership_and_seeds_and_keeps_the_ledger(home: Path) -> None:
    keep(home, MEMBERSHIP, edge(), sent(10), closed(10))
    keep(home, Departed())
    assert contents(home) == VaultContents()
    assert [entry.round for entry in read_ledger(home)] == [10]


def test_what_was_sent_in_another_network_does_not_bind_the_present_one(home: Path) -> None:
    keep(home, MEMBERSHIP, sent(9_000), closed(9_000), Departed())
    keep(home, Membership(NetworkId(3), ClientId(1)))
    assert (contents(home).sent, contents(home).closed) == ((), ())
    keep(home, MEMBERSHIP)
    assert (contents(home).sent, contents(home).closed) == ((sent(9_000),), (closed(9_000),))


def test_the_same_record_twice_changes_nothing(home: Path) -> None:
    records: list[Record] = [MEMBERSHIP, edge(), sent(10), closed(10)]
    keep(home, *records)
    before = contents(home)
    keep(home, *records)
    assert contents(home) == before
    assert len(read_ledger(home)) == 1


def test_second_different_frame_for_one_round_is_never_stored(home: Path) -> None:
    keep(home, MEMBERSHIP, sent(10, frame=b"first"))
    with Vault(home, FRAMES) as vault:
        with pytest.raises(AssertionError, match="second, different frame"):
            vault.apply([edge(), sent(10, frame=b"other")])
        assert vault.load() == VaultContents(MEMBERSHIP, sent=(sent(10, frame=b"first"),))


def test_killed_between_two_records_of_a_transaction_it_keeps_neither(home: Path) -> None:
    keep(home, MEMBERSHIP)
    code = """
import os, signal, sys
from pathlib import Path
from smgw.vault import Vault
from tests.smgw.records import edge

class Deadly(list):
    def __iter__(self):
        yield from super().__iter__()
        os.kill(os.getpid(), signal.SIGKILL)

vault = Vault(Path(sys.argv[1]), 1_000)
vault.apply([edge(1)])
vault.apply(Deadly(edge(number) for number in range(2, 25_000)))
"""
    child = subprocess.run([sys.executable, "-c", code, str(home)], check=False, timeout=60)
    assert child.returncode == -signal.SIGKILL
    assert (home / "vault.sqlite-journal").stat().st_size, "half of the transaction was in the file already"
    assert contents(home).edges == (edge(1),)


def test_second_agent_is_refused_with_the_process_of_the_first(home: Path) -> None:
    with (
        Vault(home, FRAMES),
        pytest.raises(HomeError, match=rf"process \({os.getpid()}\) works in .*Stop it first"),
    ):
        Vault(home, FRAMES)
    assert contents(home) == VaultContents()


@pytest.mark.parametrize(
    "octets", [b"", b"no database at all, but some text" * 100, b"SQLite format 3\0" + bytes(5_000)]
)
def test_foreign_file_is_refused_and_left_alone(home: Path, octets: bytes) -> None:
    keep(home, MEMBERSHIP)
    path = home / "vault.sqlite"
    path.write_bytes(octets)
    with pytest.raises(HomeError, match=r"vault\.sqlite cannot be used: .*move it away"):
        Vault(home, FRAMES)
    assert path.read_bytes() == octets


def test_damaged_page_is_found_at_the_start(home: Path) -> None:
    keep(home, MEMBERSHIP, *(edge(number) for number in range(200)))
    path = home / "vault.sqlite"
    octets = bytearray(path.read_bytes())
    octets[8_192:12_288] = b"\xff" * 4_096
    path.write_bytes(octets)
    with pytest.raises(HomeError, match=r"vault\.sqlite cannot be used"):
        Vault(home, FRAMES)


def test_cut_off_vault_is_found_at_the_start(home: Path) -> None:
    keep(home, MEMBERSHIP, *(edge(number) for number in range(200)))
    path = home / "vault.sqlite"
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(HomeError, match=r"vault\.sqlite cannot be used"):
        Vault(home, FRAMES)


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (1, r"is of an earlier release \(version 1\), which kept less of its last rounds.*Move it away"),
        (2, r"is of an earlier release \(version 2\).*agrees on new seeds"),
        (4, "has version 4, this program understands 3.*Run the release that wrote it"),
    ],
)
def test_vault_of_another_version_is_refused(home: Path, version: int, sentence: str) -> None:
    keep(home, MEMBERSHIP)
    path = home / "vault.sqlite"
    octets = bytearray(path.read_bytes())
    octets[60:64] = version.to_bytes(4)
    path.write_bytes(octets)
    with pytest.raises(HomeError, match=sentence):
        Vault(home, FRAMES)
    assert path.read_bytes() == octets


def test_vault_of_another_identity_key_is_refused(home: Path) -> None:
    keep(home, MEMBERSHIP)
    (home / "identity.key").unlink()
    make_identity(home / "identity.key")
    with pytest.raises(HomeError, match=r"belongs to another identity key.*Restore that key"):
        Vault(home, FRAMES)


@pytest.mark.parametrize(("name", "mode"), [("", 0o755), ("vault.sqlite", 0o640), ("identity.key", 0o604)])
def test_what_others_may_read_is_refused_with_the_command_that_closes_it(home: Path, name: str, mode: int) -> None:
    keep(home, MEMBERSHIP)
    (home / name).chmod(mode)
    with pytest.raises(HomeError, match=f"{mode:04o}.*chmod"):
        Vault(home, FRAMES)


def test_vault_without_its_identity_key_is_refused(home: Path) -> None:
    keep(home, MEMBERSHIP)
    (home / "identity.key").unlink()
    with pytest.raises(HomeError, match=r"identity\.key is missing"):
        Vault(home, FRAMES)
    assert not (home / "identity.key").exists()


def test_lost_vault_is_made_anew(home: Path) -> None:
    keep(home, MEMBERSHIP)
    (home / "vault.sqlite").unlink()
    assert contents(home) == VaultContents()


def test_without_an_identity_key_there_is_nothing_to_start_with(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="dcnet smgw enroll"):
        Vault(tmp_path / "gateway", FRAMES)


def test_journal_without_its_vault_is_refused(home: Path) -> None:
    keep(home, MEMBERSHIP)
    (home / "vault.sqlite").unlink()
    (home / "vault.sqlite-journal").write_bytes(b"what it was writing")
    with pytest.raises(HomeError, match="move the journal away too"):
        Vault(home, FRAMES)


def test_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch(0o600)
    with pytest.raises(HomeError, match="cannot be used: Not a directory"):
        Vault(path, FRAMES)


def test_full_disk_is_told_and_what_was_kept_stays(home: Path) -> None:
    keep(home, MEMBERSHIP, edge(1))
    limit = (home / "vault.sqlite").stat().st_size
    with Vault(home, FRAMES) as vault:
        with file_size_limited(limit), pytest.raises(HomeError, match=r"vault\.sqlite cannot be read or written"):
            vault.apply([edge(number) for number in range(2, 500)])
        assert vault.load().edges == (edge(1),)
    assert contents(home).edges == (edge(1),)


def test_ledger_keeps_only_the_last_frames(home: Path) -> None:
    with Vault(home, ledger_frames=3) as vault:
        vault.apply([MEMBERSHIP])
        for number in range(10, 20):
            vault.apply([sent(number)])
            vault.apply([closed(number)])
        assert vault.load().sent == (sent(17), sent(18), sent(19))
    assert [entry.round for entry in read_ledger(home)] == [17, 18, 19]


def test_ledger_is_read_beside_a_running_agent(home: Path) -> None:
    with Vault(home, FRAMES) as vault:
        vault.apply([MEMBERSHIP, sent(10), closed(10), sent(11)])
        vault.apply([sent(11, attempt=1, frame=b"corrected"), closed(11, is_included=False), sent(12)])
        entries = read_ledger(home)
        vault.apply([closed(12)])
        assert [entry.is_included for entry in read_ledger(home, 2)] == [False, True]
    assert [(e.round, e.attempt, e.is_included) for e in entries] == [(10, 0, True), (11, 1, False), (12, 0, None)]
    assert entries[1].frame == b"corrected"
    assert entries[1].reading == sent(11).reading
    assert len(read_ledger(home)) == 3


def test_ledger_of_a_missing_vault_is_an_error_and_makes_none(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="No such file"):
        read_ledger(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_vault_holds_what_the_tests_of_the_core_take_for_remembered(home: Path) -> None:
    records: list[Record] = [
        *(MEMBERSHIP, edge(1), edge(2), slot(1), known_roster(3), sent(10), closed(10)),
        *(slot(2), SlotEnded(1), slot(2, client=5), Replaced(SERIAL, 1), EdgeErased(TunnelId(1)), known_roster(3, 9)),
        *(Moved(1, 3), Moved(SERIAL, 1), Moved(SERIAL, 2), Membership(MEMBERSHIP.network, ClientId(8))),
        *(sent(11), sent(11, attempt=1, frame=b"new"), sent(12), closed(11, is_included=False), edge(2, holds=True)),
        *(MemberGone(ClientId(5)), MemberGone(ClientId(6)), Membership(MEMBERSHIP.network, ClientId(9))),
        *(MemberGone(ClientId(7)), evidence(), evidence(11, Offense.LEFT_OUT)),
        evidence(12, Offense.LEFT_OUT, time_ms=1_800_000_500_000),
        *(Departed(), Membership(NetworkId(3), ClientId(1)), slot(3), edge(5), Membership(NetworkId(3), ClientId(2))),
    ]
    expected = VaultContents()
    for record in records:
        keep(home, record)
        expected = remembered(expected, record)
        assert contents(home) == expected


def test_slots_rosters_and_replacements_return(home: Path) -> None:
    keep(home, MEMBERSHIP, slot(1), slot(2, client=0), slot(1, is_opened=True), Replaced(SERIAL, 7), known_roster(3))
    keep(home, known_roster(1, epoch=8), known_roster(3, epoch=9))
    kept = contents(home)
    assert kept.slots == (slot(1, is_opened=True), slot(2, client=0))
    assert kept.replaced == (Replaced(SERIAL, 7),)
    assert kept.rosters == (known_roster(1, epoch=8), known_roster(3, epoch=9))


@pytest.mark.parametrize(
    "records",
    [[SlotEnded(1), SlotEnded(2)], [Departed()], [Membership(MEMBERSHIP.network, ClientId(8))]],
    ids=["ended", "left", "moved"],
)
def test_the_numbers_of_slots_stay_used_when_the_slots_end(home: Path, records: list[Record]) -> None:
    keep(home, MEMBERSHIP, slot(1), slot(2), known_roster(), *records)
    assert contents(home).slots == ()
    assert contents(home).used == frozenset({1, 2})
    assert contents(home).rosters == (known_roster(),)


def test_the_wish_to_leave_keeps_the_slots(home: Path) -> None:
    keep(home, MEMBERSHIP, slot(1), Membership(MEMBERSHIP.network, MEMBERSHIP.client, is_leaving=True))
    assert contents(home).slots == (slot(1),)


def test_a_newer_list_of_revoked_certificates_is_kept_in_the_vault_and_for_tls(tmp_path: Path) -> None:
    administrator = Administrator(tmp_path)
    home, other = administrator.gateway("gateway-1"), administrator.gateway("gateway-2")
    administrator.revoke(other)
    administrator.write_list(other)
    newer = present(other)
    with Vault(home, FRAMES) as vault:
        assert vault.news() is None
        vault.apply([KnownRevocations(newer.number, newer.der)])
        assert vault.load().revocations == newer.der
        assert vault.news() is None, "what the vault wrote itself is no news"
    assert present(home) == newer


def test_a_list_that_a_person_installs_is_news_once(tmp_path: Path) -> None:
    administrator = Administrator(tmp_path)
    home = administrator.gateway("gateway-1")
    with Vault(home, FRAMES) as vault:
        administrator.revoke(administrator.gateway("gateway-2"))
        administrator.write_list(home)
        assert vault.news() == present(home).der
        assert vault.news() is None
        (home / "revocations.pem").write_bytes(b"no list")
        assert vault.news() is None


def test_a_list_newer_than_the_one_from_the_bus_stays_where_a_person_put_it(tmp_path: Path) -> None:
    administrator = Administrator(tmp_path)
    home = administrator.gateway("gateway-1")
    older = present(home)
    with Vault(home, FRAMES) as vault:
        administrator.revoke(administrator.gateway("gateway-2"))
        administrator.write_list(home)
        vault.apply([KnownRevocations(older.number, older.der)])
    assert present(home).number == older.number + 1


def present(home: Path) -> RevocationList:
    found = present_list(home, load_authority(home))
    assert found is not None
    return found


def test_no_seed_shows_in_what_the_vault_returns(home: Path) -> None:
    keep(home, MEMBERSHIP, edge(1, seed=b"A" * 32))
    assert "AAAA" not in repr(contents(home))
