"""Parties for tests: enrolled home directories, and bundles for them."""

from pathlib import Path
from typing import Final

from broker.credentials import fingerprint
from broker.enrollment import install, make_key_and_request
from broker.gwa.issuing import Issuer, Term, issue_certificate, read_request
from broker.pem import REQUEST, Bundle, one_of
from common.certificates import Role, Subject
from tests.broker.gwa.authority import NOW_MS, PROVIDER, YEAR, certificate, identity, issuer, revocations

PROVIDER_SERIAL: Final = 1_000
AUTHORITY_FINGERPRINT: Final = fingerprint(issuer().der)


def bundle(
    directory: Path,
    serial: int = 1,
    revocation_list: bytes | None = None,
    term: Term = YEAR,
    by: Issuer | None = None,
) -> Bundle:
    """What the administrator hands back for the request in this directory."""
    by = by or issuer()
    request = read_request(one_of(REQUEST, (directory / "request.pem").read_bytes()))
    provider = certificate(PROVIDER, identity("p"), PROVIDER_SERIAL, by=by)
    return Bundle(
        issue_certificate(by, request, serial, term),
        by.der,
        revocation_list or revocations(by=by),
        provider if request.subject.role in {Role.GATEWAY, Role.INSPECTOR} else None,
    )


def enrolled(home: Path, subject: Subject) -> Path:
    """A home directory with everything in it."""
    make_key_and_request(home, subject)
    install(home, bundle(home).encode(), subject, NOW_MS, AUTHORITY_FINGERPRINT)
    return home
