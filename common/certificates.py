"""Certificates of the gateway administrator (GWA) and its list of revoked ones, as a verifier sees them.

One X.509 certificate with an Ed25519 key for each gateway, for the provider, the broker and the inspector, all issued
directly by one authority. Who it is for stands in a URI among its alternative names:

    dcnet:gateway/<region>/<name>    dcnet:provider/<name>    dcnet:broker/<name>    dcnet:inspector/<name>

and `<name>` is the subject's common name as well, which Mosquitto takes as the user name. The list of revoked
certificates also says how many gateways of each region hold a valid one, in an extension of its own.
Source: BSI TR-03109-4; RFC 5280; RFC 8410; docs/protocol.md, "Certificates".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID

from common.identifiers import is_name
from common.refusal import Refusal, RefusedError

VALID_COUNTS_OID: Final = x509.ObjectIdentifier("2.25.155813369073483874492755593182550741000")
"""The extension of a revocation list with the counts: ASCII, `<region>=<count>` joined by commas, sorted by region."""

SERIAL_MAX: Final = 2**160 - 1
"""A serial number has at most 20 bytes (RFC 5280, section 4.1.2.2)."""

_URI_SCHEME: Final = "dcnet:"
_COUNT_MAX: Final = 999_999_999
_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CRL_NUMBER,
        VALID_COUNTS_OID,
    }
)
"""What may be marked critical. Among all others are those that say of a list that it is only a part of one."""

_UNREADABLE: Final = (
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""Everything that the library says of octets which are no certificate of this authority."""


class Role(Enum):
    """Whom a certificate is for."""

    GATEWAY = "gateway"
    PROVIDER = "provider"
    BROKER = "broker"
    INSPECTOR = "inspector"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate names: `region` is a gateway's, and empty for everybody else."""

    role: Role
    name: str
    region: str = ""

    @property
    def uri(self) -> str:
        """The alternative name that says so."""
        place = f"{self.region}/" if self.role is Role.GATEWAY else ""
        return f"{_URI_SCHEME}{self.role.value}/{place}{self.name}"

    @classmethod
    def parse(cls, uri: str) -> "Subject":
        """Read such an alternative name.

        Raises:
            ValueError: it is none.
        """
        if not uri.startswith(_URI_SCHEME):
            raise ValueError(f"{uri} does not begin with {_URI_SCHEME}")
        word, *names = uri.removeprefix(_URI_SCHEME).split("/")
        role = Role(word)
        if len(names) != (2 if role is Role.GATEWAY else 1) or not all(map(is_name, names)):
            raise ValueError(f"{uri} does not name a {word}")
        return cls(role, names[-1], names[0] if role is Role.GATEWAY else "")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate whose issuer was checked. Whether it is still good depends on the time: `require_good`.

    `public_key` has 32 bytes (Ed25519); a broker's, which signs no frames, may have 65 (P-256). Times are Unix
    milliseconds, `der` is the certificate itself.
    """

    subject: Subject
    public_key: bytes
    serial: int
    not_before_ms: int
    not_after_ms: int
    der: bytes


@dataclass(frozen=True, slots=True)
class RevocationList:
    """Which certificates are revoked, and how many gateways of each region hold a valid one. Its issuer was checked.

    A higher `number` replaces a lower one. After `next_update_ms` it is too old to be relied upon.
    """

    number: int
    this_update_ms: int
    next_update_ms: int
    serials: frozenset[int]
    valid: Mapping[str, int]
    der: bytes

    def valid_in(self, region: str) -> int:
        """How many gateways of this region hold a valid certificate."""
        return self.valid.get(region, 0)


@final
class Authority:
    """The administrator's own certificate, under which all others are checked."""

    def __init__(self, der: bytes) -> None:
        """Take the authority that a person has chosen to trust.

        Raises:
            ValueError: it is no self-signed certificate of an authority with an Ed25519 key.
        """
        self.der: Final = der
        try:
            self._certificate: Final = x509.load_der_x509_certificate(der)
            self._certificate.verify_directly_issued_by(self._certificate)
            constraints = self._certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        except _UNREADABLE as error:
            raise ValueError("it is no self-signed certificate of an authority") from error
        key = self._certificate.public_key()
        if not constraints.ca or not isinstance(key, Ed25519PublicKey):
            raise ValueError("it is no certificate of an authority with an Ed25519 key")
        self._key: Final = key

    def certificate(self, der: bytes) -> Certificate:
        """Read a certificate and check who issued it.

        Raises:
            RefusedError: BAD_CERTIFICATE, when it is none, another authority's, or names nobody of ours.
        """
        try:
            parsed = x509.load_der_x509_certificate(der)
            parsed.verify_directly_issued_by(self._certificate)
            key = parsed.public_key()
            _require_understood(parsed.extensions)
            names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
            subject, octets = Subject.parse(uri), key_octets(key)
            (common_name,) = parsed.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
            begin_ms, end_ms = _ms(parsed.not_valid_before_utc.timestamp()), _ms(parsed.not_valid_after_utc.timestamp())
        except _UNREADABLE as error:
            raise RefusedError(Refusal.BAD_CERTIFICATE) from error
        is_fitting = isinstance(key, Ed25519PublicKey) or subject.role is Role.BROKER
        if not is_fitting or common_name.value != subject.name:
            raise RefusedError(Refusal.BAD_CERTIFICATE)
        if not 0 < parsed.serial_number <= SERIAL_MAX:
            raise RefusedError(Refusal.BAD_CERTIFICATE)
        return Certificate(subject, octets, parsed.serial_number, begin_ms, end_ms, der)

    def revocations(self, der: bytes) -> RevocationList:
        """Read a list of revoked certificates and check who issued it.

        Raises:
            RefusedError: BAD_CERTIFICATE.
        """
        try:
            parsed = x509.load_der_x509_crl(der)
            if not parsed.is_signature_valid(self._key) or parsed.issuer != self._certificate.subject:
                raise RefusedError(Refusal.BAD_CERTIFICATE)
            _require_understood(parsed.extensions)
            number = parsed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
            counts = parsed.extensions.get_extension_for_oid(VALID_COUNTS_OID).value
            next_update = parsed.next_update_utc
            if next_update is None or not isinstance(counts, x509.UnrecognizedExtension):
                raise RefusedError(Refusal.BAD_CERTIFICATE)
            valid = decode_counts(counts.value)
            begin_ms, end_ms = _ms(parsed.last_update_utc.timestamp()), _ms(next_update.timestamp())
            serials = frozenset(entry.serial_number for entry in parsed)
        except _UNREADABLE as error:
            raise RefusedError(Refusal.BAD_CERTIFICATE) from error
        return RevocationList(number, begin_ms, end_ms, serials, valid, der)


def key_octets(key: object) -> bytes:
    """A public key as bytes: Ed25519, 32; or P-256, the uncompressed point, 65 (X9.62).

    Raises:
        ValueError: it is another kind of key.
    """
    if isinstance(key, Ed25519PublicKey):
        return key.public_bytes_raw()
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    raise ValueError("it is neither an Ed25519 nor a P-256 key")


def require_good(certificate: Certificate, revocations: RevocationList, now_ms: int) -> None:
    """See that a certificate is valid now and not revoked, by a list that is not too old.

    Raises:
        RefusedError: CERTIFICATE_EXPIRED (or not valid yet), CERTIFICATE_REVOKED, REVOCATIONS_EXPIRED.
    """
    if not certificate.not_before_ms <= now_ms <= certificate.not_after_ms:
        raise RefusedError(Refusal.CERTIFICATE_EXPIRED)
    if certificate.serial in revocations.serials:
        raise RefusedError(Refusal.CERTIFICATE_REVOKED)
    if now_ms > revocations.next_update_ms:
        raise RefusedError(Refusal.REVOCATIONS_EXPIRED)


def encode_counts(valid: Mapping[str, int]) -> bytes:
    """The content of the extension with the counts."""
    return ",".join(f"{region}={count}" for region, count in sorted(valid.items())).encode("ascii")


def decode_counts(octets: bytes) -> dict[str, int]:
    """Read the content of the extension with the counts.

    Raises:
        ValueError: it does not say how many are valid where.
    """
    valid: dict[str, int] = {}
    for pair in octets.decode("ascii").split(",") if octets else []:
        region, _, count = pair.partition("=")
        if not is_name(region) or not 0 <= int(count) <= _COUNT_MAX:
            raise ValueError("the counts of valid certificates are not understood")
        valid[region] = int(count)
    if encode_counts(valid) != octets:
        raise ValueError("the counts of valid certificates are not sorted, or are written in another way")
    return valid


def pem_of(certificate: Certificate) -> bytes:
    """The certificate in PEM, as files hold it."""
    return x509.load_der_x509_certificate(certificate.der).public_bytes(Encoding.PEM)


def _require_understood(extensions: x509.Extensions) -> None:
    """See that nothing which must be understood is not (RFC 5280, section 4.2)."""
    if any(each.critical and each.oid not in _UNDERSTOOD for each in extensions):
        raise ValueError("a critical extension is not understood")


def _ms(unix_s: float) -> int:
    return round(unix_s * 1000)
