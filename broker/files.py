"""The files that a running Mosquitto goes by: credentials, access rules and configuration, checked before it sees them.

The broker's private key is read where it is. Certificate, authority, revocation list and access rules are copies
beside the configuration, made of what was checked. For when Mosquitto is told to read again and cannot read a file, it
goes on without: without list it admits the revoked, and without access rules everybody may do everything.
"""

import os
import shutil
import time
from pathlib import Path
from typing import Final

from broker.access import Access, render_access
from broker.configuration import CONFIGURATION_FILE, Place, render
from broker.credentials import (
    AUTHORITY_FILE,
    CERTIFICATE_FILE,
    KEY_FILE,
    REVOCATIONS_FILE,
    Credentials,
    load_credentials,
    require_fresh_list,
    utc,
)
from broker.home import HomeError, explained, write_file
from broker.pem import CERTIFICATE, REVOCATIONS, to_pem
from broker.program import BrokerError
from broker.settings import BrokerSettings
from broker.tls import ClientContext, own_context
from common.certificates import Role

ACCESS_FILE: Final = "access"

WARN_BEFORE_MS: Final = 5 * 86_400_000
"""How long before certificate or list are too old the log says so, when nothing newer has come."""


class BrokerFiles:
    """What Mosquitto reads, in `directory`; `credentials` is the broker's own directory. Both paths are absolute."""

    def __init__(self, settings: BrokerSettings, directory: Path, credentials: Path, access: Access) -> None:
        self.access = access
        self.generation = 0
        """Grows whenever the files are written, so that a start can tell whether it has read the present ones."""
        self._settings = settings
        self._directory = directory
        self._source = credentials
        self._taken: Credentials | None = None
        self._versions: tuple[tuple[int, int], ...] = ()

    def take(self, access: Access) -> bool:
        """Check the credentials, and write what Mosquitto shall read from now on.

        Returns:
            Whether somebody is revoked now who was not when they were taken before.

        Raises:
            BrokerError: They cannot be used, and everything stays as it was.
        """
        before = self._taken
        self._versions = self._present_versions()
        try:
            found = load_credentials(self._source, Role.BROKER, _now_ms())
            if before and found.revocations.number < before.revocations.number:
                raise HomeError(
                    f"{self._source / REVOCATIONS_FILE} is no. {found.revocations.number}, and no. "
                    f"{before.revocations.number} is in force. Copy the newest one from the administrator."
                )
            self._write(found, access)
            self._give_to_account()
        except HomeError as error:
            raise BrokerError(str(error)) from error
        self._taken, self.access = found, access
        self.generation += 1
        return before is not None and not found.revocations.serials <= before.revocations.serials

    def are_newer(self) -> bool:
        """Whether a file of the credentials was replaced or rewritten since they were taken."""
        return self._present_versions() != self._versions

    def context(self) -> ClientContext:
        """The broker's credentials, to connect to itself.

        Raises:
            BrokerError: They cannot be used.
        """
        try:
            return own_context(self._source)
        except HomeError as error:
            raise BrokerError(str(error)) from error

    def configuration(self, host: str, port: int) -> Path:
        """Write the configuration, for a Mosquitto that is to start now.

        Raises:
            BrokerError: It cannot be written; or the list is too old by now, so that Mosquitto would admit nobody.
        """
        assert self._taken is not None
        path = self._directory / CONFIGURATION_FILE
        try:
            require_fresh_list(self._taken, _now_ms(), str(self._source))
            place = Place(host, port, self._directory, self._source / KEY_FILE)
            write_file(path, render(self._settings, place).encode())
            self._give_to_account()
        except HomeError as error:
            raise BrokerError(str(error)) from error
        return path

    def complaints(self) -> dict[str, str]:
        """What will soon be too old or is, each with a sentence; Mosquitto admits nobody once it is."""
        assert self._taken is not None
        ends = {
            "list of revoked certificates": self._taken.revocations.next_update_ms,
            "certificate": self._taken.certificate.not_after_ms,
        }
        return {
            what: f"the broker's {what} in {self._source} {'was' if _now_ms() > end_ms else 'is'} good until "
            f"{utc(end_ms)}; after that nobody can connect. Have the administrator renew it (dcnet gwa renew)"
            for what, end_ms in ends.items()
            if _now_ms() > end_ms - WARN_BEFORE_MS
        }

    def _write(self, found: Credentials, access: Access) -> None:
        rules = render_access(access, found.certificate.subject.name)
        for name, octets in (
            (CERTIFICATE_FILE, to_pem(CERTIFICATE, found.certificate.der)),
            (AUTHORITY_FILE, to_pem(CERTIFICATE, found.authority.der)),
            (REVOCATIONS_FILE, to_pem(REVOCATIONS, found.revocations.der)),
            (ACCESS_FILE, rules.encode()),
        ):
            write_file(self._directory / name, octets)

    def _give_to_account(self) -> None:
        """Let the account that Mosquitto runs as have its directory, and read the key; only root can, and need."""
        if self._settings.account is None or os.geteuid() != 0:
            return
        for path in (self._directory, *self._directory.iterdir(), self._source, self._source / KEY_FILE):
            with explained(path):
                try:
                    shutil.chown(path, self._settings.account)
                except LookupError as error:
                    raise BrokerError(f"There is no account {self._settings.account!r}. Correct `account`.") from error

    def _present_versions(self) -> tuple[tuple[int, int], ...]:
        names = (KEY_FILE, CERTIFICATE_FILE, AUTHORITY_FILE, REVOCATIONS_FILE)
        return tuple(_version(self._source / name) for name in names)


def _version(path: Path) -> tuple[int, int]:
    """Something that changes when the file is replaced or rewritten."""
    try:
        state = path.stat()
    except OSError:
        return 0, 0
    return state.st_ino, state.st_mtime_ns


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
