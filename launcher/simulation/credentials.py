"""Keys and certificates for simulated networks: made once for a process, the same in every process.

A gateway is known by its region and its number there; its name is `name_of` the number. Certificates are valid over
all of virtual time. Source: docs/protocol.md, "Certificates".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Final, final

from broker.gwa.issuing import Issuer, Request, Term, issue_certificate, issue_revocations, make_authority
from common.certificates import Authority, Role, Subject
from common.draws import DrawValues
from common.schedule import DAY_MS
from common.secret import Secret
from common.signing import Identity

FIRST_DAY: Final = 20_000
YEARS: Final = 20
TERM: Final = Term(FIRST_DAY * DAY_MS, (FIRST_DAY + 365 * YEARS) * DAY_MS)
"""When every certificate and every list is valid, in days and milliseconds of virtual time."""

PROVIDER: Final = "provider"


@dataclass(frozen=True, slots=True)
class Credentials:
    """One party's key pair and certificate (DER); `values` are a gateway's draw values."""

    identity: Identity
    certificate: bytes
    serial: int
    values: DrawValues


def name_of(number: int) -> str:
    """The name of a gateway."""
    return f"g{number + 1:02d}"


@cache
def issuer() -> Issuer:
    """The administrator as it signs."""
    key = _identity("administrator")
    return Issuer(key, make_authority(key, "simulated administrator", TERM.begin_ms, YEARS))


@cache
def authority() -> Authority:
    """The administrator as everybody checks it."""
    return Authority(issuer().der)


@cache
def provider() -> Credentials:
    """The provider's."""
    return _credentials(Subject(Role.PROVIDER, PROVIDER), 0)


@cache
def gateway(region: str, number: int, generation: int = 0) -> Credentials:
    """A gateway's. Each `generation` is a certificate of its own for the same key."""
    return _credentials(Subject(Role.GATEWAY, name_of(number), region), generation)


@cache
def _identity(whose: str) -> Identity:
    return Identity(Secret(_hash(whose, 32)))


@cache
def _values(whose: str, region: str) -> DrawValues:
    return DrawValues(_identity(whose), region)


def _hash(text: str, count: int) -> bytes:
    return blake2b(text.encode(), digest_size=count, person=b"simulated").digest()


def _credentials(subject: Subject, generation: int) -> Credentials:
    identity, serial = _identity(subject.uri), int.from_bytes(_hash(f"{subject.uri} {generation}", 8))
    certificate = issue_certificate(issuer(), Request(subject, identity.public_key), serial, TERM)
    return Credentials(identity, certificate, serial, _values(subject.uri, subject.region))


@final
class Administrator:
    """The gateway administrator of one run: whose certificates hold, and the newest list of those that do not."""

    def __init__(self, valid: Mapping[str, int], now_ms: int) -> None:
        """`valid` are the gateways of each region that hold a certificate from the beginning."""
        self._valid = dict(valid)
        self._revoked: dict[int, int] = {}
        self._number = 0
        self.newest = b""
        """The newest list (DER)."""
        self._publish(now_ms)

    @property
    def revoked(self) -> frozenset[int]:
        """The serials on the newest list."""
        return frozenset(self._revoked)

    def admit(self, region: str, now_ms: int) -> None:
        """One gateway more holds a certificate."""
        self._valid[region] += 1
        self._publish(now_ms)

    def revoke(self, region: str, serial: int, now_ms: int) -> None:
        """One gateway's certificate does not hold any more."""
        if serial not in self._revoked:
            self._valid[region] -= 1
            self._revoked[serial] = now_ms
            self._publish(now_ms)

    def _publish(self, now_ms: int) -> None:
        self._number += 1
        term = Term(now_ms, TERM.end_ms)
        self.newest = issue_revocations(issuer(), self._number, term, self._revoked, self._valid)
