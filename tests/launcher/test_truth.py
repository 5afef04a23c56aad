"""The true sum from real vaults."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from broker.credentials import KEY_FILE
from broker.home import make_home
from broker.keyfile import load_or_make_identity
from common.clients import ClientSet
from common.frames import Frame, Notification
from common.identifiers import ClientId, NetworkId, RoundNumber
from common.secret import Secret
from common.signing import Direction, Identity
from launcher import truth
from launcher.truth import TrueSum, true_sum
from smgw.core.events import Membership, Sent
from smgw.core.reading import Reading, ReadingStatus
from smgw.vault import Vault
from smgw.vault_file import VAULT_FILE

NETWORK, ROUND = NetworkId(1), RoundNumber(1_000)
SIGNER = Identity(Secret(bytes(32)))


def sent(client: int, import_dwh: int, status: ReadingStatus = ReadingStatus.VALID, attempt: int = 0) -> Sent:
    frame = Frame(NETWORK, ClientId(client), attempt, Notification.SUPERPOSITION).signed(SIGNER, Direction.UP)
    return Sent(ROUND, bytes(8), Reading(ROUND, import_dwh, 1, status), attempt, (), ClientSet(), frame)


def vault(home: Path, client: int, *records: Sent) -> Path:
    make_home(home)
    load_or_make_identity(home / KEY_FILE)
    with Vault(home, 100) as kept:
        kept.apply([Membership(NETWORK, ClientId(client)), *records])
    return home


def included(*clients: int) -> ClientSet:
    return ClientSet.of(map(ClientId, clients))


async def sums(homes: Sequence[Path], *clients: int) -> TrueSum:
    return await true_sum(homes, NETWORK, ROUND, included(*clients))


async def test_only_the_included_count(tmp_path: Path) -> None:
    homes = [vault(tmp_path / str(i), i, sent(i, 10 * i)) for i in (1, 2, 3)]
    assert await sums(homes, 1, 3) == TrueSum(40, 2, 2, frozenset())


async def test_a_corrected_reading_counts_once(tmp_path: Path) -> None:
    assert await sums([vault(tmp_path / "1", 1, sent(1, 10), sent(1, 10, attempt=1))], 1) == TrueSum(
        10, 1, 1, frozenset()
    )


async def test_a_gateway_without_a_valid_reading_is_included_and_contributes_nothing(tmp_path: Path) -> None:
    homes = [
        vault(tmp_path / "1", 1, sent(1, 10)),
        vault(tmp_path / "2", 2, sent(2, 0, ReadingStatus.BOUNDARY_MISSING)),
    ]
    assert await sums(homes, 1, 2) == TrueSum(10, 1, 1, frozenset())


async def test_who_has_no_record_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truth, "_RECORDS_WITHIN_S", 0)
    homes = [vault(tmp_path / "1", 1, sent(1, 10)), tmp_path / "not-there"]
    assert (await sums(homes, 1, 2)).unknown == {ClientId(2)}


async def test_a_vault_whose_gateway_was_killed_while_it_wrote_is_read_as_of_the_last_commit(tmp_path: Path) -> None:
    home = vault(tmp_path / "1", 1, sent(1, 10))
    killed = tmp_path / "killed"
    with closing(sqlite3.connect(home / VAULT_FILE, isolation_level=None)) as db:
        db.execute("PRAGMA cache_size = 1")
        db.execute("PRAGMA cache_spill = 1")
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE sent SET import_dwh = 99, frame = zeroblob(50000)")
        shutil.copytree(home, killed)
        db.execute("ROLLBACK")
    journal = killed / f"{VAULT_FILE}-journal"
    assert journal.stat().st_size
    before = journal.read_bytes()
    assert await sums([killed], 1) == TrueSum(10, 1, 1, frozenset())
    assert journal.read_bytes() == before, "the vault is its gateway's to repair"
