"""The gateway administrator of a demonstration: everybody in it is enrolled as in the field, only that nobody types.

Each party makes its key and its request in its own home, the administrator issues, the party checks and installs.
Source: docs/deployment.md; BSI TR-03109-4.
"""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from broker.credentials import replace_revocations
from broker.enrollment import install, make_key_and_request
from broker.gwa.founding import found_office, open_office
from broker.gwa.issuing import RequestError, read_request
from broker.gwa.office import Office
from broker.gwa.rules import Order
from broker.gwa.terms import CERTIFICATE_DAYS, LIST_DAYS
from broker.home import HomeError
from broker.pem import REQUEST, one_of
from common.certificates import Role, Subject
from launcher.errors import LauncherError
from launcher.scratch import Scratch

SPECTATOR: Final = "inspector-spectator"
"""The name under which the demonstration itself watches the bus."""

INSPECTOR: Final = "inspector"
EXPLORER: Final = "inspector-explorer"
INSPECTORS: Final = (SPECTATOR, INSPECTOR, EXPLORER)
"""Of two clients with one name the broker keeps the later, so each program that watches has a name of its own."""

_AUTHORITY: Final = "administrator of a demonstration"
_YEARS: Final = 1
_HOSTS: Final = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who needs a certificate. `meter` identifies a gateway's, `hosts` are a broker's."""

    home: Path
    subject: Subject
    meter: str | None = None
    hosts: tuple[str, ...] = ()


def gateway_party(scratch: Scratch, name: str, region: str) -> Party:
    """A gateway, with a meter that exists nowhere."""
    return Party(scratch.gateway_home(name), Subject(Role.GATEWAY, name, region), f"1DEMO-{name.upper()}")


def standing_parties(scratch: Scratch) -> list[Party]:
    """Everybody else: the provider, its broker, and those who watch."""
    return [
        Party(scratch.provider_home, Subject(Role.PROVIDER, "provider")),
        Party(scratch.broker_home, Subject(Role.BROKER, "broker"), hosts=_HOSTS),
        *(Party(scratch.inspector_home(name), Subject(Role.INSPECTOR, name)) for name in INSPECTORS),
    ]


@final
class Administration:
    """Founds an authority in the scratch directory, enrolls parties, and revokes; `fingerprint` is the authority's.

    Every method takes a few milliseconds for each party, and raises LauncherError when something cannot be written.
    """

    def __init__(self, scratch: Scratch) -> None:
        self.fingerprint = ""
        self._scratch: Final = scratch

    def found(self) -> None:
        """Make the authority."""
        try:
            self.fingerprint = found_office(self._home, _AUTHORITY, _YEARS, None, _now_ms())
        except HomeError as error:
            raise LauncherError(str(error)) from error

    def enroll(self, parties: Sequence[Party]) -> None:
        """Enroll them all, and hand the new revocation list, which counts them, to the provider."""
        try:
            requests = [_request(party) for party in parties]
            with self._office() as office:
                for order in requests:
                    office.issue(order, CERTIFICATE_DAYS)
                published = office.publish(LIST_DAYS)
            for party in parties:
                bundle = published.bundles[party.subject.name].read_bytes()
                install(party.home, bundle, party.subject, _now_ms(), self.fingerprint)
            self._hand_over(published.revocations)
        except (HomeError, RequestError) as error:
            raise LauncherError(str(error)) from error

    def revoke(self, name: str) -> None:
        """Revoke a party's certificate, and hand the list that says so to the provider."""
        try:
            with self._office() as office:
                office.revoke(name, "the script of the demonstration")
                published = office.publish(LIST_DAYS)
            self._hand_over(published.revocations)
        except (HomeError, RequestError) as error:
            raise LauncherError(str(error)) from error

    @property
    def _home(self) -> Path:
        return self._scratch.administrator_home

    def _office(self) -> AbstractContextManager[Office]:
        return open_office(self._home, None, _now_ms())

    def _hand_over(self, revocations: Path) -> None:
        """What a person copies to the provider, which hands it to its broker and announces it to all gateways."""
        replace_revocations(self._scratch.provider_home, revocations.read_bytes())


def _request(party: Party) -> Order:
    enrollment = make_key_and_request(party.home, party.subject, party.hosts)
    request = read_request(one_of(REQUEST, enrollment.request.read_bytes()))
    return Order(request, party.subject.role, party.meter)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
