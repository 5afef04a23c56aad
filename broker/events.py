"""What the bus tells its owner, and what an owner leaves as its last will."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker has answered and every subscription stands.

    Messages that the broker held for this client, and retained ones, may come before this event.
    """


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is lost; the bus is already at work on the next one."""

    reason: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it arrived. `retained` is set when it answers a subscription, not when it was just published.

    QoS 1: it may arrive twice, and may be lost when this process dies between its acknowledgment and its handling.
    """

    topic: str
    payload: bytes
    retained: bool


BusEvent = Connected | Disconnected | Message


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes for a client that vanishes without a word."""

    topic: str
    payload: bytes
    retain: bool = False


@dataclass(slots=True)
class BusCounts:
    """What one bus has done since it was made."""

    received: int = 0
    acknowledged: int = 0
    refused_full: int = 0
    refused_size: int = 0
    connects: int = 0
