"""What the bus tells its owner, and how everybody sees whether a client is there."""

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
class Presence:
    """A topic on which a retained message tells everybody whether a client is there.

    The bus says `here` at each connection and `gone` when it is left; of a client that vanishes without a word the
    broker says `gone`, as its last will.
    """

    topic: str
    here: bytes = b"online"
    gone: bytes = b"offline"


@dataclass(slots=True)
class BusCounts:
    """What one bus has done since it was made."""

    received: int = 0
    acknowledged: int = 0
    refused_full: int = 0
    refused_size: int = 0
    connects: int = 0
