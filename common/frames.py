"""The one fixed layout of every binary message.

| offset | bytes | field |
|---|---|---|
| 0 | 4 | protocol identifier: ASCII `DCN`, then the version, 1 |
| 4 | 4 | DC network identifier |
| 8 | 4 | client identifier: the sender; in the provider's frames the addressee, 0 = all |
| 12 | 1 | transmission bit in the top bit, the seven others zero |
| 13 | 8 | timestamp, Unix milliseconds |
| 21 | 1 | notification |
| 22 | 2 | length of data |
| 24 | n | data |
| 24+n | 64 | Ed25519 signature over the direction's label and everything before |

Source: thesis figure 3.4 and table 3.1; docs/protocol.md, "Frames". All numbers are big-endian.
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final

from common.identifiers import ClientId, NetworkId
from common.refusal import Refusal, RefusedError
from common.signing import SIGNATURE_BYTES, Direction, Identity, is_signed

HEADER: Final = Struct(">3sBIIBQBH")
HEADER_BYTES: Final = HEADER.size
DATA_BYTES_MAX: Final = 0xFFFF
FRAME_BYTES_MIN: Final = HEADER_BYTES + SIGNATURE_BYTES
FRAME_BYTES_MAX: Final = FRAME_BYTES_MIN + DATA_BYTES_MAX

MAGIC: Final = b"DCN"
VERSION: Final = 1
TRANSMISSION_BIT: Final = 0x80


class Notification(IntEnum):
    """What a frame says. 1 to 5 are the thesis' table 3.1; ours start at 16."""

    REGISTER = 1
    ENTERED = 2
    EXIT = 3
    CORRECTION = 4
    SUPERPOSITION = 5

    ROSTER = 16
    FINAL = 17
    RELEASE = 18
    TUNNEL = 19
    EMERGENCY = 20
    EXIT_CONFIRMED = 21
    ASSIGNED = 22
    TUNNEL_OPEN = 23
    RESUME = 24
    RESUMED = 25
    REFUSED = 26
    REVOCATIONS = 27
    DRAWN = 28
    DEPARTED = 29
    CLOCK = 30
    LEAVES = 31
    HOLD = 32


_KNOWN: Final = frozenset(Notification)


@dataclass(frozen=True, slots=True)
class Frame:
    """The fields before the signature."""

    network: NetworkId
    client: ClientId
    timestamp_ms: int
    notification: Notification
    data: bytes = b""
    transmission_bit: bool = False

    def unsigned(self) -> bytes:
        """Header and data: what is signed.

        Raises:
            ValueError: the data is longer than 65,535 bytes.
        """
        if len(self.data) > DATA_BYTES_MAX:
            raise ValueError(f"{len(self.data)} bytes of data do not fit a frame (at most {DATA_BYTES_MAX})")
        bit = TRANSMISSION_BIT if self.transmission_bit else 0
        header = HEADER.pack(
            MAGIC,
            VERSION,
            self.network,
            self.client,
            bit,
            self.timestamp_ms,
            self.notification,
            len(self.data),
        )
        return header + self.data

    def signed(self, identity: Identity, direction: Direction) -> bytes:
        """The whole frame as bytes, signed by `identity`."""
        unsigned = self.unsigned()
        return unsigned + identity.sign(direction, unsigned)


@dataclass(frozen=True, slots=True)
class SignedFrame:
    """A frame as it arrived: its fields, and the bytes that hold its signature (not yet checked)."""

    frame: Frame
    raw: bytes

    @property
    def signature(self) -> bytes:
        """The last 64 bytes."""
        return self.raw[-SIGNATURE_BYTES:]

    def is_signed_by(self, public_key: bytes, direction: Direction) -> bool:
        """Tell whether the signature holds under `public_key` (32 bytes) in this direction."""
        return is_signed(public_key, direction, self.raw[:-SIGNATURE_BYTES], self.signature)

    def require_signature(self, public_key: bytes, direction: Direction) -> None:
        """Refuse the frame unless the signature holds.

        Raises:
            RefusedError: BAD_SIGNATURE.
        """
        if not self.is_signed_by(public_key, direction):
            raise RefusedError(Refusal.BAD_SIGNATURE)


def decode(raw: bytes) -> SignedFrame:
    """Read one frame. The signature is not checked here: who must have signed depends on the notification.

    Raises:
        RefusedError: TOO_SHORT, TOO_LONG, WRONG_PROTOCOL, WRONG_VERSION, RESERVED_BIT, WRONG_LENGTH or
            UNKNOWN_NOTIFICATION, in this order.
    """
    if len(raw) < FRAME_BYTES_MIN:
        raise RefusedError(Refusal.TOO_SHORT)
    if len(raw) > FRAME_BYTES_MAX:
        raise RefusedError(Refusal.TOO_LONG)
    magic, version, network, client, bits, timestamp_ms, notification, length = HEADER.unpack_from(raw)
    if magic != MAGIC:
        raise RefusedError(Refusal.WRONG_PROTOCOL)
    if version != VERSION:
        raise RefusedError(Refusal.WRONG_VERSION)
    if bits & ~TRANSMISSION_BIT:
        raise RefusedError(Refusal.RESERVED_BIT)
    if length != len(raw) - FRAME_BYTES_MIN:
        raise RefusedError(Refusal.WRONG_LENGTH)
    if notification not in _KNOWN:
        raise RefusedError(Refusal.UNKNOWN_NOTIFICATION)
    frame = Frame(
        NetworkId(network),
        ClientId(client),
        timestamp_ms,
        Notification(notification),
        raw[HEADER_BYTES:-SIGNATURE_BYTES],
        bool(bits),
    )
    return SignedFrame(frame, raw)
