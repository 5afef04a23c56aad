import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.credentials import load_credentials
from broker.enrollment import install, make_key_and_request
from broker.gwa.issuing import Term, read_request
from broker.home import HomeError
from broker.pem import REQUEST, Bundle, one_of
from common.certificates import Role, Subject
from tests.broker.gwa.authority import (
    BROKER,
    DAY_MS,
    GATEWAY,
    NOW_MS,
    PROVIDER,
    YEAR,
    certificate,
    identity,
    issuer,
    revocations,
)
from tests.broker.parties import AUTHORITY_FINGERPRINT, bundle, enrolled

NEIGHBOR = Subject(Role.GATEWAY, "gateway-2", "north")
STALE = Term(NOW_MS - 2 * DAY_MS, NOW_MS - DAY_MS)


def contents(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir()}


def test_enrolling_makes_a_key_and_a_request_for_it(tmp_path: Path) -> None:
    made = make_key_and_request(tmp_path / "home", GATEWAY)
    assert made.is_new
    request = read_request(one_of(REQUEST, made.request.read_bytes()))
    assert (request.subject, request.public_key) == (GATEWAY, made.public_key)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "home").iterdir()}
    assert modes == {"identity.key": 0o600, "request.pem": 0o600}


def test_enrolling_twice_changes_nothing_and_says_so(tmp_path: Path) -> None:
    first = make_key_and_request(tmp_path, GATEWAY)
    before = contents(tmp_path)
    again = make_key_and_request(tmp_path, GATEWAY)
    assert again == replace(first, is_new=False)
    assert contents(tmp_path) == before


def test_before_there_is_a_certificate_a_name_can_still_be_corrected(tmp_path: Path) -> None:
    first = make_key_and_request(tmp_path, GATEWAY)
    corrected = make_key_and_request(tmp_path, NEIGHBOR)
    assert corrected.is_new
    assert corrected.public_key == first.public_key
    assert read_request(one_of(REQUEST, corrected.request.read_bytes())).subject == NEIGHBOR


def test_after_that_the_key_is_for_one_name_alone(tmp_path: Path) -> None:
    home = enrolled(tmp_path / "home", GATEWAY)
    with pytest.raises(HomeError, match=r"has the certificate of .*gateway-1, and the settings say .*gateway-2"):
        make_key_and_request(home, NEIGHBOR)
    assert not make_key_and_request(home, GATEWAY).is_new


def test_a_name_that_no_certificate_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"No certificate can be requested: .* names are 1 to 32"):
        make_key_and_request(tmp_path, Subject(Role.GATEWAY, "Gateway", "north"))


def test_an_installed_bundle_is_what_the_party_loads(tmp_path: Path) -> None:
    make_key_and_request(tmp_path, GATEWAY)
    held = install(tmp_path, bundle(tmp_path).encode(), GATEWAY, NOW_MS, AUTHORITY_FINGERPRINT)
    loaded = load_credentials(tmp_path, Role.GATEWAY, NOW_MS)
    assert (loaded.certificate, loaded.provider) == (held.certificate, held.provider)
    assert loaded.revocations == held.revocations
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {0o600}


@pytest.mark.parametrize("change", [str.upper, lambda text: ":".join(text[at : at + 2] for at in range(0, 64, 2))])
def test_a_fingerprint_may_be_written_as_openssl_does(tmp_path: Path, change: Callable[[str], str]) -> None:
    make_key_and_request(tmp_path, GATEWAY)
    held = install(tmp_path, bundle(tmp_path).encode(), GATEWAY, NOW_MS, change(AUTHORITY_FINGERPRINT))
    assert held.certificate.subject == GATEWAY


def test_the_first_time_a_person_has_to_name_the_authority(tmp_path: Path) -> None:
    make_key_and_request(tmp_path, GATEWAY)
    before = contents(tmp_path)
    with pytest.raises(HomeError, match=rf"Say which administrator to trust: .* --authority {AUTHORITY_FINGERPRINT}"):
        install(tmp_path, bundle(tmp_path).encode(), GATEWAY, NOW_MS)
    with pytest.raises(HomeError, match=rf"has the fingerprint {AUTHORITY_FINGERPRINT}, not 00ff"):
        install(tmp_path, bundle(tmp_path).encode(), GATEWAY, NOW_MS, "00:FF")
    assert contents(tmp_path) == before


def test_later_only_the_same_authority_is_taken(tmp_path: Path) -> None:
    home = enrolled(tmp_path / "home", GATEWAY)
    before = contents(home)
    install(home, bundle(home).encode(), GATEWAY, NOW_MS)
    stranger = bundle(home, by=issuer("z"))
    for named in (None, AUTHORITY_FINGERPRINT):
        with pytest.raises(HomeError, match=r"of another administrator|has the fingerprint"):
            install(home, stranger.encode(), GATEWAY, NOW_MS, named)
    assert contents(home) == before


def test_a_bundle_needs_a_key_to_be_for(tmp_path: Path) -> None:
    make_key_and_request(tmp_path / "other", GATEWAY)
    with pytest.raises(HomeError, match=r"identity\.key is missing\. Run:  dcnet smgw enroll"):
        install(tmp_path, bundle(tmp_path / "other").encode(), GATEWAY, NOW_MS, AUTHORITY_FINGERPRINT)


def _damaged(whole: Bundle) -> bytes:
    return whole.encode()[:-40]


def _without_provider(whole: Bundle) -> bytes:
    return replace(whole, provider=None).encode()


def _mixed(whole: Bundle) -> bytes:
    return replace(whole, revocations=revocations(by=issuer("z"))).encode()


def _foreign_key(whole: Bundle) -> bytes:
    return replace(whole, certificate=certificate(GATEWAY, identity("h"))).encode()


def _foreign_issuer(whole: Bundle) -> bytes:
    return replace(whole, certificate=certificate(GATEWAY, identity("h"), by=issuer("z"))).encode()


def _stale(whole: Bundle) -> bytes:
    return replace(whole, revocations=revocations(term=STALE)).encode()


def _revoked(whole: Bundle) -> bytes:
    return replace(whole, revocations=revocations(2, 1)).encode()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_damaged, "cannot be used: a block of its PEM text has no end"),
        (_without_provider, "The provider's certificate is missing in the bundle"),
        (_mixed, "The list of revoked certificates in the bundle is damaged, or not of the administrator"),
        (_foreign_key, "in the bundle is for another key"),
        (_foreign_issuer, "A certificate in the bundle is damaged, or not of the administrator"),
        (_stale, "The list of revoked certificates in the bundle was good until"),
        (_revoked, "is revoked, by list no. 2"),
    ],
)
def test_a_bundle_that_does_not_fit_is_refused_before_anything_is_written(
    tmp_path: Path, change: Callable[[Bundle], bytes], sentence: str
) -> None:
    make_key_and_request(tmp_path, GATEWAY)
    before = contents(tmp_path)
    with pytest.raises(HomeError, match=sentence):
        install(tmp_path, change(bundle(tmp_path)), GATEWAY, NOW_MS, AUTHORITY_FINGERPRINT)
    assert contents(tmp_path) == before


@given(part=st.integers(0, 3), position=st.integers(0, 10_000), octet=st.integers(0, 255))
@settings(deadline=None)
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_one_wrong_octet_never_makes_another_bundle(part: int, position: int, octet: int) -> None:
    with TemporaryDirectory() as name:
        home = Path(name)
        make_key_and_request(home, GATEWAY)
        whole = bundle(home)
        parts = [
            bytearray(each or b"") for each in (whole.certificate, whole.authority, whole.revocations, whole.provider)
        ]
        parts[part][position % len(parts[part])] = octet
        text = Bundle(*map(bytes, parts)).encode()
        try:
            held = install(home, text, GATEWAY, NOW_MS, AUTHORITY_FINGERPRINT)
        except HomeError as error:
            assert len(list(home.iterdir())) == 2, error
        else:
            assert (held.certificate.subject, held.revocations.number) == (GATEWAY, 1)
            assert held.provider is not None
            assert held.provider.public_key == identity("p").public_key


@given(octets=st.binary(max_size=300))
@settings(deadline=None)
def test_arbitrary_octets_are_no_bundle(octets: bytes) -> None:
    with TemporaryDirectory() as name:
        make_key_and_request(Path(name), GATEWAY)
        with pytest.raises(HomeError, match="The bundle cannot be used"):
            install(Path(name), octets, GATEWAY, NOW_MS, AUTHORITY_FINGERPRINT)


def test_a_bundle_that_expired_is_refused(tmp_path: Path) -> None:
    make_key_and_request(tmp_path, GATEWAY)
    with pytest.raises(HomeError, match="expired at"):
        install(tmp_path, bundle(tmp_path, term=STALE).encode(), GATEWAY, NOW_MS, AUTHORITY_FINGERPRINT)


@pytest.mark.parametrize("own", [NEIGHBOR, Subject(Role.GATEWAY, "gateway-1", "south")])
def test_a_bundle_for_another_name_or_region_is_refused(tmp_path: Path, own: Subject) -> None:
    make_key_and_request(tmp_path, GATEWAY)
    with pytest.raises(HomeError, match="The bundle is for dcnet:gateway/north/gateway-1, and this is"):
        install(tmp_path, bundle(tmp_path).encode(), own, NOW_MS, AUTHORITY_FINGERPRINT)


def test_a_provider_takes_no_bundle_of_its_broker(tmp_path: Path) -> None:
    make_key_and_request(tmp_path, BROKER)
    with pytest.raises(HomeError, match="is for dcnet:broker/broker, and here one for role provider is needed"):
        install(tmp_path, bundle(tmp_path).encode(), PROVIDER, NOW_MS, AUTHORITY_FINGERPRINT)


def test_a_renewed_certificate_replaces_the_one_before(tmp_path: Path) -> None:
    home = enrolled(tmp_path / "home", GATEWAY)
    longer = Term(YEAR.begin_ms, YEAR.end_ms + 365 * DAY_MS)
    install(home, bundle(home, 2, revocations(2), longer).encode(), GATEWAY, NOW_MS)
    held = load_credentials(home, Role.GATEWAY, NOW_MS)
    assert (held.certificate.serial, held.revocations.number) == (2, 2)


def test_an_older_list_never_replaces_a_newer_one(tmp_path: Path) -> None:
    home = enrolled(tmp_path / "home", GATEWAY)
    install(home, bundle(home, 2, revocations(8)).encode(), GATEWAY, NOW_MS)
    install(home, bundle(home, 3, revocations(7)).encode(), GATEWAY, NOW_MS)
    held = load_credentials(home, Role.GATEWAY, NOW_MS)
    assert (held.certificate.serial, held.revocations.number) == (3, 8)


def test_a_bundle_from_before_its_revocation_is_refused(tmp_path: Path) -> None:
    home = enrolled(tmp_path / "home", GATEWAY)
    install(home, bundle(home, 2, revocations(2, 1)).encode(), GATEWAY, NOW_MS)
    with pytest.raises(HomeError, match="is revoked"):
        install(home, bundle(home, 1, revocations(1)).encode(), GATEWAY, NOW_MS)
