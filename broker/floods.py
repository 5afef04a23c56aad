"""The limit to a client's rate of messages, which Mosquitto has not.

Whoever receives from all gateways counts what comes from each, and has the broker deny everything to one that floods.
Without this a gateway with a certificate can fill the receiver's queue faster than it is read, and Mosquitto then
drops what others send, although it has acknowledged it. An honest gateway sends a few messages a round, and some
hundred when it registers.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NoReturn, Protocol

from broker.events import BusEvent, Message
from broker.program import BrokerError
from common.identifiers import is_name

log = logging.getLogger(__name__)

WINDOW_S: Final = 60


class Receiver(Protocol):
    """What is needed of the bus."""

    async def next_batch(self, limit: int, timeout_s: float) -> list[BusEvent]:
        """Everything that waits, or what comes first within the time."""

    def publish_soon(
        self, topic: str, payload: bytes, *, retain: bool = False, expires_in_s: float | None = None
    ) -> bool:
        """Hand in a message."""


class Gatekeeper(Protocol):
    """What is needed of the broker."""

    async def silence(self, name: str) -> None:
        """Deny a client everything from now on."""


@dataclass(slots=True)
class Rates:
    """Counts messages by sender, in windows of `WINDOW_S` that begin with the first message after the last one."""

    limit: int
    _since_s: float = -WINDOW_S
    _counts: Counter[str] = field(default_factory=Counter)

    def exceeding(self, senders: Iterable[str], now_s: float) -> list[str]:
        """Count a message of each of these, and name those who have sent more than the limit in this window."""
        if now_s - self._since_s >= WINDOW_S:
            self._since_s = now_s
            self._counts.clear()
        new = Counter(senders)
        self._counts.update(new)
        return [name for name in new if self._counts[name] > self.limit]


class RateLimited:
    """A bus that passes on nothing from those who flood. It takes the bus's place toward its reader.

    `enforce` has to run beside it, in a task group of its owner.
    """

    def __init__(self, bus: Receiver, broker: Gatekeeper | None, limit: int) -> None:
        """Limit each sender to `limit` messages a minute. Without a `broker` of ours it is only said, and dropped."""
        self._bus = bus
        self._broker = broker
        self._rates = Rates(limit)
        self._silenced: set[str] = set()
        self._to_silence: asyncio.Queue[str] = asyncio.Queue()

    async def next_batch(self, limit: int, timeout_s: float) -> list[BusEvent]:
        """As the bus; the sender is the last level of a topic, as the broker's access rules have it."""
        batch = await self._bus.next_batch(limit, timeout_s)
        senders = [_sender(event) for event in batch]
        now_s = asyncio.get_running_loop().time()
        for name in self._rates.exceeding(filter(None, senders), now_s):
            if name not in self._silenced and is_name(name):
                self._silenced.add(name)
                self._to_silence.put_nowait(name)
        if not self._silenced:
            return batch
        return [event for event, name in zip(batch, senders, strict=True) if name not in self._silenced]

    def publish_soon(
        self, topic: str, payload: bytes, *, retain: bool = False, expires_in_s: float | None = None
    ) -> bool:
        """As the bus."""
        return self._bus.publish_soon(topic, payload, retain=retain, expires_in_s=expires_in_s)

    async def enforce(self) -> NoReturn:
        """Have the broker silence those who flood, for ever."""
        while True:
            name = await self._to_silence.get()
            log.error(
                "%s floods the broker with more than %d messages a minute. Until the provider starts anew, %s. See "
                "what is wrong with it; the administrator can revoke its certificate.",
                name,
                self._rates.limit,
                "nothing of it is read" if self._broker is None else "the broker denies it everything",
            )
            try:
                if self._broker is not None:
                    await self._broker.silence(name)
            except BrokerError as error:
                log.error("%s", error)


def _sender(event: BusEvent) -> str:
    return event.topic.rpartition("/")[2] if isinstance(event, Message) else ""
