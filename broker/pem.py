"""PEM text: what files of certificates, requests and revocation lists hold, and the administrator's bundles.

Text before, between and after the blocks is allowed and passed over, as OpenSSL does it. Source: RFC 7468.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final, Self

CERTIFICATE: Final = "CERTIFICATE"
REVOCATIONS: Final = "X509 CRL"
REQUEST: Final = "CERTIFICATE REQUEST"

_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s(.*?)-----END \1-----", re.DOTALL)
_LINE: Final = 64


def to_pem(label: str, der: bytes) -> bytes:
    """One block."""
    text = base64.b64encode(der)
    lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    return b"\n".join([f"-----BEGIN {label}-----".encode(), *lines, f"-----END {label}-----".encode(), b""])


def from_pem(octets: bytes) -> list[tuple[str, bytes]]:
    """All blocks in their order: label and DER of each.

    Raises:
        ValueError: a block is damaged.
    """
    blocks = _BLOCK.findall(octets)
    if len(blocks) != octets.count(b"-----BEGIN "):
        raise ValueError("a block of its PEM text has no end")
    try:
        return [
            (label.decode("ascii"), base64.b64decode(b"".join(text.split()), validate=True)) for label, text in blocks
        ]
    except binascii.Error as error:
        raise ValueError("a block of its PEM text is damaged") from error


def one_of(label: str, octets: bytes) -> bytes:
    """The DER of a file that holds one block of this label in PEM, or is DER itself.

    Raises:
        ValueError: it holds something else.
    """
    if octets[:1] == b"\x30":
        return octets
    blocks = from_pem(octets)
    if [found for found, _ in blocks] != [label]:
        raise ValueError(f"it does not hold one block BEGIN {label}")
    return blocks[0][1]


@dataclass(frozen=True, slots=True)
class Bundle:
    """What the administrator hands back for a request: four parts in DER, of which none is secret.

    Attributes:
        certificate: The certificate that was asked for.
        authority: The administrator's own.
        revocations: The list of revoked certificates.
        provider: The provider's certificate, for gateways and the inspector.
    """

    certificate: bytes
    authority: bytes
    revocations: bytes
    provider: bytes | None

    def encode(self) -> bytes:
        """As text: the parts as blocks, in the order above."""
        parts = (
            to_pem(CERTIFICATE, self.certificate),
            to_pem(CERTIFICATE, self.authority),
            to_pem(REVOCATIONS, self.revocations),
            to_pem(CERTIFICATE, self.provider) if self.provider else b"",
        )
        return b"".join(parts)

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read such a text. Nothing is checked but its form.

        Raises:
            ValueError: it is none.
        """
        blocks = from_pem(octets)
        labels = [label for label, _ in blocks]
        if labels[:3] != [CERTIFICATE, CERTIFICATE, REVOCATIONS] or labels[3:] not in ([], [CERTIFICATE]):
            raise ValueError("it is no bundle of the administrator: certificate, authority, revocation list")
        parts = [der for _, der in blocks]
        return cls(parts[0], parts[1], parts[2], parts[3] if len(parts) > 3 else None)
