"""Keys and certificates for simulated networks: made once for a process, the same in every process.

A gateway is known by its region and its number there; its name is `name_of` the number. Certificates are valid over
all of virtual time. Source: docs/protocol.md, "Certificates".
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from hashlib import blake2b
from typing import Final, cast, final

from broker.gwa.issuing import Issuer, Request, Term, issue_certificate, issue_revocations, make_authority
from common.certificates import Authority, Certificate, RevocationList, Role, Subject
from common.draws import DrawValues
from common.refusal import Refusal, RefusedError
from common.schedule import DAY_MS
from common.secret import Secret
from common.signing import Identity

FIRST_DAY: Final = 20_000
YEARS: Final = 20
TERM: Final = Term(FIRST_DAY * DAY_MS, (FIRST_DAY + 365 * YEARS) * DAY_MS)
"""When every certificate and every list is valid, in days and milliseconds of virtual time."""

PROVIDER: Final = "provider"
_ADMINISTRATOR: Final = "simulated administrator"
_FORGER: Final = "simulated forger"


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


def name_of_accomplice(number: int) -> str:
    """The name of a gateway that belongs to a lying provider."""
    return f"x{number + 1:02d}"


@cache
def authority() -> Authority:
    """The administrator as everybody checks it."""
    return cast("Authority", _Verifier(_ADMINISTRATOR))


@cache
def lenient_authority() -> Authority:
    """The administrator as a lying provider and its gateways check it: they take their own certificates too."""
    return cast("Authority", _Verifier(_ADMINISTRATOR, _FORGER))


@cache
def provider() -> Credentials:
    """The provider's."""
    return _credentials(_ADMINISTRATOR, Subject(Role.PROVIDER, PROVIDER), 0)


@cache
def gateway(region: str, number: int, generation: int = 0) -> Credentials:
    """A gateway's. Each `generation` is a certificate of its own for the same key."""
    return _credentials(_ADMINISTRATOR, Subject(Role.GATEWAY, name_of(number), region), generation)


def short_lived(region: str, number: int, end_ms: int) -> Credentials:
    """A gateway's whose first certificate ends at `end_ms`."""
    long = gateway(region, number)
    request = Request(Subject(Role.GATEWAY, name_of(number), region), long.identity.public_key)
    term = Term(TERM.begin_ms, end_ms)
    return replace(long, certificate=issue_certificate(_issuer(_ADMINISTRATOR), request, long.serial, term))


@cache
def accomplice(region: str, number: int) -> Credentials:
    """Those of a lying provider's own gateway: the certificate is not the administrator's."""
    return _credentials(_FORGER, Subject(Role.GATEWAY, name_of_accomplice(number), region), 0)


@final
class _Verifier:
    """Takes what any of these authorities issued, and checks nothing twice. It has the methods of an `Authority`."""

    def __init__(self, *issuers: str) -> None:
        self._authorities = [Authority(_issuer(issuer).der) for issuer in issuers]
        self._certificates: dict[bytes, Certificate] = {}
        self._lists: dict[bytes, RevocationList] = {}

    def certificate(self, der: bytes) -> Certificate:
        known = self._certificates.get(der)
        if known is None:
            known = self._certificates[der] = self._check(der)
        return known

    def _check(self, der: bytes) -> Certificate:
        for authority in self._authorities:
            with suppress(RefusedError):
                return authority.certificate(der)
        raise RefusedError(Refusal.BAD_CERTIFICATE)

    def revocations(self, der: bytes) -> RevocationList:
        known = self._lists.get(der)
        if known is None:
            known = self._lists[der] = self._authorities[0].revocations(der)
        return known


@cache
def _issuer(whose: str) -> Issuer:
    key = _identity(whose)
    return Issuer(key, make_authority(key, whose, TERM.begin_ms, YEARS))


@cache
def _identity(whose: str) -> Identity:
    return Identity(Secret(_hash(whose, 32)))


@cache
def _values(whose: str, region: str) -> DrawValues:
    return DrawValues(_identity(whose), region)


def _hash(text: str, count: int) -> bytes:
    return blake2b(text.encode(), digest_size=count, person=b"simulated").digest()


def _credentials(whose: str, subject: Subject, generation: int) -> Credentials:
    identity, serial = _identity(subject.uri), int.from_bytes(_hash(f"{subject.uri} {generation}", 8))
    certificate = issue_certificate(_issuer(whose), Request(subject, identity.public_key), serial, TERM)
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

    def lapse(self, region: str, now_ms: int) -> None:
        """One gateway's certificate has expired."""
        self._valid[region] -= 1
        self._publish(now_ms)

    def revoke(self, region: str, serials: Sequence[int], now_ms: int, *, is_counted: bool = True) -> None:
        """One gateway's certificates do not hold any more; it is not counted when they had expired."""
        if not self._revoked.keys() & set(serials):
            self._valid[region] -= is_counted
            self._revoked |= dict.fromkeys(serials, now_ms)
            self._publish(now_ms)

    def _publish(self, now_ms: int) -> None:
        self._number += 1
        term = Term(now_ms, TERM.end_ms)
        self.newest = issue_revocations(_issuer(_ADMINISTRATOR), self._number, term, self._revoked, self._valid)
