"""`dcnet inspect`: one frame as a person reads it, field by field, and whether its signature holds."""

import base64
import binascii
import json
import string
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from common.frames import FRAME_BYTES_MAX, MAGIC, Frame, Notification, SignedFrame, decode
from common.payloads import Registration
from common.refusal import RefusedError
from common.signing import PUBLIC_KEY_BYTES, Direction
from launcher.certificate_fields import key_of
from launcher.decoding import data_fields, header_fields
from launcher.errors import LauncherError
from launcher.fields import Field

NOT_SIGNED: Final = 1
"""Exit status when the frame decodes, and its signature does not hold."""

_VALUE_COLUMNS: Final = 28
_DIRECTION_WORDS: Final = {Direction.UP: "up, from a gateway", Direction.DOWN: "down, from the provider"}


@dataclass(frozen=True, slots=True)
class Inspected:
    """A frame taken apart. `is_signed` is None without a key to check with; `direction` is the one that holds."""

    frame: Frame
    header: Sequence[Field]
    data: Sequence[Field]
    signature: bytes
    is_signed: bool | None
    direction: Direction | None

    def as_json(self) -> dict[str, Any]:
        """All fields by name; `units` tells those that have one."""
        fields = [*self.header, *self.data]
        return {
            "notification_name": self.frame.notification.name,
            "header": {field.name: field.value for field in self.header},
            "data": {field.name: field.value for field in self.data},
            "units": {field.name: field.unit for field in fields if field.unit},
            "signature": self.signature.hex(),
            "signature_holds": self.is_signed,
            "direction": self.direction.name.lower() if self.direction else None,
        }

    def signature_sentence(self) -> str:
        """What is known of the signature."""
        if self.is_signed is None:
            return "not checked; --key HEX checks it"
        if self.direction is None:
            return "DOES NOT HOLD under this key"
        return f"holds ({_DIRECTION_WORDS[self.direction]})"


def run_inspect(text: str, key: str | None, direction: str | None, *, as_json: bool) -> int:
    """Show one frame on the standard output.

    Args:
        text: The frame in hexadecimal or base64, the path of a file that holds it, or `-` for the standard input.
        key: The signer's public key, 64 hexadecimal digits.
        direction: up or down; None tries both.
        as_json: Whether to print one JSON object.

    Returns:
        0, or 1 when the signature does not hold.

    Raises:
        LauncherError: There is no frame in it.
    """
    raw = read_frame(text)
    directions = [Direction[direction.upper()]] if direction else list(Direction)
    try:
        inspected = inspect(raw, read_key(key), directions)
    except RefusedError as error:
        raise LauncherError(
            f"This is no frame: {error} ({error.reason.name}, {len(raw)} bytes, beginning with {raw[:8].hex()}). "
            "Give the whole payload of one MQTT message."
        ) from error
    if as_json:
        sys.stdout.write(f"{json.dumps(inspected.as_json())}\n")
    else:
        Console(highlight=False, soft_wrap=True).print(as_text(inspected))
    return NOT_SIGNED if inspected.is_signed is False else 0


def inspect(raw: bytes, key: bytes | None, directions: Sequence[Direction]) -> Inspected:
    """Take a frame apart, and check its signature; a registration carries its certificate.

    Raises:
        RefusedError: It is no frame, or its data does not decode.
    """
    signed = decode(raw)
    data = data_fields(signed.frame, directions)
    if key is None and signed.frame.notification is Notification.REGISTER:
        key = _own_key(signed.frame.data)
    holding = None if key is None else _holding(signed, key, directions)
    is_signed = None if key is None else holding is not None
    return Inspected(signed.frame, header_fields(signed.frame), data, signed.signature, is_signed, holding)


def _own_key(registration: bytes) -> bytes | None:
    """The key in the certificate of whoever registers."""
    try:
        return key_of(Registration.decode(registration).certificate)
    except ValueError:
        return None


def _holding(signed: SignedFrame, key: bytes, directions: Sequence[Direction]) -> Direction | None:
    return next((direction for direction in directions if signed.is_signed_by(key, direction)), None)


def read_key(text: str | None) -> bytes | None:
    """A public key from its hexadecimal digits.

    Raises:
        LauncherError: It is none.
    """
    if text is None:
        return None
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != PUBLIC_KEY_BYTES:
        raise LauncherError(f"--key {text} is no public key. Give its 64 hexadecimal digits.")
    return key


def read_frame(text: str) -> bytes:
    """The bytes of a frame, from whatever a person has at hand.

    Raises:
        LauncherError: The file cannot be read, or holds nothing that could be bytes.
    """
    if text == "-":
        return _decode_text(sys.stdin.buffer.read(4 * FRAME_BYTES_MAX), "The standard input")
    try:
        is_file = Path(text).is_file()
    except OSError:
        is_file = False
    if not is_file:
        return _decode_text(text.encode(), "The argument")
    try:
        with Path(text).open("rb") as file:
            return _decode_text(file.read(4 * FRAME_BYTES_MAX), text)
    except OSError as error:
        raise LauncherError(f"{text} cannot be read: {error.strerror}. Name a file that holds a frame.") from error


def _decode_text(octets: bytes, source: str) -> bytes:
    """Bytes as they are, or from hexadecimal digits or base64."""
    if octets.startswith(MAGIC):
        return octets
    text = "".join(octets.decode("ascii", "replace").split()).removeprefix("0x").replace(":", "")
    if text and len(text) % 2 == 0 and set(text) <= set(string.hexdigits):
        return bytes.fromhex(text)
    try:
        standard = text.replace("-", "+").replace("_", "/").rstrip("=")
        found = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found:
        raise LauncherError(f"{source} is neither hexadecimal nor base64, nor a file that exists. Give a whole frame.")
    return found


def as_text(inspected: Inspected) -> Text:
    """A frame for people: header, data, signature, a line each; long values are not broken, for copying."""
    text = Text()
    for heading, fields in (("header", inspected.header), ("data", inspected.data)):
        if fields:
            text.append(f"{heading}\n", "cyan")
        for field in fields:
            text.append(f"  {field.name:<18}", "bold")
            text.append(f"{_shown(field)} {field.unit}".rstrip().ljust(_VALUE_COLUMNS))
            text.append(f"  {field.note}\n", "bright_black")
    style = {True: "green", False: "bold red", None: "bright_black"}[inspected.is_signed]
    return text.append(f"{'signature':<20}", "cyan").append(inspected.signature_sentence(), style)


def _shown(field: Field) -> str:
    if isinstance(field.value, list):
        return ", ".join(map(str, field.value)) or "none"
    if isinstance(field.value, bool):
        return "set" if field.value else "not set"
    return str(field.value)
