"""The file in which a gateway's owner hands evidence to others: one offense as JSON, nothing secret, no reading.

Its fields are those of `Document`. Frames are hexadecimal, as `dcnet inspect` takes them; certificates are PEM. The
gateway's own certificate is in it only for LEFT_OUT, whose first frame is its own.
Source: docs/protocol.md, "Evidence".
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from broker.pem import CERTIFICATE, one_of
from launcher.errors import LauncherError

FORMAT: Final = "dcnet evidence 1"
BYTES_MAX: Final = 1_000_000
"""Two of the largest frames and three certificates are smaller."""

Hex = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})+$")]


class Document(BaseModel):
    """One offense. `network` and `round` are what the gateway noted; the frames must say the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["dcnet evidence 1"] = Field(FORMAT, description="Which fields there are")
    offense: Literal["TWO_FINALS", "TWO_CORRECTIONS", "NAMED_AND_INCLUDED", "LEFT_OUT"]
    network: int = Field(ge=1, lt=2**32)
    round: int = Field(ge=0, lt=2**64)
    noted_ms: int = Field(ge=0, lt=2**63, description="When the gateway noted it, Unix milliseconds")
    first: Hex = Field(description="A whole frame; of LEFT_OUT the gateway's own")
    second: Hex = Field(description="The whole frame that contradicts it")
    provider: str = Field(description="The provider's certificate, PEM")
    authority: str = Field(description="The administrator's certificate, PEM")
    gateway: str | None = Field(None, description="The gateway's certificate, PEM, where it signed a frame")


def read_document(path: Path) -> Document:
    """Read such a file; nothing in it is judged.

    Raises:
        LauncherError: It cannot be read, or is none.
    """
    octets = _read(path)
    try:
        return Document.model_validate_json(octets)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise LauncherError(
            f"{path} is no evidence: {where}: {first['msg']}. Give a file that `dcnet smgw evidence --out` wrote."
        ) from error


def read_certificate(path: Path) -> bytes:
    """The DER of a certificate in a file, PEM or DER.

    Raises:
        LauncherError: It cannot be read, or is none.
    """
    try:
        return one_of(CERTIFICATE, _read(path))
    except ValueError as error:
        raise LauncherError(f"{path} is no certificate: {error}. Give the administrator's authority.pem.") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            octets = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise LauncherError(f"{path} cannot be read: {error.strerror}. Name a file that exists.") from error
    if len(octets) > BYTES_MAX:
        raise LauncherError(f"{path} is larger than {BYTES_MAX} bytes, so it is none of these files. Name another.")
    return octets
