from dataclasses import replace

import pytest

from broker.gwa.issuing import RequestError
from broker.gwa.ledger import Entry, Ledger
from broker.gwa.rules import Order, check, meter_of, repeated
from common.certificates import Role, Subject
from tests.broker.gwa.authority import BROKER, INSPECTOR, NOW_MS, PROVIDER, YEAR
from tests.broker.gwa.offices import gateway, order

GATEWAY_1 = order("a", gateway("gateway-1"))


def entry(of: Order, serial: int = 1, revoked_ms: int | None = None, expires_ms: int = YEAR.end_ms) -> Entry:
    request, subject = of.request, of.request.subject
    return Entry(
        serial=serial,
        role=subject.role,
        name=subject.name,
        region=subject.region,
        hosts=request.hosts,
        public_key=request.public_key,
        meter=of.meter,
        issued_ms=NOW_MS,
        expires_ms=expires_ms,
        certificate=b"",
        revoked_ms=revoked_ms,
    )


BOOKS = Ledger((entry(order("p", PROVIDER)), entry(GATEWAY_1)))


@pytest.mark.parametrize(
    "wanted",
    [
        order("b", gateway("gateway-2")),
        order("b", gateway("gateway-2", "south")),
        order("b", BROKER, ("localhost",)),
        order("b", INSPECTOR),
        order("b", Subject(Role.INSPECTOR, "inspector-explorer")),
    ],
)
def test_who_is_new_gets_a_certificate(wanted: Order) -> None:
    check(wanted, BOOKS, NOW_MS)
    assert repeated(wanted, BOOKS, NOW_MS) is None


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (
            Order(GATEWAY_1.request, Role.PROVIDER),
            "is for dcnet:gateway/north/gateway-1, and certificates for role provider are issued.* add --role gateway",
        ),
        (
            Order(order("x", PROVIDER).request, Role.GATEWAY, "1EMH-X"),
            "is for dcnet:provider/provider, and certificates for role gateway are issued.* add --role provider",
        ),
        (order("b", Subject(Role.BROKER, "bus")), "the broker is called broker, not bus"),
        (order("b", gateway("provider")), "the name provider is reserved"),
        (order("b", gateway("broker")), "the name broker is reserved"),
        (order("b", gateway("inspector")), "the name inspector is reserved"),
        (order("b", gateway("inspector-2")), "the name inspector-2 is reserved"),
        (order("b", Subject(Role.PROVIDER, "inspectors")), "the name inspectors is reserved"),
        (
            order("b", Subject(Role.INSPECTOR, "auditor")),
            "names of inspectors begin with inspector, and auditor does not.* --name inspector-auditor",
        ),
        (order("b", Subject(Role.PROVIDER, "broker")), "the name broker is reserved"),
        (replace(order("b", gateway("gateway-2")), meter=None), "which meter does gateway-2 read"),
        (replace(order("b", BROKER), meter="1EMH-B"), "only gateways read meters, and it is for dcnet:broker/broker"),
        (
            replace(order("b", gateway("gateway-2")), meter=GATEWAY_1.meter),
            r"meter 1EMH-A has a valid certificate: gateway-1 until 2031.*\(dcnet gwa revoke DIR gateway-1",
        ),
        (
            replace(order("b", gateway("gateway-2")), meter=meter_of("1 emh - a")),
            r"meter 1EMHA has a valid certificate: gateway-1 until 2031.*\(dcnet gwa revoke DIR gateway-1",
        ),
        (order("b", gateway("gateway-1")), "gateway-1 until 2031.*, for another key. Revoke that first"),
        (order("a", gateway("gateway-2")), r"its key has a certificate: gateway-1 .*\(dcnet gwa renew DIR gateway-1\)"),
        (GATEWAY_1, r"its key has a certificate: gateway-1 .*\(dcnet gwa renew DIR gateway-1\)"),
        (order("b", Subject(Role.PROVIDER, "other")), "there is a provider: provider until .* Revoke that first"),
    ],
)
def test_what_is_refused_is_refused_with_what_to_do(wanted: Order, sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        check(wanted, BOOKS, NOW_MS)


@pytest.mark.parametrize("subject", [gateway("gateway-2"), INSPECTOR])
def test_who_obeys_a_provider_needs_its_certificate_first(subject: Subject) -> None:
    for books in (Ledger(), Ledger((entry(order("p", PROVIDER), revoked_ms=NOW_MS),))):
        with pytest.raises(RequestError, match=r"Issue that first \(dcnet gwa issue DIR REQUEST --role provider\)"):
            check(order("b", subject), books, NOW_MS)


def test_a_meter_gets_another_certificate_when_the_first_is_revoked_or_expired() -> None:
    wanted = replace(order("b", gateway("gateway-2")), meter=GATEWAY_1.meter)
    for ended in (entry(GATEWAY_1, revoked_ms=NOW_MS), entry(GATEWAY_1, expires_ms=NOW_MS - 1)):
        books = Ledger((BOOKS.entries[0], ended))
        check(wanted, books, NOW_MS)
        assert books.counts(NOW_MS) == {}


def test_a_revoked_key_never_gets_a_certificate_again() -> None:
    books = Ledger((BOOKS.entries[0], entry(GATEWAY_1, revoked_ms=NOW_MS)))
    for name in ("gateway-1", "gateway-2"):
        with pytest.raises(RequestError, match=r"its key belonged to gateway-1, revoked on .* needs a new key"):
            check(order("a", gateway(name)), books, NOW_MS)


def test_a_pseudonym_stays_with_its_meter() -> None:
    books = Ledger((BOOKS.entries[0], entry(GATEWAY_1, revoked_ms=NOW_MS)))
    with pytest.raises(RequestError, match="gateway-1 was the name of another meter"):
        check(order("b", gateway("gateway-1")), books, NOW_MS)
    check(replace(order("b", gateway("gateway-1")), meter=GATEWAY_1.meter), books, NOW_MS)


def test_exactly_the_same_order_is_recognized() -> None:
    assert repeated(GATEWAY_1, BOOKS, NOW_MS) == BOOKS.entries[1]
    for other in (
        replace(GATEWAY_1, meter="1EMH-Z"),
        order("a", gateway("gateway-1", "south")),
        order("b", gateway("gateway-1")),
    ):
        assert repeated(other, BOOKS, NOW_MS) is None


@pytest.mark.parametrize("typed", ["1EMH0012345678", "1 EMH00 1234 5678", " 1emh0012345678\n", "1-EMH-0012345678"])
def test_a_meter_is_the_same_however_it_is_typed(typed: str) -> None:
    assert meter_of(typed) == "1EMH0012345678"


@pytest.mark.parametrize("typed", ["", "12", "meter;1", "x" * 41])
def test_what_identifies_no_meter_is_refused(typed: str) -> None:
    with pytest.raises(RequestError, match="does not identify a meter"):
        meter_of(typed)


def test_renewed_gateways_count_once_and_each_in_its_region() -> None:
    books = Ledger(
        (
            *BOOKS.entries,
            entry(GATEWAY_1, serial=2),
            entry(order("b", gateway("gateway-2"))),
            entry(order("c", gateway("gateway-3", "south"))),
            entry(order("d", gateway("gateway-4")), revoked_ms=NOW_MS),
            entry(order("e", gateway("gateway-5")), expires_ms=NOW_MS - 1),
        )
    )
    assert books.counts(NOW_MS) == {"north": 2, "south": 1}
