"""Bytes that MQTT 3.1.1 adds to a payload: packet header, topic, packet identifier, and the acknowledgment.

And those that TLS 1.3 adds to what is written at once: a record with its head, the type inside, and the tag.
"""

from typing import Final

PUBACK_BYTES: Final = 4

RECORD_HEAD_BYTES: Final = 5
RECORD_SEAL_BYTES: Final = 17
"""The type of the content, 1, and the tag of AES-GCM or ChaCha20-Poly1305, 16 (RFC 8446, section 5.2)."""


def publish_bytes(topic: str, payload_bytes: int) -> int:
    """A PUBLISH packet of QoS 1 (MQTT 3.1.1, section 3.3)."""
    remaining = 2 + len(topic.encode()) + 2 + payload_bytes
    length_bytes = 1 + (remaining >= 1 << 7) + (remaining >= 1 << 14) + (remaining >= 1 << 21)
    return 1 + length_bytes + remaining


def exchange_bytes(topic: str, payload_bytes: int) -> int:
    """A PUBLISH packet of QoS 1 and the PUBACK that answers it."""
    return publish_bytes(topic, payload_bytes) + PUBACK_BYTES
