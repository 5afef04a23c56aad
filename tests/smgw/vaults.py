"""A gateway's home directory, and what its vault is given and gives back."""

from pathlib import Path
from typing import Final

from broker.home import make_home
from broker.keyfile import make_identity
from smgw.core.events import Record, VaultContents
from smgw.vault import Vault

FRAMES: Final = 1_000
"""Sent frames that the vaults of tests keep."""


def enrolled_home(directory: Path) -> Path:
    """An enrolled gateway's home, as far as the vault looks at it."""
    path = directory / "gateway"
    make_home(path)
    make_identity(path / "identity.key")
    return path


def keep(home: Path, *records: Record) -> None:
    """Start, keep all of these in one transaction, and stop."""
    with Vault(home, FRAMES) as vault:
        vault.apply(records)


def contents(home: Path) -> VaultContents:
    """What a start finds."""
    with Vault(home, FRAMES) as vault:
        return vault.load()
