import json
import stat
import subprocess
from pathlib import Path

import pytest

from broker.enrollment import install, make_key_and_request
from broker.gwa.founding import AUTHORITY_NAME, found_office, needs_passphrase, open_office
from broker.gwa.issuing import RequestError, read_request
from broker.gwa.rules import Order
from broker.gwa.terms import CERTIFICATE_DAYS, LIST_DAYS
from broker.home import HomeError
from broker.pem import REQUEST, one_of
from common.certificates import Role, require_good
from common.refusal import RefusedError
from common.secret import Secret
from tests.broker.gwa.authority import BROKER, DAY_MS, GATEWAY, NOW_MS, PROVIDER, identity
from tests.broker.gwa.offices import authority, bundle, founded, gateway, issued, order, published_list, working


@pytest.fixture
def office(tmp_path: Path) -> Path:
    return founded(tmp_path / "gwa")


def test_an_authority_is_for_its_owner_alone(office: Path) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in office.iterdir() if path.is_file()}
    assert set(modes) == {"authority.key", "authority.pem", "gwa.pid", "ledger.json", "revocations.pem"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(office.stat().st_mode) == 0o700


def test_a_gateway_is_enrolled_from_end_to_end(office: Path, tmp_path: Path) -> None:
    made = make_key_and_request(tmp_path / "home", GATEWAY)
    with working(office) as at_work:
        at_work.issue(Order(read_request(one_of(REQUEST, made.request.read_bytes())), Role.GATEWAY, "1EMH-1"), 730)
    text = (office / "issued" / "gateway-1.pem").read_bytes()
    fingerprint = found_office(tmp_path / "other", AUTHORITY_NAME, 10, None, NOW_MS)
    with pytest.raises(HomeError, match="has the fingerprint"):
        install(tmp_path / "home", text, GATEWAY, NOW_MS, fingerprint)
    with pytest.raises(HomeError, match="Say which administrator to trust") as told:
        install(tmp_path / "home", text, GATEWAY, NOW_MS)
    held = install(tmp_path / "home", text, GATEWAY, NOW_MS, str(told.value).rsplit(" ", 1)[-1])
    assert held.revocations.valid_in("north") == 1
    assert held.provider is not None
    assert held.provider.public_key == identity("p").public_key


def test_meters_stand_in_the_books_alone(office: Path) -> None:
    entry = issued(office, "a", GATEWAY)
    assert entry.meter == "1EMH-A"
    written = {path for path in office.rglob("*") if path.is_file() and b"1EMH" in path.read_bytes()}
    assert written == {office / "ledger.json"}
    assert b"1EMH" not in entry.certificate


def test_the_books_are_json_that_a_person_reads(office: Path) -> None:
    issued(office, "a", GATEWAY)
    (_, entry) = json.loads((office / "ledger.json").read_text())["entries"]
    assert (entry["name"], entry["meter"], entry["role"]) == ("gateway-1", "1EMH-A", "gateway")
    assert entry["public_key"] == identity("a").public_key.hex()


def test_each_command_publishes_the_next_list(office: Path) -> None:
    assert published_list(office).number == 1
    issued(office, "a", GATEWAY)
    issued(office, "b", gateway("gateway-2", "south"))
    read = published_list(office)
    assert (read.number, dict(read.valid), read.serials) == (3, {"north": 1, "south": 1}, frozenset())
    assert read.next_update_ms == NOW_MS + LIST_DAYS * DAY_MS


def test_what_is_revoked_is_on_the_list_and_counts_no_more(office: Path) -> None:
    entry = issued(office, "a", GATEWAY)
    with working(office) as at_work:
        (revoked,) = at_work.revoke("gateway-1", "gateway was stolen")
    assert (revoked.serial, revoked.revoked_ms, revoked.reason) == (entry.serial, NOW_MS, "gateway was stolen")
    read = published_list(office)
    assert (read.number, dict(read.valid), read.serials) == (3, {}, frozenset({entry.serial}))
    assert not (office / "issued" / "gateway-1.pem").exists()
    with pytest.raises(RefusedError):
        require_good(authority(office).certificate(entry.certificate), read, NOW_MS)


def test_revoking_ends_every_certificate_of_the_name(office: Path) -> None:
    first = issued(office, "a", GATEWAY)
    with working(office) as at_work:
        second = at_work.renew("gateway-1", CERTIFICATE_DAYS)
    with working(office) as at_work:
        at_work.revoke("gateway-1", "sold")
    assert published_list(office).serials == {first.serial, second.serial}


def test_nothing_is_revoked_that_has_no_certificate(office: Path) -> None:
    issued(office, "a", GATEWAY)
    with open_office(office, None, NOW_MS) as at_work:
        with pytest.raises(RequestError, match=r"nobody is called gateway-9. Who there is, shows dcnet gwa list"):
            at_work.revoke("gateway-9", "")
        at_work.revoke("gateway-1", "stolen")
        with pytest.raises(RequestError, match=r"gateway-1 was revoked on 2030-03-17 17:46 UTC already \(stolen\)"):
            at_work.revoke("gateway-1", "")
    with (
        open_office(office, None, NOW_MS + 731 * DAY_MS) as at_work,
        pytest.raises(RequestError, match="gateway-1 has no valid certificate: it expired at 2032-03-16"),
    ):
        at_work.revoke("gateway-1", "")


def test_a_renewed_certificate_is_for_the_same_key_and_longer(office: Path) -> None:
    first = issued(office, "a", GATEWAY)
    later_ms = NOW_MS + 700 * DAY_MS
    with working(office, later_ms) as at_work:
        assert at_work.ending(60) == ["provider", "gateway-1"]
        second = at_work.renew("gateway-1", CERTIFICATE_DAYS)
    assert (second.public_key, second.meter, second.subject) == (first.public_key, first.meter, first.subject)
    assert second.serial != first.serial
    assert second.expires_ms == later_ms + 730 * DAY_MS
    read = published_list(office)
    assert (read.valid_in("north"), read.serials) == (1, frozenset())
    assert bundle(office, "gateway-1").certificate == second.certificate


def test_nothing_ends_soon_that_was_just_issued_or_renewed(office: Path) -> None:
    issued(office, "a", GATEWAY)
    with working(office, NOW_MS + 700 * DAY_MS) as at_work:
        for name in at_work.ending(60):
            at_work.renew(name, CERTIFICATE_DAYS)
        assert at_work.ending(60) == []


def test_bundles_follow_the_provider(office: Path) -> None:
    issued(office, "a", GATEWAY)
    before = bundle(office, "gateway-1")
    with working(office) as at_work:
        renewed = at_work.renew("provider", 1_000)
    after = bundle(office, "gateway-1")
    assert after.certificate == before.certificate
    assert after.provider == renewed.certificate != before.provider
    with working(office) as at_work:
        at_work.revoke("provider", "seized")
    assert not (office / "issued" / "gateway-1.pem").exists()


def test_a_broker_is_renewed_with_other_hosts(office: Path) -> None:
    with working(office) as at_work:
        at_work.issue(order("b", BROKER, ("old.example", "127.0.0.1")), CERTIFICATE_DAYS)
        for hosts in (["new.example"], None):
            assert at_work.renew("broker", CERTIFICATE_DAYS, hosts).hosts == ("new.example", "127.0.0.1")
        with pytest.raises(RequestError, match="hosts are for a broker alone"):
            at_work.renew("provider", CERTIFICATE_DAYS, ["new.example"])


def test_what_was_revoked_or_replaced_is_not_renewed(office: Path) -> None:
    issued(office, "a", GATEWAY)
    with working(office) as at_work:
        at_work.revoke("gateway-1", "stolen")
    with (
        open_office(office, None, NOW_MS) as at_work,
        pytest.raises(RequestError, match=r"gateway-1 was revoked on .* \(stolen\). It needs a new key"),
    ):
        at_work.renew("gateway-1", CERTIFICATE_DAYS)


def test_an_expired_certificate_is_renewed_unless_its_meter_has_another(office: Path) -> None:
    issued(office, "a", GATEWAY)
    later_ms = NOW_MS + 731 * DAY_MS
    with working(office, later_ms) as at_work:
        at_work.renew("provider", CERTIFICATE_DAYS)
        assert at_work.ending(60) == []
        assert at_work.renew("gateway-1", CERTIFICATE_DAYS).is_valid(later_ms)
    with working(office, later_ms + 731 * DAY_MS) as at_work:
        at_work.renew("provider", CERTIFICATE_DAYS)
        at_work.issue(Order(order("b", gateway("gateway-2")).request, Role.GATEWAY, "1EMH-A"), CERTIFICATE_DAYS)
        with pytest.raises(RequestError, match="meter 1EMH-A has a valid certificate: gateway-2"):
            at_work.renew("gateway-1", CERTIFICATE_DAYS)


def test_no_certificate_outlives_its_authority(office: Path) -> None:
    with working(office) as at_work:
        entry = at_work.renew("provider", 100 * 365)
    assert NOW_MS + 3_640 * DAY_MS < entry.expires_ms < NOW_MS + 3_660 * DAY_MS


def test_an_expired_authority_issues_nothing(office: Path) -> None:
    with (
        pytest.raises(HomeError, match=r"The authority in .* expired at 2040-03-1"),
        open_office(office, None, NOW_MS + 11 * 365 * DAY_MS),
    ):
        pass


def test_a_clock_behind_the_books_is_noticed(office: Path) -> None:
    with (
        pytest.raises(HomeError, match=r"The clock says 1970-01-01 .* written at 2030-03-17 .* Set the clock"),
        open_office(office, None, 0),
    ):
        pass


def test_an_authority_is_never_replaced(office: Path) -> None:
    for missing in ("", "ledger.json"):
        (office / missing).unlink() if missing else None
        with pytest.raises(HomeError, match=r"is there already: it belongs to an authority, and is never replaced"):
            found_office(office, AUTHORITY_NAME, 10, None, NOW_MS)


def test_where_no_authority_is_one_is_offered(tmp_path: Path) -> None:
    with (
        pytest.raises(HomeError, match=r"There is no authority in .* Make one:  dcnet gwa init"),
        open_office(tmp_path, None, NOW_MS),
    ):
        pass


@pytest.mark.parametrize("name", ["authority.pem", "ledger.json", "authority.key"])
@pytest.mark.parametrize("octets", [b"", b"{}x", b"\x30\x00"])
def test_what_is_damaged_is_refused_and_stays(office: Path, name: str, octets: bytes) -> None:
    (office / name).write_bytes(octets)
    with pytest.raises(HomeError, match=r"[Rr]estore|Install"), open_office(office, None, NOW_MS):
        pass
    assert (office / name).read_bytes() == octets


def test_two_administrators_do_not_work_at_once(office: Path) -> None:
    with (
        open_office(office, None, NOW_MS),
        pytest.raises(HomeError, match="Another process"),
        open_office(office, None, NOW_MS),
    ):
        pass


def test_a_command_that_stops_before_its_end_has_issued_nothing(office: Path) -> None:
    before = (office / "ledger.json").read_bytes()
    with open_office(office, None, NOW_MS) as at_work:
        at_work.issue(order("a", GATEWAY), CERTIFICATE_DAYS)
    assert (office / "ledger.json").read_bytes() == before
    assert not (office / "issued" / "gateway-1.pem").exists()


def test_list_and_bundles_that_a_crash_kept_back_are_written_by_the_next_command(office: Path) -> None:
    issued(office, "a", GATEWAY)
    (office / "issued" / "gateway-1.pem").unlink()
    (office / "revocations.pem").unlink()
    with working(office):
        pass
    assert bundle(office, "gateway-1").certificate
    assert published_list(office).number == 3


def test_a_key_with_a_passphrase_signs_only_with_it(tmp_path: Path) -> None:
    passphrase = Secret(b"correct horse battery staple")
    found_office(tmp_path, AUTHORITY_NAME, 10, passphrase, NOW_MS)
    assert needs_passphrase(tmp_path)
    with open_office(tmp_path, passphrase, NOW_MS) as at_work:
        assert at_work.issue(order("p", PROVIDER), CERTIFICATE_DAYS).name == "provider"
    for wrong in (None, Secret(b"wrong")):
        with pytest.raises(HomeError, match="passphrase"), open_office(tmp_path, wrong, NOW_MS):
            pass


def test_openssl_accepts_what_was_issued_and_refuses_what_was_revoked(office: Path, tmp_path: Path) -> None:
    entries = {name: issued(office, name, gateway(name)) for name in "ab"}
    with working(office) as at_work:
        at_work.revoke("b", "stolen")

    def verdict(name: str) -> str:
        path = tmp_path / f"{name}.der"
        path.write_bytes(entries[name].certificate)
        trusted = ["-CAfile", f"{office}/authority.pem", "-CRLfile", f"{office}/revocations.pem", "-crl_check"]
        command = ["openssl", "verify", *trusted, "-attime", f"{NOW_MS // 1000}", "-purpose", "sslclient", f"{path}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        return done.stdout + done.stderr

    assert verdict("a").endswith(": OK\n")
    assert "certificate revoked" in verdict("b")
