"""Bytes that MQTT 3.1.1 adds to a payload: packet header, topic, packet identifier, and the acknowledgment."""

from typing import Final

PUBACK_BYTES: Final = 4


def publish_bytes(topic: str, payload_bytes: int) -> int:
    """A PUBLISH packet of QoS 1 (MQTT 3.1.1, section 3.3)."""
    remaining = 2 + len(topic.encode()) + 2 + payload_bytes
    length_bytes = 1 + (remaining >= 1 << 7) + (remaining >= 1 << 14) + (remaining >= 1 << 21)
    return 1 + length_bytes + remaining


def exchange_bytes(topic: str, payload_bytes: int) -> int:
    """A PUBLISH packet of QoS 1 and the PUBACK that answers it."""
    return publish_bytes(topic, payload_bytes) + PUBACK_BYTES
