"""Certificates and revocation lists taken apart for people. Who issued them is not judged here.

Source: RFC 5280; docs/protocol.md, "Certificates".
"""

from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from common.certificates import VALID_COUNTS_OID, Subject, decode_counts
from launcher.fields import Field

_NONE: Final = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)


def certificate_fields(der: bytes) -> list[Field]:
    """What a certificate says; of bytes that are none, the bytes."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        return [
            *_subject_fields(certificate),
            Field("serial", f"{certificate.serial_number:x}"),
            Field("valid_from", certificate.not_valid_before_utc.isoformat(), note="UTC"),
            Field("valid_until", certificate.not_valid_after_utc.isoformat(), note="UTC"),
            Field("public_key", key_of(der).hex(), note="Ed25519, for TLS and frames"),
            Field("issuer", certificate.issuer.rfc4514_string(), note="says the certificate"),
        ]
    except _NONE:
        return [Field("certificate", der.hex(), note="cannot be read")]


def key_of(der: bytes) -> bytes:
    """The Ed25519 key in a certificate, 32 bytes.

    Raises:
        ValueError: it is no certificate, or has no such key.
    """
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except _NONE as error:
        raise ValueError("it is no certificate") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it has no Ed25519 key")
    return key.public_bytes_raw()


def revocation_fields(der: bytes) -> list[Field]:
    """What a revocation list says; of bytes that are none, the bytes."""
    try:
        parsed = x509.load_der_x509_crl(der)
        number = parsed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        counts = parsed.extensions.get_extension_for_oid(VALID_COUNTS_OID).value
        octets = counts.value if isinstance(counts, x509.UnrecognizedExtension) else b""
        valid = decode_counts(octets)
        until = parsed.next_update_utc
    except (*_NONE, x509.ExtensionNotFound):
        return [Field("revocations", der.hex(), note="cannot be read")]
    serials = sorted(f"{entry.serial_number:x}" for entry in parsed)
    return [
        Field("number", number, note="a higher one replaces a lower one"),
        Field("issued", parsed.last_update_utc.isoformat(), note="UTC"),
        Field("next_update", until.isoformat() if until else "never", note="UTC; too old after that"),
        Field("revoked", serials, note=f"{len(serials)} serials"),
        Field("valid", [f"{region}={count}" for region, count in sorted(valid.items())], note="gateways by region"),
    ]


def _subject_fields(certificate: x509.Certificate) -> list[Field]:
    """Whom it names, by the URI among its alternative names."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
        subject = Subject.parse(uri)
    except (ValueError, x509.ExtensionNotFound, x509.UnsupportedGeneralNameType):
        return [Field("subject", certificate.subject.rfc4514_string(), note="names nobody of ours")]
    place = [Field("region", subject.region)] if subject.region else []
    return [Field("role", subject.role.value), *place, Field("name", subject.name)]
