"""The list of revoked certificates in the gateway's home directory: two parties write it, the gateway and a person.

TLS reads this file for each connection, so what the gateway hears over the bus is written there too; and what a person
installs while the gateway runs reaches the core. Source: docs/protocol.md, "Certificates".
"""

from pathlib import Path
from typing import Final, final

from broker.credentials import REVOCATIONS_FILE, load_authority, present_list, replace_revocations


@final
class RevocationFile:
    """`revocations.pem` of one home directory."""

    def __init__(self, home: Path) -> None:
        self._home: Final = home
        self._path: Final = home / REVOCATIONS_FILE
        self._seen = self._state()

    def keep(self, der: bytes) -> None:
        """Write a list that the core found newer than all it knew, unless a still newer one was just installed.

        Raises:
            HomeError: It cannot be written.
        """
        authority = load_authority(self._home)
        present = present_list(self._home, authority)
        if present is None or present.number < authority.revocations(der).number:
            replace_revocations(self._home, der)
        self._seen = self._state()

    def news(self) -> bytes | None:
        """The list (DER), when the file is another than at the last look, and a good one.

        Raises:
            HomeError: It cannot be read.
        """
        state = self._state()
        if state == self._seen:
            return None
        self._seen = state
        present = present_list(self._home, load_authority(self._home))
        return present.der if present else None

    def _state(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino
