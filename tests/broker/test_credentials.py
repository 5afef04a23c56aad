from pathlib import Path

import pytest

from broker.credentials import load_credentials, replace_revocations
from broker.gwa.issuing import Term
from broker.home import HomeError
from broker.pem import CERTIFICATE, REVOCATIONS, to_pem
from common.certificates import Role, Subject
from tests.broker.gwa.authority import (
    BROKER,
    DAY_MS,
    GATEWAY,
    INSPECTOR,
    NOW_MS,
    PROVIDER,
    YEAR,
    certificate,
    identity,
    issuer,
    revocations,
)
from tests.broker.parties import PROVIDER_SERIAL, bundle, enrolled

LATER_MS = YEAR.end_ms + 1_000
STALE = Term(NOW_MS - 2 * DAY_MS, NOW_MS - DAY_MS)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return enrolled(tmp_path / "home", GATEWAY)


def write(path: Path, label: str, der: bytes) -> None:
    path.write_bytes(to_pem(label, der))


@pytest.mark.parametrize("subject", [GATEWAY, PROVIDER, BROKER, INSPECTOR])
def test_everybody_loads_what_was_installed(tmp_path: Path, subject: Subject) -> None:
    home = enrolled(tmp_path / "home", subject)
    held = load_credentials(home, subject.role, NOW_MS)
    assert held.certificate.subject == subject
    assert held.certificate.public_key == held.key.public_key
    assert held.revocations.valid_in("north") == 1
    assert (held.provider is not None) == (subject.role in {Role.GATEWAY, Role.INSPECTOR})


def test_a_private_key_is_not_shown(home: Path) -> None:
    held = load_credentials(home, Role.GATEWAY, NOW_MS)
    assert held.identity.seed.reveal().hex() not in repr(held)
    assert repr(held.identity.seed.reveal()) not in repr(held)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("identity.key", "is missing. Run:  dcnet smgw enroll --config FILE"),
        ("certificate.pem", "is missing. Have the administrator issue.*run:  dcnet smgw install --config FILE BUNDLE"),
        ("authority.pem", "is missing. Have the administrator issue.*run:  dcnet smgw install --config FILE BUNDLE"),
        ("revocations.pem", "is missing. Have the administrator issue.*run:  dcnet smgw install --config FILE BUNDLE"),
        ("provider.pem", "is missing. Have the administrator issue.*run:  dcnet smgw install --config FILE BUNDLE"),
    ],
)
def test_a_missing_file_is_named_with_the_command_that_makes_it(home: Path, name: str, sentence: str) -> None:
    (home / name).unlink()
    with pytest.raises(HomeError, match=rf"{name} {sentence}"):
        load_credentials(home, Role.GATEWAY, NOW_MS)


@pytest.mark.parametrize(
    ("subject", "command"),
    [(PROVIDER, "dcnet provider enroll"), (BROKER, "dcnet broker enroll"), (INSPECTOR, "dcnet inspector enroll DIR")],
)
def test_each_role_is_told_its_own_command(tmp_path: Path, subject: Subject, command: str) -> None:
    with pytest.raises(HomeError, match=rf"Run:  {command}"):
        load_credentials(tmp_path, subject.role, NOW_MS)


def test_a_broker_beside_its_provider_is_told_the_providers_command(tmp_path: Path) -> None:
    home = enrolled(tmp_path / "provider", PROVIDER)
    broker = enrolled(home / "broker", BROKER)
    (broker / "certificate.pem").unlink()
    with pytest.raises(HomeError, match="run:  dcnet provider install --config FILE BUNDLE"):
        load_credentials(broker, Role.BROKER, NOW_MS)


@pytest.mark.parametrize("name", ["certificate.pem", "authority.pem", "revocations.pem", "provider.pem"])
@pytest.mark.parametrize("octets", [b"", b"nonsense", to_pem(CERTIFICATE, b"\x30\x00"), b"\x30\x00"])
def test_a_damaged_file_is_refused(home: Path, name: str, octets: bytes) -> None:
    (home / name).write_bytes(octets)
    with pytest.raises(HomeError, match=r"Install the (administrator's )?bundle again"):
        load_credentials(home, Role.GATEWAY, NOW_MS)


@pytest.mark.parametrize(("path", "mode"), [("", 0o750), ("identity.key", 0o640)])
def test_a_key_that_others_may_read_is_refused(home: Path, path: str, mode: int) -> None:
    (home / path).chmod(mode)
    with pytest.raises(HomeError, match=r"Others may use .* Run:  chmod"):
        load_credentials(home, Role.GATEWAY, NOW_MS)


def test_a_certificate_of_an_unknown_issuer_is_refused(home: Path) -> None:
    own = load_credentials(home, Role.GATEWAY, NOW_MS).identity
    write(home / "certificate.pem", CERTIFICATE, certificate(GATEWAY, own, by=issuer("z")))
    with pytest.raises(HomeError, match=r"A certificate in .* not of the administrator"):
        load_credentials(home, Role.GATEWAY, NOW_MS)


def test_a_list_of_an_unknown_issuer_is_refused(home: Path) -> None:
    write(home / "revocations.pem", REVOCATIONS, revocations(by=issuer("z")))
    with pytest.raises(HomeError, match=r"The list of revoked certificates in .* not of the administrator"):
        load_credentials(home, Role.GATEWAY, NOW_MS)


def test_a_certificate_for_another_key_is_refused(home: Path) -> None:
    write(home / "certificate.pem", CERTIFICATE, certificate(GATEWAY, identity("h")))
    with pytest.raises(HomeError, match=r"is for another key than .*identity\.key"):
        load_credentials(home, Role.GATEWAY, NOW_MS)


def test_a_certificate_for_another_role_is_refused(home: Path) -> None:
    with pytest.raises(
        HomeError, match="is for dcnet:gateway/north/gateway-1, and here one for role provider is needed"
    ):
        load_credentials(home, Role.PROVIDER, NOW_MS)


def test_a_certificate_is_refused_before_and_after_its_time(home: Path) -> None:
    with pytest.raises(HomeError, match=r"is valid from 2030-03-16 .* the clock here says 2030-03-16 05:46 UTC"):
        load_credentials(home, Role.GATEWAY, YEAR.begin_ms - DAY_MS // 2)
    with pytest.raises(HomeError, match=r"gateway-1 in .* expired at 2031-03-17 .* Ask the administrator to renew it"):
        load_credentials(home, Role.GATEWAY, LATER_MS)


def test_a_revoked_certificate_is_refused(home: Path) -> None:
    replace_revocations(home, revocations(2, 1))
    with pytest.raises(HomeError, match=r"is revoked, by list no\. 2\. .* issued for a new key only"):
        load_credentials(home, Role.GATEWAY, NOW_MS)


def test_a_gateway_refuses_a_revoked_provider(home: Path) -> None:
    replace_revocations(home, revocations(2, PROVIDER_SERIAL))
    with pytest.raises(HomeError, match=r"certificate of dcnet:provider/provider in .* is revoked"):
        load_credentials(home, Role.GATEWAY, NOW_MS)


def test_nobody_but_a_provider_is_obeyed(home: Path) -> None:
    write(home / "provider.pem", CERTIFICATE, certificate(BROKER, identity("b")))
    with pytest.raises(HomeError, match="The provider's certificate is missing in"):
        load_credentials(home, Role.GATEWAY, NOW_MS)


def test_a_list_that_is_too_old_stops_the_provider_but_no_gateway(tmp_path: Path) -> None:
    for subject in (PROVIDER, BROKER, GATEWAY):
        home = enrolled(tmp_path / subject.name, subject)
        write(home / "revocations.pem", REVOCATIONS, revocations(term=STALE))
    assert load_credentials(tmp_path / GATEWAY.name, Role.GATEWAY, NOW_MS).revocations.next_update_ms < NOW_MS
    for subject in (PROVIDER, BROKER):
        with pytest.raises(HomeError, match=r"The list of revoked certificates .* was good until 2030-03-16"):
            load_credentials(tmp_path / subject.name, subject.role, NOW_MS)


@pytest.mark.parametrize("form", [bytes, lambda der: to_pem(REVOCATIONS, der)])
def test_a_newer_list_replaces_the_file(home: Path, form: type[bytes]) -> None:
    newer = revocations(7, 5)
    assert replace_revocations(home, form(newer)).number == 7
    assert (home / "revocations.pem").read_bytes() == to_pem(REVOCATIONS, newer)
    assert load_credentials(home, Role.GATEWAY, NOW_MS).revocations.serials == {5}


def test_the_same_list_again_changes_nothing(home: Path) -> None:
    path = home / "revocations.pem"
    before = path.stat()
    assert replace_revocations(home, path.read_bytes()).number == 1
    assert path.stat() == before


@pytest.mark.parametrize(
    ("octets", "sentence"),
    [
        (revocations(9, by=issuer("z")), "no list of revoked certificates of the administrator"),
        (revocations(9)[:-1], "or it is damaged"),
        (b"", "or it is damaged"),
        (revocations(1), "That list is no. 1, and .* is no. 3 already"),
        (revocations(3, 1), "That list is no. 3, and .* is no. 3 already.* have another one signed"),
    ],
)
def test_a_list_that_is_foreign_damaged_or_older_replaces_nothing(home: Path, octets: bytes, sentence: str) -> None:
    replace_revocations(home, revocations(3))
    before = (home / "revocations.pem").read_bytes()
    with pytest.raises(HomeError, match=sentence):
        replace_revocations(home, octets)
    assert (home / "revocations.pem").read_bytes() == before


def test_a_list_that_was_damaged_on_the_disk_is_repaired_by_a_good_one(home: Path) -> None:
    (home / "revocations.pem").write_bytes(b"half")
    assert replace_revocations(home, revocations(1)).number == 1
    assert load_credentials(home, Role.GATEWAY, NOW_MS).revocations.number == 1


def test_a_bundle_is_readable_by_openssl_and_holds_no_secret(home: Path) -> None:
    text = bundle(home).encode().decode()
    assert text.count("-----BEGIN CERTIFICATE-----") == 3
    assert text.count("-----BEGIN X509 CRL-----") == 1
    assert "PRIVATE" not in text
