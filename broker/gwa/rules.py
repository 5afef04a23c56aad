"""What the administrator refuses to issue: pure rules over the books, with sentences that say what to do instead."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from broker.access import INSPECTOR_NAME
from broker.credentials import utc
from broker.gwa.issuing import Request, RequestError
from broker.gwa.ledger import Entry, Ledger
from common.certificates import Role

RESERVED: Final = {"provider": Role.PROVIDER, "broker": Role.BROKER}
"""Names that nobody of another role gets, since the broker's access rules go by them."""

BROKER_NAME: Final = "broker"

LOCAL_HOSTS: Final = ("127.0.0.1", "::1", "localhost")
"""By these a provider reaches the broker that it started itself, so a certificate keeps them."""

_METER: Final = re.compile(r"[0-9A-Z]{4,40}")


@dataclass(frozen=True, slots=True)
class Order:
    """What the administrator decided to issue: the request, for this role and, if that is a gateway, for this meter."""

    request: Request
    role: Role
    meter: str | None = None


def meter_of(text: str) -> str:
    """A meter's identification, however it was typed: in capitals, without blanks and hyphens.

    Raises:
        RequestError: it is none. Example: 1EMH0012345678 (DIN 43863-5).
    """
    meter = _bare(text)
    if not _METER.fullmatch(meter):
        raise RequestError(f"{text!r} does not identify a meter. Type what stands on it, such as 1EMH0012345678")
    return meter


def is_same_meter(one: str | None, other: str | None) -> bool:
    """Whether both identify one meter, or both none: hyphens, blanks and case make no other one."""
    return (one and _bare(one)) == (other and _bare(other))


def _bare(text: str) -> str:
    return "".join(text.replace("-", " ").split()).upper()


def check(order: Order, ledger: Ledger, now_ms: int) -> None:
    """See that a certificate may be issued.

    Raises:
        RequestError: it may not.
    """
    _check_role(order)
    _check_key(order.request, ledger.entries)
    check_parties(order, ledger, now_ms)


def check_parties(order: Order, ledger: Ledger, now_ms: int) -> None:
    """See that no other party has the name, the meter or the part that an order is for.

    Raises:
        RequestError: one has.
    """
    subject = order.request.subject
    others = [entry for entry in ledger.entries if entry.public_key != order.request.public_key]
    valid = [entry for entry in others if entry.is_valid(now_ms)]
    for entry in valid:
        if entry.name == subject.name:
            raise RequestError(f"{_has_one(entry)}, for another key. {_revoke(entry)}")
        if order.meter is not None and is_same_meter(entry.meter, order.meter):
            raise RequestError(f"meter {order.meter} has a valid certificate: {_has_one(entry)}. {_revoke(entry)}")
        if entry.role is Role.PROVIDER and subject.role is Role.PROVIDER:
            raise RequestError(f"there is a provider: {_has_one(entry)}. {_revoke(entry)}")
    for entry in others:
        if entry.name == subject.name and not is_same_meter(entry.meter, order.meter):
            raise RequestError(f"{entry.name} was the name of another meter. Choose a name that nobody had")
    needs_provider = subject.role in {Role.GATEWAY, Role.INSPECTOR}
    if needs_provider and provider_in(ledger, now_ms) is None:
        raise RequestError(
            "its bundle needs the provider's certificate, and none is valid. Issue that first (dcnet gwa issue DIR "
            "REQUEST --role provider)"
        )


def provider_in(ledger: Ledger, now_ms: int) -> Entry | None:
    """The provider's valid certificate."""
    return next((entry for entry in ledger.valid(now_ms) if entry.role is Role.PROVIDER), None)


def repeated(order: Order, ledger: Ledger, now_ms: int) -> Entry | None:
    """The valid certificate that was issued for exactly this order already."""
    request = order.request
    for entry in ledger.valid(now_ms):
        known = Request(entry.subject, entry.public_key, entry.hosts)
        is_meter = is_same_meter(entry.meter, order.meter)
        if is_meter and (known, entry.role) == (request, order.role):
            return entry
    return None


def _check_role(order: Order) -> None:
    subject = order.request.subject
    if subject.role is not order.role:
        raise RequestError(
            f"it is for {subject.uri}, and certificates for role {order.role.value} are issued. If it is meant, add "
            f"--role {subject.role.value}"
        )
    if subject.role is Role.BROKER and subject.name != BROKER_NAME:
        raise RequestError(f"the broker is called {BROKER_NAME}, not {subject.name}. Enroll it again")
    is_inspector, is_called_one = subject.role is Role.INSPECTOR, subject.name.startswith(INSPECTOR_NAME)
    if is_inspector and not is_called_one:
        raise RequestError(
            f"names of inspectors begin with {INSPECTOR_NAME}, and {subject.name} does not. Enroll it again, with "
            f"--name {INSPECTOR_NAME}-{subject.name}"
        )
    if RESERVED.get(subject.name, subject.role) is not subject.role or (is_called_one and not is_inspector):
        raise RequestError(f"the name {subject.name} is reserved. Choose another one in its settings, and enroll again")
    if subject.role is Role.GATEWAY and order.meter is None:
        raise RequestError(f"which meter does {subject.name} read? Add --meter, or a line to the file of --meters")
    if subject.role is not Role.GATEWAY and order.meter is not None:
        raise RequestError(f"only gateways read meters, and it is for {subject.uri}. Leave out --meter")


def _check_key(request: Request, entries: Sequence[Entry]) -> None:
    for entry in entries:
        if entry.public_key == request.public_key and entry.revoked_ms is not None:
            raise RequestError(
                f"its key belonged to {entry.name}, revoked on {utc(entry.revoked_ms)}. A new certificate needs a new "
                "key: move the old home directory away there, and enroll again"
            )
        if entry.public_key == request.public_key:
            raise RequestError(
                f"its key has a certificate: {_has_one(entry)}. To extend that, renew it (dcnet gwa renew DIR "
                f"{entry.name})"
            )


def _has_one(entry: Entry) -> str:
    return f"{entry.name} until {utc(entry.expires_ms)}"


def _revoke(entry: Entry) -> str:
    return f"Revoke that first (dcnet gwa revoke DIR {entry.name} --reason TEXT)"
