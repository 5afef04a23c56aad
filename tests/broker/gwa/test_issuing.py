import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import example, given
from hypothesis import strategies as st

from broker.gwa.issuing import (
    Issuer,
    Request,
    RequestError,
    Term,
    issue_certificate,
    issue_revocations,
    make_authority,
    make_request,
    read_request,
)
from broker.tlskey import BrokerKey
from common.certificates import Authority, Role, Subject
from common.refusal import Refusal, RefusedError
from tests.broker.gwa.authority import (
    BROKER,
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

REQUEST = make_request(identity("g"), GATEWAY)


def request_with(names: list[x509.GeneralName], common_name: str = "gateway-1") -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False) if names else builder
    return builder.sign(ed25519.Ed25519PrivateKey.generate(), None).public_bytes(Encoding.DER)


def uri(text: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(text)


@pytest.mark.parametrize("subject", [GATEWAY, PROVIDER, BROKER, INSPECTOR])
def test_what_is_issued_is_what_was_requested(subject: Subject) -> None:
    request = read_request(make_request(identity("g"), subject))
    assert request == Request(subject, identity("g").public_key)
    read = Authority(issuer().der).certificate(issue_certificate(issuer(), request, 7, YEAR))
    assert (read.subject, read.public_key, read.serial) == (subject, identity("g").public_key, 7)
    assert (read.not_before_ms, read.not_after_ms) == (YEAR.begin_ms, YEAR.end_ms)


def test_a_broker_is_a_server_with_its_hosts() -> None:
    hosts = ("192.0.2.7", "broker.example", "2001:db8::7")
    request = read_request(make_request(identity("b"), BROKER, hosts))
    assert request.hosts == hosts
    issued = x509.load_der_x509_certificate(issue_certificate(issuer(), request, 1, YEAR))
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker.example"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7", "2001:db8::7"]
    purposes = issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


def test_nobody_but_the_broker_is_a_server_and_nobody_but_the_authority_issues() -> None:
    for subject in (GATEWAY, PROVIDER, INSPECTOR):
        extensions = x509.load_der_x509_certificate(certificate(subject, identity("g"))).extensions
        assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
            ExtendedKeyUsageOID.CLIENT_AUTH
        ]
        usage = extensions.get_extension_for_class(x509.KeyUsage)
        assert usage.critical
        assert (usage.value.digital_signature, usage.value.key_cert_sign, usage.value.crl_sign) == (True, False, False)
        constraints = extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.critical
        assert not constraints.value.ca


def test_equal_arguments_give_equal_bytes() -> None:
    assert make_authority(identity("a"), "name", NOW_MS, 10) == make_authority(identity("a"), "name", NOW_MS, 10)
    assert make_request(identity("g"), GATEWAY) == REQUEST
    assert certificate(GATEWAY, identity("g")) == certificate(GATEWAY, identity("g"))
    assert revocations(3, 5, 4) == revocations(3, 4, 5)


def test_a_list_says_who_is_revoked_and_how_many_are_valid() -> None:
    valid = {"south": 2, "north": 40}
    read = Authority(issuer().der).revocations(issue_revocations(issuer(), 9, YEAR, {5: NOW_MS, 2**158: NOW_MS}, valid))
    assert (read.number, read.serials, read.valid) == (9, frozenset({5, 2**158}), valid)
    assert (read.this_update_ms, read.next_update_ms) == (YEAR.begin_ms, YEAR.end_ms)


def test_an_empty_list_is_a_list() -> None:
    read = Authority(issuer().der).revocations(issue_revocations(issuer(), 1, YEAR, {}, {}))
    assert (read.serials, read.valid) == (frozenset(), {})


def test_times_are_rounded_down_to_seconds() -> None:
    term = Term(NOW_MS + 999, NOW_MS + 5_999)
    read = Authority(issuer().der).certificate(certificate(GATEWAY, identity("g"), term=term))
    assert (read.not_before_ms, read.not_after_ms) == (NOW_MS, NOW_MS + 5_000)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "does not say in one alternative name whom it is for"),
        ([x509.DNSName("gateway-1")], "names 0 parties"),
        ([uri("dcnet:provider/gateway-1"), uri("dcnet:broker/gateway-1")], "names 2 parties"),
        ([uri("https://gateway-1")], "is no gateway, provider, broker or inspector"),
        ([uri("dcnet:king/gateway-1")], "is no gateway, provider, broker or inspector"),
        ([uri("dcnet:gateway/gateway-1")], "is no gateway, provider, broker or inspector"),
        ([uri("dcnet:gateway/North/gateway-1")], "is no gateway, provider, broker or inspector"),
        ([uri("dcnet:gateway/north/gateway-2")], "its common name is another: gateway-1"),
        ([uri("dcnet:gateway/north/gateway-1"), x509.DNSName("broker")], "hosts are for a broker alone"),
        ([uri("dcnet:broker/gateway-1"), x509.DNSName("*.example")], "is no host name and no address"),
    ],
)
def test_a_request_for_something_else_is_refused(names: list[x509.GeneralName], sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        read_request(request_with(names))


def test_a_request_with_another_kind_of_key_is_refused() -> None:
    with pytest.raises(RequestError, match="its key is not an Ed25519 key"):
        read_request(make_request(BrokerKey.generate(), GATEWAY))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway-1")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    request = builder.sign(rsa.generate_private_key(65_537, 2_048), SHA256())
    with pytest.raises(RequestError, match="its key is not an Ed25519 key"):
        read_request(request.public_bytes(Encoding.DER))


def test_a_broker_may_have_a_key_that_signs_no_frames() -> None:
    key = BrokerKey.generate()
    request = read_request(make_request(key, BROKER, ("localhost",)))
    assert request == Request(BROKER, key.public_key, ("localhost",))
    read = Authority(issuer().der).certificate(issue_certificate(issuer(), request, 7, YEAR))
    assert (read.subject, read.public_key) == (BROKER, key.public_key)


def test_a_gateway_with_a_key_that_signs_no_frames_is_refused() -> None:
    der = issue_certificate(issuer(), Request(GATEWAY, BrokerKey.generate().public_key), 7, YEAR)
    with pytest.raises(RefusedError) as caught:
        Authority(issuer().der).certificate(der)
    assert caught.value.reason is Refusal.BAD_CERTIFICATE


def test_a_request_for_a_key_that_its_maker_does_not_hold_is_refused() -> None:
    foreign = REQUEST.replace(identity("g").public_key, identity("h").public_key)
    with pytest.raises(RequestError, match="its signature does not hold under its own key"):
        read_request(foreign)


@given(position=st.integers(0, len(REQUEST) - 1), bit=st.integers(0, 7))
@example(position=8, bit=0)
@example(position=145, bit=0)
def test_one_wrong_bit_never_changes_what_a_request_says(position: int, bit: int) -> None:
    damaged = bytearray(REQUEST)
    damaged[position] ^= 1 << bit
    try:
        assert read_request(bytes(damaged)) == read_request(REQUEST)
    except RequestError as error:
        assert str(error)


@given(octets=st.binary(max_size=200))
def test_arbitrary_bytes_are_no_request(octets: bytes) -> None:
    with pytest.raises(RequestError):
        read_request(octets)


@pytest.mark.parametrize(
    ("subject", "hosts"),
    [
        (Subject(Role.GATEWAY, "Gateway", "north"), ()),
        (Subject(Role.GATEWAY, "gateway-1"), ()),
        (GATEWAY, ("localhost",)),
        (BROKER, ("a b",)),
        (BROKER, ("",)),
    ],
)
def test_nothing_is_requested_or_issued_that_no_reader_takes(subject: Subject, hosts: tuple[str, ...]) -> None:
    with pytest.raises(RequestError):
        make_request(identity("g"), subject, hosts)
    with pytest.raises(RequestError):
        issue_certificate(issuer(), Request(subject, identity("g").public_key, hosts), 1, YEAR)


def test_an_authority_is_one_to_its_readers() -> None:
    authority = make_authority(identity("a"), "administrator", NOW_MS, 10)
    parsed = x509.load_der_x509_certificate(Authority(authority).der)
    years = (parsed.not_valid_after_utc - parsed.not_valid_before_utc).days / 365.2425
    assert years == pytest.approx(10, abs=0.01)
    assert parsed.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_another_authority_of_the_same_name_is_no_issuer_here() -> None:
    stranger = Issuer(identity("z"), make_authority(identity("z"), "administrator", NOW_MS, 10))
    read = Authority(issuer().der)
    with pytest.raises(RefusedError, match="not one of the gateway administrator's"):
        read.certificate(certificate(GATEWAY, identity("g"), by=stranger))
    with pytest.raises(RefusedError, match="not one of the gateway administrator's"):
        read.revocations(revocations(by=stranger))
