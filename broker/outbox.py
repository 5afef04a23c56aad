"""Messages on their way to the broker: kept in order until acknowledged or expired. Pure; the caller tells the time."""

from collections import deque
from dataclasses import dataclass
from typing import NewType

Ticket = NewType("Ticket", int)
"""Names one message in flight."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish. `expires_s` is on the caller's clock."""

    topic: str
    payload: bytes
    retain: bool
    expires_s: float


class Outbox:
    """A bounded queue whose head is in flight.

    Messages leave with `take`, end with `settle`, and return to their places with `restore` when the connection
    that carried them is gone.
    """

    def __init__(self, messages_max: int, bytes_max: int) -> None:
        self._messages_max = messages_max
        self._bytes_max = bytes_max
        self._waiting: deque[Outgoing] = deque()
        self._in_flight: dict[Ticket, Outgoing] = {}
        self._last_ticket = 0
        self._bytes = 0
        self.expired = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._in_flight)

    @property
    def waiting(self) -> int:
        """Messages that nobody has taken yet."""
        return len(self._waiting)

    def offer(self, message: Outgoing, now_s: float) -> bool:
        """Append a message; False when there is no room, even without the expired ones at the head."""
        if not self._has_room(message):
            self.drop_expired(now_s)
            if not self._has_room(message):
                return False
        self._waiting.append(message)
        self._bytes += len(message.payload)
        return True

    def take(self, now_s: float) -> tuple[Ticket, Outgoing] | None:
        """Hand out the oldest waiting message; None when there is none. Expired ones are dropped on the way."""
        while self._waiting:
            message = self._waiting.popleft()
            if message.expires_s > now_s:
                self._last_ticket += 1
                ticket = Ticket(self._last_ticket)
                self._in_flight[ticket] = message
                return ticket, message
            self._forget(message)
        return None

    def settle(self, ticket: Ticket) -> None:
        """The broker has acknowledged this one."""
        self._bytes -= len(self._in_flight.pop(ticket).payload)

    def restore(self) -> None:
        """Put everything in flight back at the head, in the order of publishing."""
        self._waiting.extendleft(reversed(self._in_flight.values()))
        self._in_flight.clear()

    def drop_expired(self, now_s: float) -> None:
        """Drop what has expired at the head; what waits behind a longer-lived message goes when its turn comes."""
        while self._waiting and self._waiting[0].expires_s <= now_s:
            self._forget(self._waiting.popleft())

    def _has_room(self, message: Outgoing) -> bool:
        return len(self) < self._messages_max and self._bytes + len(message.payload) <= self._bytes_max

    def _forget(self, message: Outgoing) -> None:
        self._bytes -= len(message.payload)
        self.expired += 1
