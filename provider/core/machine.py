"""The provider machine: several networks behind one event loop, and the desk where gateways register.

Source: thesis section 3.3.2 (protocol initialization, registration); docs/protocol.md, "Registration".
"""

import random
from collections.abc import Sequence
from typing import Final, final

from common import topics
from common.batch import Row, decode_batch
from common.certificates import Certificate, Role, require_good
from common.frames import Frame, Notification, SignedFrame, decode
from common.identifiers import EVERYONE, NO_NETWORK
from common.payloads import Registration, Rejected
from common.refusal import Refusal, RefusedError
from common.signing import Direction, Identity
from common.topics import Channel, Topic
from provider.core.desk import LIFETIME_MS
from provider.core.events import (
    Connected,
    Disconnected,
    Effect,
    Event,
    Message,
    NetworkSetup,
    Notice,
    Publish,
    Received,
    Refuse,
    RevocationsRenewed,
    Store,
    Tick,
)
from provider.core.network import Network
from provider.core.trust import Trust

REGISTRATION_STALE_MS: Final = 60_000
REGISTRATION_FUTURE_MS: Final = 9_000


@final
class ProviderMachine:
    """All networks of one provider. `handle` takes an event and the time; `deadline` names the next `Tick`."""

    def __init__(
        self, identity: Identity, networks: Sequence[NetworkSetup], entropy: random.Random, now_ms: int, trust: Trust
    ) -> None:
        """`entropy` must be cryptographically strong outside of simulations (`random.SystemRandom`).

        Raises:
            RefusedError: BAD_CERTIFICATE, when a stored certificate is not of the administrator in `trust`.
        """
        self._identity: Final = identity
        self._trust = trust
        self.networks: Final = {setup.network: Network(setup, identity, entropy, now_ms, trust) for setup in networks}
        self._by_region: Final = {network.desk.parameters.region: network for network in self.networks.values()}
        self._registered_ms: dict[str, int] = {}

    @property
    def deadline(self) -> int | None:
        """The next moment, in Unix milliseconds, at which a network wants a `Tick`."""
        return min((network.deadline for network in self.networks.values()), default=None)

    def handle(self, event: Event, now_ms: int) -> list[Effect]:
        """Take one event; return what is to be done, in this order: first all that must be stored.

        Never raises for anything from outside.
        """
        effects: list[Effect] = []
        match event:
            case Received(messages):
                effects += self._receive(messages, now_ms)
            case Tick():
                for network in self.networks.values():
                    effects += network.tick(now_ms)
            case Connected():
                for network in self.networks.values():
                    effects += network.connected(now_ms)
            case Disconnected():
                for network in self.networks.values():
                    network.disconnected()
            case RevocationsRenewed(der):
                effects += self._renew(der, now_ms)
        return sorted(effects, key=lambda effect: not isinstance(effect, Store))

    def _renew(self, der: bytes, now_ms: int) -> list[Effect]:
        """A list of revoked certificates that is above the known one counts from now on."""
        try:
            self._trust = self._trust.renewed(der)
        except RefusedError as error:
            return [Notice(f"a list of revoked certificates was not taken: {error.reason.sentence}", is_warning=True)]
        number = self._trust.revocations.number
        effects: list[Effect] = [Notice(f"list {number} of revoked certificates is in force")]
        for network in self.networks.values():
            effects += network.trusts(self._trust, now_ms)
        return effects

    def _receive(self, messages: tuple[Message, ...], now_ms: int) -> list[Effect]:
        effects: list[Effect] = []
        rows = decode_batch([message.payload for message in messages])
        for message, row in zip(messages, rows, strict=True):
            notification = Notification.SUPERPOSITION if row else None
            try:
                topic = topics.parse(message.topic)
                if message.is_retained:
                    raise RefusedError(Refusal.RETAINED)
                if row is not None:
                    self._superposition(row, topic, now_ms)
                    continue
                signed = decode(message.payload)
                notification = signed.frame.notification
                effects += self._take(signed, topic, now_ms)
            except RefusedError as error:
                effects.append(Refuse(error.reason, notification, message.topic))
        for network in self.networks.values():
            effects += network.settle(now_ms)
        return effects

    def _superposition(self, row: Row, topic: Topic, now_ms: int) -> None:
        if topic.channel is not Channel.UP:
            raise RefusedError(Refusal.WRONG_TOPIC)
        self._network(topic).superposition(row, topic, now_ms)

    def _take(self, signed: SignedFrame, topic: Topic, now_ms: int) -> list[Effect]:
        is_registration = signed.frame.notification is Notification.REGISTER
        if is_registration != (topic.channel is Channel.REGISTER):
            raise RefusedError(Refusal.UNEXPECTED if is_registration else Refusal.WRONG_TOPIC)
        if is_registration:
            return self._register(signed, topic, now_ms)
        return self._network(topic).inbox.receive(signed, topic, now_ms)

    def _network(self, topic: Topic) -> Network:
        network = self.networks.get(topic.network)
        if network is None:
            raise RefusedError(Refusal.WRONG_NETWORK)
        return network

    def _register(self, signed: SignedFrame, topic: Topic, now_ms: int) -> list[Effect]:
        """Notification 1: the network of the gateway's region takes it; whoever has proven its name is answered."""
        registration, timestamp_ms = Registration.decode(signed.frame.data), signed.frame.timestamp_ms
        if signed.frame.network != NO_NETWORK or signed.frame.client != EVERYONE:
            raise RefusedError(Refusal.WRONG_NETWORK)
        if timestamp_ms < now_ms - REGISTRATION_STALE_MS:
            raise RefusedError(Refusal.STALE)
        if timestamp_ms > now_ms + REGISTRATION_FUTURE_MS:
            raise RefusedError(Refusal.FUTURE)
        certificate = self._trust.authority.certificate(registration.certificate)
        name = certificate.subject.name
        if name != topic.name:
            raise RefusedError(Refusal.WRONG_TOPIC)
        signed.require_signature(certificate.public_key, Direction.UP)
        if timestamp_ms <= self._registered_ms.get(name, -1):
            raise RefusedError(Refusal.REPEATED)
        try:
            network = self._place(certificate, now_ms)
            effects = network.admission.register(certificate, registration.draw_root, now_ms)
        except RefusedError as error:
            answer = self._reject(name, error.reason, now_ms)
            return [Refuse(error.reason, Notification.REGISTER, str(topic)), answer]
        self._registered_ms[name] = timestamp_ms
        return effects

    def _place(self, certificate: Certificate, now_ms: int) -> Network:
        """The network of a gateway whose certificate is good.

        Raises:
            RefusedError: WRONG_SUBJECT, UNKNOWN_REGION, or what is wrong with the certificate.
        """
        subject = certificate.subject
        if subject.role is not Role.GATEWAY:
            raise RefusedError(Refusal.WRONG_SUBJECT)
        place = self._by_region.get(subject.region)
        if place is None:
            raise RefusedError(Refusal.UNKNOWN_REGION)
        require_good(certificate, self._trust.revocations, now_ms)
        for network in self.networks.values():
            if network is not place and network.admission.named(subject.name) is not None:
                raise RefusedError(Refusal.WRONG_SUBJECT)
        return place

    def _reject(self, name: str, reason: Refusal, now_ms: int) -> Publish:
        data = Rejected(Notification.REGISTER, reason).encode()
        frame = Frame(NO_NETWORK, EVERYONE, now_ms, Notification.REFUSED, data)
        topic = topics.down(NO_NETWORK, name)
        return Publish(topic, frame.signed(self._identity, Direction.DOWN), now_ms + LIFETIME_MS)
