"""Certificates and lists are read when the authority made them, and refused when anybody else did."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from broker.gwa.issuing import Issuer, Request, Term, issue_certificate, issue_revocations, make_authority
from common.certificates import (
    Authority,
    Certificate,
    RevocationList,
    Role,
    Subject,
    decode_counts,
    encode_counts,
    pem_of,
    require_good,
)
from common.refusal import Refusal, RefusedError
from common.secret import Secret
from common.signing import Identity
from tests.common.strategies import moderate, names
from tests.vectors.members import (
    ADMINISTRATOR,
    DAY_MS,
    GATEWAY,
    GATEWAY_CERTIFICATE,
    GATEWAY_SUBJECT,
    ISSUER,
    LIST_TERM,
    NOW_MS,
    REVOCATIONS,
    TERM,
    certified,
)

AUTHORITY: Final = Authority(ISSUER.der)
CERTIFICATE: Final = AUTHORITY.certificate(GATEWAY_CERTIFICATE)
LIST: Final = AUTHORITY.revocations(REVOCATIONS)
STRANGER: Final = Identity(Secret(bytes([0x55]) * 32))

subjects = st.one_of(
    st.builds(Subject, st.just(Role.GATEWAY), names, names),
    st.builds(Subject, st.sampled_from([role for role in Role if role is not Role.GATEWAY]), names),
)
counts = st.dictionaries(names, st.integers(0, 999_999_999), max_size=6)


def _reason(act: Callable[[], object]) -> Refusal:
    with pytest.raises(RefusedError) as caught:
        act()
    return caught.value.reason


@moderate
@given(subjects, st.integers(1, 2**159 - 1), st.integers(0, 2**42), st.integers(1, 2**40))
def test_a_certificate_says_what_was_issued(subject: Subject, serial: int, begin_s: int, life_s: int) -> None:
    term = Term(begin_s % 10**10 * 1_000, (begin_s % 10**10 + life_s % 10**10) * 1_000)
    read = AUTHORITY.certificate(certified(GATEWAY, subject, serial, term))
    assert (read.subject, read.public_key, read.serial) == (subject, GATEWAY.public_key, serial)
    assert (read.not_before_ms, read.not_after_ms) == (term.begin_ms, term.end_ms)


@moderate
@given(subjects)
def test_a_subject_is_read_as_it_was_written(subject: Subject) -> None:
    assert Subject.parse(subject.uri) == subject


@moderate
@given(st.text(max_size=60) | st.text("dcnet:gawyprovi/-", max_size=40).map(lambda text: f"dcnet:{text}"))
def test_arbitrary_text_is_a_subject_with_this_text_or_none(text: str) -> None:
    try:
        subject = Subject.parse(text)
    except ValueError as error:
        assert str(error)
    else:
        assert subject.uri == text


@moderate
@given(st.integers(0, 2**64), st.sets(st.integers(1, 2**159 - 1), max_size=20), counts)
def test_a_list_says_what_was_issued(number: int, serials: set[int], valid: dict[str, int]) -> None:
    der = issue_revocations(ISSUER, number, LIST_TERM, dict.fromkeys(serials, NOW_MS), valid)
    read = AUTHORITY.revocations(der)
    assert (read.number, read.serials, read.valid, read.der) == (number, frozenset(serials), valid, der)
    assert [read.valid_in(region) for region in valid] == list(valid.values())
    assert read.valid_in("nowhere-else") == valid.get("nowhere-else", 0)


@moderate
@given(counts)
def test_counts_are_read_as_they_were_written(valid: dict[str, int]) -> None:
    assert decode_counts(encode_counts(valid)) == valid


@moderate
@given(st.binary(max_size=30) | st.text("ab=,-+_ 0123456789", max_size=30).map(str.encode))
def test_arbitrary_bytes_are_counts_in_their_one_form_or_none(octets: bytes) -> None:
    try:
        valid = decode_counts(octets)
    except ValueError as error:
        assert str(error)
    else:
        assert encode_counts(valid) == octets


def test_a_certificate_in_pem_is_the_same_certificate() -> None:
    read = x509.load_pem_x509_certificate(pem_of(CERTIFICATE))
    assert AUTHORITY.certificate(read.public_bytes(Encoding.DER)) == CERTIFICATE


def _at(now_ms: int, certificate: Certificate = CERTIFICATE, revocations: RevocationList = LIST) -> Refusal | None:
    try:
        require_good(certificate, revocations, now_ms)
    except RefusedError as refused:
        return refused.reason
    return None


def test_a_certificate_is_good_from_its_first_to_its_last_instant() -> None:
    forever = replace(LIST, next_update_ms=2**60)
    begin_ms, end_ms = CERTIFICATE.not_before_ms, CERTIFICATE.not_after_ms
    instants = (begin_ms - 1, begin_ms, end_ms, end_ms + 1)
    expired = Refusal.CERTIFICATE_EXPIRED
    assert [_at(instant, revocations=forever) for instant in instants] == [expired, None, None, expired]


def test_a_certificate_is_good_until_the_list_is_too_old() -> None:
    instants = LIST.next_update_ms, LIST.next_update_ms + 1
    assert [_at(instant) for instant in instants] == [None, Refusal.REVOCATIONS_EXPIRED]


def test_a_revoked_certificate_is_revoked_by_an_old_list_too() -> None:
    revoked = replace(CERTIFICATE, serial=4)
    assert {_at(instant, revoked) for instant in (NOW_MS, LIST.next_update_ms + 1)} == {Refusal.CERTIFICATE_REVOKED}
    assert _at(TERM.end_ms + DAY_MS, revoked) is Refusal.CERTIFICATE_EXPIRED


def test_only_what_the_authority_signed_under_its_own_name_is_read() -> None:
    same_name = Authority(make_authority(STRANGER, "dcnet gateway administrator", NOW_MS, 10))
    same_key = Authority(make_authority(ADMINISTRATOR, "somebody else", NOW_MS, 10))
    for other in (same_name, same_key):
        assert _reason(lambda other=other: other.certificate(GATEWAY_CERTIFICATE)) is Refusal.BAD_CERTIFICATE  # type: ignore[misc]
        assert _reason(lambda other=other: other.revocations(REVOCATIONS)) is Refusal.BAD_CERTIFICATE  # type: ignore[misc]


def test_a_certified_gateway_certifies_and_revokes_nobody() -> None:
    gateway = Issuer(GATEWAY, make_authority(GATEWAY, GATEWAY_SUBJECT.name, NOW_MS, 10))
    chained = issue_certificate(gateway, Request(GATEWAY_SUBJECT, STRANGER.public_key), 7, TERM)
    listed = issue_revocations(gateway, 99, LIST_TERM, {}, {})
    assert _reason(lambda: AUTHORITY.certificate(chained)) is Refusal.BAD_CERTIFICATE
    assert _reason(lambda: AUTHORITY.revocations(listed)) is Refusal.BAD_CERTIFICATE
    with pytest.raises(ValueError, match="self-signed"):
        Authority(GATEWAY_CERTIFICATE)


@pytest.mark.parametrize("octets", [b"", b"dcnet", REVOCATIONS, ISSUER.der[:-1], ISSUER.der + b"\x00"], ids=len)
def test_what_is_no_authority_is_trusted_by_nobody(octets: bytes) -> None:
    with pytest.raises(ValueError, match="no self-signed certificate of an authority"):
        Authority(octets)


def _self_signed(key: CertificateIssuerPrivateKeyTypes, *, may_issue: bool | None) -> bytes:
    """A certificate as an authority's, but for its key and for what its constraints say (None: it has none)."""
    right = x509.load_der_x509_certificate(ISSUER.der)
    builder = (
        x509.CertificateBuilder()
        .subject_name(right.subject)
        .issuer_name(right.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(right.not_valid_before_utc)
        .not_valid_after(right.not_valid_after_utc)
    )
    if may_issue is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=may_issue, path_length=None), critical=True)
    algorithm = None if isinstance(key, Ed25519PrivateKey) else SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


def test_a_self_signed_certificate_of_another_kind_is_trusted_by_nobody() -> None:
    key = Ed25519PrivateKey.from_private_bytes(ADMINISTRATOR.seed.reveal())
    other_key = ec.derive_private_key(7, ec.SECP256R1())
    right = _self_signed(key, may_issue=True)
    assert Authority(right).certificate(GATEWAY_CERTIFICATE) == CERTIFICATE
    for wrong in (
        _self_signed(key, may_issue=False),
        _self_signed(key, may_issue=None),
        _self_signed(other_key, may_issue=True),
    ):
        with pytest.raises(ValueError, match="authority"):
            Authority(wrong)
