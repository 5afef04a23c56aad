"""Requests, certificates and revocation lists as they are made and signed; `common.certificates` reads the latter two.

Pure functions: times (Unix milliseconds) and serials are arguments and Ed25519 signs without randomness, so equal
arguments give equal bytes, but for a broker's request, which ECDSA signs. The simulation issues with them as the
administrator does.
Source: RFC 5280; RFC 2986 (requests); RFC 8410 (Ed25519); BSI TR-03109-4.
"""

import hashlib
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from broker.tlskey import BrokerKey, public_key_of
from common.certificates import VALID_COUNTS_OID, Role, Subject, encode_counts, key_octets
from common.identifiers import is_name
from common.signing import Identity

SERIAL_BITS: Final = 159
"""A serial number is positive and has at most 20 bytes (RFC 5280, 4.1.2.2)."""

_HOST: Final = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
_DAYS_OF_A_YEAR: Final = 365.2425


class RequestError(Exception):
    """A certificate request that cannot be granted; the text says why, without a full stop."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a certificate shall say: whom it names, its key, and a broker's hosts.

    The key is Ed25519 (32 bytes); a broker's may be on P-256 (65 bytes).
    """

    subject: Subject
    public_key: bytes
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Issuer:
    """The authority as it signs: its key, and its own certificate (DER)."""

    key: Identity
    der: bytes


@dataclass(frozen=True, slots=True)
class Term:
    """From when to when something holds, in Unix milliseconds; certificates keep whole seconds, rounded down."""

    begin_ms: int
    end_ms: int


def make_authority(key: Identity, name: str, now_ms: int, years: int) -> bytes:
    """The authority's own certificate (DER), signed by itself, good for `years` from `now_ms`.

    Raises:
        ValueError: the name is empty or longer than 64 characters, or the years end after 9999.
    """
    public = Ed25519PublicKey.from_public_bytes(key.public_key)
    begin = _moment(now_ms)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(_serial_of(key.public_key, name, now_ms))
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=round(years * _DAYS_OF_A_YEAR)))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    return builder.sign(_private(key), None).public_bytes(Encoding.DER)


def make_request(key: Identity | BrokerKey, subject: Subject, hosts: Sequence[str] = ()) -> bytes:
    """A certificate request (DER, PKCS #10), signed with the key that it asks to have certified.

    Args:
        key: The key pair of whom it is for.
        subject: Whom it is for.
        hosts: Names and addresses by which a broker is reached; for nobody else.

    Raises:
        RequestError: the subject or a host is not allowed.
    """
    _check(subject, hosts)
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(_name_of(subject))
        .add_extension(_alternative_names(subject, hosts), critical=False)
    )
    if isinstance(key, BrokerKey):
        return builder.sign(key.private, SHA256()).public_bytes(Encoding.DER)
    return builder.sign(_private(key), None).public_bytes(Encoding.DER)


def read_request(der: bytes) -> Request:
    """Read a request, and see that whoever made it holds the private key.

    Raises:
        RequestError: it is none, is damaged, or asks for something that is not issued here.
    """
    try:
        parsed = x509.load_der_x509_csr(der)
        key = parsed.public_key()
        if not isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey):
            raise RequestError("its key is not an Ed25519 key")
        if not parsed.is_signature_valid:
            raise RequestError("it is damaged: its signature does not hold under its own key")
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        common_names = [str(each.value) for each in parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise RequestError("it does not say in one alternative name whom it is for") from error
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise RequestError("it is no certificate request, or is damaged") from error
    subject = _subject_in(names)
    if common_names != [subject.name]:
        raise RequestError(f"it is for {subject.name}, and its common name is another: {', '.join(common_names)}")
    if not isinstance(key, Ed25519PublicKey) and subject.role is not Role.BROKER:
        raise RequestError("its key is not an Ed25519 key")
    hosts = tuple(str(name.value) for name in names if isinstance(name, x509.DNSName | x509.IPAddress))
    _check(subject, hosts)
    return Request(subject, _octets_of(key), hosts)


def issue_certificate(issuer: Issuer, request: Request, serial: int, term: Term) -> bytes:
    """The certificate (DER) that a request asks for.

    Args:
        issuer: The authority.
        request: Whom it names, with which key. Nothing of it is decided here: names are compared by the caller.
        serial: Above 0, given once, of at most `SERIAL_BITS` bits.
        term: When it is valid.

    Raises:
        RequestError: the subject or a host is not allowed.
    """
    _check(request.subject, request.hosts)
    authority = x509.load_der_x509_certificate(issuer.der)
    public = public_key_of(request.public_key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name_of(request.subject))
        .issuer_name(authority.subject)
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(_moment(term.begin_ms))
        .not_valid_after(_moment(term.end_ms))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(_purposes(request.subject.role)), critical=False)
        .add_extension(_alternative_names(request.subject, request.hosts), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(_authority_key(authority), critical=False)
    )
    return builder.sign(_private(issuer.key), None).public_bytes(Encoding.DER)


def issue_revocations(
    issuer: Issuer, number: int, term: Term, revoked: Mapping[int, int], valid: Mapping[str, int]
) -> bytes:
    """The list (DER) of the revoked certificates, with how many gateways of each region hold a valid one.

    Args:
        issuer: The authority.
        number: Higher than that of the list before.
        term: From when it holds, and when the next one is there at the latest.
        revoked: Serial of each revoked certificate, and since when it is (Unix milliseconds).
        valid: Gateways by region.
    """
    authority = x509.load_der_x509_certificate(issuer.der)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.subject)
        .last_update(_moment(term.begin_ms))
        .next_update(_moment(term.end_ms))
        .add_extension(_authority_key(authority), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.UnrecognizedExtension(VALID_COUNTS_OID, encode_counts(valid)), critical=False)
    )
    for serial, since_ms in sorted(revoked.items()):
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(_moment(since_ms)).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(_private(issuer.key), None).public_bytes(Encoding.DER)


def _octets_of(key: object) -> bytes:
    try:
        return key_octets(key)
    except ValueError as error:
        raise RequestError(f"its key cannot be certified: {error}") from error


def _subject_in(names: x509.SubjectAlternativeName) -> Subject:
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1:
        raise RequestError(f"it names {len(uris)} parties instead of one")
    try:
        return Subject.parse(uris[0])
    except ValueError as error:
        raise RequestError(f"it is for {uris[0]!r}, which is no gateway, provider, broker or inspector") from error


def _check(subject: Subject, hosts: Sequence[str]) -> None:
    words = (subject.name, subject.region) if subject.role is Role.GATEWAY else (subject.name,)
    if not all(map(is_name, words)):
        raise RequestError(f"{subject.uri} cannot be certified: names are 1 to 32 of a-z, 0-9 and -")
    if hosts and subject.role is not Role.BROKER:
        raise RequestError(f"nobody connects to {subject.uri}: hosts are for a broker alone")
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise RequestError(f"{host!r} is no host name and no address")


def _name_of(subject: Subject) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject.name)])


def _alternative_names(subject: Subject, hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    places: list[x509.GeneralName] = [x509.UniformResourceIdentifier(subject.uri)]
    for host in hosts:
        try:
            places.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            places.append(x509.DNSName(host))
    return x509.SubjectAlternativeName(places)


def _purposes(role: Role) -> list[x509.ObjectIdentifier]:
    """Everybody connects to the broker; the broker also is connected to."""
    server = [ExtendedKeyUsageOID.SERVER_AUTH] if role is Role.BROKER else []
    return [*server, ExtendedKeyUsageOID.CLIENT_AUTH]


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_key(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _serial_of(public_key: bytes, name: str, now_ms: int) -> int:
    """A serial for the authority itself, which nobody counts: as good as random, and the same for equal arguments."""
    digest = hashlib.sha256(public_key + name.encode() + now_ms.to_bytes(8)).digest()
    return int.from_bytes(digest) >> (256 - SERIAL_BITS) | 1


def _private(key: Identity) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key.seed.reveal())


def _moment(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms // 1000, UTC)
