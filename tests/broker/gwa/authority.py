"""An administrator for tests: one authority, fixed times, and certificates by a short name."""

from typing import Final

from broker.gwa.issuing import Issuer, Request, Term, issue_certificate, issue_revocations, make_authority
from common.certificates import Role, Subject
from common.secret import Secret
from common.signing import Identity

DAY_MS: Final = 86_400_000
NOW_MS: Final = 1_900_000_000_000
YEAR: Final = Term(NOW_MS - DAY_MS, NOW_MS + 365 * DAY_MS)

GATEWAY: Final = Subject(Role.GATEWAY, "gateway-1", "north")
PROVIDER: Final = Subject(Role.PROVIDER, "provider")
BROKER: Final = Subject(Role.BROKER, "broker")
INSPECTOR: Final = Subject(Role.INSPECTOR, "inspector")


def identity(letter: str) -> Identity:
    return Identity(Secret(letter.encode() * 32))


def issuer(letter: str = "a") -> Issuer:
    key = identity(letter)
    return Issuer(key, make_authority(key, "administrator", NOW_MS - DAY_MS, 10))


def certificate(subject: Subject, key: Identity, serial: int = 1, term: Term = YEAR, by: Issuer | None = None) -> bytes:
    return issue_certificate(by or issuer(), Request(subject, key.public_key), serial, term)


def revocations(number: int = 1, *serials: int, term: Term = YEAR, by: Issuer | None = None) -> bytes:
    return issue_revocations(by or issuer(), number, term, dict.fromkeys(serials, NOW_MS - DAY_MS), {"north": 1})
