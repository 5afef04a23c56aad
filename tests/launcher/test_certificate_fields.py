import pytest

from broker.gwa.issuing import Request, issue_certificate
from common.certificates import Role, Subject
from launcher.certificate_fields import certificate_fields, key_of, revocation_fields
from launcher.fields import Value
from tests.launcher.papers import CERTIFICATE, GATEWAY, ISSUER, REVOCATIONS, TERM


def values(der: bytes) -> dict[str, Value]:
    return {field.name: field.value for field in certificate_fields(der)}


def test_a_certificate_says_whom_it_names_and_from_when_to_when() -> None:
    assert values(CERTIFICATE) == {
        "role": "gateway",
        "region": "north",
        "name": "gw-1",
        "serial": "abc",
        "valid_from": "2026-01-01T00:00:00+00:00",
        "valid_until": "2026-01-31T00:00:00+00:00",
        "public_key": GATEWAY.public_key.hex(),
        "issuer": "CN=test authority",
    }


def test_only_a_gateway_has_a_region() -> None:
    request = Request(Subject(Role.INSPECTOR, "inspector"), GATEWAY.public_key)
    shown = values(issue_certificate(ISSUER, request, 5, TERM))
    assert (shown["role"], shown["name"]) == ("inspector", "inspector")
    assert "region" not in shown


def test_an_authoritys_own_certificate_is_said_to_name_nobody_of_ours() -> None:
    (first, *_) = certificate_fields(ISSUER.der)
    assert (first.value, first.note) == ("CN=test authority", "names nobody of ours")


@pytest.mark.parametrize("octets", [b"", b"nonsense", CERTIFICATE[:-1], REVOCATIONS])
def test_bytes_that_are_no_certificate_are_shown_as_they_are(octets: bytes) -> None:
    (field,) = certificate_fields(octets)
    assert (field.value, field.note) == (octets.hex(), "cannot be read")
    with pytest.raises(ValueError, match="it is no certificate"):
        key_of(octets)


def test_a_revocation_list_says_who_is_revoked_and_how_many_are_valid_where() -> None:
    shown = {field.name: field.value for field in revocation_fields(REVOCATIONS)}
    assert shown == {
        "number": 7,
        "issued": "2026-01-01T00:00:00+00:00",
        "next_update": "2026-01-31T00:00:00+00:00",
        "revoked": ["abc", "def"],
        "valid": ["north=8", "south=3"],
    }


@pytest.mark.parametrize("octets", [b"", b"nonsense", REVOCATIONS[:-1], CERTIFICATE])
def test_bytes_that_are_no_revocation_list_are_shown_as_they_are(octets: bytes) -> None:
    (field,) = revocation_fields(octets)
    assert (field.value, field.note) == (octets.hex(), "cannot be read")
