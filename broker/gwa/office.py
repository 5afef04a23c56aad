"""The administrator at work: one directory with the authority's key, the books, and what was issued.

    authority.key     the key that signs everything; encrypted if there is a passphrase
    authority.pem     its certificate, which everybody trusts
    ledger.json       the books
    revocations.pem   the newest revocation list
    issued/           one bundle for each party with a valid certificate

The books are written first. List and bundles follow from them and are written anew by each command, so a crash between
leaves nothing that the next command does not put right. Source: BSI TR-03109-4; docs/deployment.md.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, final

from cryptography import x509

from broker.credentials import REVOCATIONS_FILE, utc
from broker.gwa.issuing import (
    SERIAL_BITS,
    Issuer,
    Request,
    RequestError,
    Term,
    issue_certificate,
    issue_revocations,
)
from broker.gwa.ledger import Entry, load_ledger, save_ledger
from broker.gwa.rules import LOCAL_HOSTS, Order, check, check_parties, provider_in
from broker.home import HomeError, explained, make_home, write_file
from broker.pem import REVOCATIONS, Bundle, to_pem
from common.certificates import Role

ISSUED_DIRECTORY: Final = "issued"

DAY_MS: Final = 86_400_000
BACKDATED_MS: Final = 3_600_000
"""Everything holds from an hour before it was signed: this machine is offline, and its clock may be ahead of others."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a command wrote: the list and its number, how many gateways are valid by region, and each bundle by name."""

    revocations: Path
    number: int
    valid: dict[str, int]
    bundles: dict[str, Path]


@final
class Office:
    """The administrator within one command: reads the books, changes them in memory, and publishes at the end."""

    def __init__(self, directory: Path, issuer: Issuer, now_ms: int) -> None:
        """Open the books. `broker.gwa.founding.open_office` does it, with the lock.

        Raises:
            HomeError: They cannot be used, the authority has expired, or the clock is behind them.
        """
        self.directory: Final = directory
        self.now_ms: Final = now_ms
        self.ledger = load_ledger(directory)
        self._issuer: Final = issuer
        end = x509.load_der_x509_certificate(issuer.der).not_valid_after_utc
        self._end_ms: Final = round(end.timestamp() * 1000)
        self._require_time()

    def issue(self, order: Order, days: int) -> Entry:
        """Issue a certificate, good for `days`, or until the authority ends if that is sooner.

        Raises:
            RequestError: the order is refused.
        """
        check(order, self.ledger, self.now_ms)
        return self._add(order.request, order.meter, days)

    def renew(self, name: str, days: int, hosts: Iterable[str] | None = None) -> Entry:
        """Issue another certificate for the same party and key; the one before stays valid until it ends.

        Args:
            name: The party.
            days: How long it is good from now on.
            hosts: By which names and addresses the broker is reached elsewhere from now on; None leaves them.

        Raises:
            RequestError: nobody has the name, it is revoked, or another party took its place.
        """
        last = self._last(name)
        if last.revoked_ms is not None:
            raise RequestError(
                f"{name} was revoked on {utc(last.revoked_ms)} ({last.reason}). It needs a new key: enroll it again in "
                "an empty home directory, and issue for its new request"
            )
        if hosts is None:
            hosts = last.hosts
        elif last.role is Role.BROKER:
            hosts = dict.fromkeys((*hosts, *(host for host in last.hosts if host in LOCAL_HOSTS)))
        request = Request(last.subject, last.public_key, tuple(hosts))
        check_parties(Order(request, last.role, last.meter), self.ledger, self.now_ms)
        return self._add(request, last.meter, days)

    def revoke(self, name: str, reason: str) -> list[Entry]:
        """Revoke every certificate of this name that has not expired.

        Raises:
            RequestError: there is none.
        """
        last = self._last(name)
        if last.revoked_ms is not None:
            raise RequestError(f"{name} was revoked on {utc(last.revoked_ms)} already ({last.reason})")
        ended = [entry for entry in self.ledger.of(name) if entry.is_valid(self.now_ms)]
        if not ended:
            raise RequestError(f"{name} has no valid certificate: it expired at {utc(last.expires_ms)}")
        entries = tuple(
            replace(entry, revoked_ms=self.now_ms, reason=reason) if entry in ended else entry
            for entry in self.ledger.entries
        )
        self.ledger = replace(self.ledger, entries=entries)
        return [entry for entry in entries if entry.name == name and entry.revoked_ms == self.now_ms]

    def ending(self, within_days: int) -> list[str]:
        """The parties whose certificates end within so many days, the provider first: bundles hold its certificate."""
        valid = [e for e in self.ledger.valid(self.now_ms) if e.expires_ms <= self.now_ms + within_days * DAY_MS]
        return [entry.name for entry in sorted(valid, key=lambda entry: entry.role is not Role.PROVIDER)]

    def publish(self, list_days: int) -> Published:
        """Write the books, a fresh list with the next number, good for `list_days`, and all bundles.

        Raises:
            HomeError: They cannot be written.
        """
        number = self.ledger.list_number + 1
        self.ledger = replace(self.ledger, list_number=number, written_ms=self.now_ms)
        valid = dict(self.ledger.counts(self.now_ms))
        revocations = issue_revocations(self._issuer, number, self._term(list_days), self.ledger.revoked(), valid)
        save_ledger(self.directory, self.ledger)
        path = self.directory / REVOCATIONS_FILE
        write_file(path, to_pem(REVOCATIONS, revocations))
        return Published(path, number, valid, self._write_bundles(revocations))

    def _write_bundles(self, revocations: bytes) -> dict[str, Path]:
        """One for each party with a valid certificate; who has none any more loses the bundle too."""
        directory = self.directory / ISSUED_DIRECTORY
        make_home(directory)
        provider = provider_in(self.ledger, self.now_ms)
        written = {}
        for entry in self.ledger.valid(self.now_ms):
            obeys = entry.role in {Role.GATEWAY, Role.INSPECTOR}
            if obeys and provider is None:
                continue
            beside = provider.certificate if provider and obeys else None
            path = directory / f"{entry.name}.pem"
            write_file(path, Bundle(entry.certificate, self._issuer.der, revocations, beside).encode())
            written[entry.name] = path
        with explained(directory):
            for path in directory.glob("*.pem"):
                if path.stem not in written:
                    path.unlink()
        return written

    def _add(self, request: Request, meter: str | None, days: int) -> Entry:
        term = self._term(days)
        serial = secrets.randbits(SERIAL_BITS) | 1
        subject = request.subject
        entry = Entry(
            serial=serial,
            role=subject.role,
            name=subject.name,
            region=subject.region,
            hosts=request.hosts,
            public_key=request.public_key,
            meter=meter,
            issued_ms=self.now_ms,
            expires_ms=term.end_ms,
            certificate=issue_certificate(self._issuer, request, serial, term),
        )
        self.ledger = replace(self.ledger, entries=(*self.ledger.entries, entry))
        return entry

    def _term(self, days: int) -> Term:
        end_ms = min(self.now_ms + days * DAY_MS, self._end_ms)
        return Term(self.now_ms - BACKDATED_MS, end_ms // 1000 * 1000)

    def _last(self, name: str) -> Entry:
        entries = self.ledger.of(name)
        if not entries:
            raise RequestError(f"nobody is called {name}. Who there is, shows dcnet gwa list")
        return entries[-1]

    def _require_time(self) -> None:
        if self.now_ms > self._end_ms:
            raise HomeError(
                f"The authority in {self.directory} expired at {utc(self._end_ms)}. Make a new one in another "
                "directory (dcnet gwa init), and enroll everybody anew."
            )
        if self.now_ms < self.ledger.written_ms - BACKDATED_MS:
            raise HomeError(
                f"The clock says {utc(self.now_ms)}, and the books in {self.directory} were written at "
                f"{utc(self.ledger.written_ms)}. Set the clock."
            )
