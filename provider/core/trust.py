"""Whom the provider believes: the gateway administrator, and its newest list of revoked certificates.

Source: docs/protocol.md, "Certificates".
"""

from dataclasses import dataclass, replace
from typing import Self

from common.certificates import Authority, Certificate, RevocationList
from common.frames import DATA_BYTES_MAX
from common.refusal import Refusal, RefusedError


@dataclass(frozen=True, slots=True)
class Trust:
    """The administrator's authority, and its list of revoked certificates, of which a higher number replaces a lower.

    Raises:
        ValueError: the list does not fit into a frame.
    """

    authority: Authority
    revocations: RevocationList

    def __post_init__(self) -> None:
        if len(self.revocations.der) > DATA_BYTES_MAX:
            raise ValueError(
                f"the list of revoked certificates has {len(self.revocations.der)} bytes, and a frame holds "
                f"{DATA_BYTES_MAX}: members could not be told"
            )

    def renewed(self, der: bytes) -> Self:
        """The same with a newer list (DER).

        Raises:
            RefusedError: BAD_CERTIFICATE, when it is no list of this administrator; TOO_LONG, when members could not
                be told; REPEATED, when it is not above the one that is known.
        """
        revocations = self.authority.revocations(der)
        if len(der) > DATA_BYTES_MAX:
            raise RefusedError(Refusal.TOO_LONG)
        if revocations.number <= self.revocations.number:
            raise RefusedError(Refusal.REPEATED)
        return replace(self, revocations=revocations)

    def end_of(self, certificate: Certificate, now_ms: int) -> Refusal | None:
        """What has ended a certificate that was good once, if anything has; a list that is too old ends none."""
        if certificate.serial in self.revocations.serials:
            return Refusal.CERTIFICATE_REVOKED
        return Refusal.CERTIFICATE_EXPIRED if now_ms > certificate.not_after_ms else None
