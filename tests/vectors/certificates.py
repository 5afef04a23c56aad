"""What the vector files say of certificates and lists of revoked ones: good ones, checks in time, and bad ones."""

from collections.abc import Iterator
from typing import Any, Final

from broker.gwa.issuing import issue_revocations
from common.certificates import Authority, Role, Subject, require_good
from common.refusal import RefusedError
from common.secret import Secret
from common.signing import Identity
from tests.vectors.bad_certificates import bad_certificates, bad_lists
from tests.vectors.members import (
    ADMINISTRATOR,
    GATEWAY_CERTIFICATE,
    ISSUER,
    LIST_TERM,
    NEIGHBOR_CERTIFICATE,
    NOW_MS,
    PROVIDER,
    REVOCATIONS,
    REVOKED_CERTIFICATE,
    TERM,
    certified,
)

AUTHORITY: Final = Authority(ISSUER.der)
_BROKER: Final = Identity(Secret(bytes([0x66]) * 32))
_INSPECTOR: Final = Identity(Secret(bytes([0x77]) * 32))

_HOSTS: Final = ("broker.example", "192.0.2.7", "2001:db8::7")

GOOD: Final = {
    "gateway": GATEWAY_CERTIFICATE,
    "neighbor": NEIGHBOR_CERTIFICATE,
    "revoked": REVOKED_CERTIFICATE,
    "provider": certified(PROVIDER, Subject(Role.PROVIDER, "provider"), 1),
    "broker": certified(_BROKER, Subject(Role.BROKER, "broker"), 2, hosts=_HOSTS),
    "inspector": certified(_INSPECTOR, Subject(Role.INSPECTOR, "inspector"), 2**159 - 1),
}
LISTS: Final = {
    "some": REVOCATIONS,
    "nobody": issue_revocations(ISSUER, 0, LIST_TERM, {}, {}),
    "largest_number": issue_revocations(ISSUER, 2**64, LIST_TERM, {1: NOW_MS}, {"a" * 32: 999_999_999}),
}


def certificates() -> dict[str, Any]:
    """The content of `certificates.json`."""
    return {
        "authority": {
            "seed": ADMINISTRATOR.seed.reveal().hex(),
            "public_key": ADMINISTRATOR.public_key.hex(),
            "certificate": ISSUER.der.hex(),
        },
        "certificates": [_certificate(name, octets) for name, octets in GOOD.items()],
        "lists": [_list(name, octets) for name, octets in LISTS.items()],
        "checks": list(_checks()),
        "bad_certificates": [
            {"name": name, "certificate": octets.hex(), "refusal": "BAD_CERTIFICATE"}
            for name, octets in bad_certificates()
        ],
        "bad_lists": [
            {"name": name, "list": octets.hex(), "refusal": "BAD_CERTIFICATE"} for name, octets in bad_lists()
        ],
    }


def _certificate(name: str, octets: bytes) -> dict[str, Any]:
    read = AUTHORITY.certificate(octets)
    return {
        "name": name,
        "role": read.subject.role.value,
        "region": read.subject.region,
        "subject_name": read.subject.name,
        "uri": read.subject.uri,
        "public_key": read.public_key.hex(),
        "serial": read.serial,
        "not_before_ms": read.not_before_ms,
        "not_after_ms": read.not_after_ms,
        "certificate": octets.hex(),
    }


def _list(name: str, octets: bytes) -> dict[str, Any]:
    read = AUTHORITY.revocations(octets)
    return {
        "name": name,
        "number": read.number,
        "this_update_ms": read.this_update_ms,
        "next_update_ms": read.next_update_ms,
        "serials": sorted(read.serials),
        "valid": dict(read.valid),
        "list": octets.hex(),
    }


def _checks() -> Iterator[dict[str, Any]]:
    """Which certificate is good at which time by which list, and why not."""
    begin, end, next_update = (at // 1000 * 1000 for at in (TERM.begin_ms, TERM.end_ms, LIST_TERM.end_ms))
    instants = (begin - 1, begin, NOW_MS, next_update, next_update + 1, end, end + 1)
    for name, list_ in (("gateway", "some"), ("revoked", "some"), ("revoked", "nobody")):
        for now_ms in instants:
            try:
                require_good(AUTHORITY.certificate(GOOD[name]), AUTHORITY.revocations(LISTS[list_]), now_ms)
                refusal = None
            except RefusedError as refused:
                refusal = refused.reason.name
            yield {"certificate": name, "list": list_, "now_ms": now_ms, "refusal": refusal}
