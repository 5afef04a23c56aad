"""An administrator for the tests of the provider: certificates of gateway n, and lists of the revoked ones.

Gateway n is named gw-n and has serial n; everything is made once for a process.
"""

import hashlib
from functools import cache
from typing import Final

from broker.gwa.issuing import Issuer, Request, Term, issue_certificate, issue_revocations, make_authority
from common.certificates import Authority, Role, Subject
from common.secret import Secret
from common.signing import Identity
from provider.core.trust import Trust

NOW_MS: Final = 1_800_000_000_000
DAY_MS: Final = 86_400_000
YEARS: Final = Term(NOW_MS - 365 * DAY_MS, NOW_MS + 20 * 365 * DAY_MS)


def identity(number: int) -> Identity:
    return Identity(Secret(number.to_bytes(32)))


def name(number: int) -> str:
    return f"gw-{number}"


@cache
def issuer(number: int = 300_000) -> Issuer:
    return Issuer(identity(number), make_authority(identity(number), "administrator", YEARS.begin_ms, 30))


@cache
def certificate(
    number: int,
    *,
    region: str = "north",
    serial: int = 0,
    key: int = 0,
    called: str = "",
    role: Role = Role.GATEWAY,
    term: Term = YEARS,
    by: int = 300_000,
) -> bytes:
    """The certificate (DER) of gateway `number`, or one that differs from it."""
    subject = Subject(role, called or name(number), region if role is Role.GATEWAY else "")
    return issue_certificate(issuer(by), Request(subject, identity(key or number).public_key), serial or number, term)


@cache
def revocations(number: int = 1, *serials: int, term: Term = YEARS, valid: int = 8, by: int = 300_000) -> bytes:
    """A list (DER) of revoked serials."""
    return issue_revocations(issuer(by), number, term, dict.fromkeys(serials, NOW_MS), {"north": valid})


def draw_root(number: int) -> bytes:
    """A commitment that nobody opens."""
    return hashlib.blake2b(number.to_bytes(4), digest_size=32).digest()


AUTHORITY: Final = Authority(issuer().der)
TRUST: Final = Trust(AUTHORITY, AUTHORITY.revocations(revocations()))
