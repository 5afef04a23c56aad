"""Watches the list of revoked certificates in the provider's home, which an administrator's person replaces by hand.

A newer one is handed to the machine, which tells the members, and to the broker, which cuts the revoked off.
Source: docs/protocol.md, "Certificates"; docs/deployment.md.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, final

from broker.credentials import REVOCATIONS_FILE, load_authority, present_list, replace_revocations, utc
from broker.home import HomeError
from broker.mosquitto import Broker
from broker.pace import OncePerMinute
from broker.pem import REVOCATIONS, to_pem
from broker.program import BrokerError
from common.certificates import Authority, RevocationList
from common.frames import DATA_BYTES_MAX

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 3.0

WARN_BEFORE_MS: Final = 14 * 86_400_000
"""How long before the list is too old the log begins to say so."""

REMIND_EVERY_S: Final = 86_400.0

Renewed = Callable[[RevocationList], Awaitable[None]]


@final
class RevocationsWatch:
    """Looks at the file every few seconds; `renewed` is told each list with a higher number, once."""

    def __init__(
        self, home: Path, authority: Authority, newest: RevocationList, renewed: Renewed, every_s: float = LOOK_EVERY_S
    ) -> None:
        self._home: Final = home
        self._path: Final = home / REVOCATIONS_FILE
        self._authority: Final = authority
        self._newest = newest
        self._renewed: Final = renewed
        self._every_s: Final = every_s
        self._version = self._present_version()
        self._reminded = OncePerMinute(REMIND_EVERY_S)

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            self._remind()
            await asyncio.sleep(self._every_s)
            version = self._present_version()
            if version != self._version:
                self._version = version
                await self._look()

    async def _look(self) -> None:
        try:
            found = await asyncio.to_thread(present_list, self._home, self._authority)
        except HomeError as error:
            log.error("%s The list of revoked certificates stays no. %d.", error, self._newest.number)
            return
        fault = _fault(found, self._newest)
        if found is None or fault:
            log.error("%s %s. No. %d stays in force.", self._path, fault, self._newest.number)
        elif found.number > self._newest.number:
            self._newest = found
            await self._renewed(found)

    def _remind(self) -> None:
        end_ms = self._newest.next_update_ms
        now_ms = time.time_ns() // 1_000_000
        if now_ms > end_ms - WARN_BEFORE_MS and self._reminded.allows("end", time.monotonic()):
            log.warning(
                "The list of revoked certificates in %s %s good until %s. After that no gateway is admitted and no two "
                "agree on seeds. Ask the administrator for a fresh one (dcnet gwa renew), and copy it there.",
                self._home,
                "was" if now_ms > end_ms else "is",
                utc(end_ms),
            )

    def _present_version(self) -> tuple[int, int]:
        """Something that changes when the file is replaced or rewritten."""
        try:
            state = self._path.stat()
        except OSError:
            return 0, 0
        return state.st_ino, state.st_mtime_ns


def _fault(found: RevocationList | None, newest: RevocationList) -> str:
    """Why a list is not taken; empty when it may be."""
    if found is None:
        return "is missing, damaged or not of this provider's administrator: copy it again"
    if found.number < newest.number:
        return f"is list no. {found.number}, older than the one in force: copy the newest"
    if len(found.der) > DATA_BYTES_MAX:
        return f"has {len(found.der)} bytes, and members cannot be told more than {DATA_BYTES_MAX}"
    return ""


async def renew_at_broker(broker: Broker, credentials: Path, newest: RevocationList) -> None:
    """Hand a list to a Mosquitto of our own; what it has against it is said, and it goes on with the one it has."""
    try:
        await asyncio.to_thread(hand_over, credentials, newest)
        await broker.reload()
    except (HomeError, BrokerError) as error:
        log.error("%s", error)


def hand_over(credentials: Path, newest: RevocationList) -> None:
    """Copy a list into a broker's credentials, unless they have it or a newer one already.

    Raises:
        HomeError: The directory cannot be used.
    """
    present = present_list(credentials, load_authority(credentials))
    if present is None or present.number < newest.number:
        replace_revocations(credentials, to_pem(REVOCATIONS, newest.der))
