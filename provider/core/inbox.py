"""What members say to one network: who may say it, on which topic and when, and which part takes it.

Source: docs/protocol.md, "Refusals", "Clocks".
"""

from collections.abc import Callable, Mapping
from typing import Final, final

from common.frames import Frame, Notification, SignedFrame
from common.identifiers import ClientId, NetworkId
from common.payloads import ClockAnswer, Entered, ExitConfirmed, Holdings, require_empty
from common.refusal import Refusal, RefusedError
from common.signing import Direction
from common.topics import Channel, Topic
from common.tunnels import Drawn, TunnelMessage
from provider.core.admission import Admission
from provider.core.desk import Desk, Member
from provider.core.events import Effect, MemberState
from provider.core.openings import Openings
from provider.core.tunnels import Tunnels

Handler = Callable[[Member, SignedFrame, int], list[Effect]]

_REPEATABLE: Final = frozenset(
    {Notification.TUNNEL, Notification.EXIT_CONFIRMED, Notification.CLOCK, Notification.RELEASE}
)
"""Several may carry one timestamp: the handshake sees to repeats itself, a confirmation is told by its leaver, a share
by its round, and a clock that was set back asks again."""


@final
class Inbox:
    """Checks each frame of a member, and hands it on."""

    def __init__(self, desk: Desk, admission: Admission, tunnels: Tunnels, openings: Openings) -> None:
        self._desk: Final = desk
        self._last_seen: dict[tuple[ClientId, Notification], int] = {}
        self._handlers: Final[Mapping[Notification, Handler]] = {
            Notification.ENTERED: lambda m, s, now: tunnels.entered(m, Entered.decode(s.frame.data), now),
            Notification.DRAWN: lambda m, s, now: tunnels.drawn(m, Drawn.decode(s.frame.data), now),
            Notification.TUNNEL: lambda m, s, now: tunnels.relay(m, s.raw, TunnelMessage.decode(s.frame.data), now),
            Notification.RESUME: lambda m, s, now: admission.resume(m, Holdings.decode(s.frame.data), now),
            Notification.EMERGENCY: lambda m, s, now: admission.resume(m, Holdings.decode(s.frame.data), now),
            Notification.EXIT: lambda m, s, now: _leave(admission, m, s, now),
            Notification.EXIT_CONFIRMED: lambda m, s, _: admission.erased(m, ExitConfirmed.decode(s.frame.data).leaver),
            Notification.CLOCK: self._tell_time,
            Notification.RELEASE: openings.release,
        }

    def receive(self, signed: SignedFrame, topic: Topic, now_ms: int) -> list[Effect]:
        """Take any frame of a member but a SUPERPOSITION of the suite's size.

        Raises:
            RefusedError: it is nonsense, or not now.
        """
        frame = signed.frame
        member = self.sender(frame.client, frame.network, topic, frame.notification)
        if frame.notification is not Notification.CLOCK:
            self.require_fresh(frame.timestamp_ms, now_ms)
        handler = self._handler(frame)
        signed.require_signature(member.public_key, Direction.UP)
        if frame.notification not in _REPEATABLE:
            self._require_new(member.client, frame)
        member.hear(now_ms)
        return handler(member, signed, now_ms)

    def sender(self, client: ClientId, network: NetworkId, topic: Topic, notification: Notification) -> Member:
        """Who says it, by header and topic; the signature is not looked at.

        Raises:
            RefusedError: WRONG_NETWORK, UNKNOWN_CLIENT, WRONG_TOPIC.
        """
        if network != self._desk.network:
            raise RefusedError(Refusal.WRONG_NETWORK)
        member = self._desk.members.get(client)
        is_over = member is not None and member.state is MemberState.LEFT
        is_awaited = notification is Notification.RELEASE and client in self._desk.pending
        if member is None or (is_over and notification is not Notification.EXIT and not is_awaited):
            raise RefusedError(Refusal.UNKNOWN_CLIENT)
        channel = Channel.TUNNEL if notification is Notification.TUNNEL else Channel.UP
        if topic.name != member.name or topic.channel is not channel:
            raise RefusedError(Refusal.WRONG_TOPIC)
        return member

    def require_fresh(self, timestamp_ms: int, now_ms: int) -> None:
        """See that a frame is of now.

        Raises:
            RefusedError: STALE, FUTURE.
        """
        schedule = self._desk.parameters.schedule
        if timestamp_ms < now_ms - schedule.stale_ms:
            raise RefusedError(Refusal.STALE)
        if timestamp_ms > now_ms + schedule.future_ms:
            raise RefusedError(Refusal.FUTURE)

    def _handler(self, frame: Frame) -> Handler:
        handler = self._handlers.get(frame.notification)
        if handler is None:
            is_other_size = frame.notification is Notification.SUPERPOSITION
            raise RefusedError(Refusal.BAD_DATA if is_other_size else Refusal.UNEXPECTED)
        return handler

    def _require_new(self, client: ClientId, frame: Frame) -> None:
        last = self._last_seen.get((client, frame.notification), -1)
        if frame.timestamp_ms <= last:
            raise RefusedError(Refusal.REPEATED)
        self._last_seen[client, frame.notification] = frame.timestamp_ms

    def _tell_time(self, member: Member, signed: SignedFrame, now_ms: int) -> list[Effect]:
        """Whatever a gateway's clock says, it is answered: that it is wrong is what it asks for."""
        require_empty(signed.frame.data)
        answer = ClockAnswer(signed.frame.timestamp_ms)
        return [self._desk.order(member, Notification.CLOCK, answer.encode(), now_ms)]


def _leave(admission: Admission, member: Member, signed: SignedFrame, now_ms: int) -> list[Effect]:
    require_empty(signed.frame.data)
    return admission.leave(member, signed.raw, now_ms)
