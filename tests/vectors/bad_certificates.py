"""Certificates and lists of revoked ones that are refused with BAD_CERTIFICATE: by name, one fault each."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from broker.gwa.issuing import Issuer, Request, issue_certificate, issue_revocations, make_authority
from common.certificates import VALID_COUNTS_OID
from common.secret import Secret
from common.signing import Identity
from tests.vectors import der
from tests.vectors.members import (
    ADMINISTRATOR,
    GATEWAY,
    GATEWAY_CERTIFICATE,
    GATEWAY_SUBJECT,
    ISSUER,
    LIST_TERM,
    REVOCATIONS,
    TERM,
    VALID,
)

_SEED: Final = ADMINISTRATOR.seed.reveal()
_KEY: Final = Ed25519PrivateKey.from_private_bytes(_SEED)
_STRANGER: Final = Identity(Secret(bytes([0x55]) * 32))
_SAME_NAME: Final = Issuer(_STRANGER, make_authority(_STRANGER, "dcnet gateway administrator", TERM.begin_ms, 10))
_OTHER_NAME: Final = Issuer(ADMINISTRATOR, make_authority(ADMINISTRATOR, "somebody else", TERM.begin_ms, 10))


def _damaged(octets: bytes, at: int) -> bytes:
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]


def _resigned(octets: bytes, old: str, new: str) -> bytes:
    """With some bytes of the signed part exchanged for as many others, and signed again by the authority."""
    part = der.signed_part(octets)
    assert part.count(bytes.fromhex(old)) >= 1, "there is nothing to exchange"
    return der.resigned(octets, part.replace(bytes.fromhex(old), bytes.fromhex(new), 1), _SEED)


def _with_serial(number: bytes) -> bytes:
    """The gateway's certificate under another serial number, signed again by the authority."""
    version, _serial, *rest = der.split(der.content(der.signed_part(GATEWAY_CERTIFICATE)))
    part = der.tlv(der.SEQUENCE, b"".join((version, der.tlv(der.INTEGER, number), *rest)))
    return der.resigned(GATEWAY_CERTIFICATE, part, _SEED)


def bad_certificates() -> Iterator[tuple[str, bytes]]:
    """Certificates, each with its name."""
    good = GATEWAY_CERTIFICATE
    yield "empty", b""
    yield "no_certificate", b"dcnet"
    yield "list_in_its_place", REVOCATIONS
    yield "in_pem", x509.load_der_x509_certificate(good).public_bytes(Encoding.PEM)
    yield "cut_short", good[:-1]
    yield "with_a_byte_too_many", good + b"\x00"
    yield "with_a_flipped_bit_in_its_name", _damaged(good, good.index(b"gw-0001"))
    yield "with_a_flipped_bit_in_its_signature", _damaged(good, len(good) - 1)
    yield from _of_others()
    yield "of_version_4", _resigned(good, "a003020102", "a003020103")
    yield "with_serial_0", _with_serial(b"\x00")
    yield "with_a_serial_below_0", _with_serial(b"\x80")
    yield "with_a_serial_of_21_bytes", _with_serial(b"\x01" + bytes(20))
    yield "with_one_extension_twice", _resigned(good, "0603551d0e", "0603551d23")
    uri = bytes([len(GATEWAY_SUBJECT.uri)]) + GATEWAY_SUBJECT.uri.encode()
    yield "with_a_name_of_a_kind_that_nobody_reads", _resigned(good, "86" + uri.hex(), "a5" + uri.hex())
    yield "with_a_key_that_nobody_knows", _resigned(good, "302a300506032b6570", "302a300506032b6501")
    yield "with_another_kind_of_key", _built(key=ec.derive_private_key(7, ec.SECP256R1()).public_key())
    yield (
        "with_a_critical_extension_that_nobody_knows",
        _built(critical=x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")),
    )
    yield from _of_wrong_names()


def _of_others() -> Iterator[tuple[str, bytes]]:
    request = Request(GATEWAY_SUBJECT, GATEWAY.public_key)
    itself = Issuer(GATEWAY, ISSUER.der)
    yield "of_another_authority_of_the_same_name", issue_certificate(_SAME_NAME, request, 3, TERM)
    yield "of_an_issuer_of_another_name", issue_certificate(_OTHER_NAME, request, 3, TERM)
    yield "signed_by_itself", issue_certificate(itself, request, 3, TERM)
    yield "of_the_authority_itself", ISSUER.der


def _of_wrong_names() -> Iterator[tuple[str, bytes]]:
    uri = GATEWAY_SUBJECT.uri
    yield "without_a_common_name", _built(names=())
    yield "with_two_common_names", _built(names=["gw-0001", "gw-0001"])
    yield "with_the_common_name_of_another", _built(names=["gw-0002"])
    yield "without_an_alternative_name", _built(uris=None)
    yield "without_a_uri", _built(uris=[])
    yield "with_two_uris", _built(uris=[uri, "dcnet:provider/gw-0001"])
    wrong = {
        "of_another_scheme": "https://north-1/gw-0001",
        "of_a_scheme_in_upper_case": "DCNET:gateway/north-1/gw-0001",
        "of_an_unknown_role": "dcnet:king/gw-0001",
        "with_an_empty_name": "dcnet:gateway/north-1/",
        "of_a_role_in_upper_case": "dcnet:Gateway/north-1/gw-0001",
        "of_a_gateway_without_a_region": "dcnet:gateway/gw-0001",
        "of_a_gateway_with_an_empty_region": "dcnet:gateway//gw-0001",
        "of_a_provider_with_a_region": "dcnet:provider/north-1/gw-0001",
        "of_a_region_in_upper_case": "dcnet:gateway/North-1/gw-0001",
        "with_a_level_too_many": "dcnet:gateway/north-1/gw-0001/",
        "with_a_newline": "dcnet:gateway/north-1/gw-0001\n",
        "with_a_query": "dcnet:gateway/north-1/gw-0001?",
    }
    for name, text in wrong.items():
        yield name, _built(uris=[text])


def _built(
    names: Sequence[str] = (GATEWAY_SUBJECT.name,),
    uris: Sequence[str] | None = (GATEWAY_SUBJECT.uri,),
    key: CertificatePublicKeyTypes | None = None,
    critical: x509.ExtensionType | None = None,
) -> bytes:
    """A certificate of the authority's as its own program would not issue it."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names]))
        .issuer_name(x509.load_der_x509_certificate(ISSUER.der).subject)
        .public_key(key or Ed25519PublicKey.from_public_bytes(GATEWAY.public_key))
        .serial_number(3)
        .not_valid_before(_moment(TERM.begin_ms))
        .not_valid_after(_moment(TERM.end_ms))
    )
    if uris is not None:
        places: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in uris]
        places = places or [x509.DNSName(GATEWAY_SUBJECT.name)]
        builder = builder.add_extension(x509.SubjectAlternativeName(places), critical=False)
    if critical is not None:
        builder = builder.add_extension(critical, critical=True)
    return builder.sign(_KEY, None).public_bytes(Encoding.DER)


def bad_lists() -> Iterator[tuple[str, bytes]]:
    """Lists, each with its name."""
    yield "empty", b""
    yield "certificate_in_its_place", GATEWAY_CERTIFICATE
    yield "cut_short", REVOCATIONS[:-1]
    yield "with_a_byte_too_many", REVOCATIONS + b"\x00"
    yield "with_a_flipped_bit_in_its_counts", _damaged(REVOCATIONS, REVOCATIONS.index(b"north-1=30") + 8)
    yield "with_a_flipped_bit_in_its_signature", _damaged(REVOCATIONS, len(REVOCATIONS) - 1)
    yield "of_another_authority_of_the_same_name", issue_revocations(_SAME_NAME, 12, LIST_TERM, {}, VALID)
    yield "of_an_issuer_of_another_name", issue_revocations(_OTHER_NAME, 12, LIST_TERM, {}, VALID)
    yield "of_version_3", _resigned(REVOCATIONS, "020101", "020102")
    yield "with_one_extension_twice", _resigned(REVOCATIONS, "0603551d14", "0603551d23")
    yield "without_a_next_update", _without_next_update()
    yield "without_a_number", _listed(counts=b"north-1=30", number=None)
    yield "without_counts", _listed(counts=None)
    yield "that_is_a_part_of_one", _listed(critical=_PART)
    yield "that_changes_another", _listed(critical=x509.DeltaCRLIndicator(11))
    for name, counts in _BAD_COUNTS.items():
        yield f"with_counts_{name}", _listed(counts)


_PART: Final = x509.IssuingDistributionPoint(
    full_name=None,
    relative_name=None,
    only_contains_user_certs=True,
    only_contains_ca_certs=False,
    only_some_reasons=None,
    indirect_crl=False,
    only_contains_attribute_certs=False,
)
_BAD_COUNTS: Final = {
    "of_a_region_alone": b"north",
    "without_a_region": b"=3",
    "without_a_number": b"north=",
    "of_a_region_in_upper_case": b"North=3",
    "of_one_region_twice": b"north=3,north=3",
    "not_sorted": b"south=3,north=3",
    "with_a_space": b"north=3, south=3",
    "with_a_comma_at_the_end": b"north=3,",
    "with_a_zero_in_front": b"north=03",
    "with_a_sign": b"north=+3",
    "below_0": b"north=-3",
    "of_10_digits": b"north=1000000000",
    "of_5000_digits": b"north=" + b"9" * 5000,
    "with_a_digit_of_another_script": "north=\u0663".encode(),
    "that_are_no_text": b"\xff",
}


def _listed(
    counts: bytes | None = b"north-1=30", number: int | None = 12, critical: x509.ExtensionType | None = None
) -> bytes:
    """A list of the authority's as its own program would not issue it."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(x509.load_der_x509_certificate(ISSUER.der).subject)
        .last_update(_moment(LIST_TERM.begin_ms))
        .next_update(_moment(LIST_TERM.end_ms))
    )
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    if counts is not None:
        builder = builder.add_extension(x509.UnrecognizedExtension(VALID_COUNTS_OID, counts), critical=False)
    if critical is not None:
        builder = builder.add_extension(critical, critical=True)
    return builder.sign(_KEY, None).public_bytes(Encoding.DER)


def _without_next_update() -> bytes:
    values = der.split(der.content(der.signed_part(REVOCATIONS)))
    version, algorithm, issuer, this_update, _next_update, *rest = values
    part = der.tlv(der.SEQUENCE, b"".join((version, algorithm, issuer, this_update, *rest)))
    return der.resigned(REVOCATIONS, part, _SEED)


def _moment(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms // 1000, UTC)
