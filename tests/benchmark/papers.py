"""The administrator of the measured networks: certificates that hold at all times at which rounds are played."""

from functools import cache
from typing import Final

from broker.gwa.issuing import Issuer, Request, Term, issue_certificate, issue_revocations, make_authority
from common.certificates import Authority, RevocationList, Role, Subject
from common.secret import Secret
from common.signing import Identity

_BEGIN_MS: Final = 1_577_836_800_000
_YEAR_MS: Final = 365 * 86_400_000
TERM: Final = Term(_BEGIN_MS, _BEGIN_MS + 40 * _YEAR_MS)
"""From 2020 on."""


@cache
def issuer() -> Issuer:
    """The administrator as it signs."""
    key = Identity(Secret(bytes([7]) * 32))
    return Issuer(key, make_authority(key, "administrator of the benchmark", TERM.begin_ms, 50))


@cache
def authority() -> Authority:
    """The administrator as everybody checks it."""
    return Authority(issuer().der)


@cache
def revocations() -> RevocationList:
    """A list on which nobody stands, and which counts nobody."""
    return authority().revocations(issue_revocations(issuer(), 1, TERM, {}, {}))


def certificate(name: str, region: str, public_key: bytes, serial: int) -> bytes:
    """A gateway's certificate (DER)."""
    request = Request(Subject(Role.GATEWAY, name, region), public_key)
    return issue_certificate(issuer(), request, serial, TERM)
